//! What became of a record.

use crate::arguments::{Text, items, text};
use crate::door::{Door, door};
use crate::errors::refused;
use crate::notebook::table;
use crate::plain::{hash_of, number};
use evscale_core::{AllowedActions, DataQuality};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Most repairs of a record.
const MOST_REPAIRS: usize = 100;

/// What became of a record, and what it means.
///
/// Examples
/// --------
/// >>> from evscale import Autoscaler
/// >>> seen = Autoscaler().observe(timestamp="2026-01-05T10:02:00Z", logged_events_count=-5, current_job_count=3)
/// >>> seen.verdict, len(seen.repairs)
/// ('repaired', 1)
#[pyclass(frozen, eq, weakref, module = "evscale", name = "Observation")]
#[derive(Clone, PartialEq)]
pub struct Observation {
    /// "accepted", "repaired" or "rejected".
    #[pyo3(get)]
    verdict: &'static str,
    /// Fields that were set to unknown, and why.
    #[pyo3(get)]
    repairs: Vec<String>,
    /// Why the record was rejected.
    #[pyo3(get)]
    reason: Option<String>,
    quality: DataQuality,
    /// How unusual the record is, 0 to 1.
    #[pyo3(get)]
    anomaly_score: f64,
    /// `decide` will make a new decision.
    #[pyo3(get)]
    decision_due: bool,
    /// It will do so because of a predicted or real breach of the SLA.
    #[pyo3(get)]
    emergency: bool,
}

impl From<evscale_core::Observation> for Observation {
    fn from(seen: evscale_core::Observation) -> Self {
        Self {
            verdict: seen.verdict.as_str(),
            repairs: seen.repairs,
            reason: seen.reason,
            quality: seen.data_quality,
            anomaly_score: seen.anomaly_score,
            decision_due: seen.decision_due,
            emergency: seen.emergency,
        }
    }
}

impl Observation {
    /// Why the record was rejected, if it was.
    pub fn rejected(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.verdict == "rejected")
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        out.set_item("verdict", self.verdict)?;
        out.set_item("repairs", &self.repairs)?;
        out.set_item("reason", &self.reason)?;
        out.set_item("data_quality", self.data_quality())?;
        out.set_item("allowed_actions", self.allowed_actions())?;
        out.set_item("anomaly_score", self.anomaly_score)?;
        out.set_item("decision_due", self.decision_due)?;
        out.set_item("emergency", self.emergency)?;
        Ok(out)
    }
}

#[pymethods]
impl Observation {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python call")]
    fn new(
        py: Python<'_>,
        verdict: Text,
        repairs: &Bound<'_, PyAny>,
        reason: Option<Text>,
        data_quality: Text,
        anomaly_score: &Bound<'_, PyAny>,
        decision_due: bool,
        emergency: bool,
    ) -> Door<Self> {
        door(py, || {
            let verdict = ["accepted", "repaired", "rejected"]
                .into_iter()
                .find(|known| *known == verdict.0)
                .ok_or_else(|| {
                    refused(
                        py,
                        &format!("verdict is {:?}, expected accepted, repaired or rejected", verdict.0),
                    )
                })?;
            let quality = serde_json::from_value(data_quality.0.into())
                .map_err(|problem| refused(py, &format!("data_quality: {problem}")))?;
            let repairs = items("repairs", repairs, MOST_REPAIRS)?;
            Ok(Self {
                verdict,
                repairs: repairs.iter().map(text).collect::<PyResult<_>>()?,
                reason: reason.map(|reason| reason.0),
                quality,
                anomaly_score: number("anomaly_score", anomaly_score)?,
                decision_due,
                emergency,
            })
        })
    }
    /// Verdict on the data: "good", or what is wrong with it, such as "late", "stuck" or "gap".
    #[getter]
    fn data_quality(&self) -> &'static str {
        self.quality.as_str()
    }
    /// What may be done on it: "all", "up_only" or "hold".
    #[getter]
    fn allowed_actions(&self) -> &'static str {
        match self.quality.allowed() {
            AllowedActions::All => "all",
            AllowedActions::UpOnly => "up_only",
            AllowedActions::Hold => "hold",
        }
    }
    /// The observation as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyDict>> {
        door(py, || self.fields(py))
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "observation_html")
    }
    fn __hash__(&self) -> u64 {
        hash_of(&format!("{}{:?}{:?}{}", self.verdict, self.repairs, self.reason, self.anomaly_score))
    }
    fn __repr__(&self, py: Python<'_>) -> Door<String> {
        door(py, || {
            let fields: Vec<String> = self
                .fields(py)?
                .iter()
                .map(|(key, value)| Ok(format!("{}={}", key.str()?, value.repr()?)))
                .collect::<PyResult<_>>()?;
            Ok(format!("Observation({})", fields.join(", ")))
        })
    }
    fn __getnewargs__(&self) -> (&'static str, Vec<String>, Option<String>, &'static str, f64, bool, bool) {
        let Self { verdict, repairs, reason, quality, anomaly_score, decision_due, emergency } = self.clone();
        (verdict, repairs, reason, quality.as_str(), anomaly_score, decision_due, emergency)
    }
}
