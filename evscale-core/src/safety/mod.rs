//! What may be done. The last stage, and the only one that can make a [`Ruling`], from which alone a
//! decision is made.
//!
//! The rules in their order; each sees what the one before left:
//! 1. [`tolerance`]: small changes are not made (not in an emergency).
//! 2. [`stabilization`]: a scale-down goes to the highest proposal of the window, or of less of it if it is deep.
//! 3. [`proof`]: no scale-down below what the upper forecast quantile needs.
//! 4. [`step`]: limits on one step up (not in an emergency) and down.
//! 5. [`flap`]: after too many reversals the pool does not shrink.
//! 6. [`cooldown`]: time between changes (up: not in an emergency).
//! 7. [`effectiveness`]: no growth while more jobs bring no more throughput.
//! 8. [`capacity`]: no growth beyond what the host could get, for a while after a refusal.
//! 9. [`records`]: no scale-down on data that cannot be trusted, no change on missing data; in the end fail safe upward.
//! 10. [`maintenance`]: the pool is left alone (an emergency may raise it, if configured).
//! 11. [`manual`]: a fixed number or a cap that a person has ordered, until its time.
//! 12. [`pause`]: changes that are switched off are not made.
//! 13. [`budget`]: job-hours of the day.
//! 14. [`bounds`]: between `min_jobs` and `max_jobs`, always, and last.
//!
//! # Invariants
//! Whatever the records, the models and the host do. Each is tested by the named test of `safety/tests.rs`, and those
//! marked (soak) also after every step of `tests/soak.rs`.
//! 1. Every recommendation lies within `min_jobs` and `max_jobs`, in an emergency too (soak): `bounds_hold_always`.
//! 2. One decision changes the pool by no more than the step limits; up, except in an emergency (soak):
//!    `steps_are_limited_by_the_larger_of_share_and_number`.
//! 3. No change within its cooldown; up, except in an emergency (soak): `cooldowns_are_measured_in_time`.
//! 4. No scale-down on data of any quality but good, no change on stale data (soak, anomalous aside):
//!    `doubtful_and_stale_records_never_shrink_the_pool`, and every verdict in `tests/quality.rs`.
//! 5. No change after a restore until a fresh record arrives (soak): `a_restored_pool_holds_until_a_fresh_record` in
//!    `tests/quality.rs`.
//! 6. No scale-down below what the upper forecast quantile over startup and cooldown needs, none without a forecast:
//!    `a_scale_down_needs_proof`.
//! 7. No scale-down below a proposal of the stabilization window, of which a deep one looks back on less:
//!    `the_highest_proposal_of_the_window_holds_a_scale_down`, `a_deep_scale_down_looks_back_on_less_of_the_window`.
//! 8. No scale-down after `max_reversals` reversals within the flap window: `reversals_make_it_reluctant_to_shrink`.
//! 9. No growth beyond what the job-hours of the day allow, `min_jobs` aside:
//!    `the_budget_caps_and_leaves_the_minimum_for_the_rest_of_the_day`.
//! 10. No change that is paused (soak), none during maintenance except a configured rescue: `maintenance_and_pause_hold`.
//! 11. The trail is a chain from the proposal to the recommendation, every link with its reason (soak):
//!     `the_trail_is_a_chain_that_ends_at_the_recommendation`.
//! 12. A person's order holds until its time, within pause, budget and bounds: `an_order_holds_until_its_time`.
//! 13. No growth while more jobs bring no more throughput, none beyond a number that the host has just been refused:
//!     `tests/effectiveness.rs`, `tests/execution.rs`.
//!
//! 2 to 8 and 13 yield to what protects more: the fail-safe number of a pool that nobody can see, an order, the budget, the
//! bounds. The trail then names that rule.

mod bounds;
mod budget;
mod capacity;
mod cooldown;
mod effectiveness;
mod flap;
mod maintenance;
mod manual;
mod pause;
mod proof;
mod records;
mod stabilization;
mod step;
mod tolerance;

pub(crate) use capacity::Capacity;
pub(crate) use effectiveness::Effectiveness;
pub use manual::{ManualOrder, ManualOverride};
pub(crate) use stabilization::LOOK_BACK;

use crate::config::{Config, Pause};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use crate::validation::Doubt;
use serde::{Deserialize, Serialize};

