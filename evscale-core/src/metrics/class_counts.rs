//! What a record says of one class of events.

use super::LARGEST_COUNT;
use serde::{Deserialize, Serialize};

/// Counts of one class in one interval; what is not known is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCounts {
    /// Events of the class that arrived in the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_events_count: Option<f64>,
    /// Events of the class whose processing ended in the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_events_count: Option<f64>,
    /// Events of the class that wait at the end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_events_count: Option<f64>,
    /// Events of the class taken from the queue in the interval that had waited longer than its SLA allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla_violations_count: Option<f64>,
}

impl ClassCounts {
    /// Sets counts that make no sense to unknown; returns the names and values of those.
    pub(crate) fn check(&mut self) -> Vec<(&'static str, f64)> {
        let all = [
            ("logged_events_count", &mut self.logged_events_count),
            ("processed_events_count", &mut self.processed_events_count),
            ("queued_events_count", &mut self.queued_events_count),
            ("sla_violations_count", &mut self.sla_violations_count),
        ];
        let wrong = |(name, slot): (&'static str, &mut Option<f64>)| {
            let value = slot.filter(|count| !(0.0..=LARGEST_COUNT).contains(count))?;
            *slot = None;
            Some((name, value))
        };
        all.into_iter().filter_map(wrong).collect()
    }
}
