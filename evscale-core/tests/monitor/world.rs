//! A pool in a simulated queue, whose host carries out what is decided unless a test says otherwise.

use evscale_core::simulate::PoolSimulator;
use evscale_core::{Alert, AlertState, Autoscaler, Config, Metrics, Observation, Timestamp};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Seconds of a substep of the simulated queue.
const SUBSTEP: f64 = 10.0;

pub struct World {
    pub scaler: Autoscaler,
    queue: PoolSimulator,
    random: ChaCha8Rng,
    pub service_seconds: f64,
    pub step: i64,
    pub acts: bool,
    /// Every alert that has fired: how often it began, and how often it was resolved.
    pub seen: BTreeMap<String, (u32, u32)>,
    firing: Vec<String>,
    pub last: Option<Observation>,
}

impl World {
    pub fn new(config: Config, seed: u64) -> Self {
        let queue = PoolSimulator::new(8, f64::from(config.job_startup_seconds), config.sla_wait_seconds);
        Self {
            scaler: Autoscaler::builder(config).build().unwrap(),
            queue,
            random: ChaCha8Rng::seed_from_u64(seed),
            service_seconds: 0.5,
            step: 0,
            acts: true,
            seen: BTreeMap::new(),
            firing: Vec::new(),
            last: None,
        }
    }

    pub fn interval(&self) -> i64 {
        i64::from(self.scaler.config().interval_seconds)
    }

    /// Time of the newest record; the first one is at midnight of Monday, 2026-01-05.
    pub fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        start.plus_seconds(self.step * self.interval())
    }

    /// Days since the beginning.
    pub fn day(&self) -> f64 {
        (self.step * self.interval()) as f64 / 86_400.0
    }

    /// A number from the standard normal distribution, as the sum of twelve uniform ones.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.random.random_range(0.0..1.0f64)).sum::<f64>() - 6.0
    }

    pub fn uniform(&mut self) -> f64 {
        (self.random.next_u32() as f64) / (f64::from(u32::MAX) + 1.0)
    }

    /// Events of an interval in which so many jobs are busy on average, with the noise of a Poisson count.
    pub fn events(&mut self, busy_jobs: f64) -> f64 {
        let mean = busy_jobs * self.interval() as f64 / self.service_seconds;
        (mean + mean.sqrt() * self.normal()).round().max(0.0)
    }

    /// Passes an interval with so many events; the record may be changed, or left out.
    pub fn tick_with(&mut self, events: f64, change: impl FnOnce(&mut Metrics) -> bool) {
        self.step += 1;
        let substeps = (self.interval() as f64 / SUBSTEP) as usize;
        let arrivals = vec![events / substeps as f64; substeps];
        let out = self.queue.run_interval(&arrivals, self.service_seconds);
        let mut record = Metrics::new(self.now(), out.arrived.round(), f64::from(out.jobs));
        record.processed_events_count = Some(out.processed);
        record.queued_events_count = Some(out.queued);
        record.average_processing_duration_ms = Some(1000.0 * self.service_seconds);
        record.cpu_utilization_percent = Some(100.0 * out.busy_ratio);
        record.average_queue_wait_time_ms =
            (out.processed > 0.0).then(|| 1000.0 * out.wait_seconds / out.processed);
        record.sla_violations_count = Some(out.violations);
        if change(&mut record) {
            self.last = Some(self.scaler.observe(&record).unwrap());
        }
        let decision = self.scaler.decide_at(self.now());
        if self.acts
            && let Some(jobs) = decision.recommended_jobs
        {
            self.queue.scale_to(jobs);
        }
        self.watch();
    }

    pub fn tick(&mut self, events: f64) {
        self.tick_with(events, |_| true);
    }

    /// Passes so many days of a load in busy jobs by the day since the beginning.
    pub fn run(&mut self, days: f64, busy: impl Fn(f64) -> f64) {
        for _ in 0..(days * 86_400.0 / self.interval() as f64).round() as i64 {
            let events = self.events(busy(self.day()));
            self.tick(events);
        }
    }

    fn watch(&mut self) {
        let alerts = self.scaler.alerts();
        let firing: Vec<String> = alerts
            .iter()
            .filter(|alert| alert.state == AlertState::Firing)
            .map(|alert| alert.name.clone())
            .collect();
        for name in &firing {
            if !self.firing.contains(name) {
                self.seen.entry(name.clone()).or_default().0 += 1;
            }
        }
        for name in &self.firing {
            if !firing.contains(name) {
                self.seen.entry(name.clone()).or_default().1 += 1;
            }
        }
        self.firing = firing;
    }

    pub fn fires(&self, name: &str) -> bool {
        self.firing.iter().any(|firing| firing == name)
    }

    pub fn alert(&self, name: &str) -> Option<Alert> {
        self.scaler.alerts().into_iter().find(|alert| alert.name == name)
    }
}

/// A load with a day and a week, in busy jobs.
pub fn office(day: f64) -> f64 {
    let weekend = day.rem_euclid(7.0) >= 5.0;
    let peak = if weekend { 2.0 } else { 4.0 };
    4.0 + peak * (1.0 - (std::f64::consts::TAU * day).cos())
}
