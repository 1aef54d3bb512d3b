//! How many jobs would be best: the analytic rule, and the policy network that adjusts it.

mod error_budget;
mod need;
mod network;
mod rehearsal;
mod rung;
mod service;

pub(crate) use error_budget::ErrorBudget;
pub(crate) use need::{Need, NeedInput, jobs_for};
pub(crate) use network::{PolicyNetwork, PolicySource};
pub(crate) use rehearsal::Rehearsal;
pub(crate) use rung::ForecastRung;
pub(crate) use service::ServiceTime;

use serde::{Deserialize, Serialize};

/// Time in which a backlog is to be worked off, seconds.
const CATCH_UP_SECONDS: f64 = 45.0;

/// Who made a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// The policy network adjusted the analytic rule.
    PolicyNetwork,
    /// The host's own policy.
    HostPolicy,
    /// The analytic rule on the forecast.
    AnalyticRule,
    /// The last known load, without a forecast.
    ReactiveRule,
    /// Nobody knows enough: the pool stays as it is.
    Hold,
}

/// A number of jobs before the safety rules.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) jobs: u32,
    pub(crate) source: Source,
    /// Why a better source did not act.
    pub(crate) fallback: Option<String>,
}

/// Whole jobs for a need; a need within a thousandth of a whole number is that number.
pub(crate) fn whole_jobs(need: f64) -> u32 {
    if need.is_finite() { (need - 1e-3).ceil().clamp(0.0, 1e9) as u32 } else { 0 }
}
