//! Kubernetes HorizontalPodAutoscaler (autoscaling/v2, default behaviour) on CPU utilization, and on an external metric
//! with an AverageValue target: the arrival rate, and the queue length as KEDA feeds it. Sources: Kubernetes
//! documentation "Horizontal Pod Autoscaling"; KEDA documentation, ScaledObject and queue scalers (the length counts
//! waiting events and events in work).

use super::{BaselinePool, Starting, Window};
use crate::metrics::Metrics;
use crate::simulate::replay::ScalingRule;
use crate::time::Timestamp;

const TOLERANCE: f64 = 0.1;
const SYNC_SECONDS: u32 = 15;
const STABILIZATION_SECONDS: f64 = 300.0;

/// Jobs for a total and a target per job; the present number within the tolerance.
fn jobs_for_average(total: f64, per_job: f64, current: u32) -> f64 {
    let ratio = total / (per_job * f64::from(current.max(1)));
    if (ratio - 1.0).abs() <= TOLERANCE { f64::from(current) } else { total / per_job }
}

/// The default `behavior`: at most 100 % or 4 jobs up per 15 s; down to the highest recommendation of 300 s.
#[derive(Clone, Debug)]
struct Behavior(Window);

impl Behavior {
    fn new() -> Self {
        Self(Window::new(STABILIZATION_SECONDS))
    }

    fn apply(&mut self, now: Timestamp, pool: &BaselinePool, current: u32, desired: u32) -> u32 {
        self.0.add(now, desired);
        if desired < current {
            return self.0.highest().min(current);
        }
        let most = (0..(pool.interval_seconds / SYNC_SECONDS).clamp(1, 20))
            .fold(current, |jobs, _| jobs.saturating_mul(2).max(jobs.saturating_add(4)));
        desired.min(most)
    }
}

/// On CPU utilization: starting jobs count as idle on the way up and not at all on the way down.
#[derive(Clone, Debug)]
pub struct HpaCpu {
    pool: BaselinePool,
    target_percent: f64,
    behavior: Behavior,
    starting: Starting,
    jobs: u32,
}

impl HpaCpu {
    /// A rule that keeps the CPU utilization at `target_percent`.
    pub fn new(pool: BaselinePool, target_percent: f64) -> Self {
        let (jobs, starting) = (pool.bounds.0, Starting::default());
        Self { pool, target_percent, behavior: Behavior::new(), starting, jobs }
    }

    fn desired(&self, percent: f64, current: u32, starting: u32) -> f64 {
        let present = f64::from(current);
        let ready = f64::from(current.saturating_sub(starting));
        if ready == 0.0 {
            return present;
        }
        let ratio = percent / self.target_percent;
        if starting > 0 && ratio > 1.0 {
            let damped = ratio * ready / present;
            return if damped <= 1.0 + TOLERANCE { present } else { damped * present };
        }
        if (ratio - 1.0).abs() <= TOLERANCE { present } else { ratio * ready }
    }
}

impl ScalingRule for HpaCpu {
    fn observe(&mut self, record: &Metrics) {
        let now = record.timestamp;
        let Some(percent) = record.cpu_utilization_percent else { return };
        let current = record.current_job_count.max(0.0) as u32;
        let starting = self.starting.count(now).min(current.saturating_sub(1));
        let desired = self.pool.clamp(self.desired(percent, current, starting));
        self.jobs = self.behavior.apply(now, &self.pool, current, desired);
        if self.jobs > current {
            self.starting.changed(now, self.pool.startup_seconds, current, self.jobs);
        }
    }
    fn decide(&mut self) -> Option<u32> {
        Some(self.jobs)
    }
}

/// On the arrival rate; `share` is the target per job, as a share of what a job can do.
#[derive(Clone, Debug)]
pub struct HpaRate {
    pool: BaselinePool,
    share: f64,
    behavior: Behavior,
    jobs: u32,
}

impl HpaRate {
    /// A rule with this target.
    pub fn new(pool: BaselinePool, share: f64) -> Self {
        Self { jobs: pool.bounds.0, pool, share, behavior: Behavior::new() }
    }
}

impl ScalingRule for HpaRate {
    fn observe(&mut self, record: &Metrics) {
        let current = record.current_job_count.max(0.0) as u32;
        let rate = record.logged_events_count / f64::from(self.pool.interval_seconds);
        let wanted = jobs_for_average(rate, self.share / self.pool.service_seconds, current);
        let desired = self.pool.clamp(wanted);
        self.jobs = self.behavior.apply(record.timestamp, &self.pool, current, desired);
    }
    fn decide(&mut self) -> Option<u32> {
        Some(self.jobs)
    }
}

/// KEDA on the queue length; `length` is the target per job, events.
#[derive(Clone, Debug)]
pub struct KedaQueue {
    pool: BaselinePool,
    length: f64,
    behavior: Behavior,
    starting: Starting,
    jobs: u32,
}

impl KedaQueue {
    /// A rule with this target.
    pub fn new(pool: BaselinePool, length: f64) -> Self {
        Self { jobs: pool.bounds.0, pool, length, behavior: Behavior::new(), starting: Starting::default() }
    }
}

impl ScalingRule for KedaQueue {
    fn observe(&mut self, record: &Metrics) {
        let (now, current) = (record.timestamp, record.current_job_count.max(0.0) as u32);
        let ready = current.saturating_sub(self.starting.count(now)).max(1);
        let busy = record.cpu_utilization_percent.unwrap_or(0.0) / 100.0 * f64::from(ready);
        let length = record.queued_events_count.unwrap_or(0.0) + busy;
        let desired = self.pool.clamp(jobs_for_average(length, self.length, current));
        self.jobs = self.behavior.apply(now, &self.pool, current, desired);
        self.starting.changed(now, self.pool.startup_seconds, current, self.jobs);
    }
    fn decide(&mut self) -> Option<u32> {
        Some(self.jobs)
    }
}
