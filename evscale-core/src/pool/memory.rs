//! Jobs that memory needs, where the memory of a job follows its load.
//!
//! A line through the memory use and the events that a job ends per interval says at which load of a job its memory is full.
//! Where memory does not follow the load, as with a heap of fixed size, it says nothing.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Memory use up to which a pool may shrink, percent.
const FULL_PERCENT: f64 = 90.0;
/// Records that a line needs, the time over which they are averaged, seconds, and how well they must lie on it.
const LEAST_RECORDS: u32 = 60;
const AVERAGED_SECONDS: f64 = 86_400.0;
const LEAST_CORRELATION: f64 = 0.8;
/// Deviation of the memory use that is a movement, percent.
const LEAST_DEVIATION: f64 = 1.0;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    records: u32,
    events: f64,
    percent: f64,
    events_square: f64,
    percent_square: f64,
    product: f64,
    /// Events that ended in the newest interval.
    done: f64,
}

impl Memory {
    /// Learns from a checked record of a pool with so many ready jobs.
    pub(super) fn observe(&mut self, record: &Metrics, ready: f64, interval_seconds: f64) {
        let (Some(percent), Some(done)) = (record.memory_utilization_percent, record.processed_events_count)
        else {
            return;
        };
        self.done = done;
        if ready < 1.0 {
            return;
        }
        self.records = self.records.saturating_add(1);
        let weight = (interval_seconds / AVERAGED_SECONDS).max(1.0 / f64::from(self.records)).min(1.0);
        let (x, y) = (done / ready - self.events, percent - self.percent);
        self.events += weight * x;
        self.percent += weight * y;
        let kept = 1.0 - weight;
        self.events_square = kept * (self.events_square + weight * x * x);
        self.percent_square = kept * (self.percent_square + weight * y * y);
        self.product = kept * (self.product + weight * x * y);
    }

    /// Returns the fewest jobs whose memory suffices for the newest load; none where memory does not follow it.
    pub(super) fn jobs(&self) -> Option<f64> {
        let spread = (self.events_square * self.percent_square).sqrt();
        let follows = self.records >= LEAST_RECORDS
            && self.percent_square.sqrt() >= LEAST_DEVIATION
            && self.product >= LEAST_CORRELATION * spread;
        let full = self.events + (FULL_PERCENT - self.percent) * self.events_square / self.product;
        (follows && full > 0.0).then(|| self.done / full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use approx::abs_diff_eq;

    fn learned(percent: impl Fn(f64) -> f64) -> Memory {
        let mut memory = Memory::default();
        for k in 0..200 {
            let per_job = 50.0 + f64::from(k % 40);
            let mut record = Metrics::new(Timestamp::EPOCH, 10.0 * per_job, 10.0);
            record.processed_events_count = Some(10.0 * per_job);
            record.memory_utilization_percent = Some(percent(per_job));
            memory.observe(&record, 10.0, 60.0);
        }
        memory
    }

    #[test]
    fn memory_that_follows_the_load_says_how_few_jobs_suffice() {
        // full (90 %) at 140 events of a job; the newest interval had 890
        let memory = learned(|per_job| 20.0 + 0.5 * per_job);
        assert!(abs_diff_eq!(memory.jobs().unwrap(), 890.0 / 140.0, epsilon = 0.05), "{memory:?}");
        assert_eq!(learned(|_| 95.0).jobs(), None, "a heap of fixed size");
        assert_eq!(learned(|per_job| 60.0 - 0.3 * per_job).jobs(), None, "less memory at more load");
    }
}
