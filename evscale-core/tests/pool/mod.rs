//! A pool that is fed random and adversarial records, decisions, acknowledgements, pauses, orders and restores over a
//! random configuration: after every step the safety invariants hold.

#![expect(clippy::disallowed_methods, reason = "an oracle of its own looks at the sign")]

use evscale_core::{
    Action, Autoscaler, Config, DataQuality, Decision, ManualOrder, ManualOverride, Metrics, ModelBundle,
    Pause, ScalingOutcome, StaleAction,
};
use evscale_core::{Rule, Timestamp, Verdict};
use rand::{Rng, RngExt};
use std::collections::VecDeque;
use std::time::Duration;

/// Rules that may go beyond step limits and cooldowns: they protect what matters more.
const OVERRIDING: [Rule; 6] = [
    Rule::Bounds,
    Rule::JobHourBudget,
    Rule::StaleRecords,
    Rule::ManualFixed,
    Rule::ManualCap,
    Rule::ManualFloor,
];
/// Share of the planned jobs that a floor a little earlier must have.
const NEARLY: f64 = 0.8;
/// Horizon of the plan's first step, minutes.
const PLANNED_MINUTES: u32 = 12;

/// One pool and what the invariants need to remember of it.
pub struct Pool<R> {
    config: Config,
    scaler: Autoscaler,
    /// What every choice is drawn from.
    pub random: R,
    clock: Timestamp,
    jobs: u32,
    pause: Pause,
    last_change: Option<Timestamp>,
    /// The newest record was rejected, repaired or contradicts itself.
    bad_data: bool,
    restored: bool,
    newest: Option<Timestamp>,
    /// Records in a row that were rejected.
    rejected: i64,
    /// The last decision: it stands until the next one is due.
    standing: Option<Decision>,
    manual: Option<ManualOverride>,
    reversals: VecDeque<Timestamp>,
    grew: Option<bool>,
    /// Day, and job-hours spent in it.
    spent: (i64, f64),
    known_jobs: u32,
    /// A record has told the number of jobs since the start or the restore.
    counted: bool,
}

fn config(random: &mut impl Rng, use_networks: bool) -> Config {
    let interval = [30, 60, 120, 300, 600][random.random_range(0..5usize)];
    let min_jobs = random.random_range(0..6);
    let mut config = Config::default();
    config.interval_seconds = interval;
    config.decision_interval_seconds = interval * random.random_range(1..5);
    config.min_jobs = min_jobs;
    config.max_jobs = min_jobs.max(1) + random.random_range(0..200);
    config.job_startup_seconds = random.random_range(0..600);
    config.sla_wait_seconds = random.random_range(1.0..120.0);
    config.sla_target = random.random_range(0.9..0.9999);
    config.service_time_ms = random.random_bool(0.5).then(|| random.random_range(1.0..60_000.0));
    config.tolerance = random.random_range(0.0..0.3);
    config.scale_down_stabilization_seconds = random.random_range(0..7200);
    config.max_step_up_percent = random.random_range(1.0..300.0);
    config.max_step_up_jobs = random.random_range(1..50);
    config.max_step_down_percent = random.random_range(1.0..100.0);
    config.max_step_down_jobs = random.random_range(1..20);
    config.cooldown_up_seconds = random.random_range(0..1200);
    config.cooldown_down_seconds = random.random_range(0..1200);
    config.flap_window_seconds = random.random_range(60..20_000);
    config.max_reversals = random.random_range(1..8);
    config.job_hours_per_day = random.random_bool(0.3).then(|| random.random_range(0.5..2000.0));
    config.stale_action = if random.random_bool(0.5) { StaleAction::FailSafe } else { StaleAction::Hold };
    config.scale_down_quantile = 0.95;
    config.drain_busy_jobs = random.random_bool(0.2);
    config.use_networks = use_networks;
    config
}

