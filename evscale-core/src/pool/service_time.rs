//! Service time of one event, measured online.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Weight of a new sample in the logarithmic mean.
const WEIGHT: f64 = 0.15;
/// A sample further from the mean than this factor moves it no more than this factor would.
const OUTLIER: f64 = 3.0;
/// Lowest CPU utilization from which a service time is derived, percent.
const LEAST_CPU_PERCENT: f64 = 5.0;

/// Mean time a job works on one event: a robust logarithmic moving average of the samples, which are
/// the measured duration, else busy time over processed events, else (with a backlog) job time over
/// processed events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ServiceTime {
    configured_seconds: Option<f64>,
    mean_log: Option<f64>,
}

impl ServiceTime {
    pub(super) fn new(configured_ms: Option<f64>) -> Self {
        Self { configured_seconds: configured_ms.map(|ms| ms / 1000.0), mean_log: None }
    }

    /// Begins anew with another configured time.
    pub(super) fn reconfigure(&mut self, configured_ms: Option<f64>) {
        let configured_seconds = configured_ms.map(|ms| ms / 1000.0);
        if configured_seconds.is_some() && configured_seconds != self.configured_seconds {
            *self = Self::new(configured_ms);
        }
        self.configured_seconds = configured_seconds;
    }

    /// Seconds of one job per event; none before anything told.
    pub(super) fn seconds(&self) -> Option<f64> {
        self.mean_log.map(f64::exp).or(self.configured_seconds)
    }

    /// Learns from a checked record.
    pub(super) fn observe(&mut self, record: &Metrics, ready_jobs: f64, interval_seconds: f64) {
        let Some(sample) = sample(record, ready_jobs, interval_seconds) else { return };
        let sample = sample.clamp(1e-9, 1e7).ln();
        let mean = self.mean_log.or(self.configured_seconds.map(f64::ln)).unwrap_or(sample);
        self.mean_log = Some(mean + WEIGHT * (sample - mean).clamp(-OUTLIER.ln(), OUTLIER.ln()));
    }
}

fn sample(record: &Metrics, ready_jobs: f64, interval_seconds: f64) -> Option<f64> {
    if let Some(duration) = record.average_processing_duration_ms.filter(|ms| *ms > 0.0) {
        return Some(duration / 1000.0);
    }
    let processed = record.processed_events_count.filter(|count| *count > 0.0)?;
    let job_seconds = ready_jobs * interval_seconds;
    if job_seconds <= 0.0 {
        return None;
    }
    if let Some(cpu) = record.cpu_utilization_percent.filter(|percent| *percent >= LEAST_CPU_PERCENT) {
        return Some(job_seconds * cpu / 100.0 / processed);
    }
    let backlog = record.queued_events_count?;
    (backlog > processed / 2.0).then(|| job_seconds / processed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn record() -> Metrics {
        Metrics::new(Timestamp::EPOCH, 600.0, 10.0)
    }

    #[test]
    fn duration_then_busy_time_then_a_saturated_pool() {
        let mut with_all = record();
        with_all.average_processing_duration_ms = Some(1500.0);
        with_all.processed_events_count = Some(600.0);
        assert_eq!(sample(&with_all, 10.0, 120.0), Some(1.5));
        with_all.average_processing_duration_ms = None;
        with_all.cpu_utilization_percent = Some(50.0);
        assert_eq!(sample(&with_all, 10.0, 120.0), Some(1.0));
        with_all.cpu_utilization_percent = None;
        with_all.queued_events_count = Some(10.0);
        assert_eq!(sample(&with_all, 10.0, 120.0), None, "an idle pool tells nothing");
        with_all.queued_events_count = Some(900.0);
        assert_eq!(sample(&with_all, 10.0, 120.0), Some(2.0));
    }

    #[test]
    fn one_broken_sample_moves_little() {
        let mut service = ServiceTime::new(None);
        assert_eq!(service.seconds(), None);
        let mut good = record();
        good.average_processing_duration_ms = Some(1000.0);
        for _ in 0..50 {
            service.observe(&good, 10.0, 120.0);
        }
        let mut broken = record();
        broken.average_processing_duration_ms = Some(1e12);
        service.observe(&broken, 10.0, 120.0);
        assert!(service.seconds().unwrap() < 1.25);
    }
}
