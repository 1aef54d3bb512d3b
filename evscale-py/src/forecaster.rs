//! The forecaster alone.

use crate::arguments::{MOST_ROWS, items};
use crate::config::Config;
use crate::door::{Door, door, ends_the_call, reading_door};
use crate::errors::refused;
use crate::forecast::Forecast;
use crate::models::ModelBundle;
use crate::notebook::table;
use crate::plain::{missing, number, shown, timestamp, whole};
use crate::turns::{Shared, contained, locked};
use evscale_core::Timestamp;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::atomic::{AtomicBool, Ordering};

/// 2000-01-03T00:00:00Z, a Monday: the beginning where none is given.
const DEFAULT_START_MS: i64 = 946_857_600_000;
/// Most series of one call.
const MOST_SERIES: usize = 1_000_000;
/// Counts taken between two looks for a signal such as Ctrl-C.
const CHUNK: usize = 256;

/// Forecasts a series of counts, without a pool of jobs. Threads may share it; they take turns.
///
/// Parameters
/// ----------
/// interval_seconds
///     Length of an interval, 10 to 3600.
/// start
///     Beginning of the first interval; a Monday at midnight without one. The hour and the weekday matter.
/// bundle
///     Models; the bundled ones without.
/// config
///     Forecasts under its interval, time zone, holidays, `use_networks` and the signature that it asks of the models.
///
/// Raises
/// ------
/// BundleError
///     The models are not signed as `config` asks for.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> from evscale import Forecaster
/// >>> counts = 500 + 300 * np.sin(np.arange(720) / 720 * 2 * np.pi)
/// >>> forecast = Forecaster(interval_seconds=120).predict(counts, start="2026-01-05T00:00:00Z")
/// >>> low, high = forecast.horizons[12].interval(0.8)
/// >>> low <= forecast.horizons[12].prediction <= high
/// True
#[pyclass(frozen, weakref, module = "evscale", name = "Forecaster")]
pub struct Forecaster {
    state: Shared<evscale_core::Forecaster>,
    interval_seconds: u32,
    start: Timestamp,
    bundle: Option<evscale_core::ModelBundle>,
    config: Option<evscale_core::Config>,
    /// Whether its state is more than the arguments that it was made of.
    used: AtomicBool,
}

fn start_of(start: Option<&Bound<'_, PyAny>>, otherwise: Timestamp) -> PyResult<Timestamp> {
    start.map_or(Ok(otherwise), |start| timestamp("start", start))
}

/// Returns one-dimensional numbers as float64, of an array or of anything that can be iterated; None is NaN.
fn counts(values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let py = values.py();
    let unfit = || {
        let expected = "a one-dimensional array of numbers";
        refused(py, &format!("counts are {}, expected {expected}", shown(values)))
    };
    if !values.hasattr("__array__")? {
        if values.is_instance_of::<PyString>() || !values.hasattr("__iter__")? {
            return Err(unfit());
        }
        let values = items("counts", values, MOST_ROWS)?;
        return values.iter().map(count).collect();
    }
    let array = py.import("numpy")?.call_method1("asarray", (values, "float64"));
    let array = array.map_err(|raised| if ends_the_call(py, &raised) { raised } else { unfit() })?;
    let array: PyReadonlyArray1<'_, f64> = array.extract().map_err(|_| unfit())?;
    Ok(array.as_array().to_vec())
}

/// Returns one count; a missing one is NaN.
fn count(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if missing(value) { Ok(f64::NAN) } else { number("counts", value) }
}

/// Feeds a forecaster, with looks for signals in between.
fn feed(py: Python<'_>, state: &Shared<evscale_core::Forecaster>, values: &[f64]) -> PyResult<()> {
    for chunk in values.chunks(CHUNK) {
        locked(py, state, |forecaster| chunk.iter().try_for_each(|events| forecaster.observe(*events)))?;
        py.check_signals()?;
    }
    Ok(())
}

/// Returns a forecaster that has seen nothing: under a configuration if there is one.
fn fresh(
    interval_seconds: u32,
    start: Timestamp,
    bundle: Option<&evscale_core::ModelBundle>,
    config: Option<&evscale_core::Config>,
) -> evscale_core::Result<evscale_core::Forecaster> {
    match (config, bundle) {
        (Some(config), bundle) => evscale_core::Forecaster::for_config(config, start, bundle),
        (None, Some(bundle)) => evscale_core::Forecaster::with_bundle(interval_seconds, start, bundle),
        (None, None) => evscale_core::Forecaster::new(interval_seconds, start),
    }
}

/// The interval: told, that of a configuration, or the usual one.
fn interval_of(
    py: Python<'_>,
    told: Option<&Bound<'_, PyAny>>,
    config: Option<&evscale_core::Config>,
) -> PyResult<u32> {
    let told = told.map(|value| whole("interval_seconds", value)).transpose()?;
    match (told, config.map(|config| config.interval_seconds)) {
        (Some(told), Some(known)) if told != known => Err(refused(
            py,
            &format!("`interval_seconds` is {told}, expected {known} as in `config`, or none beside it"),
        )),
        (told, known) => Ok(told.or(known).unwrap_or(120)),
    }
}

