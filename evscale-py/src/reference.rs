//! The settings and the record fields as they are documented.

use crate::door::{Door, door};
use crate::plain;
use evscale_core::metrics::Metrics;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Returns every setting of `Config`: a dict of `name`, `description`, `default` and `range` (the smallest and the largest
/// value, each a number or the name of the setting that bounds it; None where there is no range).
#[pyfunction]
pub fn settings(py: Python<'_>) -> Door<Bound<'_, PyList>> {
    listed(py, serde_json::to_string(&evscale_core::Config::settings()))
}

/// Returns every field of a metrics record: a dict of `name`, `description`, `range` (the smallest and the largest number
/// that makes sense, or None) and `required`.
#[pyfunction]
pub fn fields(py: Python<'_>) -> Door<Bound<'_, PyList>> {
    listed(py, serde_json::to_string(Metrics::FIELDS))
}

/// Returns every metric of a report: a dict of `name`, `unit`, `description`, `adds_up` (whether those of several pools do) and
/// `exported`, its name in Prometheus.
#[pyfunction]
pub fn metrics(py: Python<'_>) -> Door<Bound<'_, PyList>> {
    let told = |metric: &evscale_core::MetricInfo| {
        let mut told = serde_json::json!(metric);
        told["exported"] = metric.exported_name().into();
        told
    };
    listed(py, serde_json::to_string(&evscale_core::Report::METRICS.iter().map(told).collect::<Vec<_>>()))
}

/// Returns every alert of the library: a dict of `name`, `severity`, `condition` (a list of `metric`, `side`, `fires_at` and
/// `resolves_at`), `for_seconds`, `resolved_after_seconds`, `escalated_after_seconds`, `text` and `action`.
#[pyfunction]
pub fn alert_rules(py: Python<'_>) -> Door<Bound<'_, PyList>> {
    listed(py, serde_json::to_string(evscale_core::AlertRule::table()))
}

fn listed(py: Python<'_>, json: serde_json::Result<String>) -> Door<Bound<'_, PyList>> {
    door(py, || Ok(plain::loads(py, &json.unwrap_or_default())?.cast_into()?))
}

/// Returns what each safety rule does, by its name, in the order in which they apply.
pub fn rules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let words = PyDict::new(py);
    for rule in evscale_core::Rule::ALL {
        words.set_item(rule.as_str(), rule.describe())?;
    }
    Ok(words)
}
