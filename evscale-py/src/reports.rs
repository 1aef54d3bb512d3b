//! Reports as Python values.

use crate::config::Config;
use crate::plain;
use pyo3::prelude::*;

/// Returns a report as its Python value, made of the report and the alerts as JSON, and the configuration.
pub fn value<'py>(
    py: Python<'py>,
    (report, alerts, config): (String, String, evscale_core::Config),
) -> PyResult<Bound<'py, PyAny>> {
    let values = (plain::loads(py, &report)?, plain::loads(py, &alerts)?, Config(config));
    py.import("evscale.pool_report")?.call_method1("PoolReport", values)
}
