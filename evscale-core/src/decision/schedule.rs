//! When a decision is due, and the one that stands until then.

use super::Decision;
use crate::config::Config;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a decision asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recommended {
    pub(crate) jobs: u32,
    pub(crate) at: Timestamp,
    /// No rule made less of the proposal.
    pub(crate) as_proposed: bool,
}

/// The last decision, and when the last regular one was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    decided: Option<Timestamp>,
    standing: Option<Box<Decision>>,
}

impl Schedule {
    /// Reports whether a decision is due at `now`.
    pub(crate) fn due(&self, config: &Config, now: Timestamp) -> bool {
        let slack = f64::from(config.interval_seconds) / 4.0;
        self.decided
            .is_none_or(|last| now.seconds_since(last) >= f64::from(config.decision_interval_seconds) - slack)
    }

    /// Remembers a decision.
    pub(crate) fn stand(&mut self, config: &Config, decision: &Decision) {
        if self.due(config, decision.decided_at) {
            self.decided = Some(decision.decided_at);
        }
        self.standing = Some(Box::new(decision.clone()));
    }

    /// Returns the last decision.
    pub(crate) fn standing(&self) -> Option<&Decision> {
        self.standing.as_deref()
    }

    /// Returns what the last decision asked for.
    pub(crate) fn recommended(&self) -> Option<Recommended> {
        self.standing.as_ref().map(|standing| Recommended {
            jobs: standing.recommended_jobs,
            at: standing.decided_at,
            as_proposed: standing.proposed_jobs <= standing.recommended_jobs,
        })
    }

    /// Forgets a last decision that the configuration does not allow.
    pub(crate) fn keep_within(&mut self, config: &Config) {
        let allowed = config.min_jobs..=config.max_jobs;
        self.standing = self.standing.take().filter(|last| allowed.contains(&last.recommended_jobs));
    }
}
