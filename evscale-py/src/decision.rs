//! The answer, as a frozen Python value. What explains it is turned into Python values when it is asked for.

use crate::arguments::Text;
use crate::door::{Door, door};
use crate::errors::refused;
use crate::notebook::table;
use crate::plain::{datetime, hash_of, loads, number};
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

/// A number of jobs that passed the safety rules, or None where it would be a guess, and why.
///
/// Examples
/// --------
/// >>> from evscale import Autoscaler, Decision
/// >>> decision = Autoscaler().decide()
/// >>> decision.action, decision.recommended_jobs
/// ('hold', None)
/// >>> Decision(decision.to_json()).explanation == decision.explanation
/// True
#[pyclass(frozen, eq, weakref, module = "evscale", name = "Decision")]
#[derive(PartialEq)]
pub struct Decision(pub evscale_core::Decision);

/// A part of a decision as Python values.
macro_rules! part {
    ($py:expr, $part:expr) => {
        loads($py, &serde_json::to_string(&$part).unwrap_or_default())
    };
}

#[pymethods]
impl Decision {
    /// From the text of `to_json`; `confidence` restores the digits that the text rounds away.
    #[new]
    #[pyo3(signature = (json, confidence=None))]
    fn new(py: Python<'_>, json: Text, confidence: Option<&Bound<'_, PyAny>>) -> Door<Self> {
        door(py, || {
            let mut decision: evscale_core::Decision = serde_json::from_str(&json.0)
                .map_err(|problem| refused(py, &format!("decision: {problem}")))?;
            if let Some(confidence) = confidence {
                decision.confidence = number("confidence", confidence)?;
            }
            Ok(Self(decision))
        })
    }
    /// Jobs the pool should have, ready and starting ones; None while nobody knows how many it has: before a record told it,
    /// and after a restore until one tells it again.
    #[getter]
    fn recommended_jobs(&self) -> Option<u32> {
        self.0.recommended_jobs
    }
    /// Jobs it had when this was decided; after a restore those of the time before, None if nobody ever told them.
    #[getter]
    fn current_jobs(&self) -> Option<u32> {
        self.0.current_jobs
    }
    /// The difference; None without a recommendation or a count.
    #[getter]
    fn change(&self) -> Option<i64> {
        self.0.change
    }
    /// How far the decision can be trusted, 0 to 1.
    #[getter]
    fn confidence(&self) -> f64 {
        self.0.confidence
    }
    /// The state of the pool in words.
    #[getter]
    fn reasoning<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || part!(py, self.0.reasoning))
    }
    /// "scale_up", "scale_down" or "hold".
    #[getter]
    fn action<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || part!(py, self.0.action))
    }
    /// Whether jobs that leave should finish their event first.
    #[getter]
    fn graceful(&self) -> bool {
        self.0.graceful
    }
    /// Who proposed.
    #[getter]
    fn source<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || part!(py, self.0.source))
    }
    /// What was proposed before the safety rules; None where nobody knows enough to propose.
    #[getter]
    fn proposed_jobs(&self) -> Option<u32> {
        self.0.proposed_jobs
    }
    /// Names of the rules that changed the proposal, in order.
    #[getter]
    fn limited_by(&self) -> Vec<String> {
        self.0.limited_by.iter().map(ToString::to_string).collect()
    }
    /// What each of them changed: rule, before, after, detail.
    #[getter]
    fn trail<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || part!(py, self.0.trail))
    }
    /// What the pool will need later: minutes_ahead, jobs, low, high.
    #[getter]
    fn plan<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || part!(py, self.0.plan))
    }
    /// How jobs should leave; None unless the pool shrinks.
    #[getter]
    fn drain<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || part!(py, self.0.drain))
    }
    /// Decided because of a predicted or real breach of the SLA, maybe before the decision was due.
    #[getter]
    fn emergency(&self) -> bool {
        self.0.emergency
    }
    /// Why a better source did not act; None if it did.
    #[getter]
    fn fallback_reason(&self) -> Option<&str> {
        self.0.fallback_reason.as_deref()
    }
    /// The decision in a sentence.
    #[getter]
    fn explanation(&self) -> &str {
        &self.0.explanation
    }
    /// The moment it was made for, UTC.
    #[getter]
    fn decided_at<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDateTime>> {
        door(py, || datetime(py, self.0.decided_at))
    }
    /// The next decision is due then, UTC.
    #[getter]
    fn valid_until<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDateTime>> {
        door(py, || datetime(py, self.0.valid_until))
    }
    /// The whole decision as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || loads(py, &self.0.to_json()))
    }
    /// The whole decision as JSON, byte for byte as in Rust and C.
    fn to_json(&self) -> String {
        self.0.to_json()
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "decision_html")
    }
    fn __hash__(&self) -> u64 {
        hash_of(&self.0.to_json())
    }
    fn __repr__(&self) -> String {
        match self.0.recommended_jobs {
            Some(jobs) => format!("Decision({jobs} jobs: {})", self.0.explanation),
            None => format!("Decision({})", self.0.explanation),
        }
    }
    fn __getnewargs__(&self) -> (String, f64) {
        (self.0.to_json(), self.0.confidence)
    }
}
