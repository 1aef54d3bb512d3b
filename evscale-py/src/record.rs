//! A Python mapping to a metrics record or a scaling outcome.

use crate::arguments::Fields;
use crate::errors::refused;
use crate::plain::{flag, missing, number, timestamp, whole};
use evscale_core::{Metrics, ScalingOutcome};
use pyo3::prelude::*;

/// What messages call them.
pub const RECORD: &str = "metrics record";
pub const OUTCOME: &str = "scaling outcome";

/// Returns a metrics record; None is unknown, NaN is passed on, unknown keys are refused.
pub fn metrics(fields: &Fields<'_>) -> PyResult<Metrics> {
    let at = timestamp("timestamp", fields.required("timestamp")?)?;
    fields.required("logged_events_count")?;
    fields.required("current_job_count")?;
    let mut record = Metrics::new(at, f64::NAN, f64::NAN);
    for (key, value) in fields.iter() {
        let count = || if missing(value) { Ok(None) } else { number(key, value).map(Some) };
        let truth = || if missing(value) { Ok(None) } else { flag(key, value) };
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
            unknown => return Err(fields.unknown(unknown, value, "one of evscale.FIELDS")),
        }
    }
    Ok(record)
}

/// Returns what the host really did; absent counts are 0.
pub fn outcome(fields: &Fields<'_>) -> PyResult<ScalingOutcome> {
    let mut outcome = ScalingOutcome::new(timestamp("timestamp", fields.required("timestamp")?)?);
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
                let expected = "timestamp, started, ready, startup_seconds, refused or drained";
                return Err(fields.unknown(unknown, value, expected));
            }
        }
    }
    Ok(outcome)
}
