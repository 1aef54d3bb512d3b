//! What is the answer, and why?

mod drain;
mod evidence;
mod explain;
mod explanation;
mod plan;
mod schedule;

pub use drain::Drain;
pub(crate) use evidence::Evidence;
pub(crate) use explain::explain;
pub use plan::PlanStep;
pub(crate) use plan::plan;
pub(crate) use schedule::Schedule;

use crate::names::named;
use crate::policy::Source;
use crate::quantiles::rounded;
use crate::safety::{Rule, TrailEntry};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The direction of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// More jobs.
    ScaleUp,
    /// Fewer jobs.
    ScaleDown,
    /// No change.
    Hold,
}

named! { Action, "action": ScaleUp = "scale_up", ScaleDown = "scale_down", Hold = "hold" }

/// Where the forecast sees the load go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadTrend {
    /// More than a tenth above the newest arrivals.
    IncreasingLoad,
    /// Within a tenth of them.
    SteadyLoad,
    /// More than a tenth below them.
    DecreasingLoad,
    /// There is no forecast.
    UnknownLoad,
}

named! {
    LoadTrend, "load trend":
    IncreasingLoad = "increasing_load",
    SteadyLoad = "steady_load",
    DecreasingLoad = "decreasing_load",
    UnknownLoad = "unknown_load",
}

/// How likely the recommended pool misses the SLA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlaRisk {
    /// It serves the 95 % quantile of the forecast.
    Low,
    /// It serves the median, or nobody knows the need.
    Medium,
    /// It serves less than the median.
    High,
    /// Events are late already.
    Breach,
    /// There is no recommendation.
    Unknown,
}

named! {
    SlaRisk, "risk for the SLA":
    Low = "low", Medium = "medium", High = "high", Breach = "breach", Unknown = "unknown",
}

/// What the change does to the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostImpact {
    /// Fewer jobs.
    Saving,
    /// As many jobs.
    None,
    /// Less than a tenth more.
    Low,
    /// Less than a half more.
    Moderate,
    /// A half more, and above.
    High,
    /// There is no change to speak of: no recommendation, or no count.
    Unknown,
}

named! {
    CostImpact, "cost impact":
    Saving = "saving", None = "none", Low = "low", Moderate = "moderate", High = "high", Unknown = "unknown",
}

/// The state of the pool in four words.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reasoning {
    /// Where the forecast sees the load go.
    pub forecast_indicates: LoadTrend,
    /// Busy share of the pool, 0 to 1; none if unknown.
    pub current_utilization: Option<f64>,
    /// Risk for the SLA of the recommended pool.
    pub sla_risk: SlaRisk,
    /// Impact of the change on the cost.
    pub cost_impact: CostImpact,
}

/// A number of jobs that passed the safety rules, or none where it would be a guess, with everything that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
