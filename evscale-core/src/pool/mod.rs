//! What can the pool do now? Ready and starting jobs, service time, backlog, error budget, and what the host did.

mod error_budget;
mod execution;
mod outcome;
mod service_time;
mod starting;
mod startup;

pub(crate) use error_budget::ErrorBudget;
pub use outcome::ScalingOutcome;
pub(crate) use starting::StartingJobs;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use execution::Execution;
use serde::{Deserialize, Serialize};
use service_time::ServiceTime;
use startup::Startup;

/// Arrivals that the change of the load is measured over, newest first.
const RECENT_LOADS: usize = 4;

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
    late_events: Option<f64>,
}

/// What the records and the host's outcomes say of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pool {
    service_time: ServiceTime,
    startup: Startup,
    error_budget: ErrorBudget,
    execution: Execution,
    latest: Latest,
    last_events: Option<f64>,
    recent_loads: [f64; RECENT_LOADS],
}

impl Pool {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            service_time: ServiceTime::new(config.service_time_ms),
            startup: Startup::new(f64::from(config.job_startup_seconds)),
            error_budget: ErrorBudget::default(),
            execution: Execution::default(),
            latest: Latest::default(),
            last_events: None,
            recent_loads: [f64::NAN; RECENT_LOADS],
        }
    }

    /// Learns from a checked record. `recommended` is the number of jobs of the standing decision: that of the pool
    /// where the record does not say it.
    pub(crate) fn observe(&mut self, config: &Config, record: &Metrics, recommended: Option<u32>) {
        let interval = f64::from(config.interval_seconds);
        let jobs = if record.current_job_count.is_finite() {
            Some(record.current_job_count.round() as u32)
        } else {
            recommended.or(self.latest.jobs)
        };
        self.startup.observe(record.timestamp, jobs);
        let ready = ready_jobs(jobs, self.startup.starting(record.timestamp));
        if record.is_deploy_in_progress != Some(true) {
            self.service_time.observe(record, ready, interval);
        }
        let late_events = self.error_budget.observe(record, interval, config.sla_wait_seconds);
        self.execution.observe(record.timestamp, jobs, recommended);
        let events = Some(record.logged_events_count).filter(|events| events.is_finite());
        self.last_events = events.or(self.last_events);
        self.recent_loads.rotate_right(1);
        if let Some(newest) = self.recent_loads.first_mut() {
            *newest = record.logged_events_count;
        }
        self.latest = Latest {
            at: Some(record.timestamp),
            events,
            jobs,
            backlog_events: self.backlog_after(record, events),
            wait_seconds: record.average_queue_wait_time_ms.map(|ms| ms / 1000.0),
            utilization: self.measured_utilization(record, ready, interval),
            maintenance: record.is_maintenance_window.unwrap_or(false),
            late_events,
        };
    }

    /// Takes over what another configuration says of service and startup times; what was learned stays where it says the
    /// same.
    pub(crate) fn reconfigure(&mut self, config: &Config) {
        self.service_time.reconfigure(config.service_time_ms);
        self.startup.reconfigure(f64::from(config.job_startup_seconds));
    }

    /// Forgets what was expected of times that will not come, because the clock went back.
    pub(crate) fn rewind(&mut self) {
        self.startup.rewind();
        self.execution.progress();
    }

    /// Learns the startup time, and that the host acts. An outcome may be late, partial or missing: the number of jobs
    /// comes from the records.
    pub(crate) fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        self.startup.acknowledge(outcome);
        if outcome.started > 0 || outcome.drained > 0 {
            self.execution.progress();
        }
    }

    fn backlog_after(&self, record: &Metrics, events: Option<f64>) -> f64 {
        match (record.queued_events_count, events) {
            (Some(queued), _) => queued,
            (None, Some(events)) => record
                .processed_events_count
                .map_or(0.0, |done| (self.latest.backlog_events + events - done).max(0.0)),
            (None, None) => self.latest.backlog_events,
        }
    }

    fn measured_utilization(&self, record: &Metrics, ready: f64, interval: f64) -> Option<f64> {
        let measured = record.cpu_utilization_percent.map(|percent| (percent / 100.0).min(1.0));
        measured.or_else(|| {
            let done = record.processed_events_count?;
            let busy_seconds = done * self.service_time.seconds()?;
            (ready > 0.0).then(|| (busy_seconds / (ready * interval)).min(1.0))
        })
    }

    /// Returns the time of the newest record.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.latest.at
    }

    /// Returns the arrivals of the newest record; none if they are unknown.
    pub(crate) fn events(&self) -> Option<f64> {
        self.latest.events
    }

    /// Returns the last known arrivals.
    pub(crate) fn last_events(&self) -> Option<f64> {
        self.last_events
    }

    /// Returns the late events of the newest record, if it says them.
    pub(crate) fn late_events(&self) -> Option<f64> {
        self.latest.late_events
    }

    /// Returns the jobs that a decision starts from.
    pub(crate) fn current_jobs(&self, config: &Config) -> u32 {
        self.latest.jobs.unwrap_or(config.min_jobs)
    }

    /// Returns the jobs of the newest record; 0 if they are unknown.
    pub(crate) fn jobs(&self) -> f64 {
        f64::from(self.latest.jobs.unwrap_or(0))
    }

    /// Returns the jobs that are not ready at `now`.
    pub(crate) fn starting_jobs(&self, now: Timestamp) -> f64 {
        self.startup.starting(now)
    }

    /// Returns the jobs that are ready at `now`.
    pub(crate) fn ready_jobs(&self, now: Timestamp) -> f64 {
        ready_jobs(self.latest.jobs, self.startup.starting(now))
    }

    /// Returns the time from the request of a job until it takes events, seconds.
    pub(crate) fn startup_seconds(&self) -> f64 {
        self.startup.seconds()
    }

    /// Returns the mean time that a job works on one event, seconds; none before anything told.
    pub(crate) fn service_seconds(&self) -> Option<f64> {
        self.service_time.seconds()
    }

    /// Returns the events that wait.
    pub(crate) fn backlog_events(&self) -> f64 {
        self.latest.backlog_events
    }

    /// Returns the work in the queue in seconds of the present pool.
    pub(crate) fn backlog_seconds(&self, config: &Config) -> f64 {
        let jobs = f64::from(self.current_jobs(config)).max(1.0);
        self.service_seconds().map_or(0.0, |service| self.latest.backlog_events * service / jobs)
    }

    /// Returns the mean wait of the events taken in the newest interval, seconds.
    pub(crate) fn wait_seconds(&self) -> Option<f64> {
        self.latest.wait_seconds
    }

    /// Returns the busy share of the ready jobs, 0 to 1.
    pub(crate) fn utilization(&self) -> Option<f64> {
        self.latest.utilization
    }

    /// Reports whether the newest record says that maintenance is under way.
    pub(crate) fn maintenance(&self) -> bool {
        self.latest.maintenance
    }

    /// Returns the newest arrivals over those three intervals before; 1 where either is unknown.
    pub(crate) fn load_ratio(&self) -> f64 {
        let [newest, .., oldest] = self.recent_loads;
        if newest.is_finite() && oldest.is_finite() { (newest + 1.0) / (oldest + 1.0) } else { 1.0 }
    }

    /// Returns the use of the error budget.
    pub(crate) fn error_budget(&self) -> &ErrorBudget {
        &self.error_budget
    }

    /// Reports whether the newest record shows waits beyond the SLA, or a backlog that means them.
    pub(crate) fn breached(&self, config: &Config) -> bool {
        let waits = self.latest.wait_seconds.is_some_and(|wait| wait > config.sla_wait_seconds);
        let late = self.error_budget.last_share() > config.allowed_violation_share();
        let backlog = self.backlog_seconds(config) > config.sla_wait_seconds;
        waits || late || backlog
    }

    /// Returns why the host seems not to act on what is recommended.
    pub(crate) fn idle_host(&self, config: &Config) -> Option<String> {
        let patience = 3.0 * self.startup.seconds() + 3.0 * f64::from(config.decision_interval_seconds);
        self.execution.overdue(self.latest.at?, patience)
    }
}

fn ready_jobs(jobs: Option<u32>, starting: f64) -> f64 {
    (f64::from(jobs.unwrap_or(0)) - starting).max(0.0)
}
