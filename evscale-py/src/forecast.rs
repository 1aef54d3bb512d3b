//! Forecasts as frozen Python values.

use crate::arguments::items;
use crate::door::{Door, door, reading_door};
use crate::errors::refused;
use crate::notebook::table;
use crate::plain::{datetime, hash_of, loads, number, timestamp, whole};
use evscale_core::{Burst, QUANTILE_LEVELS};
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict};

/// Most horizons of a forecast.
const MOST_HORIZONS: usize = 100;
/// Most bursts of a forecast.
const MOST_BURSTS: usize = 10_000;

/// Arrivals expected at every horizon; made by `Autoscaler.forecast` and `Forecaster.predict`.
///
/// Examples
/// --------
/// >>> from evscale import Forecaster
/// >>> forecast = Forecaster().predict([5, 7, 6])
/// >>> [minutes for minutes in forecast.horizons if minutes in (12, 48, 180)]
/// [12, 48, 180]
#[pyclass(frozen, eq, weakref, module = "evscale", name = "Forecast")]
pub struct Forecast {
    inner: evscale_core::Forecast,
    interval_seconds: Option<u32>,
    /// Data frame library that the counts came from; no part of the value.
    backend: Option<String>,
}

impl PartialEq for Forecast {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner && self.interval_seconds == other.interval_seconds
    }
}

impl Forecast {
    /// A forecast of intervals of this length.
    pub fn of(inner: evscale_core::Forecast, interval_seconds: u32) -> Self {
        Self { inner, interval_seconds: Some(interval_seconds), backend: None }
    }
    /// The same, to be shown as data frames of this library.
    pub fn shown_as(self, backend: Option<String>) -> Self {
        Self { backend, ..self }
    }
}

