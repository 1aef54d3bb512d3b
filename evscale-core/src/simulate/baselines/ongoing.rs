//! Ray Serve replica autoscaling. Source: Ray documentation "Advanced Ray Serve autoscaling".

#![expect(clippy::disallowed_methods, reason = "simulated time goes forward")]

use super::{BaselinePool, Starting};
use crate::metrics::Metrics;
use crate::simulate::replay::ScalingRule;
use crate::time::Timestamp;

/// A wish to shrink must last this long without a break.
const DOWNSCALE_DELAY_SECONDS: f64 = 600.0;

/// Jobs = ongoing requests (in work and queued) over `target_ongoing_requests`. An interval is longer than the upscale
/// delay of 30 s, so growth follows at once.
#[derive(Clone, Debug)]
pub struct RayServe {
    pool: BaselinePool,
    target_ongoing_requests: f64,
    shrinking_since: Option<Timestamp>,
    starting: Starting,
    jobs: u32,
}

impl RayServe {
    /// A rule with this target per job.
    pub fn new(pool: BaselinePool, target_ongoing_requests: f64) -> Self {
        let (jobs, starting) = (pool.bounds.0, Starting::default());
        Self { pool, target_ongoing_requests, shrinking_since: None, starting, jobs }
    }

    fn recommend(&mut self, now: Timestamp, current: u32, desired: u32) -> u32 {
        if desired >= current {
            self.shrinking_since = None;
            return desired;
        }
        let since = *self.shrinking_since.get_or_insert(now);
        if now.seconds_since(since) < DOWNSCALE_DELAY_SECONDS {
            return current;
        }
        self.shrinking_since = None;
        desired
    }
}

impl ScalingRule for RayServe {
    fn observe(&mut self, record: &Metrics) {
        let (now, current) = (record.timestamp, record.current_job_count.max(0.0) as u32);
        let ready = current.saturating_sub(self.starting.count(now)).max(1);
        let busy = record.cpu_utilization_percent.unwrap_or(0.0) / 100.0 * f64::from(ready);
        let ongoing = record.queued_events_count.unwrap_or(0.0) + busy;
        let desired = self.pool.clamp(ongoing / self.target_ongoing_requests);
        self.jobs = self.recommend(now, current, desired);
        self.starting.changed(now, self.pool.startup_seconds, current, self.jobs);
    }
    fn decide(&mut self) -> Option<u32> {
        Some(self.jobs)
    }
}
