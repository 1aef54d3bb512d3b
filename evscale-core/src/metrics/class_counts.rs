//! What a record says of one class of events.

use serde::{Deserialize, Serialize};

/// Largest count per interval that is plausible; larger ones are not believed.
pub(crate) const LARGEST_COUNT: f64 = 1e15;

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
    /// Names of the counts, as fields and as keys in JSON.
    pub const FIELDS: [&str; 4] =
        ["logged_events_count", "processed_events_count", "queued_events_count", "sla_violations_count"];

    /// Returns a count by its name; none of another name.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Option<f64>> {
        match name {
            "logged_events_count" => Some(&mut self.logged_events_count),
            "processed_events_count" => Some(&mut self.processed_events_count),
            "queued_events_count" => Some(&mut self.queued_events_count),
            "sla_violations_count" => Some(&mut self.sla_violations_count),
            _ => None,
        }
    }

    /// Sets counts that make no sense to unknown; returns the names and values of those.
    pub(crate) fn check(&mut self) -> Vec<(&'static str, f64)> {
        let wrong = |name: &'static str| {
            let slot = self.field_mut(name)?;
            let value = slot.filter(|count| !(0.0..=LARGEST_COUNT).contains(count))?;
            *slot = None;
            Some((name, value))
        };
        Self::FIELDS.into_iter().filter_map(wrong).collect()
    }
}
