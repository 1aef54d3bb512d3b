//! The forecaster alone.

use crate::answers::Forecast;
use crate::autoscaler::ModelBundle;
use crate::door::{guarded, refused};
use crate::record;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// 2000-01-03T00:00:00Z, a Monday: the beginning where none is given.
const DEFAULT_START_MS: i64 = 946_857_600_000;

/// Forecasts a series of counts, without a pool of jobs.
#[pyclass(module = "evscale", name = "Forecaster")]
pub struct Forecaster {
    inner: evscale_core::Forecaster,
    interval_seconds: u32,
    bundle: evscale_core::ModelBundle,
}

fn start_of(start: Option<&Bound<'_, PyAny>>) -> PyResult<evscale_core::Timestamp> {
    match start {
        Some(start) => record::timestamp(start),
        None => Ok(evscale_core::Timestamp::EPOCH.plus_millis(DEFAULT_START_MS)),
    }
}

/// Any array-like of numbers as float64.
fn counts<'py>(values: &Bound<'py, PyAny>) -> PyResult<Vec<f64>> {
    let py = values.py();
    let array = py.import("numpy")?.call_method1("asarray", (values, "float64"));
    let array: PyReadonlyArray1<'py, f64> = array
        .and_then(|array| array.extract().map_err(PyErr::from))
        .map_err(|_| refused(py, "counts are no one-dimensional array of numbers"))?;
    Ok(array.as_array().to_vec())
}

#[pymethods]
impl Forecaster {
    #[new]
    #[pyo3(signature = (interval_seconds=120, start=None, bundle=None))]
    fn new(
        py: Python<'_>,
        interval_seconds: u32,
        start: Option<&Bound<'_, PyAny>>,
        bundle: Option<&ModelBundle>,
    ) -> PyResult<Self> {
        let start = start_of(start)?;
        let bundle = bundle.map(|bundle| bundle.0.clone());
        guarded(py, || {
            let bundle = bundle.map_or_else(evscale_core::ModelBundle::bundled, Ok)?;
            let inner = evscale_core::Forecaster::with_bundle(interval_seconds, start, &bundle)?;
            Ok(Self { inner, interval_seconds, bundle })
        })
    }
    /// Takes the events of the next interval; NaN is unknown.
    fn observe(&mut self, py: Python<'_>, events: f64) -> PyResult<()> {
        let inner = &mut self.inner;
        guarded(py, || inner.observe(events))
    }
    /// Takes the events of the next intervals, oldest first; NaN is unknown.
    fn observe_many(&mut self, py: Python<'_>, events: &Bound<'_, PyAny>) -> PyResult<()> {
        let values = counts(events)?;
        let inner = &mut self.inner;
        guarded(py, || values.iter().try_for_each(|events| inner.observe(*events)))
    }
    /// The forecast at the end of the newest interval.
    fn forecast(&self) -> Forecast {
        Forecast(self.inner.forecast())
    }
    /// The forecast after `events`, from a fresh state.
    #[pyo3(signature = (events, start=None))]
    fn predict(
        &self,
        py: Python<'_>,
        events: &Bound<'_, PyAny>,
        start: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Forecast> {
        let (values, start) = (counts(events)?, start_of(start)?);
        let (interval, bundle) = (self.interval_seconds, &self.bundle);
        guarded(py, || {
            let mut fresh = evscale_core::Forecaster::with_bundle(interval, start, bundle)?;
            values.iter().try_for_each(|events| fresh.observe(*events))?;
            Ok(Forecast(fresh.forecast()))
        })
    }
}
