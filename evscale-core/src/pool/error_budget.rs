//! The SLA's error budget: how much of it was used.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Time in which the share of late events halves while no record tells it, seconds.
const HALF_LIFE_SECONDS: f64 = 120.0;

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

    /// Learns from a checked record, `elapsed_seconds` after the one before; returns the late events that it told of, if it did.
    /// Where it does not, the last share fades.
    pub(crate) fn observe(
        &mut self,
        record: &Metrics,
        elapsed_seconds: f64,
        sla_wait_seconds: f64,
    ) -> Option<f64> {
        let told = with_dropped(record, violation_share(record, sla_wait_seconds));
        let faded = self.last_share * 0.5f64.powf(elapsed_seconds / HALF_LIFE_SECONDS);
        let share = told.unwrap_or(faded);
        let events = record.processed_events_count.unwrap_or(record.logged_events_count);
        let events = if events.is_finite() { events } else { 0.0 };
        self.count(share, events, share * events, elapsed_seconds);
        told.map(|share| share * events)
    }

    /// Counts an interval: the share of its events that was late, its events, and the late ones among them. It ended
    /// `elapsed_seconds` after the one before.
    pub(crate) fn count(&mut self, share: f64, events: f64, late: f64, elapsed_seconds: f64) {
        let day = (elapsed_seconds / 86_400.0).min(1.0);
        self.last_share = share;
        self.hour_share += (elapsed_seconds / 3600.0).min(1.0) * (share - self.hour_share);
        self.day_events += events - day * self.day_events;
        self.day_violations += late - day * self.day_violations;
    }
}

/// Adds the events that were lost because the queue was full: they are late for ever.
fn with_dropped(record: &Metrics, late_share: Option<f64>) -> Option<f64> {
    let Some(dropped) = record.dropped_events_count.filter(|dropped| *dropped > 0.0) else {
        return late_share;
    };
    let taken = record.processed_events_count.unwrap_or(record.logged_events_count);
    let taken = if taken.is_finite() { taken } else { 0.0 };
    Some((late_share.unwrap_or(0.0) * taken + dropped) / (taken + dropped))
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
    use approx::{abs_diff_eq, assert_abs_diff_eq};

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
        assert_abs_diff_eq!(run(0.005, 7200).burn(0.005), 1.0, epsilon = 0.01);
        assert_abs_diff_eq!(run(0.05, 7200).hour_share(), 0.05, epsilon = 1e-6);
    }

    #[test]
    fn what_is_no_longer_told_fades_and_lost_records_are_time() {
        let mut budget = run(1.0, 30);
        let silent = Metrics::new(Timestamp::EPOCH, 1000.0, 4.0);
        for _ in 0..10 {
            assert_eq!(budget.observe(&silent, 120.0, 30.0), None);
        }
        assert!(budget.last_share() < 0.001 && budget.hour_share() < 0.5, "{budget:?}");
        for _ in 0..720 {
            budget.observe(&silent, 120.0, 30.0);
        }
        assert!(budget.hour_share() < 1e-6 && budget.burn(0.005) < 5.0, "{budget:?}");
        let (mut often, mut rarely) = (run(1.0, 30), run(1.0, 30));
        for _ in 0..100 {
            often.observe(&silent, 120.0, 30.0);
        }
        for _ in 0..20 {
            rarely.observe(&silent, 600.0, 30.0);
        }
        assert!(
            abs_diff_eq!(often.hour_share(), rarely.hour_share(), epsilon = 0.02),
            "{often:?} {rarely:?}"
        );
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
