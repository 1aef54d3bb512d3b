//! From records and a forecast to a decision: everything after the forecaster.
//!
//! The simulator trains the policy network through this very code.

use crate::config::{Config, Pause};
use crate::decision::{Decision, Facts, PlanStep, explain};
use crate::error::Result;
use crate::execution::Execution;
use crate::features::PolicyState;
use crate::forecaster::Forecast;
use crate::metrics::Metrics;
use crate::policy::{
    ErrorBudget, ForecastRung, Need, NeedInput, Proposal, Rehearsal, ServiceTime, Source, jobs_for,
    whole_jobs,
};
use crate::safety::{Context, Guard, ManualOverride};
use crate::startup::{ScalingOutcome, Startup};
use crate::time::Timestamp;
use crate::validation::{DataQuality, Doubt};
use serde::{Deserialize, Serialize};

/// Leads of the plan, minutes.
const PLAN_MINUTES: [u32; 4] = [12, 24, 48, 120];
/// Headroom of the reactive rule.
const REACTIVE_HEADROOM: f64 = 1.4;

/// The newest record, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Latest {
    at: Option<Timestamp>,
    events: Option<f64>,
    jobs: Option<u32>,
    backlog_events: f64,
    wait_seconds: Option<f64>,
    utilization: Option<f64>,
    maintenance: bool,
    /// On the newest record, on one that was rejected since, or on the newest one's age at the last decision.
    doubt: Option<Doubt>,
}

/// The online state of one pool apart from its forecaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Controller {
    service: ServiceTime,
    startup: Startup,
    budget: ErrorBudget,
    rehearsal: Rehearsal,
    guard: Guard,
    latest: Latest,
    last_events: Option<f64>,
    recent_loads: [f64; 4],
    anomaly: f64,
    pause: Pause,
    manual: Option<ManualOverride>,
    last_decision: Option<Timestamp>,
    standing: Option<Box<Decision>>,
    execution: Execution,
    rung: ForecastRung,
}

