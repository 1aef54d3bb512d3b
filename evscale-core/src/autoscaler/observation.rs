//! What became of a record.

use crate::validation::{AllowedActions, DataQuality, Issue, Verdict};
use serde::Serialize;

/// What became of a record, and what it means.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Observation {
    /// Accepted, repaired, or rejected.
    pub verdict: Verdict,
    /// Fields that were set to unknown, and why.
    pub repairs: Vec<String>,
    /// Why the record was rejected.
    pub reason: Option<String>,
    /// Verdict on the data.
    pub data_quality: DataQuality,
    /// What may be done on it.
    pub allowed_actions: AllowedActions,
    /// How unusual the record is, 0 to 1.
    pub anomaly_score: f64,
    /// `decide` will make a new decision.
    pub decision_due: bool,
    /// It will do so because of a predicted or real breach of the SLA.
    pub emergency: bool,
}

impl Observation {
    /// Of a record that could be used, and that makes no decision due.
    pub(crate) fn usable(repairs: Vec<String>, issue: Option<&Issue>, anomaly_score: f64) -> Self {
        let quality = issue.map_or(DataQuality::Good, |issue| issue.quality);
        Self {
            verdict: if repairs.is_empty() { Verdict::Accepted } else { Verdict::Repaired },
            repairs,
            reason: None,
            data_quality: quality,
            allowed_actions: quality.allowed(),
            anomaly_score,
            decision_due: false,
            emergency: false,
        }
    }

    /// Of a record that could not be used.
    pub(crate) fn rejected(issue: Issue, anomaly_score: f64) -> Self {
        let usable = Self::usable(Vec::new(), Some(&issue), anomaly_score);
        Self { verdict: Verdict::Rejected, reason: Some(issue.reason), ..usable }
    }

    /// The observation as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
