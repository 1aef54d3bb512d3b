//! The SLA's error budget: how much of it was used, and how much headroom that asks for.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Change of the logarithm of the headroom per day without a violation.
const RELIEF_PER_DAY: f64 = 1.0;
/// Largest violation share over the allowed one that counts for one interval.
const LARGEST_BURN: f64 = 60.0;
const LEAST_HEADROOM: f64 = 0.6;
const MOST_HEADROOM: f64 = 4.0;

/// Integral control of the headroom on the violation share: headroom falls slowly while the budget is not
/// used and rises with every violation, so that it settles where violations use the budget up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorBudget {
    headroom: f64,
    last_share: f64,
    hour_share: f64,
    day_events: f64,
    day_violations: f64,
}

impl ErrorBudget {
    pub(crate) fn new() -> Self {
        Self { headroom: 1.0, last_share: 0.0, hour_share: 0.0, day_events: 0.0, day_violations: 0.0 }
    }

    /// Factor on the spread between median and upper quantile, 0.6 to 4.
    pub(crate) fn headroom(&self) -> f64 {
        self.headroom
    }

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

    /// Learns from a checked record.
    pub(crate) fn observe(
        &mut self,
        record: &Metrics,
        interval_seconds: f64,
        sla_wait_seconds: f64,
        allowed_share: f64,
    ) {
        let Some(share) = violation_share(record, sla_wait_seconds) else { return };
        let events = record.processed_events_count.unwrap_or(record.logged_events_count);
        let events = if events.is_finite() { events } else { 0.0 };
        let day = interval_seconds / 86_400.0;
        let usual = self.day_events * day;
        self.last_share = share;
        self.hour_share += (interval_seconds / 3600.0).min(1.0) * (share - self.hour_share);
        self.day_events += events - day * self.day_events;
        self.day_violations += share * events - day * self.day_violations;
        let weight = if usual > 0.0 { (events / usual).min(5.0) } else { 1.0 };
        let burn = (share / allowed_share * weight).min(LARGEST_BURN);
        let headroom = self.headroom.ln() + RELIEF_PER_DAY * day * (burn - 1.0);
        self.headroom = headroom.exp().clamp(LEAST_HEADROOM, MOST_HEADROOM);
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
        let mut budget = ErrorBudget::new();
        let mut record = Metrics::new(Timestamp::EPOCH, 1000.0, 4.0);
        record.processed_events_count = Some(1000.0);
        record.sla_violations_count = Some(1000.0 * share);
        for _ in 0..intervals {
            budget.observe(&record, 120.0, 30.0, 0.005);
        }
        budget
    }

    #[test]
    fn headroom_falls_without_violations_rises_with_them_and_rests_at_the_budget() {
        assert!(run(0.0, 720).headroom() < 0.7);
        assert!(run(0.05, 720).headroom() > 2.0);
        let (early, late) = (run(0.005, 3600).headroom(), run(0.005, 7200).headroom());
        assert!((late / early - 1.0).abs() < 0.02, "{early} {late}");
        assert!((run(0.005, 7200).burn(0.005) - 1.0).abs() < 0.01);
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