impl<R: Rng> Pool<R> {
    /// A pool with a configuration that is drawn first.
    pub fn new(mut random: R, use_networks: bool) -> Self {
        let (config, scaler) = loop {
            let config = config(&mut random, use_networks);
            match Autoscaler::builder(config.clone()).build() {
                Ok(scaler) => break (config, scaler),
                Err(problem) => {
                    assert!(problem.to_string().contains('`'), "a refusal names its key: {problem}")
                }
            }
        };
        let clock = Timestamp::from_millis(1_767_600_000_000).expect("a time of this century");
        let jobs = random.random_range(0..40);
        Self {
            config,
            scaler,
            random,
            clock,
            jobs,
            pause: Pause::Off,
            last_change: None,
            bad_data: false,
            restored: false,
            newest: None,
            rejected: 0,
            standing: None,
            manual: None,
            reversals: VecDeque::new(),
            grew: None,
            spent: (0, 0.0),
            known_jobs: 0,
            counted: false,
        }
    }

    /// A number that a healthy, a broken or a hostile monitoring system might send.
    fn wild(&mut self, usual: f64) -> f64 {
        match self.random.random_range(0..40) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -usual - 1.0,
            3 => 1e18,
            4 => 0.0,
            5 => usual * 1e6,
            6 => f64::MIN_POSITIVE,
            7 => f64::MAX,
            _ => usual,
        }
    }

    fn maybe(&mut self, usual: f64) -> Option<f64> {
        self.random.random_bool(0.7).then(|| self.wild(usual))
    }

    fn record(&mut self) {
        let interval = i64::from(self.config.interval_seconds);
        let ahead = match self.random.random_range(0..50) {
            0 => -interval * 3,
            1 => 0,
            2 => interval * 40,
            3 => interval * 2000,
            4 => 86_400 * 365 * 30,
            5 => interval / 3,
            _ => interval,
        };
        let at = self.clock.plus_seconds(ahead);
        if ahead > 0 && ahead <= interval * 2000 {
            self.clock = at;
        }
        let level = 10f64.powf(self.random.random_range(0.0..4.0));
        let events = if self.random.random_bool(0.1) { 0.0 } else { level.round() };
        let events = self.wild(events);
        let jobs = f64::from(self.jobs);
        let jobs = self.wild(jobs);
        let mut record = Metrics::new(at, events, jobs);
        record.processed_events_count = self.maybe(level);
        record.queued_events_count = self.maybe(level / 10.0);
        record.unprocessed_events_count = self.maybe(level / 20.0);
        record.average_processing_duration_ms = self.maybe(500.0);
        record.cpu_utilization_percent = self.maybe(60.0);
        record.average_queue_wait_time_ms = self.maybe(2000.0);
        record.sla_violations_count = self.maybe(2.0);
        record.error_rate_percent = self.maybe(0.1);
        record.expected_traffic_multiplier = self.maybe(1.0);
        record.is_maintenance_window = Some(self.random.random_bool(0.02));
        record.is_deploy_in_progress = Some(self.random.random_bool(0.02));
        let seen = self.scaler.observe(&record).expect("bad records are told by the verdict");
        assert!((0.0..=1.0).contains(&seen.anomaly_score), "{seen:?}");
        assert_eq!(seen.reason.is_some(), seen.verdict == Verdict::Rejected, "{seen:?}");
        self.bad_data = seen.data_quality != DataQuality::Good;
        self.rejected += 1;
        if seen.verdict != Verdict::Rejected {
            self.rejected = 0;
            self.newest = Some(at);
            self.restored = false;
            let told = record.current_job_count.is_finite()
                && seen.repairs.iter().all(|repair| !repair.contains("current_job"));
            if told {
                self.jobs = record.current_job_count.round() as u32;
                self.known_jobs = self.jobs;
                self.counted = true;
            } else if let Some(standing) = &self.standing {
                self.known_jobs = standing.recommended_jobs.expect("only a number stands");
            }
            self.turn_day(at);
            self.spent.1 += f64::from(self.known_jobs) * interval as f64 / 3600.0;
        }
    }

    fn turn_day(&mut self, at: Timestamp) {
        let day = at.as_millis().div_euclid(86_400_000);
        if day != self.spent.0 {
            self.spent = (day, 0.0);
        }
    }

    fn decide(&mut self) {
        let base = self.newest.unwrap_or(Timestamp::EPOCH);
        let late = if self.random.random_bool(0.05) { self.random.random_range(0..200_000) } else { 0 };
        let now = base.plus_seconds(late);
        let decision = if late > 0 { self.scaler.decide_at(now) } else { self.scaler.decide() };
        // without an own time it goes on by up to three intervals with a record that is rejected for its time
        let latest = now.plus_seconds(3 * self.rejected * i64::from(self.config.interval_seconds));
        let by_records = late == 0 && (now..=latest).contains(&decision.decided_at);
        self.check(&decision, if by_records { decision.decided_at } else { now });
        if self.random.random_bool(0.95) {
            self.jobs = decision.recommended_jobs.unwrap_or(self.jobs);
        }
    }

    fn check(&mut self, decision: &Decision, now: Timestamp) {
        let config = &self.config;
        let again: Decision = serde_json::from_str(&decision.to_json()).expect("a decision can be read back");
        assert_eq!(&again, decision);
        if !self.counted {
            return self.check_unknown(decision);
        }
        let (from, to) = decision.current_jobs.zip(decision.recommended_jobs).expect("both are known");
        let tell = || format!("{}\n{}", decision.to_json(), config.to_json());
        assert!((config.min_jobs..=config.max_jobs).contains(&to), "bounds: {}", tell());
        assert_eq!(decision.change, Some(i64::from(to) - i64::from(from)), "{}", tell());
        assert!((0.0..=1.0).contains(&decision.confidence), "{}", tell());
        let mut jobs = decision.proposed_jobs.expect("somebody proposed");
        for entry in &decision.trail {
            assert!(
                entry.before == jobs && entry.after != jobs && !entry.detail.is_empty(),
                "trail: {}",
                tell()
            );
            jobs = entry.after;
        }
        assert_eq!(jobs, to, "the trail's last number is the recommendation: {}", tell());
        let rules: Vec<Rule> = decision.trail.iter().map(|entry| entry.rule).collect();
        assert_eq!(rules, decision.limited_by, "{}", tell());
        if self.standing.replace(decision.clone()).as_ref() == Some(decision) {
            return;
        }
        assert_eq!(decision.decided_at, now, "{}", tell());
        let overridden = rules.iter().any(|rule| OVERRIDING.contains(rule));
        let limit =
            |percent: f64, count: u32| ((f64::from(from) * percent / 100.0).floor() as u32).max(count);
        let since = self.last_change.map(|at| now.seconds_since(at));
        let within = |seconds: u32| since.is_some_and(|s| (0.0..f64::from(seconds)).contains(&s));
        match decision.action {
            Action::ScaleUp if !overridden => {
                let most = from.saturating_add(limit(config.max_step_up_percent, config.max_step_up_jobs));
                assert!(decision.emergency || to <= most, "step up: {}", tell());
                assert!(decision.emergency || !within(config.cooldown_up_seconds), "cooldown up: {}", tell());
                assert!(!matches!(self.pause, Pause::All | Pause::Up), "pause: {}", tell());
            }
            Action::ScaleDown if !overridden => {
                let least =
                    from.saturating_sub(limit(config.max_step_down_percent, config.max_step_down_jobs));
                assert!(to >= least, "step down: {}", tell());
                assert!(!within(config.cooldown_down_seconds), "cooldown down: {}", tell());
                assert!(!matches!(self.pause, Pause::All | Pause::Down), "pause: {}", tell());
                assert!(!self.bad_data, "shrank on bad data: {}", tell());
                assert!(!self.restored, "shrank before a fresh record: {}", tell());
                let age = self.newest.map_or(f64::INFINITY, |at| now.seconds_since(at));
                let longest = config.stale_seconds() / 2.0;
                assert!(age <= longest, "shrank on a late record: {}", tell());
            }
            _ => {}
        }

        let age = self.newest.map_or(f64::INFINITY, |at| now.seconds_since(at));
        let blind = age >= f64::from(config.stale_fail_safe_seconds);
        let held = !self.restored || to == from || overridden || blind;
        assert!(held, "changed before a fresh record: {}", tell());
        self.check_order(decision, now);
        if to < from && !overridden {
            self.check_floor(decision);
        }
        assert_eq!(decision.drain.is_some(), to < from, "{}", tell());
        if let Some(drain) = &decision.drain {
            let idle =
                decision.reasoning.current_utilization.map_or(0.0, |busy| 1.0 - busy) * f64::from(from);
            assert_eq!(drain.jobs, from - to, "{}", tell());
            let most = if self.config.drain_busy_jobs {
                f64::from(drain.jobs)
            } else {
                idle + 0.01 * f64::from(from)
            };
            assert!(f64::from(drain.at_once) <= most, "drain: {}", tell());
        }
        self.check_budget(decision, now);
        self.check_flaps(decision, now, overridden);
        if to != from {
            self.last_change = Some(now);
        }
    }

    /// While nobody knows the number of jobs, there is no recommendation but what a person ordered.
    fn check_unknown(&mut self, decision: &Decision) {
        let tell = || format!("{}\n{}", decision.to_json(), self.config.to_json());
        assert_eq!((decision.change, decision.action), (None, Action::Hold), "{}", tell());
        assert!(decision.drain.is_none() && !decision.explanation.is_empty(), "{}", tell());
        let Some(jobs) = decision.recommended_jobs else {
            return assert!(decision.trail.is_empty() && decision.proposed_jobs.is_none(), "{}", tell());
        };
        assert!((self.config.min_jobs..=self.config.max_jobs).contains(&jobs), "bounds: {}", tell());
        let ordered = self.manual.map(|manual| manual.order);
        assert!(matches!(ordered, Some(ManualOrder::Fixed(_))) && self.pause == Pause::Off, "{}", tell());
        self.standing = Some(decision.clone());
    }

    /// A person's order holds until its time, within pause, budget and bounds.
    fn check_order(&self, decision: &Decision, now: Timestamp) {
        let begun =
            |manual: &ManualOverride| manual.from.is_none_or(|from| from <= now) && now < manual.until;
        let Some(manual) = self.manual.filter(begun) else { return };
        let Some(to) = decision.recommended_jobs else { return };
        let later = |rule: &Rule| [Rule::Pause, Rule::JobHourBudget, Rule::Bounds].contains(rule);
        if !decision.limited_by.iter().any(later) {
            match manual.order {
                ManualOrder::Fixed(jobs) => assert_eq!(to, jobs, "order: {}", decision.to_json()),
                ManualOrder::Cap(most) => assert!(to <= most, "order: {}", decision.to_json()),
                ManualOrder::Floor(least) => assert!(to >= least, "order: {}", decision.to_json()),
            }
        }
    }

    /// What is left of the day's job-hours pays for the decision, and for `min_jobs` for the rest of the day.
    fn check_budget(&mut self, decision: &Decision, now: Timestamp) {
        let Some(daily) = self.config.job_hours_per_day else { return };
        self.turn_day(now);
        let rest = 24.0 - now.as_millis().rem_euclid(86_400_000) as f64 / 3.6e6;
        let span = (f64::from(self.config.decision_interval_seconds) / 3600.0).min(rest).max(1e-3);
        let reserved = f64::from(self.config.min_jobs) * (rest - span);
        let left = (daily - self.spent.1 - reserved) / span;
        let most = left.max(f64::from(self.config.min_jobs));
        let to = f64::from(decision.recommended_jobs.unwrap_or(0));
        assert!(to <= most + 1e-6, "budget, at most {most}: {}", decision.to_json());
    }

    /// A smaller pool serves the 95 % quantile of the forecast in 12 minutes, if cooldown and startup reach that far.
    fn check_floor(&self, decision: &Decision) {
        let tell = || format!("floor: {}\n{}", decision.to_json(), self.config.to_json());
        let planned = decision.plan.iter().find(|step| step.minutes_ahead == PLANNED_MINUTES);
        let Some(planned) = planned else { panic!("{}", tell()) };
        let steps = (PLANNED_MINUTES * 60).div_ceil(self.config.interval_seconds);
        if (steps - 1) * self.config.interval_seconds < self.config.cooldown_down_seconds {
            // the floor looks at the beginning of that interval, the plan at its end
            let least = NEARLY * f64::from(planned.high) - 1.0;
            assert!(decision.recommended_jobs.is_some_and(|jobs| f64::from(jobs) >= least), "{}", tell());
        }
    }

    /// After `max_reversals` changes of direction within the window the pool does not shrink.
    fn check_flaps(&mut self, decision: &Decision, now: Timestamp, overridden: bool) {
        let Some(change) = decision.change.filter(|change| *change != 0) else { return };
        let window = f64::from(self.config.flap_window_seconds);
        let recent = self.reversals.iter().filter(|at| now.seconds_since(**at).abs() <= window).count();
        let allowed = change > 0 || overridden || recent < self.config.max_reversals as usize;
        assert!(allowed, "flaps: {}", decision.to_json());
        let grows = change > 0;
        if self.grew.replace(grows).is_some_and(|grew| grew != grows) {
            self.reversals.push_back(now);
        }
        while self.reversals.front().is_some_and(|at| now.seconds_since(*at) > window) {
            self.reversals.pop_front();
        }
    }

    /// Goes on from a snapshot of its own.
    pub fn restore(&mut self, bundle: &ModelBundle) {
        let snapshot = self.scaler.snapshot();
        assert!(snapshot.len() < 256 * 1024, "a snapshot of {} bytes", snapshot.len());
        self.scaler =
            Autoscaler::restore(self.config.clone(), bundle.clone(), &snapshot).expect("our own snapshot");
        assert!(self.scaler.snapshot() == snapshot, "what was restored is what was saved");
        self.restored = true;
        self.counted = false;
    }

    /// Does one thing, and checks what came of it.
    pub fn step(&mut self, bundle: &ModelBundle) {
        match self.random.random_range(0..400) {
            0 => self.restore(bundle),
            1..=4 => {
                self.pause = [Pause::Off, Pause::Off, Pause::All, Pause::Up, Pause::Down]
                    [self.random.random_range(0..5usize)];
                self.scaler.set_pause(self.pause);
            }
            5..=30 => {
                let mut outcome = ScalingOutcome::new(self.clock);
                outcome.started = self.random.random_range(0..20);
                outcome.ready = self.random.random_range(0..20);
                outcome.startup_seconds = self.maybe(120.0);
                outcome.refused = self.random.random_range(0..3);
                outcome.drained = self.random.random_range(0..3);
                self.scaler.acknowledge(&outcome);
            }
            31..=34 => {
                let jobs = self.random.random_range(0..300);
                let orders = [ManualOrder::Fixed(jobs), ManualOrder::Cap(jobs), ManualOrder::Floor(jobs)];
                let order = orders[self.random.random_range(0..3usize)];
                let until = self.clock.plus_seconds(self.random.random_range(0..20_000));
                let mut manual = self.random.random_bool(0.7).then_some(ManualOverride::new(order, until));
                if self.random.random_bool(0.3) {
                    let from = self.clock.plus_seconds(self.random.random_range(-5_000..5_000));
                    manual = manual.map(|manual| manual.starting(from));
                }
                if self.scaler.set_override(manual).is_ok() {
                    self.manual = manual;
                }
            }
            35 => self.scaler.report_latency(Duration::from_millis(self.random.random_range(0..2000))),
            36..=120 => self.decide(),
            _ => {
                self.record();
                self.decide();
            }
        }
    }
}
