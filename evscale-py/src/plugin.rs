//! A user's forecaster and policy, written in Python, behind the traits of the core.

use crate::errors::refused;
use crate::plain::{loads, number, shown};
use crate::turns::{call_back, contained};
use evscale_core::features::PolicyState;
use evscale_core::{HostError, HostForecaster, HostPolicy, Series};
use numpy::{PyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// A callable that gets a `History` and returns quantiles.
struct PythonForecaster(Arc<Py<PyAny>>);

/// A callable that gets a dict and returns a number.
struct PythonPolicy(Arc<Py<PyAny>>);

/// Puts the user's callables in the places of the networks, and returns those that there are, for the collector: each is
/// one reference that the scaler shares.
pub fn install(
    py: Python<'_>,
    scaler: &mut evscale_core::Autoscaler,
    forecaster: Option<Py<PyAny>>,
    policy: Option<Py<PyAny>>,
) -> PyResult<Vec<Arc<Py<PyAny>>>> {
    for (what, given) in [("forecaster", &forecaster), ("policy", &policy)] {
        if let Some(given) = given
            && !given.bind(py).is_callable()
        {
            return Err(refused(py, &format!("`{what}` is {}, expected a callable", shown(given.bind(py)))));
        }
    }
    let (forecaster, policy) = (forecaster.map(Arc::new), policy.map(Arc::new));
    contained(py, || {
        if let Some(forecaster) = &forecaster {
            scaler.use_forecaster(Box::new(PythonForecaster(Arc::clone(forecaster))))?;
        }
        if let Some(policy) = &policy {
            scaler.use_policy(Box::new(PythonPolicy(Arc::clone(policy))))?;
        }
        Ok(())
    })?;
    Ok(forecaster.into_iter().chain(policy).collect())
}

impl HostForecaster for PythonForecaster {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        Ok(call_back(|py| {
            let fields = PyDict::new(py);
            let interval_ms = (series.interval_seconds * 1000.0) as i64;
            fields.set_item("start_ms", series.end.as_millis() - interval_ms * series.counts.len() as i64)?;
            fields.set_item("interval_seconds", series.interval_seconds as i64)?;
            fields.set_item("events", PyArray1::from_slice(py, &series.counts))?;
            let history = py.import("evscale.history")?.getattr("History")?.call((), Some(&fields))?;
            let answer = self.0.bind(py).call1((history,))?;
            let array = py.import("numpy")?.call_method1("asarray", (answer, "float64"))?;
            let array: PyReadonlyArray2<'_, f64> = array.extract().map_err(|_| {
                refused(py, &format!("the answer is of shape {}, expected (12, 15)", shape(&array)))
            })?;
            Ok(array.as_array().rows().into_iter().map(|row| row.to_vec()).collect())
        })?)
    }
}

fn shape(array: &Bound<'_, PyAny>) -> String {
    array.getattr("shape").map_or_else(|_| "unknown".to_owned(), |shape| shape.to_string())
}

impl HostPolicy for PythonPolicy {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        Ok(call_back(|py| {
            let state = loads(py, &state.to_json())?;
            number("jobs", &self.0.bind(py).call1((state,))?)
        })?)
    }
}