impl Forecaster {
    /// Counts and start of an array or a data frame.
    fn series(
        &self,
        counts: &Bound<'_, PyAny>,
        start: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<f64>, Timestamp, Option<String>)> {
        let py = counts.py();
        let history = py.import("evscale.history")?.call_method1("timed", (counts,))?;
        if history.is_none() {
            return Ok((self::counts(counts)?, start_of(start, self.start)?, None));
        }
        let interval: u32 = history.getattr("interval_seconds")?.extract()?;
        if interval != self.interval_seconds {
            return Err(refused(
                py,
                &format!(
                    "history has an interval of {interval} s, expected {} s: \
                     Forecaster(interval_seconds={interval})",
                    self.interval_seconds
                ),
            ));
        }
        let first = Timestamp::EPOCH.plus_millis(history.getattr("start_ms")?.extract()?);
        let backend = history.getattr("backend")?.extract()?;
        Ok((self::counts(&history.getattr("events")?)?, start_of(start, first)?, backend))
    }

    /// The forecast after a series, from a fresh state.
    fn after(&self, counts: &Bound<'_, PyAny>, start: Option<&Bound<'_, PyAny>>) -> PyResult<Forecast> {
        let py = counts.py();
        let (values, start, backend) = self.series(counts, start)?;
        let fresh = contained(py, || {
            fresh(self.interval_seconds, start, self.bundle.as_ref(), self.config.as_ref())
        })?;
        let fresh = Shared::new(fresh);
        feed(py, &fresh, &values)?;
        let forecast = locked(py, &fresh, |forecaster| Ok(forecaster.forecast()))?;
        Ok(Forecast::of(forecast, self.interval_seconds).shown_as(backend))
    }
}

#[pymethods]
impl Forecaster {
    #[new]
    #[pyo3(
        signature = (interval_seconds=None, start=None, bundle=None, *, config=None),
        text_signature = "(interval_seconds=120, start=None, bundle=None, *, config=None)"
    )]
    fn new(
        py: Python<'_>,
        interval_seconds: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
        bundle: Option<&ModelBundle>,
        config: Option<&Config>,
    ) -> Door<Self> {
        door(py, || {
            let config = config.map(|config| config.0.clone());
            let interval_seconds = interval_of(py, interval_seconds, config.as_ref())?;
            let start = start_of(start, Timestamp::EPOCH.plus_millis(DEFAULT_START_MS))?;
            let used = AtomicBool::new(bundle.is_some() || config.is_some());
            let bundle = bundle.map(|bundle| bundle.0.clone());
            let state = contained(py, || fresh(interval_seconds, start, bundle.as_ref(), config.as_ref()))?;
            Ok(Self { state: Shared::new(state), interval_seconds, start, bundle, config, used })
        })
    }
    /// Takes the events of the next interval; NaN and None are unknown.
    fn observe(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            self.used.store(true, Ordering::Relaxed);
            let events = if missing(events) { f64::NAN } else { number("events", events)? };
            locked(py, &self.state, |forecaster| forecaster.observe(events))
        })
    }
    /// Takes the events of the next intervals, oldest first: any one-dimensional array of numbers; NaN is unknown.
    /// Those before a refused count are taken.
    fn observe_many(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> Door<()> {
        door(py, || {
            self.used.store(true, Ordering::Relaxed);
            feed(py, &self.state, &counts(events)?)
        })
    }
    /// The forecast at the end of the newest interval.
    fn forecast(&self, py: Python<'_>) -> Door<Forecast> {
        door(py, || {
            let forecast = locked(py, &self.state, |forecaster| Ok(forecaster.forecast()))?;
            Ok(Forecast::of(forecast, self.interval_seconds))
        })
    }
    /// Returns the forecast after `counts`, from a fresh state: an array, or a `History`, a data frame or a series with times,
    /// whose first time is the start; absent rows are refused (`History.read(..., gaps="interpolate")` takes them as unknown).
    /// `start` is that of this forecaster if none is given.
    #[pyo3(signature = (counts, start=None))]
    fn predict(
        &self,
        py: Python<'_>,
        counts: &Bound<'_, PyAny>,
        start: Option<&Bound<'_, PyAny>>,
    ) -> Door<Forecast> {
        reading_door(py, || self.after(counts, start))
    }
    /// The forecasts after several series, each as in `predict`, from a fresh state each.
    fn predict_many(&self, py: Python<'_>, series: &Bound<'_, PyAny>) -> Door<Vec<Forecast>> {
        reading_door(py, || {
            let series = items("series", series, MOST_SERIES)?;
            series.iter().map(|counts| self.after(counts, None)).collect()
        })
    }
    /// Length of an interval, seconds.
    #[getter]
    fn interval_seconds(&self) -> u32 {
        self.interval_seconds
    }
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        door(py, || {
            if this.used.load(Ordering::Relaxed) {
                return Err(refused(
                    py,
                    "a Forecaster that has observed, or has a bundle or a configuration of its own, is not picklable, \
                     expected a fresh one; predict(counts) needs no state",
                ));
            }
            let made = (py.get_type::<Self>(), (this.interval_seconds, this.start.as_millis()));
            Ok(made.into_pyobject(py)?.into_any())
        })
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "forecaster_html")
    }
    fn __repr__(&self) -> String {
        format!("Forecaster(interval_seconds={}, start={})", self.interval_seconds, self.start)
    }
}