/// What the rules are given.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Timestamp,
    pub(crate) current_jobs: u32,
    pub(crate) emergency: bool,
    /// Jobs that the upper forecast quantile needs; none without a forecast.
    pub(crate) proof_jobs: Option<u32>,
    /// Why the data cannot be trusted; none if it can.
    pub(crate) doubt: Option<Doubt>,
    /// Jobs of a pool that nobody can see.
    pub(crate) fail_safe_jobs: u32,
    pub(crate) maintenance: bool,
    pub(crate) pause: Pause,
    pub(crate) manual: Option<ManualOverride>,
}

/// A change that a rule made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEntry {
    /// Name of the rule.
    pub rule: String,
    /// Jobs before it.
    pub before: u32,
    /// Jobs after it.
    pub after: u32,
    /// Why.
    pub detail: String,
}

/// A number of jobs that passed every rule, and what they changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ruling {
    jobs: u32,
    trail: Vec<TrailEntry>,
}

impl Ruling {
    pub(crate) fn jobs(&self) -> u32 {
        self.jobs
    }

    pub(crate) fn into_trail(self) -> Vec<TrailEntry> {
        self.trail
    }
}

/// The state of the rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guard {
    stabilization: stabilization::Window,
    cooldown: cooldown::LastChange,
    flap: flap::Reversals,
    budget: budget::Spent,
    effectiveness: Effectiveness,
    capacity: Capacity,
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Learns from a checked record of a pool with so many jobs, of which so many are ready.
    pub(crate) fn observe(&mut self, record: &Metrics, jobs: f64, ready: f64, startup: f64, interval: f64) {
        self.budget.account(record.timestamp, jobs, interval);
        self.effectiveness.observe(record, jobs, ready, startup, interval);
        self.capacity.observe(jobs);
    }

    /// Jobs were refused at `at`, so that the pool could have `most`.
    pub(crate) fn refused(&mut self, at: Timestamp, most: u32) {
        self.capacity.refused(at, most);
    }

    /// Why more jobs do not help; none if they do or nobody knows.
    pub(crate) fn ineffective(&self) -> Option<String> {
        self.effectiveness.limit()
    }

    /// Seconds since the last change; none before the first one.
    pub(crate) fn seconds_since_change(&self, now: Timestamp) -> Option<f64> {
        self.cooldown.at().map(|at| now.seconds_since(at))
    }

    /// Applies every rule in order, and remembers the outcome.
    pub(crate) fn rule(&mut self, context: &Context<'_>, proposed: u32) -> Ruling {
        self.stabilization.remember(context, proposed);
        let mut ruling = Ruling { jobs: proposed, trail: Vec::new() };
        ruling.apply("tolerance", tolerance::rule(context, ruling.jobs));
        ruling.apply("stabilization_window", self.stabilization.rule(context, ruling.jobs));
        ruling.apply("forecast_proof", proof::rule(context, ruling.jobs));
        let (name, limited) = step::rule(context, ruling.jobs);
        ruling.apply(name, limited);
        ruling.apply("flap_damping", self.flap.rule(context, ruling.jobs));
        let (name, waiting) = self.cooldown.rule(context, ruling.jobs);
        ruling.apply(name, waiting);
        ruling.apply("effectiveness", self.effectiveness.rule(context, ruling.jobs));
        ruling.apply("capacity_limit", self.capacity.rule(context, ruling.jobs));
        let (name, doubtful) = records::rule(context, ruling.jobs);
        ruling.apply(name, doubtful);
        ruling.apply("maintenance_window", maintenance::rule(context, ruling.jobs));
        let (name, ordered) = manual::rule(context, ruling.jobs);
        ruling.apply(name, ordered);
        ruling.apply("pause", pause::rule(context, ruling.jobs));
        ruling.apply("budget_cap", self.budget.rule(context, ruling.jobs));
        ruling.apply("bounds", bounds::rule(context, ruling.jobs));
        self.flap.remember(context, ruling.jobs);
        self.cooldown.remember(context, ruling.jobs);
        ruling
    }
}

/// What a rule says: other jobs and why, or nothing.
type Change = Option<(u32, String)>;

impl Ruling {
    fn apply(&mut self, rule: &str, change: Change) {
        if let Some((after, detail)) = change
            && after != self.jobs
        {
            self.trail.push(TrailEntry { rule: rule.to_owned(), before: self.jobs, after, detail });
            self.jobs = after;
        }
    }
}

#[cfg(test)]
mod tests;
