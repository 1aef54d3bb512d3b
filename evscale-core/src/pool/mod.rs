//! What can the pool do now? Ready and starting jobs, service time, backlog, error budget, and what the host did.

mod arrivals;
mod error_budget;
mod execution;
mod failures;
mod lateness;
mod latest;
mod memory;
mod now;
mod onset;
mod outcome;
mod patience;
mod reading;
mod service_time;
mod size;
mod starting;
mod startup;
mod work;

pub(crate) use error_budget::ErrorBudget;
pub(crate) use outcome::Recommended;
pub use outcome::ScalingOutcome;
pub(crate) use patience::Patience;
#[cfg(feature = "simulate")]
pub(crate) use starting::StartingJobs;
pub(crate) use work::is_long;

use crate::config::{Config, whole_jobs};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use execution::Execution;
use failures::Failures;
use lateness::Lateness;
use latest::{Latest, longer, overflows};
use memory::Memory;
use onset::Onset;
use reading::{coupled, reaches_limit, with_busy_share};
use serde::{Deserialize, Serialize};
use service_time::{ServiceTime, Throughput};
use size::Size;
use startup::Startup;
use work::{Jobs, WorkInProgress};

/// Arrivals that the change of the load is measured over, newest first.
const RECENT_LOADS: usize = 4;

/// What the records and the host's outcomes say of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pool {
    /// Records, as far as they are counted.
    records: u32,
    size: Size,
    service_time: ServiceTime,
    work: WorkInProgress,
    startup: Startup,
    error_budget: ErrorBudget,
    lateness: Lateness,
    execution: Execution,
    failures: Failures,
    memory: Memory,
    /// What business and peak hours bring.
    onsets: [Onset; 2],
    latest: Latest,
    last_events: Option<f64>,
    recent_loads: [f64; RECENT_LOADS],
}

