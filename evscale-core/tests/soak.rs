//! Random and adversarial records, decisions, acknowledgements, pauses and restores over random configurations: after
//! every step the safety invariants hold. `EVSCALE_SOAK_STEPS` sets the number of steps.

use evscale_core::{
    Action, Autoscaler, Config, Decision, Metrics, ModelBundle, Pause, ScalingOutcome, StaleAction,
};
use evscale_core::{Timestamp, Verdict};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DEFAULT_STEPS: u64 = 200_000;
const STEPS_PER_POOL: u64 = 2_000;
/// Rules that may go beyond step limits and cooldowns: they protect what matters more.
const OVERRIDING: [&str; 3] = ["bounds", "budget_cap", "stale_records"];

/// One pool and what the invariants need to remember of it.
struct Pool {
    config: Config,
    scaler: Autoscaler,
    random: ChaCha8Rng,
    clock: Timestamp,
    jobs: u32,
    pause: Pause,
    last_change: Option<Timestamp>,
    /// The newest record was rejected, repaired or contradicts itself.
    doubtful: bool,
    restored: bool,
    newest: Option<Timestamp>,
    /// The last decision: it stands until the next one is due.
    standing: Option<Decision>,
}

fn config(random: &mut ChaCha8Rng, use_networks: bool) -> Config {
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
    config.use_networks = use_networks;
    config
}

impl Pool {
    fn new(seed: u64, use_networks: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
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
            doubtful: false,
            restored: false,
            newest: None,
            standing: None,
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
        let seen = self.scaler.observe(&record).expect("bad records are told by the verdict");
        assert!((0.0..=1.0).contains(&seen.anomaly_score), "{seen:?}");
        assert_eq!(seen.reason.is_some(), seen.verdict == Verdict::Rejected, "{seen:?}");
        self.doubtful = seen.verdict != Verdict::Accepted;
        if seen.verdict != Verdict::Rejected {
            self.newest = Some(at);
            self.restored = false;
            if record.current_job_count.is_finite() && seen.repairs.iter().all(|r| !r.contains("current_job"))
            {
                self.jobs = record.current_job_count.round() as u32;
            }
        }
    }

    fn decide(&mut self) {
        let base = self.newest.unwrap_or(Timestamp::EPOCH);
        let late = if self.random.random_bool(0.05) { self.random.random_range(0..200_000) } else { 0 };
        let now = base.plus_seconds(late);
        let decision = if late > 0 { self.scaler.decide_at(now) } else { self.scaler.decide() };
        self.check(&decision, now);
        if self.random.random_bool(0.95) {
            self.jobs = decision.recommended_jobs;
        }
    }

    fn check(&mut self, decision: &Decision, now: Timestamp) {
        let config = &self.config;
        let (from, to) = (decision.current_jobs, decision.recommended_jobs);
        let tell = || format!("{}\n{}", decision.to_json(), config.to_json());
        assert!((config.min_jobs..=config.max_jobs).contains(&to), "bounds: {}", tell());
        assert_eq!(decision.change, i64::from(to) - i64::from(from), "{}", tell());
        assert!((0.0..=1.0).contains(&decision.confidence), "{}", tell());
        let mut jobs = decision.proposed_jobs;
        for entry in &decision.trail {
            assert!(
                entry.before == jobs && entry.after != jobs && !entry.detail.is_empty(),
                "trail: {}",
                tell()
            );
            jobs = entry.after;
        }
        assert_eq!(jobs, to, "the trail's last number is the recommendation: {}", tell());
        let names: Vec<_> = decision.trail.iter().map(|entry| entry.rule.clone()).collect();
        assert_eq!(names, decision.limited_by, "{}", tell());
        let again: Decision = serde_json::from_str(&decision.to_json()).expect("a decision can be read back");
        assert_eq!(&again, decision);
        if self.standing.replace(decision.clone()).as_ref() == Some(decision) {
            return;
        }
        assert_eq!(decision.decided_at, now, "{}", tell());
        let overridden = names.iter().any(|name| OVERRIDING.contains(&name.as_str()));
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
                assert!(!self.doubtful, "shrank on a doubtful record: {}", tell());
                assert!(!self.restored, "shrank before a fresh record: {}", tell());
                let age = self.newest.map_or(f64::INFINITY, |at| now.seconds_since(at));
                let longest = config.stale_seconds() / 2.0;
                assert!(age <= longest, "shrank on a late record: {}", tell());
            }
            _ => {}
        }

        assert!(!self.restored || to == from || overridden, "changed before a fresh record: {}", tell());
        if to != from {
            self.last_change = Some(now);
        }
    }

    fn restore(&mut self, bundle: &ModelBundle) {
        let snapshot = self.scaler.snapshot();
        assert!(snapshot.len() < 256 * 1024, "a snapshot of {} bytes", snapshot.len());
        self.scaler =
            Autoscaler::restore(self.config.clone(), bundle.clone(), &snapshot).expect("our own snapshot");
        self.scaler.set_pause(self.pause);
        assert_eq!(self.scaler.snapshot(), snapshot, "what was restored is what was saved");
        self.restored = true;
    }

    fn step(&mut self, bundle: &ModelBundle) {
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
                self.scaler.acknowledge(&outcome);
            }
            31..=120 => self.decide(),
            _ => {
                self.record();
                self.decide();
            }
        }
    }
}

#[test]
fn invariants_hold_in_every_step() {
    let wanted = std::env::var("EVSCALE_SOAK_STEPS").ok().and_then(|text| text.parse().ok());
    let steps = wanted.unwrap_or(DEFAULT_STEPS);
    let bundle = ModelBundle::bundled().expect("the bundled models");
    let pools = steps.div_ceil(STEPS_PER_POOL);
    for seed in 0..pools {
        // one pool in twenty with the networks, which take most of the time
        let mut pool = Pool::new(seed, seed % 20 == 7);
        for _ in 0..STEPS_PER_POOL {
            pool.step(&bundle);
        }
        if pools > 1000 && seed % 500 == 499 {
            eprintln!("{} steps", (seed + 1) * STEPS_PER_POOL);
        }
    }
}
