//! The SLA's error budget: how much of it was used.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Shares of late events, of the newest record, the last hour and the last day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorBudget {
    last_share: f64,
    hour_share: f64,
    day_events: f64,
    day_violations: f64,
}

impl ErrorBudget {
    /// Share of the events of the newest record that missed the SLA.
    pub(crate) fn last_share(&self) -> f64 {
        self.last_share
    }

    /// Share of the events of the last hour that missed the SLA.
    pub(crate) fn hour_share(&self) -> f64 {
        self.hour_share
    }

    /// Violations of the last day over the allowed ones.
    pub(crate) fn burn(&self, allowed_share: f64) -> f64 {
        if self.day_events > 0.0 { self.day_violations / self.day_events / allowed_share } else { 0.0 }
    }

    /// Learns from a checked record; returns the late events that it told of, if it did. Once some were told, the events of a
    /// record that tells of none count as in time.
    pub(crate) fn observe(
        &mut self,
        record: &Metrics,
        interval_seconds: f64,
        sla_wait_seconds: f64,
    ) -> Option<f64> {
        let events = record.processed_events_count.unwrap_or(record.logged_events_count);
        let events = if events.is_finite() { events } else { 0.0 };
        let Some(share) = violation_share(record, sla_wait_seconds) else {
            if self.day_events > 0.0 {
                self.count(0.0, events, 0.0, interval_seconds);
            }
            return None;
        };
        self.count(share, events, share * events, interval_seconds);
        Some(share * events)
    }

    /// Counts an interval: the share of its events that was late, its events, and the late ones among them.
    pub(crate) fn count(&mut self, share: f64, events: f64, late: f64, interval_seconds: f64) {
        let day = interval_seconds / 86_400.0;
        self.last_share = share;
        self.hour_share += (interval_seconds / 3600.0).min(1.0) * (share - self.hour_share);
        self.day_events += events - day * self.day_events;
        self.day_violations += late - day * self.day_violations;
    }
}

/// From the count of violations, else from the mean wait: a mean above the limit counts as all events late.
fn violation_share(record: &Metrics, sla_wait_seconds: f64) -> Option<f64> {
    if let Some(violations) = record.sla_violations_count {
        let processed = record.processed_events_count.unwrap_or(record.logged_events_count);
        if violations <= 0.0 {
            return Some(0.0);
        }
        return (processed > 0.0).then(|| (violations / processed).min(1.0));
    }
    let wait = record.average_queue_wait_time_ms?;
    Some(if wait > 1000.0 * sla_wait_seconds { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn run(share: f64, intervals: usize) -> ErrorBudget {
        let mut budget = ErrorBudget::default();
        let mut record = Metrics::new(Timestamp::EPOCH, 1000.0, 4.0);
        record.processed_events_count = Some(1000.0);
        record.sla_violations_count = Some(1000.0 * share);
        for _ in 0..intervals {
            budget.observe(&record, 120.0, 30.0);
        }
        budget
    }

    #[test]
    fn the_budget_is_used_up_at_the_allowed_share() {
        assert_eq!(run(0.0, 720).burn(0.005), 0.0);
        assert!((run(0.005, 7200).burn(0.005) - 1.0).abs() < 0.01);
        assert!((run(0.05, 7200).hour_share() - 0.05).abs() < 1e-6);
    }

    #[test]
    fn late_events_that_are_no_longer_told_of_fade() {
        let mut budget = run(1.0, 10);
        let silent = Metrics::new(Timestamp::EPOCH, 1000.0, 4.0);
        (0..720).for_each(|_| assert_eq!(budget.observe(&silent, 120.0, 30.0), None));
        assert_eq!(budget.last_share(), 0.0);
        assert!(budget.hour_share() < 1e-6 && budget.burn(0.05) < 1.0);
    }

    #[test]
    fn waits_stand_in_for_a_missing_count() {
        let mut record = Metrics::new(Timestamp::EPOCH, 10.0, 4.0);
        assert_eq!(violation_share(&record, 30.0), None);
        record.average_queue_wait_time_ms = Some(31_000.0);
        assert_eq!(violation_share(&record, 30.0), Some(1.0));
        record.sla_violations_count = Some(5.0);
        assert_eq!(violation_share(&record, 30.0), Some(0.5));
    }
}
