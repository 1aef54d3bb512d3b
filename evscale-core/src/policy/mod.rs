//! How many jobs would be best: the analytic rule, the policy network that adjusts it, and what acts when they cannot.

mod fallback_chain;
mod late_ahead;
mod levels;
mod need;
mod network;
mod outlook;
mod path;
mod saving;
mod selection;

pub(crate) use fallback_chain::{ForecastAvailability, NetworkPolicy, Proposal, propose};
pub(crate) use late_ahead::LateAhead;
pub(crate) use levels::{LevelNeed, Levels};
pub(crate) use need::{Load, Need, jobs_for};
pub(crate) use network::{PolicyNetwork, PolicySource};
pub(crate) use outlook::{Outlook, emergency_ahead, load_ahead, load_of_level, policy_state};
pub(crate) use saving::Saving;
pub(crate) use selection::{AdvisedInterval, Begin, OwnEvents, Prior, RivalInterval, Seen, Selection};

pub(crate) use crate::config::whole_jobs;
use crate::names::named;
use serde::{Deserialize, Serialize};

/// Who made a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

named! {
    Source, "source":
    PolicyNetwork = "policy_network",
    HostPolicy = "host_policy",
    AnalyticRule = "analytic_rule",
    ReactiveRule = "reactive_rule",
    Hold = "hold",
}

impl Source {
    /// Reports whether this is a network or what the host put in its place.
    pub(crate) fn is_learned(self) -> bool {
        matches!(self, Self::PolicyNetwork | Self::HostPolicy)
    }
}
