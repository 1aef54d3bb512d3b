//! The newest record, as far as decisions need it.

use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Part of the queue from which on it is nearly full.
const NEARLY_FULL: f64 = 0.8;

/// The newest record, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Latest {
    pub(super) at: Option<Timestamp>,
    pub(super) events: Option<f64>,
    pub(super) jobs: Option<u32>,
    pub(super) wait_seconds: Option<f64>,
    pub(super) utilization: Option<f64>,
    pub(super) maintenance: bool,
    pub(super) late_events: Option<f64>,
    /// Busy job-seconds per event that ended in the interval.
    pub(super) ended_after_seconds: Option<f64>,
    /// Ready jobs, mean over the interval.
    pub(super) ready: f64,
    /// Events that the queue can hold, and whether it was full or nearly so.
    pub(super) queue_capacity: Option<f64>,
    pub(super) overflow: bool,
}

/// Reports whether events were lost because the queue was full, or it nearly is.
pub(super) fn overflows(record: &Metrics) -> bool {
    let dropped = record.dropped_events_count.is_some_and(|dropped| dropped > 0.0);
    let full = record.queued_events_count.zip(record.queue_capacity);
    dropped || full.is_some_and(|(queued, capacity)| queued >= NEARLY_FULL * capacity)
}

/// Returns the longer of two waits, of which either may be unknown.
pub(super) fn longer(wait: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (wait, other) {
        (Some(wait), Some(other)) => Some(wait.max(other)),
        (wait, other) => wait.or(other),
    }
}
