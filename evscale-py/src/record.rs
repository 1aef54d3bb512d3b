//! A Python dict to a metrics record or a scaling outcome.

use crate::door::refused;
use crate::plain::{flag, missing, number, shown, timestamp, whole};
use evscale_core::{Metrics, ScalingOutcome, Timestamp};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// The dict of a call that takes a mapping or its fields as keyword arguments.
pub fn given<'py>(
    py: Python<'py>,
    what: &str,
    mapping: Option<&Bound<'py, PyAny>>,
    fields: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    match (mapping, fields) {
        (Some(mapping), None) => as_dict(what, mapping),
        (None, Some(fields)) => Ok(fields.clone()),
        (None, None) => Err(refused(
            py,
            &format!("{what} is missing, expected a dict or its fields as keyword arguments"),
        )),
        (Some(_), Some(_)) => Err(refused(
            py,
            &format!("{what} is given twice, expected a dict or its fields as keyword arguments"),
        )),
    }
}

/// A dict, or any mapping as one.
pub fn as_dict<'py>(what: &str, mapping: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    if let Ok(dict) = mapping.cast::<PyDict>() {
        return Ok(dict.clone());
    }
    let py = mapping.py();
    if mapping.hasattr("keys")? {
        return Ok(py.get_type::<PyDict>().call1((mapping,))?.cast_into()?);
    }
    Err(refused(py, &format!("{what} is {}, expected a dict", shown(mapping))))
}

fn required<'py>(what: &str, fields: &Bound<'py, PyDict>, key: &str) -> PyResult<Bound<'py, PyAny>> {
    fields
        .get_item(key)?
        .ok_or_else(|| refused(fields.py(), &format!("{what} has no `{key}`, which is required")))
}

/// A metrics record; None is unknown, NaN is passed on, unknown keys are refused.
pub fn metrics(fields: &Bound<'_, PyDict>) -> PyResult<Metrics> {
    const WHAT: &str = "metrics record";
    let at: Timestamp = timestamp("timestamp", &required(WHAT, fields, "timestamp")?)?;
    required(WHAT, fields, "logged_events_count")?;
    required(WHAT, fields, "current_job_count")?;
    let mut record = Metrics::new(at, f64::NAN, f64::NAN);
    for (key, value) in fields.iter() {
        let Ok(key) = key.cast::<PyString>() else {
            return Err(refused(fields.py(), &format!("{WHAT} has the key {}, expected text", shown(&key))));
        };
        let key = key.to_str()?;
        let count = || if missing(&value) { Ok(None) } else { number(key, &value).map(Some) };
        let truth = || if missing(&value) { Ok(None) } else { flag(key, &value) };
        match key {
            "timestamp" => {}
            "logged_events_count" => record.logged_events_count = count()?.unwrap_or(f64::NAN),
            "current_job_count" => record.current_job_count = count()?.unwrap_or(f64::NAN),
            "processed_events_count" => record.processed_events_count = count()?,
            "queued_events_count" => record.queued_events_count = count()?,
            "unprocessed_events_count" => record.unprocessed_events_count = count()?,
            "average_processing_duration_ms" => record.average_processing_duration_ms = count()?,
            "cpu_utilization_percent" => record.cpu_utilization_percent = count()?,
            "memory_utilization_percent" => record.memory_utilization_percent = count()?,
            "network_io_mbps" => record.network_io_mbps = count()?,
            "average_queue_wait_time_ms" => record.average_queue_wait_time_ms = count()?,
            "sla_violations_count" => record.sla_violations_count = count()?,
            "error_rate_percent" => record.error_rate_percent = count()?,
            "expected_traffic_multiplier" => record.expected_traffic_multiplier = count()?,
            "is_business_hours" => record.is_business_hours = truth()?,
            "is_peak_hours" => record.is_peak_hours = truth()?,
            "is_deploy_in_progress" => record.is_deploy_in_progress = truth()?,
            "is_maintenance_window" => record.is_maintenance_window = truth()?,
            unknown => {
                return Err(refused(
                    fields.py(),
                    &format!(
                        "{WHAT} has the unknown key `{unknown}` (its value is {}), expected one of evscale.FIELDS",
                        shown(&value)
                    ),
                ));
            }
        }
    }
    Ok(record)
}

/// What the host really did; absent counts are 0.
pub fn outcome(fields: &Bound<'_, PyDict>) -> PyResult<ScalingOutcome> {
    const WHAT: &str = "scaling outcome";
    let at = timestamp("timestamp", &required(WHAT, fields, "timestamp")?)?;
    let mut outcome = ScalingOutcome::new(at);
    for (key, value) in fields.iter() {
        let name = key.str()?;
        match name.to_str()? {
            "timestamp" => {}
            key @ "started" => outcome.started = whole(key, &value)?,
            key @ "ready" => outcome.ready = whole(key, &value)?,
            key @ "refused" => outcome.refused = whole(key, &value)?,
            key @ "drained" => outcome.drained = whole(key, &value)?,
            "startup_seconds" if value.is_none() => {}
            key @ "startup_seconds" => {
                let seconds = number(key, &value)?;
                if !(seconds.is_finite() && seconds >= 0.0) {
                    return Err(refused(
                        fields.py(),
                        &format!("`{key}` is {seconds}, expected 0 or more seconds"),
                    ));
                }
                outcome.startup_seconds = Some(seconds);
            }
            unknown => {
                return Err(refused(
                    fields.py(),
                    &format!(
                        "{WHAT} has the unknown key `{unknown}`, expected timestamp, started, ready, startup_seconds, \
                         refused or drained"
                    ),
                ));
            }
        }
    }
    Ok(outcome)
}
