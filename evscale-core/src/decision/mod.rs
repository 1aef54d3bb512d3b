//! What is the answer, and why?

mod drain;
mod explain;
mod plan;
mod schedule;

pub use drain::Drain;
pub(crate) use explain::{Evidence, explain};
pub use plan::PlanStep;
pub(crate) use plan::plan;
pub(crate) use schedule::Schedule;

use crate::policy::Source;
use crate::quantiles::rounded;
use crate::safety::{Rule, TrailEntry};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The direction of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// More jobs.
    ScaleUp,
    /// Fewer jobs.
    ScaleDown,
    /// No change.
    Hold,
}

/// Four words on the state of the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reasoning {
    /// `increasing_load`, `steady_load`, `decreasing_load` or `unknown_load`.
    pub forecast_indicates: String,
    /// Busy share of the pool, 0 to 1; none if unknown.
    pub current_utilization: Option<f64>,
    /// Of the recommended pool: `low`, `medium`, `high`, `breach`, or `unknown` without a recommendation.
    pub sla_risk: String,
    /// Of the change: `saving`, `none`, `low`, `moderate`, `high`, or `unknown` where there is none.
    pub cost_impact: String,
}

/// A number of jobs that passed the safety rules, or none where it would be a guess, with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Decision {
    /// Jobs the pool should have, ready and starting ones; none while nobody knows how many it has, so that no number can
    /// be carried out by mistake: before a record told it, and after a restore until one tells it again.
    pub recommended_jobs: Option<u32>,
    /// Jobs it had when this was decided; after a restore those of the time before, and none if nobody ever told them.
    pub current_jobs: Option<u32>,
    /// The difference; none without a recommendation or a count.
    pub change: Option<i64>,
    /// How far the decision can be trusted, 0 to 1.
    #[serde(serialize_with = "serialize_rounded")]
    pub confidence: f64,
    /// The state of the pool in words.
    pub reasoning: Reasoning,
    /// Direction.
    pub action: Action,
    /// Whether jobs that leave should finish their event first.
    pub graceful: bool,
    /// Who proposed.
    pub source: Source,
    /// What was proposed before the safety rules; none where nobody knows enough to propose.
    pub proposed_jobs: Option<u32>,
    /// The rules that changed the proposal, in order.
    pub limited_by: Vec<Rule>,
    /// What each of them changed.
    pub trail: Vec<TrailEntry>,
    /// What the pool will need later.
    pub plan: Vec<PlanStep>,
    /// How jobs should leave; none unless the pool shrinks.
    #[serde(default)]
    pub drain: Option<Drain>,
    /// Decided because of a predicted or real breach of the SLA, maybe before the decision was due.
    pub emergency: bool,
    /// Why a better source did not act; none if it did.
    pub fallback_reason: Option<String>,
    /// The decision in a sentence.
    pub explanation: String,
    /// The moment it was made for.
    pub decided_at: Timestamp,
    /// The next decision is due then.
    pub valid_until: Timestamp,
}

impl Decision {
    /// The decision as JSON, byte for byte the same in every language.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn serialize_rounded<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*value))
}
