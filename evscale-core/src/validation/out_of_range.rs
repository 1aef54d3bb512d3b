//! Optional fields that are out of range in every record: an error of unit, which is named once and left out.

use crate::metrics::{FieldMut, Metrics};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Records in a row, and the time they span, after which a field is left out.
const RECORDS: u32 = 12;
const SECONDS: f64 = 2.0 * 3600.0;

/// Records in a row whose value of a field was out of range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Run {
    /// Index in [`Metrics::FIELDS`].
    field: u8,
    since: Timestamp,
    records: u32,
    value: f64,
}

/// Fields that are out of range for now, by their place in the record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OutOfRange(Vec<Run>);

impl OutOfRange {
    /// Follows the fields of a record; one that is missing says nothing.
    pub(super) fn observe(&mut self, record: &mut Metrics) {
        let at = record.timestamp;
        for (index, field) in (0u8..).zip(Metrics::FIELDS) {
            let Some((low, high)) = field.range else { continue };
            let Some(FieldMut::Number(Some(value))) = record.field_mut(field.name) else { continue };
            let value = *value;
            if (low..=high).contains(&value) {
                self.0.retain(|run| run.field != index);
            } else if let Some(run) = self.0.iter_mut().find(|run| run.field == index) {
                (run.records, run.value) = (run.records.saturating_add(1), value);
                run.since = run.since.min(at);
            } else {
                self.0.push(Run { field: index, since: at, records: 1, value });
            }
        }
    }

    /// Reports whether a field has been out of range for so long that its value says nothing of the newest record.
    pub(super) fn is_left_out(&self, name: &str, now: Timestamp) -> bool {
        self.0.iter().any(|run| run.is_named(name) && run.is_lasting(now))
    }

    /// Names the fields that are left out.
    pub(super) fn detail(&self, now: Timestamp) -> Option<String> {
        let named: Vec<String> =
            self.0.iter().filter(|run| run.is_lasting(now)).filter_map(Run::describe).collect();
        (!named.is_empty()).then(|| format!("fields: {}", named.join(", ")))
    }
}

impl Run {
    fn is_named(&self, name: &str) -> bool {
        Metrics::FIELDS.get(usize::from(self.field)).is_some_and(|field| field.name == name)
    }

    fn is_lasting(&self, now: Timestamp) -> bool {
        self.records >= RECORDS && now.seconds_since(self.since) >= SECONDS
    }

    fn describe(&self) -> Option<String> {
        let field = Metrics::FIELDS.get(usize::from(self.field))?;
        let (low, high) = field.range?;
        Some(format!(
            "`{}` is {:e} and was out of range in each of {} records, expected {low} to {high:e}; it is left out",
            field.name, self.value, self.records
        ))
    }
}
