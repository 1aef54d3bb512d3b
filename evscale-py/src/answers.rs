//! Answers as frozen Python values.

use evscale_core::{HORIZON_MINUTES, QUANTILE_LEVELS};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// JSON text as Python values.
fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

fn attribute<'py>(py: Python<'py>, json: &str, key: &str) -> PyResult<Bound<'py, PyAny>> {
    loads(py, json)?.get_item(key)
}

/// What became of a record.
#[pyclass(frozen, module = "evscale", name = "Observation")]
pub struct Observation(pub evscale_core::Observation);

#[pymethods]
impl Observation {
    /// "accepted", "repaired" or "rejected".
    #[getter]
    fn verdict(&self) -> &'static str {
        self.0.verdict.as_str()
    }
    /// Fields that were set to unknown, and why.
    #[getter]
    fn repairs(&self) -> Vec<String> {
        self.0.repairs.clone()
    }
    /// Why the record was rejected.
    #[getter]
    fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
    /// How unusual the record is, 0 to 1.
    #[getter]
    fn anomaly_score(&self) -> f64 {
        self.0.anomaly_score
    }
    /// `decide` will make a new decision.
    #[getter]
    fn decision_due(&self) -> bool {
        self.0.decision_due
    }
    /// It will do so because of a predicted or real breach of the SLA.
    #[getter]
    fn emergency(&self) -> bool {
        self.0.emergency
    }
    fn __repr__(&self) -> String {
        format!("Observation({})", self.0.to_json())
    }
}

/// A number of jobs that passed the safety rules, and why.
#[pyclass(frozen, module = "evscale", name = "Decision")]
pub struct Decision(pub evscale_core::Decision);

#[pymethods]
impl Decision {
    #[new]
    fn new(json: &str) -> PyResult<Self> {
        serde_json::from_str(json)
            .map(Self)
            .map_err(|problem| pyo3::exceptions::PyValueError::new_err(format!("decision: {problem}")))
    }
    /// Jobs the pool should have.
    #[getter]
    fn recommended_jobs(&self) -> u32 {
        self.0.recommended_jobs
    }
    /// Jobs it had when this was decided.
    #[getter]
    fn current_jobs(&self) -> u32 {
        self.0.current_jobs
    }
    /// The difference.
    #[getter]
    fn change(&self) -> i64 {
        self.0.change
    }
    /// How far the decision can be trusted, 0 to 1.
    #[getter]
    fn confidence(&self) -> f64 {
        self.0.confidence
    }
    /// What was proposed before the safety rules.
    #[getter]
    fn proposed_jobs(&self) -> u32 {
        self.0.proposed_jobs
    }
    /// Names of the rules that changed the proposal.
    #[getter]
    fn limited_by(&self) -> Vec<String> {
        self.0.limited_by.clone()
    }
    /// Decided because of a predicted or real breach of the SLA.
    #[getter]
    fn emergency(&self) -> bool {
        self.0.emergency
    }
    /// The decision in a sentence.
    #[getter]
    fn explanation(&self) -> &str {
        &self.0.explanation
    }
    /// "scale_up", "scale_down" or "hold".
    #[getter]
    fn action<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attribute(py, &self.0.to_json(), "action")
    }
    /// Who proposed.
    #[getter]
    fn source<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attribute(py, &self.0.to_json(), "source")
    }
    /// Why a better source did not act.
    #[getter]
    fn fallback_reason(&self) -> Option<&str> {
        self.0.fallback_reason.as_deref()
    }
    /// The state of the pool in words.
    #[getter]
    fn reasoning<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attribute(py, &self.0.to_json(), "reasoning")
    }
    /// What each rule changed.
    #[getter]
    fn trail<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attribute(py, &self.0.to_json(), "trail")
    }
    /// What the pool will need later.
    #[getter]
    fn plan<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attribute(py, &self.0.to_json(), "plan")
    }
    /// The whole decision as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.0.to_json())
    }
    /// The whole decision as JSON, byte for byte as in Rust and C.
    fn to_json(&self) -> String {
        self.0.to_json()
    }
    fn __repr__(&self) -> String {
        format!("Decision({} jobs: {})", self.0.recommended_jobs, self.0.explanation)
    }
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Self>().into_any(), (self.0.to_json(),)))
    }
}

/// Arrivals expected at every horizon.
#[pyclass(frozen, module = "evscale", name = "Forecast")]
pub struct Forecast(pub evscale_core::Forecast);

#[pymethods]
impl Forecast {
    /// Horizons by minutes ahead.
    #[getter]
    fn horizons<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for minutes in HORIZON_MINUTES {
            if let Some(horizon) = self.0.horizon(minutes) {
                out.set_item(minutes, HorizonForecast(horizon.clone()))?;
            }
        }
        Ok(out)
    }
    /// End of the newest interval known, as RFC 3339 text.
    #[getter]
    fn at(&self) -> String {
        self.0.at.to_string()
    }
    /// How unusual the newest records are, 0 to 1.
    #[getter]
    fn anomaly_score(&self) -> f64 {
        self.0.anomaly_score
    }
    /// How far this forecast can be trusted, 0 to 1.
    #[getter]
    fn model_confidence(&self) -> f64 {
        self.0.model_confidence
    }
    /// The whole forecast as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.0.to_json())
    }
    /// The whole forecast as JSON.
    fn to_json(&self) -> String {
        self.0.to_json()
    }
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn __repr__(&self) -> String {
        let soon = self.0.horizon(12).map_or(0.0, |h| h.prediction);
        format!("Forecast(at {}, in 12 min {soon:.1}, confidence {:.2})", self.0.at, self.0.model_confidence)
    }
}

/// Arrivals of one whole interval that ends a while from now.
#[pyclass(frozen, module = "evscale", name = "HorizonForecast")]
pub struct HorizonForecast(pub evscale_core::HorizonForecast);

#[pymethods]
impl HorizonForecast {
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
    /// Level to value.
    #[getter]
    fn quantiles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for (level, value) in QUANTILE_LEVELS.iter().zip(self.0.quantiles) {
            out.set_item(*level, value)?;
        }
        Ok(out)
    }
    /// Value at a level, interpolated.
    fn quantile(&self, level: f64) -> f64 {
        self.0.quantile(level)
    }
    /// Central interval that holds the actual value with this probability.
    fn interval(&self, share: f64) -> (f64, f64) {
        self.0.interval(share)
    }
    fn __repr__<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let (low, high) = self.0.interval(0.8);
        PyString::new(
            py,
            &format!(
                "HorizonForecast({} min: {:.1}, 80 % {low:.1} to {high:.1})",
                self.0.minutes, self.0.prediction
            ),
        )
    }
}
