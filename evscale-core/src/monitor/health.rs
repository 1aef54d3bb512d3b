//! Who acts, and why not a better source.

use crate::names::named;
use crate::policy::Source;
use crate::validation::{AllowedActions, DataQuality};
use serde::{Deserialize, Serialize};

/// How well a pool is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Nothing is known to be wrong.
    Healthy,
    /// Decisions are made, with less than everything: see the causes.
    Degraded,
    /// Nobody knows enough to decide: the pool stays as it is.
    Holding,
}

named! { HealthStatus, "health status": Healthy = "healthy", Degraded = "degraded", Holding = "holding" }

/// Health of one pool at its newest record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// Summary.
    pub status: HealthStatus,
    /// Who proposed the last decision; none before the first one.
    pub source: Option<Source>,
    /// Verdict on the data.
    pub data_quality: DataQuality,
    /// What may be done on it.
    pub allowed_actions: AllowedActions,
    /// What is wrong: a network that failed, a record that cannot be trusted, a state without a fresh record.
    pub causes: Vec<String>,
    /// What is announced of the time to come: no reason for concern.
    #[serde(default)]
    pub announced: Vec<String>,
    /// What happened last to the models, and what runs beside them: no reason for concern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
}

impl Health {
    pub(crate) fn new(source: Option<Source>, data_quality: DataQuality, causes: Vec<String>) -> Self {
        let status = match source {
            Some(Source::Hold) => HealthStatus::Holding,
            _ if causes.is_empty() => HealthStatus::Healthy,
            _ => HealthStatus::Degraded,
        };
        Self {
            status,
            source,
            data_quality,
            allowed_actions: data_quality.allowed(),
            causes,
            announced: Vec::new(),
            models: Vec::new(),
        }
    }

    /// The health as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
