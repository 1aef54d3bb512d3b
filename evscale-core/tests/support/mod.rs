//! What the integration tests share: configurations, records, and a pool whose host carries out what is decided.
#![allow(dead_code, reason = "each test file uses a part of it")]

use evscale_core::{Autoscaler, Config, Decision, Metrics, Timestamp};

/// Service time of the pools here unless a test says otherwise, ms.
pub const SERVICE_MS: f64 = 500.0;

/// Monday, 2026-01-05, 08:00 UTC: the records begin then.
pub fn start() -> Timestamp {
    "2026-01-05T08:00:00Z".parse().unwrap()
}

/// A changed configuration whose decisions come from the statistical experts and the analytic rule.
pub fn without_networks(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.use_networks = false;
    change(&mut config);
    config
}

/// The same of a pool that decides on every record, and shrinks as soon as it can.
pub fn eager(change: impl FnOnce(&mut Config)) -> Config {
    without_networks(|config| {
        config.decision_interval_seconds = config.interval_seconds;
        config.scale_down_stabilization_seconds = 0;
        config.cooldown_down_seconds = 0;
        change(config);
    })
}

/// A pool with the models inside the library.
pub fn built(config: Config) -> Autoscaler {
    Autoscaler::builder(config).build().unwrap()
}

/// The record of an interval whose `events` were all processed, in `service_ms` each, so that none waits at its end.
pub fn served(at: Timestamp, events: f64, jobs: u32, service_ms: f64) -> Metrics {
    let mut record = Metrics::new(at, events, f64::from(jobs));
    record.processed_events_count = Some(events);
    record.queued_events_count = Some(0.0);
    record.average_processing_duration_ms = Some(service_ms);
    record
}

/// A pool, its clock, and the number of jobs that its host has.
pub struct Pool {
    pub scaler: Autoscaler,
    pub jobs: u32,
    pub service_ms: f64,
    /// Interval of the newest record.
    pub step: i64,
    /// Events that the jobs could not serve yet.
    pub queue: f64,
    /// Records that a job takes to start, in which it serves nothing.
    pub startup_records: usize,
    /// Jobs of the newest records, as many as a job takes to start and one: the fewest of them are ready.
    pub recent_jobs: Vec<u32>,
}

impl Pool {
    /// A pool of ten jobs before its first record.
    pub fn new(config: Config) -> Self {
        Self::of(built(config))
    }

    pub fn of(scaler: Autoscaler) -> Self {
        let (startup_records, recent_jobs) = (0, Vec::new());
        Self { scaler, jobs: 10, service_ms: SERVICE_MS, step: 0, queue: 0.0, startup_records, recent_jobs }
    }

    /// Time of the newest record.
    pub fn now(&self) -> Timestamp {
        start().plus_seconds(self.step * i64::from(self.scaler.config().interval_seconds))
    }

    /// Decides on the record of the next interval; the number of jobs stays.
    pub fn tick(&mut self, events: f64) -> Decision {
        self.tick_with(events, |_| ())
    }

    /// The same with a changed record.
    pub fn tick_with(&mut self, events: f64, change: impl FnOnce(&mut Metrics)) -> Decision {
        self.observe_with(events, change);
        let decision = self.scaler.decide();
        let (least, most) = (self.scaler.config().min_jobs, self.scaler.config().max_jobs);
        assert!((least..=most).contains(&decision.recommended_jobs.unwrap()), "{}", decision.to_json());
        decision
    }

    /// Takes the changed record of the next interval, and decides nothing.
    pub fn observe_with(&mut self, events: f64, change: impl FnOnce(&mut Metrics)) {
        self.step += 1;
        let mut record = served(self.now(), events, self.jobs, self.service_ms);
        let seconds = f64::from(self.scaler.config().interval_seconds);
        self.recent_jobs.push(self.jobs);
        let gone = self.recent_jobs.len().saturating_sub(self.startup_records + 1);
        self.recent_jobs.drain(..gone);
        let ready = self.recent_jobs.iter().copied().min().unwrap_or(0);
        let done = (self.queue + events).min(f64::from(ready) * 1000.0 * seconds / self.service_ms);
        self.queue += events - done;
        (record.processed_events_count, record.queued_events_count) = (Some(done), Some(self.queue));
        change(&mut record);
        self.scaler.observe(&record).unwrap();
    }

    /// Carries out the decisions on `count` intervals, whose events follow their number; returns them.
    pub fn run(&mut self, count: usize, events: impl Fn(i64) -> f64) -> Vec<Decision> {
        let carried_out = |_| {
            let decision = self.tick(events(self.step));
            self.jobs = decision.recommended_jobs.unwrap();
            decision
        };
        (0..count).map(carried_out).collect()
    }

    /// Carries out the decisions on `count` equal intervals; returns the last one.
    pub fn steady(&mut self, count: usize, events: f64) -> Decision {
        self.run(count, |_| events).pop().unwrap()
    }

    /// The cause that the pool's health names with this beginning.
    pub fn cause(&self, beginning: &str) -> Option<String> {
        self.scaler.health().causes.into_iter().find(|cause| cause.starts_with(beginning))
    }
}
