//! A Python dict to a metrics record, and the ways a time can be written.

use crate::door::refused;
use evscale_core::{Metrics, Timestamp};
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict, PyString, PyTzInfoAccess};

/// A timestamp from an aware datetime, an RFC 3339 string, or epoch milliseconds.
pub fn timestamp(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let written = |problem: evscale_core::Error| refused(py, &problem.to_string());
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str()?.parse().map_err(written);
    }
    if let Ok(moment) = value.cast::<PyDateTime>() {
        if moment.get_tzinfo().is_none() {
            return Err(refused(
                py,
                &format!(
                    "timestamp is the naive datetime {moment}, expected an aware one: without a zone its meaning \
                          depends on the machine"
                ),
            ));
        }
        let seconds: f64 = moment.call_method0("timestamp")?.extract()?;
        return Timestamp::from_millis((seconds * 1000.0).round() as i64).map_err(written);
    }
    let millis: f64 = value.extract().map_err(|_| {
        refused(
            py,
            &format!("timestamp is {value}, expected an aware datetime, RFC 3339 text or epoch milliseconds"),
        )
    })?;
    if !millis.is_finite() {
        return Err(refused(py, &format!("timestamp is {millis}, expected epoch milliseconds")));
    }
    Timestamp::from_millis(millis as i64).map_err(written)
}

/// A metrics record from a dict; None is unknown, unknown keys are refused.
pub fn metrics(fields: &Bound<'_, PyDict>) -> PyResult<Metrics> {
    let py = fields.py();
    let required = |key: &str| {
        fields
            .get_item(key)?
            .ok_or_else(|| refused(py, &format!("metrics record has no `{key}`, which is required")))
    };
    let mut record = Metrics::new(timestamp(&required("timestamp")?)?, f64::NAN, f64::NAN);
    required("logged_events_count")?;
    required("current_job_count")?;
    for (key, value) in fields.iter() {
        let key = key.cast::<PyString>()?;
        let key = key.to_str()?;
        let number = || -> PyResult<Option<f64>> {
            if value.is_none() {
                return Ok(None);
            }
            value
                .extract()
                .map(Some)
                .map_err(|_| refused(py, &format!("`{key}` is {value}, expected a number")))
        };
        let flag = || -> PyResult<Option<bool>> {
            if value.is_none() {
                return Ok(None);
            }
            value.is_truthy().map(Some)
        };
        match key {
            "timestamp" => {}
            "logged_events_count" => record.logged_events_count = number()?.unwrap_or(f64::NAN),
            "current_job_count" => record.current_job_count = number()?.unwrap_or(f64::NAN),
            "processed_events_count" => record.processed_events_count = number()?,
            "queued_events_count" => record.queued_events_count = number()?,
            "unprocessed_events_count" => record.unprocessed_events_count = number()?,
            "average_processing_duration_ms" => record.average_processing_duration_ms = number()?,
            "cpu_utilization_percent" => record.cpu_utilization_percent = number()?,
            "memory_utilization_percent" => record.memory_utilization_percent = number()?,
            "network_io_mbps" => record.network_io_mbps = number()?,
            "average_queue_wait_time_ms" => record.average_queue_wait_time_ms = number()?,
            "sla_violations_count" => record.sla_violations_count = number()?,
            "error_rate_percent" => record.error_rate_percent = number()?,
            "expected_traffic_multiplier" => record.expected_traffic_multiplier = number()?,
            "is_business_hours" => record.is_business_hours = flag()?,
            "is_peak_hours" => record.is_peak_hours = flag()?,
            "is_maintenance_window" => record.is_maintenance_window = flag()?,
            unknown => {
                return Err(refused(
                    py,
                    &format!("metrics record has the unknown key `{unknown}`; see evscale.FIELDS"),
                ));
            }
        }
    }
    Ok(record)
}