impl Pool {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            records: 0,
            size: Size::default(),
            service_time: ServiceTime::new(config.declared_service_ms()),
            work: WorkInProgress::default(),
            startup: Startup::new(f64::from(config.job_startup_seconds)),
            error_budget: ErrorBudget::default(),
            lateness: Lateness::default(),
            execution: Execution::default(),
            failures: Failures::default(),
            memory: Memory::default(),
            onsets: [Onset::default(), Onset::default()],
            latest: Latest::default(),
            last_events: None,
            recent_loads: [f64::NAN; RECENT_LOADS],
        }
    }

    /// Learns from a checked record. `asked` is the standing decision, whose number of jobs is that of the pool where the
    /// record does not say it.
    pub(crate) fn observe(&mut self, config: &Config, record: &Metrics, asked: Option<Recommended>) {
        self.records = self.records.saturating_add(1);
        let recommended = asked.map(|asked| asked.jobs);
        let interval = f64::from(config.interval_seconds);
        let told = record.current_job_count - record.draining_jobs.unwrap_or(0.0);
        let told = told.is_finite().then(|| told.max(0.0).round() as u32);
        self.size.observe(told);
        let jobs = told.or(recommended).or(self.latest.jobs);
        let asked_at = asked.map(|asked| asked.at).filter(|_| recommended >= jobs);
        let elapsed = self.elapsed_seconds(record.timestamp, interval);
        let ready = self.startup.observe(record.timestamp, jobs, asked_at, [elapsed, interval]);
        let record = &with_busy_share(record, ready);
        self.failures.observe(record, interval);
        self.memory.observe(record, ready, interval);
        let ended_after_seconds = self.follow_work(record, jobs, ready * config.places(), config);
        let late_events = self.error_budget.observe(record, elapsed, config.sla_wait_seconds);
        self.execution.observe(record.timestamp, jobs, recommended);
        let at_limit = reaches_limit(config, record);
        let enough = asked.is_some_and(|asked| asked.as_proposed && jobs == Some(asked.jobs)) && !at_limit;
        self.follow_lateness(config, record, jobs, enough, late_events.is_some(), elapsed);
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
            wait_seconds: longer(
                record.average_queue_wait_time_ms.map(|ms| ms / 1000.0),
                self.work.oldest_wait(),
            ),
            utilization: self.measured_utilization(record, ready * config.places(), interval),
            maintenance: record.is_maintenance_window.unwrap_or(false),
            late_events,
            ended_after_seconds,
            ready,
            queue_capacity: record.queue_capacity,
            overflow: overflows(record),
        };
    }

    /// Takes service and startup time of pools like it, where they are known, until its own are.
    pub(crate) fn begin_like(&mut self, service_seconds: Option<f64>, startup_seconds: Option<f64>) {
        if let Some(seconds) = service_seconds {
            self.service_time.begin_like(seconds);
        }
        if let Some(seconds) = startup_seconds {
            self.startup.begin_like(seconds);
        }
    }

    /// Takes over what another configuration says of service and startup times; what was learned stays where it says the
    /// same.
    pub(crate) fn reconfigure(&mut self, config: &Config) {
        self.service_time.reconfigure(config.declared_service_ms());
        self.startup.reconfigure(f64::from(config.job_startup_seconds));
    }

    /// Learns anew how long an event takes, because a job has another number of places for them.
    pub(crate) fn forget_service_time(&mut self, config: &Config) {
        self.service_time = ServiceTime::new(config.declared_service_ms());
    }

    /// Takes the number of jobs for an old one until a record tells it again.
    pub(crate) fn restored(&mut self) {
        self.size.outdate();
    }

    /// Learns what a decision asks the host for.
    pub(crate) fn ask(&mut self, asked: Recommended) {
        self.size.ask(asked);
    }

    /// Forgets what was asked for: from now on somebody else scales the pool, or no longer does.
    pub(crate) fn forget_requests(&mut self) {
        self.size.forget_requests();
        self.execution.progress();
    }

    /// Forgets what was learned from the counts of records that were not what they seemed; the number of jobs stays.
    pub(crate) fn begin_anew(&mut self, config: &Config) {
        let Self { size, startup, execution, .. } = self.clone();
        let latest = Latest { jobs: self.latest.jobs, ..Latest::default() };
        *self = Self { size, startup, execution, latest, ..Self::new(config) };
    }

    /// Counts late events anew.
    pub(crate) fn forget_lateness(&mut self) {
        (self.error_budget, self.lateness) = (ErrorBudget::default(), Lateness::default());
    }

    /// Goes on with records of an interval `ratio` times as long.
    pub(crate) fn rescale(&mut self, ratio: f64) {
        let counts = [&mut self.last_events, &mut self.latest.events, &mut self.latest.late_events];
        counts.into_iter().flatten().for_each(|count| *count *= ratio);
        self.recent_loads.iter_mut().for_each(|load| *load *= ratio);
        self.memory = Memory::default();
        self.onsets.iter_mut().for_each(|onset| onset.rescale(ratio));
    }

    /// Forgets what was expected of times that will not come, because the clock went back to `at`.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        self.startup.rewind();
        self.execution.progress();
        self.lateness.rewind(at);
        self.onsets.iter_mut().for_each(Onset::rewind);
    }

    /// Returns the seconds from the newest record to the next one, whose jitter is left out.
    fn elapsed_seconds(&self, next: Timestamp, interval: f64) -> f64 {
        let elapsed = next.elapsed_since(self.latest.at.unwrap_or(next)).unwrap_or(interval);
        if elapsed > 1.5 * interval { elapsed } else { interval }
    }

    /// Learns the startup time, and that the host acts. An outcome may be late, partial or missing: the number of jobs
    /// comes from the records.
    pub(crate) fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        self.startup.acknowledge(outcome);
        self.size.refused(outcome.timestamp, outcome.refused);
        if outcome.started > 0 || outcome.drained > 0 {
            self.execution.progress();
        }
    }

    /// Follows the late events: those that the record says, else a queue that means them.
    fn follow_lateness(
        &mut self,
        config: &Config,
        record: &Metrics,
        jobs: Option<u32>,
        enough: bool,
        said: bool,
        elapsed_seconds: f64,
    ) {
        let interval = f64::from(config.interval_seconds);
        let queue_is_late = self.work.waiting() > 0.0
            && self.job_seconds(config).is_some_and(|service| {
                self.work.waiting() * service
                    > config.sla_wait_seconds * f64::from(jobs.unwrap_or(0)).max(1.0)
            });
        let share = if said { self.error_budget.last_share() } else { f64::from(u8::from(queue_is_late)) };
        self.lateness.observe(&lateness::Outcome {
            at: record.timestamp,
            late_share: Some(share),
            allowed_share: config.allowed_violation_share(),
            waiting: self.work.waiting(),
            enough: enough && self.startup.starting(record.timestamp) == 0.0,
            interval_seconds: interval,
            elapsed_seconds,
            answer_seconds: self.startup.seconds() + interval,
        });
    }

    /// Returns the factor on the need that late events of a pool that seemed enough led to, at least 1.
    pub(crate) fn correction(&self) -> f64 {
        self.lateness.correction()
    }

    /// Returns that events are late, for how long, and what stands in the way of more jobs.
    pub(crate) fn lateness(&self, config: &Config) -> Option<String> {
        let detail = self.lateness.detail(self.latest.at?)?;
        let most = config.fewest_and_most().1;
        let downstream = self.downstream_jobs(config).zip(config.most_events_per_second);
        let downstream = downstream.filter(|(jobs, _)| self.latest.jobs >= Some(*jobs));
        let limited = if let Some((jobs, limit)) = downstream {
            format!(
                "; the {limit} events per second of `most_events_per_second` are the reason, which {jobs} jobs work off"
            )
        } else if self.latest.jobs >= Some(most) {
            format!("; the pool has its `max_jobs`, {most}")
        } else {
            String::new()
        };
        Some(detail + &limited)
    }

    /// Returns the fewest jobs that work off what is allowed downstream, with those that are kept idle; none without a limit, or
    /// while nobody knows what a job can do.
    pub(crate) fn downstream_jobs(&self, config: &Config) -> Option<u32> {
        let busy = config.most_events_per_second? * self.job_seconds(config)?;
        Some(config.job_numbers().up(whole_jobs(busy).max(1)).saturating_add(config.spare_jobs))
    }

    /// Returns the most jobs that are of use.
    pub(crate) fn most_jobs(&self, config: &Config) -> u32 {
        let most = config.fewest_and_most().1;
        self.downstream_jobs(config).map_or(most, |jobs| jobs.min(most))
    }

    /// Returns how the told service time and the seen one contradict each other.
    pub(crate) fn contradiction(&self) -> Option<String> {
        self.service_time.contradiction()
    }

    /// Returns that events stay in the queue although jobs take others.
    pub(crate) fn standing_backlog(&self) -> Option<String> {
        const FEW: f64 = 10.0;
        let standing = self.work.standing();
        (standing > FEW + 2.0 * self.latest.events.unwrap_or(0.0)).then(|| {
            format!("backlog: {standing:.0} events stay in the queue although jobs take others; they are not planned for")
        })
    }

    /// Follows the events in the system, and what a place for one can do; returns the busy seconds of a place per event that
    /// ended. `ready` are the places of the ready jobs.
    fn follow_work(
        &mut self,
        record: &Metrics,
        jobs: Option<u32>,
        ready: f64,
        config: &Config,
    ) -> Option<f64> {
        let interval = f64::from(config.interval_seconds);
        let before = self.work.in_service();
        let known = Jobs {
            all: f64::from(jobs.unwrap_or(0)) * config.places(),
            ready,
            service_seconds: self.service_time.seconds(),
            seen_share: self.service_time.seen_share(),
            interval_seconds: interval,
        };
        let saturated = self.work.observe(record, &known);
        let unrepresentative = record.is_deploy_in_progress == Some(true) || self.failures.many();
        if !unrepresentative || self.service_time.seconds().is_none() {
            let in_service = self.work.in_service();
            // jobs that wait for their turn downstream say nothing of what an event takes
            let saturated = saturated && !reaches_limit(config, record);
            let jobs = known.all.max(ready);
            let pool =
                Throughput { ready_jobs: ready, jobs, in_service, saturated, interval_seconds: interval };
            self.service_time.observe(record, &pool);
        }
        let busy_seconds = interval * (before + self.work.in_service()) / 2.0;
        let (seconds, done) = self.service_time.seconds().zip(record.processed_events_count)?;
        is_long(seconds, interval).then(|| coupled(busy_seconds, done, seconds))
    }

    /// Returns the busy share of the places of the ready jobs.
    fn measured_utilization(&self, record: &Metrics, ready: f64, interval: f64) -> Option<f64> {
        let measured = record.cpu_utilization_percent.map(|percent| (percent / 100.0).min(1.0));
        measured.or_else(|| {
            let done = record.processed_events_count?;
            let busy_seconds = done * self.service_time.seconds()?;
            (ready > 0.0).then(|| (busy_seconds / (ready * interval)).min(1.0))
        })
    }

    /// Learns the host's own calendar from a record whose load is known without what was announced.
    pub(crate) fn follow_calendar(&mut self, record: &Metrics, events: f64, interval_seconds: f64) {
        let flags = [record.is_business_hours, record.is_peak_hours];
        for (onset, flag) in self.onsets.iter_mut().zip(flags) {
            onset.observe(flag, events, interval_seconds);
        }
    }

    /// Returns the arrivals of an interval that the host's own calendar lets expect; 0 where it says nothing.
    pub(crate) fn calendar_events(&self) -> f64 {
        self.onsets.iter().map(Onset::events).fold(0.0, f64::max)
    }

    /// Returns the fewest jobs whose memory suffices for the newest load; none where memory says nothing.
    pub(crate) fn memory_jobs(&self) -> Option<f64> {
        self.memory.jobs()
    }

    /// Returns that many more events fail than usually.
    pub(crate) fn failures(&self) -> Option<String> {
        self.failures.detail()
    }
}