impl Controller {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            service: ServiceTime::new(config.service_time_ms),
            startup: Startup::new(f64::from(config.job_startup_seconds)),
            budget: ErrorBudget::default(),
            rehearsal: Rehearsal::new(config.min_jobs, config.use_networks),
            guard: Guard::new(),
            latest: Latest::default(),
            last_events: None,
            recent_loads: [f64::NAN; 4],
            anomaly: 0.0,
            pause: config.pause,
            manual: None,
            last_decision: None,
            standing: None,
            execution: Execution::default(),
            rung: ForecastRung::default(),
        }
    }

    pub(crate) fn set_pause(&mut self, pause: Pause) {
        self.pause = pause;
    }

    pub(crate) fn set_override(&mut self, manual: Option<ManualOverride>) {
        self.manual = manual;
    }

    /// Why the newest records cannot be trusted.
    pub(crate) fn doubt(&self) -> Option<&Doubt> {
        self.latest.doubt.as_ref()
    }

    /// Learns from what the host really did. An outcome may be late, partial or missing: the number of jobs comes from
    /// the records.
    pub(crate) fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        self.startup.acknowledge(outcome);
        if outcome.started > 0 || outcome.drained > 0 {
            self.execution.progress();
        }
        if let (true, Some(standing), Some(newest)) =
            (outcome.refused > 0, self.standing.as_ref(), self.latest.at)
        {
            let most = standing.recommended_jobs.saturating_sub(outcome.refused);
            self.guard.refused(outcome.timestamp.min(newest), most);
        }
    }

    /// What is known to be wrong with the pool, the host or the data.
    pub(crate) fn causes(&self, config: &Config) -> impl Iterator<Item = String> {
        let patience = 3.0 * self.startup.seconds() + 3.0 * f64::from(config.decision_interval_seconds);
        [
            self.latest.doubt.as_ref().map(Doubt::detail),
            self.guard.ineffective().map(|reason| format!("effectiveness: {reason}")),
            self.latest.at.and_then(|now| self.execution.overdue(now, patience)),
        ]
        .into_iter()
        .flatten()
    }

    /// Takes a checked record and the verdict on it.
    pub(crate) fn observe(
        &mut self,
        config: &Config,
        record: &Metrics,
        doubt: Option<Doubt>,
        forecast: &Forecast,
    ) {
        let interval = f64::from(config.interval_seconds);
        let jobs = if record.current_job_count.is_finite() {
            Some(record.current_job_count.round() as u32)
        } else {
            self.standing.as_ref().map(|standing| standing.recommended_jobs).or(self.latest.jobs)
        };
        let job_count = f64::from(jobs.unwrap_or(0));
        self.startup.observe(record.timestamp, jobs);
        let ready = (job_count - self.startup.starting(record.timestamp)).max(0.0);
        if record.is_deploy_in_progress != Some(true) {
            self.service.observe(record, ready, interval);
        }
        let late = self.budget.observe(record, interval, config.sla_wait_seconds);
        self.guard.observe(record, job_count, ready, self.startup.seconds(), interval);
        self.execution.observe(
            record.timestamp,
            jobs,
            self.standing.as_ref().map(|last| last.recommended_jobs),
        );
        let known = record.logged_events_count.is_finite();
        if known {
            self.last_events = Some(record.logged_events_count);
        }
        self.recent_loads.rotate_right(1);
        if let Some(newest) = self.recent_loads.first_mut() {
            *newest = record.logged_events_count;
        }
        let backlog = match record.queued_events_count {
            Some(queued) => queued,
            None if known => record.processed_events_count.map_or(0.0, |done| {
                (self.latest.backlog_events + record.logged_events_count - done).max(0.0)
            }),
            None => self.latest.backlog_events,
        };
        self.latest = Latest {
            at: Some(record.timestamp),
            events: known.then_some(record.logged_events_count),
            jobs,
            backlog_events: backlog,
            wait_seconds: record.average_queue_wait_time_ms.map(|ms| ms / 1000.0),
            utilization: self.utilization(record, ready, interval),
            maintenance: record.is_maintenance_window.unwrap_or(false),
            doubt,
        };
        self.anomaly = forecast.anomaly_score;
        self.rung.observe(forecast.model_confidence > 0.0 && self.service.seconds().is_some());
        self.rehearse(config, forecast, record, late);
    }

    fn rehearse(&mut self, config: &Config, forecast: &Forecast, record: &Metrics, late: Option<f64>) {
        let events = record.logged_events_count;
        if let Some(input) = self.need_input(config, forecast)
            && events.is_finite()
        {
            self.rehearsal.observe(&input, record.timestamp, events, late);
        }
    }

    /// Lets the policy network scale its paper pool, if a decision is made there now; says whether it was asked.
    pub(crate) fn rehearse_network(
        &mut self,
        config: &Config,
        forecast: &Forecast,
        ask: impl FnOnce(&PolicyState) -> Result<f64>,
    ) -> Result<bool> {
        let (Some(now), Some(_), Some(input)) =
            (self.latest.at, self.latest.events, self.need_input(config, forecast))
        else {
            return Ok(false);
        };
        let state = self.policy_state(config, forecast, &input.need(), now);
        self.rehearsal.rehearse_network(&input, state, ask)
    }

    /// Whether the policy network has the pool's trust.
    pub(crate) fn network_acts(&self) -> bool {
        self.rehearsal.network_acts()
    }

    /// Remembers that the newest record could not be used.
    pub(crate) fn reject(&mut self, doubt: Doubt) {
        self.latest.doubt = Some(doubt);
    }

    /// The verdict at `now` on what is known of the pool.
    fn doubt_at(&self, config: &Config, now: Timestamp, restored: bool) -> Option<Doubt> {
        let age = self.latest.at.map_or(f64::INFINITY, |at| now.seconds_since(at));
        if age > config.stale_seconds() {
            let blind = age >= f64::from(config.stale_fail_safe_seconds);
            let quality = if blind { DataQuality::Blackout } else { DataQuality::Missing };
            return Some(Doubt::new(quality, format!("the newest record is {:.0} min old", age / 60.0)));
        }
        if restored {
            return Some(Doubt::new(DataQuality::Restored, "no record since the state was restored"));
        }
        if age > config.stale_seconds() / 2.0 && self.latest.doubt.is_none() {
            let reason = format!("the newest record is {age:.0} s old, the next one should be there");
            return Some(Doubt::new(DataQuality::Late, reason));
        }
        self.latest.doubt.clone()
    }

    fn utilization(&self, record: &Metrics, ready: f64, interval: f64) -> Option<f64> {
        let measured = record.cpu_utilization_percent.map(|percent| (percent / 100.0).min(1.0));
        measured.or_else(|| {
            let done = record.processed_events_count?;
            (ready > 0.0).then(|| (done * self.service.seconds()? / (ready * interval)).min(1.0).into())?
        })
    }

    /// Whether a decision is due at `now`.
    pub(crate) fn due(&self, config: &Config, now: Timestamp) -> bool {
        let slack = f64::from(config.interval_seconds) / 4.0;
        self.last_decision
            .is_none_or(|last| now.seconds_since(last) >= f64::from(config.decision_interval_seconds) - slack)
    }

    /// Jobs of the pool that a decision starts from.
    fn current_jobs(&self, config: &Config) -> u32 {
        self.latest.jobs.unwrap_or(config.min_jobs)
    }

    /// Need by the forecast; none while the service time or the load is unknown.
    pub(crate) fn need(&self, config: &Config, forecast: &Forecast) -> Option<Need> {
        self.need_input(config, forecast).map(|input| input.need())
    }

    fn need_input<'a>(&self, config: &'a Config, forecast: &'a Forecast) -> Option<NeedInput<'a>> {
        (forecast.model_confidence > 0.0).then_some(())?;
        Some(NeedInput {
            config,
            forecast,
            service_seconds: self.service.seconds()?,
            startup_seconds: self.startup.seconds(),
            backlog_events: self.latest.backlog_events,
            spread: self.rehearsal.rule().spread,
            floor_jobs: self.rehearsal.floor_jobs(),
        })
    }

    /// A predicted or real breach of the SLA that more jobs can mend.
    pub(crate) fn emergency(&self, config: &Config, need: Option<&Need>) -> bool {
        let Some(need) = need else { return false };
        let jobs = f64::from(self.current_jobs(config));
        let room = jobs * (1.0 + config.emergency_tolerance);
        let predicted = need.emergency > room;
        (predicted || (self.breached(config) && need.analytic > jobs)) && jobs < f64::from(config.max_jobs)
    }

    /// The newest record shows waits beyond the SLA, or a backlog that means them.
    fn breached(&self, config: &Config) -> bool {
        let waits = self.latest.wait_seconds.is_some_and(|wait| wait > config.sla_wait_seconds);
        let late = self.budget.last_share() > config.allowed_violation_share();
        let backlog = self.backlog_seconds(config) > config.sla_wait_seconds;
        waits || late || backlog
    }

    fn backlog_seconds(&self, config: &Config) -> f64 {
        let jobs = f64::from(self.current_jobs(config)).max(1.0);
        self.service.seconds().map_or(0.0, |service| self.latest.backlog_events * service / jobs)
    }

    /// What the policy network is told.
    pub(crate) fn policy_state(
        &self,
        config: &Config,
        forecast: &Forecast,
        need: &Need,
        now: Timestamp,
    ) -> PolicyState {
        let interval = f64::from(config.interval_seconds);
        let since_change = self.guard.seconds_since_change(now).unwrap_or(86_400.0);
        let [newest, .., oldest] = self.recent_loads;
        let mut state = PolicyState {
            current_jobs: f64::from(self.current_jobs(config)),
            starting_jobs: self.startup.starting(now),
            backlog_seconds: self.backlog_seconds(config),
            wait_ratio: self.latest.wait_seconds.unwrap_or(0.0) / config.sla_wait_seconds,
            utilization: self.latest.utilization.unwrap_or(-1.0),
            intervals_since_change: since_change / interval,
            recent_violation_share: self.budget.hour_share(),
            budget_burn: self.budget.burn(config.allowed_violation_share()),
            allowed_violation_share: config.allowed_violation_share(),
            startup_intervals: self.startup.seconds() / interval,
            decision_intervals: f64::from(config.decision_interval_seconds) / interval,
            confidence: forecast.model_confidence,
            anomaly: self.anomaly,
            load_ratio: if newest.is_finite() && oldest.is_finite() {
                (newest + 1.0) / (oldest + 1.0)
            } else {
                1.0
            },
            ..PolicyState::default()
        };
        need.fill(&mut state);
        state
    }

    /// Whether the forecast may be acted on: it was never lost, or has been back for some records.
    pub(crate) fn forecast_proven(&self) -> bool {
        self.rung.proven()
    }

    /// The proposal without a network: analytic rule, else reactive rule, else hold.
    pub(crate) fn simple_proposal(
        &self,
        config: &Config,
        need: Option<&Need>,
        fallback: Option<String>,
    ) -> Proposal {
        if let (Some(need), true) = (need, self.forecast_proven()) {
            return Proposal { jobs: whole_jobs(need.analytic), source: Source::AnalyticRule, fallback };
        }
        let interval = f64::from(config.interval_seconds);
        match (self.last_events, self.service.seconds()) {
            (Some(events), Some(service)) => {
                let offered = (events + self.latest.backlog_events) * service / interval;
                Proposal {
                    jobs: whole_jobs(offered * REACTIVE_HEADROOM),
                    source: Source::ReactiveRule,
                    fallback: Some(self.rung.reason()),
                }
            }
            (events, _) => Proposal {
                jobs: self.current_jobs(config),
                source: Source::Hold,
                fallback: Some(
                    if events.is_some() {
                        "the service time is unknown: send `average_processing_duration_ms`, or \
                         `cpu_utilization_percent` with `processed_events_count`, or set `service_time_ms`"
                    } else {
                        "no usable record so far"
                    }
                    .to_owned(),
                ),
            },
        }
    }

    /// Passes a proposal through the safety rules and explains what comes out.
    pub(crate) fn decide(
        &mut self,
        config: &Config,
        now: Timestamp,
        forecast: &Forecast,
        proposal: Proposal,
        notes: Vec<String>,
        restored: bool,
    ) -> Decision {
        let need = self.need(config, forecast);
        let emergency = self.emergency(config, need.as_ref());
        let doubt = self.doubt_at(config, now, restored);
        self.latest.doubt.clone_from(&doubt);
        let current_jobs = self.current_jobs(config);
        let context = Context {
            config,
            now,
            current_jobs,
            emergency,
            proof_jobs: need.as_ref().map(|need| whole_jobs(need.proof)),
            doubt,
            fail_safe_jobs: config.fail_safe_jobs.unwrap_or(whole_jobs(self.rehearsal.peak_jobs())),
            maintenance: self.latest.maintenance,
            pause: self.pause,
            manual: self.manual,
        };
        let ruling = self.guard.rule(&context, proposal.jobs);
        let facts = Facts {
            now,
            valid_until: now.plus_seconds(i64::from(config.decision_interval_seconds)),
            current_jobs,
            emergency,
            need_now: self
                .latest
                .events
                .zip(self.service.seconds())
                .map(|(events, service)| jobs_for(events, service, config)),
            utilization: self.latest.utilization,
            confidence: forecast.model_confidence,
            breached: self.breached(config),
            notes,
            plan: self.plan(config, forecast),
            drain_busy_jobs: config.drain_busy_jobs,
            decision_interval_seconds: config.decision_interval_seconds,
            rule: self
                .need_input(config, forecast)
                .map(|input| (self.rehearsal.rule().describe(), self.rehearsal.expected_late_share(&input))),
            need,
        };
        let decision = explain(ruling, proposal, facts);
        if self.due(config, now) {
            self.last_decision = Some(now);
        }
        self.standing = Some(Box::new(decision.clone()));
        decision
    }

    /// Forgets a last decision that the configuration does not allow.
    pub(crate) fn keep_within(&mut self, config: &Config) {
        let allowed = config.min_jobs..=config.max_jobs;
        self.standing = self.standing.take().filter(|last| allowed.contains(&last.recommended_jobs));
    }

    /// The last decision, if there was one.
    pub(crate) fn standing(&self) -> Option<&Decision> {
        self.standing.as_deref()
    }

    fn plan(&self, config: &Config, forecast: &Forecast) -> Vec<PlanStep> {
        let Some(input) = self.need_input(config, forecast) else { return Vec::new() };
        let jobs = |events: f64| whole_jobs(input.jobs(events)).clamp(config.min_jobs, config.max_jobs);
        let step = |minutes| {
            let horizon = forecast.horizon(minutes)?;
            Some(PlanStep {
                minutes_ahead: minutes,
                jobs: jobs(horizon.prediction + 0.5 * (horizon.quantile(0.95) - horizon.prediction)),
                low: jobs(horizon.quantile(0.1)),
                high: jobs(horizon.quantile(0.95)),
            })
        };
        PLAN_MINUTES.into_iter().filter_map(step).collect()
    }
}
