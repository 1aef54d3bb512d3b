//! What the rest asks of a pool: jobs, service time, work and lateness at the newest record.

use super::{ErrorBudget, Patience, Pool};
use crate::config::Config;
use crate::time::Timestamp;

impl Pool {
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

    /// Returns the jobs that a decision starts from: those of the newest record, or what was asked for since; none before
    /// a record of this run told them.
    pub(crate) fn known_jobs(&self) -> Option<u32> {
        self.size.known()
    }

    /// Returns the last known jobs, however old; none if nobody ever told them.
    pub(crate) fn last_known_jobs(&self) -> Option<u32> {
        self.size.last()
    }

    /// Returns the jobs at the newest record, as far as they are known.
    pub(crate) fn jobs(&self) -> Option<f64> {
        self.latest.jobs.map(f64::from)
    }

    /// Returns the jobs that are not ready at `now`.
    pub(crate) fn starting_jobs(&self, now: Timestamp) -> f64 {
        self.startup.starting(now)
    }

    /// Returns the jobs that were not ready at the newest record.
    pub(crate) fn starting_now(&self) -> f64 {
        self.latest.at.map_or(0.0, |at| self.startup.starting(at))
    }

    /// Returns the jobs that were ready in the newest interval, on average.
    pub(crate) fn mean_ready_jobs(&self) -> f64 {
        self.latest.ready
    }

    /// Returns the time from the request of a job until it takes events, seconds.
    pub(crate) fn startup_seconds(&self) -> f64 {
        self.startup.seconds()
    }

    /// Returns the mean time from the begin of an event to its end, seconds; none before anything told.
    pub(crate) fn service_seconds(&self) -> Option<f64> {
        self.service_time.seconds()
    }

    /// Returns what one event takes of a job's time, seconds; less than its own where a job works on several at once.
    pub(crate) fn job_seconds(&self, config: &Config) -> Option<f64> {
        self.service_seconds().map(|seconds| seconds / config.places())
    }

    /// Returns the events that wait.
    pub(crate) fn backlog_events(&self) -> f64 {
        self.work.waiting()
    }

    /// Returns the events in service.
    pub(crate) fn in_service(&self) -> f64 {
        self.work.in_service()
    }

    /// Returns the busy seconds of a place per event that ended in the newest interval, seconds: the service time where events
    /// are short.
    pub(crate) fn ended_after_seconds(&self) -> Option<f64> {
        self.latest.ended_after_seconds.or(self.service_seconds())
    }

    /// Returns what the SLA's wait leaves to the pool.
    pub(crate) fn patience(&self, config: &Config) -> Patience {
        let per_second = self.last_events.unwrap_or(0.0) / f64::from(config.interval_seconds);
        let full = self.latest.queue_capacity.filter(|_| per_second > 0.0);
        Patience::new(
            config,
            self.startup.seconds(),
            full.map_or(f64::INFINITY, |events| events / per_second),
        )
    }

    /// Returns the work in the queue in seconds of the present pool; 0 while that is unknown.
    pub(crate) fn backlog_seconds(&self, config: &Config) -> f64 {
        let known = self.job_seconds(config).zip(self.known_jobs());
        known.map_or(0.0, |(service, jobs)| self.work.waiting() * service / f64::from(jobs).max(1.0))
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

    /// Returns the time that the records cover, seconds.
    pub(crate) fn seen_seconds(&self, config: &Config) -> f64 {
        f64::from(self.records) * f64::from(config.interval_seconds)
    }

    /// Returns the jobs that the newest record shows to be needed: those that were busy, by the arrivals where nobody knows
    /// how many were, and those for the events that wait.
    pub(crate) fn shown_jobs(&self, config: &Config) -> Option<f64> {
        let interval = f64::from(config.interval_seconds);
        let service = self.job_seconds(config)?;
        let busy = match self.latest.utilization {
            Some(share) => share * self.latest.ready,
            None => self.last_events? * service / interval,
        };
        Some(busy + self.work.waiting() * service / interval)
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
        waits || late || backlog || self.latest.overflow
    }

    /// Returns why the host seems not to act on what is recommended.
    pub(crate) fn idle_host(&self, config: &Config) -> Option<String> {
        let patience = 3.0 * self.startup.seconds() + 3.0 * f64::from(config.decision_interval_seconds);
        self.execution.overdue(self.latest.at?, patience)
    }
}
