//! Failed work is no capacity, and what comes back because it failed is no new load.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Share of failed events that is worth a look, and how many times the usual share it must be.
const MANY: f64 = 0.1;
const UNUSUAL: f64 = 3.0;
/// Time over which the usual share is averaged, seconds, and records before anything is unusual.
const USUAL_SECONDS: f64 = 6.0 * 3600.0;
const LEAST_RECORDS: u32 = 30;

/// The share of events that fail, usually and now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Failures {
    usual: f64,
    records: u32,
    /// Share of the newest record, where it is unusually high.
    now: Option<f64>,
}

impl Failures {
    /// Learns from a checked record.
    pub(super) fn observe(&mut self, record: &Metrics, interval_seconds: f64) {
        self.now = self.unusual(record);
        let Some(share) = record.error_rate_percent.map(|percent| percent / 100.0) else { return };
        self.records = self.records.saturating_add(1);
        let first = if self.records <= LEAST_RECORDS { 1.0 / f64::from(self.records) } else { 0.0 };
        let weight = (interval_seconds / USUAL_SECONDS).max(first).min(1.0);
        self.usual += weight * (share - self.usual);
    }

    /// Returns the share of a record's events that failed, if many more do than usually.
    pub(super) fn unusual(&self, record: &Metrics) -> Option<f64> {
        let share = record.error_rate_percent? / 100.0;
        (self.records >= LEAST_RECORDS && share >= MANY.max(UNUSUAL * self.usual)).then_some(share)
    }

    /// Reports whether many more events fail now than usually.
    pub(super) fn many(&self) -> bool {
        self.now.is_some()
    }

    /// Returns that many events fail.
    pub(super) fn detail(&self) -> Option<String> {
        let share = 100.0 * self.now?;
        Some(format!(
            "failures: {share:.0} % of the events fail, usually {:.1} %; durations are not learned from them, and what comes back \
             is no new load",
            100.0 * self.usual
        ))
    }
}