#[pymethods]
impl Forecast {
    #[new]
    #[pyo3(signature = (at, horizons, anomaly_score, model_confidence, interval_seconds=None, bursts=None, due=None))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a forecast, by name")]
    fn new(
        py: Python<'_>,
        at: &Bound<'_, PyAny>,
        horizons: &Bound<'_, PyAny>,
        anomaly_score: &Bound<'_, PyAny>,
        model_confidence: &Bound<'_, PyAny>,
        interval_seconds: Option<&Bound<'_, PyAny>>,
        bursts: Option<&Bound<'_, PyAny>>,
        due: Option<&Bound<'_, PyAny>>,
    ) -> Door<Self> {
        door(py, || {
            let horizons = items("horizons", horizons, MOST_HORIZONS)?;
            let horizons = horizons.iter().map(|one| Ok(one.cast::<HorizonForecast>()?.get().0.clone()));
            let horizons = horizons.collect::<PyResult<_>>()?;
            let at = timestamp("at", at)?;
            let mut inner = evscale_core::Forecast::default();
            (inner.at, inner.horizons) = (at, horizons);
            inner.anomaly_score = number("anomaly_score", anomaly_score)?;
            inner.model_confidence = number("model_confidence", model_confidence)?;
            inner.bursts = bursts.map_or(Ok(Vec::new()), self::bursts)?;
            inner.due = due.map_or(Ok(Vec::new()), crate::orders::due)?;
            let interval_seconds =
                interval_seconds.map(|seconds| whole("interval_seconds", seconds)).transpose()?;
            Ok(Self { inner, interval_seconds, backend: None })
        })
    }
    /// Horizons by minutes ahead, nearest first; 12, 48 and 180 are always there.
    #[getter]
    fn horizons<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let out = PyDict::new(py);
            for horizon in &self.inner.horizons {
                out.set_item(horizon.minutes, HorizonForecast(horizon.clone()))?;
            }
            Ok(out)
        })
    }
    /// End of the newest interval known, UTC.
    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDateTime>> {
        door(py, || datetime(py, self.inner.at))
    }
    /// How unusual the newest records are, 0 to 1.
    #[getter]
    fn anomaly_score(&self) -> f64 {
        self.inner.anomaly_score
    }
    /// How far this forecast can be trusted, 0 to 1.
    #[getter]
    fn model_confidence(&self) -> f64 {
        self.inner.model_confidence
    }
    /// Bursts that are due by the clock, as on the days before: what the horizons are too far apart to show. In order; each is
    /// its begin and its end, seconds after the newest record, and its highest arrivals, events per second.
    #[getter]
    fn bursts(&self) -> Vec<(f64, f64, f64)> {
        let one = |burst: &Burst| (burst.begins_seconds, burst.ends_seconds, burst.events_per_second);
        self.inner.bursts.iter().map(one).collect()
    }
    /// Events that you said fall due, as far as they are believed: each its time and their number. They come beside the arrivals
    /// between the horizons, and are among those of a horizon in whose interval they fall due.
    #[getter]
    fn due<'py>(&self, py: Python<'py>) -> Door<Vec<(Bound<'py, PyDateTime>, f64)>> {
        door(py, || self.inner.due.iter().map(|due| Ok((datetime(py, due.at)?, due.events))).collect())
    }
    /// Length of an interval, seconds; None if it is not known.
    #[getter]
    fn interval_seconds(&self) -> Option<u32> {
        self.interval_seconds
    }
    /// Returns the forecast as a data frame (of the library that the counts came in, or of pandas, polars or pyarrow, whichever is
    /// installed): a row per interval that is forecast, with the columns ds (beginning of the interval, as in the histories
    /// that come in), median, lo-80, hi-80 and so on; `level` lists the central intervals in percent.
    #[pyo3(signature = (level=None))]
    fn to_frame<'py>(slf: &Bound<'py, Self>, level: Option<Bound<'py, PyAny>>) -> Door<Bound<'py, PyAny>> {
        reading_door(slf.py(), || {
            slf.py()
                .import("evscale.pictures")?
                .call_method1("forecast_frame", (slf, level, slf.get().backend.as_deref()))
        })
    }
    /// The median and the 50 and 80 % intervals over the horizons, drawn with matplotlib; the axes are returned.
    #[pyo3(signature = (axes=None))]
    fn plot<'py>(slf: &Bound<'py, Self>, axes: Option<Bound<'py, PyAny>>) -> Door<Bound<'py, PyAny>> {
        reading_door(slf.py(), || {
            slf.py().import("evscale.pictures")?.call_method1("forecast_plot", (slf, axes))
        })
    }
    /// The whole forecast as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || loads(py, &self.inner.to_json()))
    }
    /// The whole forecast as JSON, byte for byte as in Rust and C.
    fn to_json(&self) -> String {
        self.inner.to_json()
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "forecast_html")
    }
    fn __hash__(&self) -> u64 {
        hash_of(&self.inner.to_json())
    }
    fn __repr__(&self) -> String {
        let soon = self.inner.horizon(12).map_or(f64::NAN, |horizon| horizon.prediction);
        format!(
            "Forecast(at {}, in 12 min {soon:.1}, confidence {:.2})",
            self.inner.at, self.inner.model_confidence
        )
    }
    #[expect(clippy::type_complexity, reason = "the arguments of `__new__`")]
    fn __getnewargs__(
        &self,
    ) -> (i64, Vec<HorizonForecast>, f64, f64, Option<u32>, Vec<(f64, f64, f64)>, Vec<(i64, f64)>) {
        let horizons = self.inner.horizons.iter().cloned().map(HorizonForecast).collect();
        let (anomaly, confidence) = (self.inner.anomaly_score, self.inner.model_confidence);
        let due = self.inner.due.iter().map(|due| (due.at.as_millis(), due.events)).collect();
        (self.inner.at.as_millis(), horizons, anomaly, confidence, self.interval_seconds, self.bursts(), due)
    }
}

/// Arrivals of one whole interval that ends a while from now, events per interval.
#[pyclass(frozen, eq, weakref, module = "evscale", name = "HorizonForecast")]
#[derive(PartialEq)]
pub struct HorizonForecast(pub evscale_core::HorizonForecast);

/// Returns bursts, each of its begin, its end and its arrivals.
fn bursts(given: &Bound<'_, PyAny>) -> PyResult<Vec<Burst>> {
    let burst = |given: &Bound<'_, PyAny>| {
        let values = items("bursts", given, 3)?;
        let values = values.iter().map(|value| number("bursts", value)).collect::<PyResult<Vec<_>>>()?;
        let [begins_seconds, ends_seconds, events_per_second] = *values.as_slice() else {
            let told = format!(
                "a burst of `bursts` is {} numbers, expected its begin, end and arrivals",
                values.len()
            );
            return Err(refused(given.py(), &told));
        };
        let mut burst = Burst::default();
        (burst.begins_seconds, burst.ends_seconds) = (begins_seconds, ends_seconds);
        burst.events_per_second = events_per_second;
        Ok(burst)
    };
    items("bursts", given, MOST_BURSTS)?.iter().map(burst).collect()
}

