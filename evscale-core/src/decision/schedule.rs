//! When a decision is due, and the one that stands until then.

use super::Decision;
use crate::config::Config;
use crate::pool::Recommended;
use crate::safety::Rule;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Rules that make a pool smaller for other reasons than its load.
const BESIDE_THE_LOAD: [Rule; 8] = [
    Rule::Effectiveness,
    Rule::CapacityLimit,
    Rule::ScheduledMaximum,
    Rule::ManualFixed,
    Rule::ManualCap,
    Rule::Pause,
    Rule::JobHourBudget,
    Rule::SharedBudget,
];

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
        let between = f64::from(config.decision_interval_seconds);
        self.decided.is_none_or(|last| match now.elapsed_since(last) {
            Some(elapsed) => elapsed >= between - slack,
            // one for a moment ago stands; one from a clock that was ahead is no reason to wait
            None => last.seconds_apart(now) > between,
        })
    }

    /// Remembers a decision, and returns what it asks for; a person's order for a pool of unknown size is decided
    /// anew at the next call.
    pub(crate) fn stand(&mut self, config: &Config, decision: &Decision) -> Option<Recommended> {
        if decision.change.is_none() {
            if decision.recommended_jobs.is_some() {
                self.expedite();
            }
            return None;
        }
        if self.due(config, decision.decided_at) {
            self.decided = Some(decision.decided_at);
        }
        self.standing = Some(Box::new(decision.clone()));
        self.recommended()
    }

    /// Makes a decision due at once.
    pub(crate) fn expedite(&mut self) {
        self.decided = None;
    }

    /// Returns the last decision.
    pub(crate) fn standing(&self) -> Option<&Decision> {
        self.standing.as_deref()
    }

    /// Returns what the last decision asked for.
    pub(crate) fn recommended(&self) -> Option<Recommended> {
        let standing = self.standing.as_ref()?;
        Some(Recommended {
            jobs: standing.recommended_jobs?,
            at: standing.decided_at,
            as_proposed: standing.proposed_jobs <= standing.recommended_jobs,
            kept_small: standing
                .trail
                .iter()
                .any(|entry| entry.after < entry.before && BESIDE_THE_LOAD.contains(&entry.rule)),
        })
    }

    /// Forgets a last decision that the configuration does not allow.
    pub(crate) fn keep_within(&mut self, config: &Config) {
        let (allowed, numbers) = (config.min_jobs..=config.max_jobs, config.job_numbers());
        let possible = |jobs| allowed.contains(&jobs) && numbers.contains(jobs);
        let forbidden = |last: &mut Box<Decision>| !last.recommended_jobs.is_some_and(possible);
        self.standing.take_if(forbidden);
    }
}
