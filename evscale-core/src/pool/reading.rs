//! What a record says of its interval, as the pool reads it.

use crate::config::Config;
use crate::metrics::Metrics;

/// Reports whether as many events were processed as are allowed downstream, or nearly so.
pub(super) fn reaches_limit(config: &Config, record: &Metrics) -> bool {
    const NEARLY: f64 = 0.9;
    let allowed = config.most_events_per_second.map(|limit| limit * f64::from(config.interval_seconds));
    allowed.zip(record.processed_events_count).is_some_and(|(allowed, done)| done >= NEARLY * allowed)
}

/// Returns a record whose busy share is that of its busy jobs, where it says them: jobs that wait for others use little CPU.
pub(super) fn with_busy_share(record: &Metrics, ready: f64) -> Metrics {
    let mut record = record.clone();
    if let Some(busy) = record.busy_jobs.filter(|_| ready > 0.0) {
        record.cpu_utilization_percent = Some((100.0 * busy / ready).min(100.0));
    }
    record
}

/// Returns the busy seconds per event that ended in an interval, so that long events end in the shadow pools when the real
/// ones do; an interval says little, so that the usual time counts as a part of an event.
pub(super) fn coupled(busy_seconds: f64, done: f64, service_seconds: f64) -> f64 {
    const PRIOR_EVENTS: f64 = 0.05;
    (busy_seconds + PRIOR_EVENTS * service_seconds) / (done + PRIOR_EVENTS)
}
