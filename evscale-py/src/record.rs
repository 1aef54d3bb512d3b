//! A Python mapping to a metrics record or a scaling outcome.

use crate::arguments::Fields;
use crate::errors::refused;
use crate::plain::{flag, missing, number, timestamp, whole};
use evscale_core::metrics::{FieldMut, Metrics};
use evscale_core::{ClassCounts, ScalingOutcome, Timestamp};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// What messages call them.
pub const RECORD: &str = "metrics record";
pub const OUTCOME: &str = "scaling outcome";
const OUTCOME_FIELDS: [&str; 6] = ["timestamp", "started", "ready", "startup_seconds", "refused", "drained"];

/// Returns a metrics record; None is unknown, NaN is passed on, unknown keys are refused.
pub fn metrics(fields: &Fields<'_>) -> PyResult<Metrics> {
    let mut record = Metrics::new(Timestamp::EPOCH, f64::NAN, f64::NAN);
    for (key, value) in fields.iter().filter(|(key, _)| *key != "timestamp") {
        if key == "classes" {
            record.classes = if missing(value) { BTreeMap::new() } else { classes(value)? };
            continue;
        }
        let count = || if missing(value) { Ok(None) } else { number(key, value).map(Some) };
        match record.field_mut(key) {
            Some(FieldMut::Required(field)) => *field = count()?.unwrap_or(f64::NAN),
            Some(FieldMut::Number(field)) => *field = count()?,
            Some(FieldMut::Flag(field)) => *field = if missing(value) { None } else { flag(key, value)? },
            None => {
                let names = Metrics::FIELDS.iter().map(|field| field.name);
                return Err(fields.unknown(key, value, "one of evscale.FIELDS", names));
            }
        }
    }
    fields.required("logged_events_count")?;
    fields.required("current_job_count")?;
    record.timestamp = timestamp("timestamp", fields.required("timestamp")?)?;
    Ok(record)
}

/// Returns the counts of each class by its name; None is unknown.
fn classes(given: &Bound<'_, PyAny>) -> PyResult<BTreeMap<String, ClassCounts>> {
    let one = |(name, given): (&str, &Bound<'_, PyAny>)| {
        let fields = Fields::of("class of `classes`", given)?;
        let mut counts = ClassCounts::default();
        for (key, value) in fields.iter() {
            let Some(slot) = counts.field_mut(key) else {
                let expected = format!("one of {}", ClassCounts::FIELDS.join(", "));
                return Err(fields.unknown(key, value, &expected, ClassCounts::FIELDS.into_iter()));
            };
            *slot = if missing(value) { None } else { Some(number(key, value)?) };
        }
        Ok((name.to_owned(), counts))
    };
    Fields::of("`classes`", given)?.iter().map(one).collect()
}

/// Returns what the host really did; absent counts are 0.
pub fn outcome(fields: &Fields<'_>) -> PyResult<ScalingOutcome> {
    let mut outcome = ScalingOutcome::new(Timestamp::EPOCH);
    for (key, value) in fields.iter() {
        match key {
            "timestamp" => {}
            "started" => outcome.started = whole(key, value)?,
            "ready" => outcome.ready = whole(key, value)?,
            "refused" => outcome.refused = whole(key, value)?,
            "drained" => outcome.drained = whole(key, value)?,
            "startup_seconds" if value.is_none() => {}
            "startup_seconds" => {
                let seconds = number(key, value)?;
                if !(seconds.is_finite() && seconds >= 0.0) {
                    let message = format!("`{key}` is {seconds}, expected 0 or more seconds");
                    return Err(refused(fields.py(), &message));
                }
                outcome.startup_seconds = Some(seconds);
            }
            unknown => {
                let expected = format!("one of {}", OUTCOME_FIELDS.join(", "));
                return Err(fields.unknown(unknown, value, &expected, OUTCOME_FIELDS.into_iter()));
            }
        }
    }
    outcome.timestamp = timestamp("timestamp", fields.required("timestamp")?)?;
    Ok(outcome)
}