/// Returns a value for each of the quantile levels.
fn quantiles(given: &Bound<'_, PyAny>) -> PyResult<[f64; QUANTILE_LEVELS.len()]> {
    const LEVELS: usize = QUANTILE_LEVELS.len();
    let values = items("quantiles", given, LEVELS)?;
    let values = values.iter().map(|value| number("quantiles", value)).collect::<PyResult<Vec<_>>>()?;
    <[f64; LEVELS]>::try_from(values).map_err(|values| {
        refused(given.py(), &format!("quantiles are {} numbers, expected {LEVELS}", values.len()))
    })
}

/// Returns a share of 0 to 1.
fn share(name: &str, given: &Bound<'_, PyAny>) -> PyResult<f64> {
    let value = number(name, given)?;
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(refused(given.py(), &format!("`{name}` is {value}, expected 0 to 1")))
}

#[pymethods]
impl HorizonForecast {
    #[new]
    fn new(
        py: Python<'_>,
        minutes: &Bound<'_, PyAny>,
        steps: &Bound<'_, PyAny>,
        prediction: &Bound<'_, PyAny>,
        uncertainty: &Bound<'_, PyAny>,
        quantiles: &Bound<'_, PyAny>,
    ) -> Door<Self> {
        door(py, || {
            let mut horizon = evscale_core::HorizonForecast::default();
            horizon.minutes = whole("minutes", minutes)?;
            horizon.steps = whole("steps", steps)?;
            horizon.prediction = number("prediction", prediction)?;
            horizon.uncertainty = number("uncertainty", uncertainty)?;
            horizon.quantiles = self::quantiles(quantiles)?;
            Ok(Self(horizon))
        })
    }
    /// Nominal lead, minutes.
    #[getter]
    fn minutes(&self) -> u32 {
        self.0.minutes
    }
    /// Real lead, whole intervals.
    #[getter]
    fn steps(&self) -> u32 {
        self.0.steps
    }
    /// Median.
    #[getter]
    fn prediction(&self) -> f64 {
        self.0.prediction
    }
    /// Half the width of the 80 % interval.
    #[getter]
    fn uncertainty(&self) -> f64 {
        self.0.uncertainty
    }
    /// Level to value, lowest level first.
    #[getter]
    fn quantiles<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || {
            let out = PyDict::new(py);
            for (level, value) in QUANTILE_LEVELS.iter().zip(self.0.quantiles) {
                out.set_item(*level, value)?;
            }
            Ok(out)
        })
    }
    /// Value at a level of 0 to 1, interpolated; levels beyond the outermost ones give those.
    ///
    /// Examples
    /// --------
    /// >>> from evscale import Forecaster
    /// >>> soon = Forecaster().predict([5, 7, 6]).horizons[12]
    /// >>> soon.quantile(0.5) == soon.prediction
    /// True
    fn quantile(&self, py: Python<'_>, level: &Bound<'_, PyAny>) -> Door<f64> {
        door(py, || Ok(self.0.quantile(share("level", level)?)))
    }
    /// Central interval (low, high) that holds the actual value with this probability, 0 to 1.
    #[pyo3(signature = (share=None), text_signature = "($self, share=0.8)")]
    fn interval(&self, py: Python<'_>, share: Option<&Bound<'_, PyAny>>) -> Door<(f64, f64)> {
        door(py, || Ok(self.0.interval(share.map_or(Ok(0.8), |share| self::share("share", share))?)))
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "horizon_html")
    }
    fn __hash__(&self) -> u64 {
        hash_of(&format!("{:?}", self.0))
    }
    fn __repr__(&self) -> String {
        let (low, high) = self.0.interval(0.8);
        format!(
            "HorizonForecast({} min: {:.1}, 80 % {low:.1} to {high:.1})",
            self.0.minutes, self.0.prediction
        )
    }
    fn __getnewargs__(&self) -> (u32, u32, f64, f64, Vec<f64>) {
        let horizon = &self.0;
        (horizon.minutes, horizon.steps, horizon.prediction, horizon.uncertainty, horizon.quantiles.to_vec())
    }
}
