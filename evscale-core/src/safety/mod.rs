//! What may be done. The last stage, and the only one that can make a [`Outcome`], from which alone a
//! decision is made.
//!
//! The rules in their order, each in a file of its own, see what the one before left; [`Rule`] says what each does.
//!
//! # Invariants
//! Whatever the records, the models and the host do. Each is tested by the named test of `safety/tests.rs`, and those
//! marked (soak) also after every step of `tests/soak.rs`.
//! 1. Every recommendation lies within `min_jobs` and `max_jobs`, in an emergency too (soak): `bounds_hold_always`.
//! 2. One decision changes the pool by no more than the step limits; up, except in an emergency (soak):
//!    `steps_are_limited_by_the_larger_of_share_and_number`.
//! 3. No change within its cooldown; up, except in an emergency (soak): `cooldowns_are_measured_in_time`.
//! 4. No scale-down on data of any quality but good, no change on stale data (soak, anomalous aside):
//!    `bad_and_stale_records_never_shrink_the_pool`, and every verdict in `tests/promises/quality.rs`.
//! 5. No change after a restore until a fresh record arrives (soak): `a_restored_pool_holds_until_a_fresh_record` in
//!    `tests/promises/quality.rs`.
//! 6. No scale-down below what the upper forecast quantile over startup and cooldown needs, none without a forecast:
//!    `a_scale_down_stays_above_the_forecast_floor`.
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
//!     `tests/promises/effectiveness.rs`, `tests/promises/execution.rs`.
//! 14. No scale-down of a pool that was seen for less than a startup time, the time of a decision and three intervals:
//!     `a_new_pool_keeps_its_jobs_until_its_records_tell_more_than_a_moment`.
//! 15. No scale-down to fewer jobs than have the memory for the newest load: `tests/promises/fields.rs`.
//! 16. What is announced is asked for in time, beyond the step limits and cooldowns: `tests/promises/announced.rs`.
//! 17. Every recommendation is a number of jobs that exists: `only_numbers_that_exist_are_recommended`, `tests/needs/`.
//! 18. A budget that pools share takes jobs from a pool only as far as 2, 3, 4, 8, 10, 12, 14 and 15 let it shrink, and no job
//!     that is busy with a long event: `a_shared_budget_takes_no_more_than_the_protecting_rules_give`.
//!
//! 2 to 8 and 13 to 15 yield to what protects more: the fail-safe number of a pool without metrics, what is announced, an
//! order, the budget, the
//! bounds. The trail then names that rule.

mod announced;
mod bounds;
mod capacity;
mod change_price;
mod cooldown;
mod data_quality;
mod downstream;
mod effectiveness;
mod first_records;
mod flap;
mod forecast_floor;
mod job_hours;
mod job_numbers;
mod maintenance;
mod manual;
mod memory;
mod network;
mod orders;
mod pause;
mod rule;
mod shared_budget;
mod spare;
mod stabilization;
mod step;
mod tolerance;

pub(crate) use first_records::Beginning;
pub(crate) use orders::Orders;
pub use orders::{ManualOrder, ManualOverride};
pub use rule::Rule;
pub(crate) use shared_budget::{Share, Wish};

use crate::announced::Ready;
use crate::calendar::Calendar;
use crate::config::{Config, JobNumbers, Mode, Pause};
use crate::metrics::Metrics;
use crate::policy::Saving;
use crate::pool::Pool;
use crate::time::Timestamp;
use crate::validation::Issue;
use capacity::Capacity;
use effectiveness::Effectiveness;
use serde::{Deserialize, Serialize};

/// What the rules are given.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) calendar: &'a Calendar,
    pub(crate) now: Timestamp,
    /// A number that exists.
    pub(crate) current_jobs: u32,
    pub(crate) emergency: bool,
    /// What a scale-down looks back on, seconds: at most the stabilization window of the configuration.
    pub(crate) window_seconds: f64,
    /// Share of the pool that is left unchanged beyond the tolerance of the configuration.
    pub(crate) dead_band: f64,
    /// Jobs that the upper forecast quantile needs; none without a forecast.
    pub(crate) floor_jobs: Option<u32>,
    /// Jobs whose memory suffices for the newest load; none where memory says nothing.
    pub(crate) memory_jobs: Option<u32>,
    /// Jobs that the load is expected to need, without headroom; none where nobody knows.
    pub(crate) needed_jobs: Option<u32>,
    /// Most jobs that a limit downstream keeps busy; none without one.
    pub(crate) downstream_jobs: Option<u32>,
    /// What a step down must save; none where changes cost nothing.
    pub(crate) saving: Option<Saving>,
    pub(crate) beginning: Beginning,
    /// Why the data cannot be trusted; none if it can.
    pub(crate) issue: Option<Issue>,
    /// Jobs of a pool without metrics.
    pub(crate) fail_safe_jobs: u32,
    /// Jobs that have to be ready because of what is announced.
    pub(crate) ready: Option<Ready>,
    /// Most jobs that the schedule allows, and why.
    pub(crate) most_jobs: Option<(u32, String)>,
    pub(crate) maintenance: bool,
    /// Order that is in force.
    pub(crate) order: Option<ManualOverride>,
    pub(crate) pause: Pause,
    /// Jobs that are busy with long events.
    pub(crate) busy_jobs: u32,
    /// What the pool has of a budget that it shares; none without one.
    pub(crate) share: Option<Share>,
}

impl Context<'_> {
    /// Returns the numbers of jobs that the pool can have.
    fn numbers(&self) -> JobNumbers<'_> {
        self.config.job_numbers()
    }
}

/// A change that a rule made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrailEntry {
    /// The rule.
    pub rule: Rule,
    /// Jobs before it.
    pub before: u32,
    /// Jobs after it.
    pub after: u32,
    /// Why.
    pub detail: String,
}

/// A number of jobs that passed every rule, and what they changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    jobs: u32,
    trail: Vec<TrailEntry>,
}

impl Outcome {
    pub(crate) fn jobs(&self) -> u32 {
        self.jobs
    }

    pub(crate) fn into_trail(self) -> Vec<TrailEntry> {
        self.trail
    }
}

/// The state of the rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Safety {
    stabilization: stabilization::Window,
    cooldown: cooldown::LastChange,
    flap: flap::Reversals,
    job_hours: job_hours::Spent,
    effectiveness: Effectiveness,
    capacity: Capacity,
}

impl Safety {
    /// Returns the job-hours of the local day of `now`, and the hours until it ends.
    pub(crate) fn job_hours_today(&self, calendar: &Calendar, now: Timestamp) -> (f64, f64) {
        self.job_hours.today(calendar, now)
    }

    /// Learns from the newest record, which `pool` has seen.
    pub(crate) fn observe(&mut self, config: &Config, calendar: &Calendar, record: &Metrics, pool: &Pool) {
        self.bound(config, record.timestamp);
        let (Some(jobs), interval_seconds) = (pool.jobs(), f64::from(config.interval_seconds)) else {
            return;
        };
        self.job_hours.account(calendar, record.timestamp, jobs, interval_seconds);
        self.effectiveness.observe(
            record,
            &effectiveness::Served {
                jobs,
                ready: pool.mean_ready_jobs(),
                startup_seconds: pool.startup_seconds(),
                service_seconds: pool.service_seconds().unwrap_or(0.0),
                sla_wait_seconds: config.sla_wait_seconds,
                interval_seconds,
            },
        );
        self.capacity.observe(jobs);
    }

    /// Forgets what is too old at the newest record to matter. What a decision for a much later time left behind was by a wrong
    /// clock, as records do not come from the future: it counts as of now, so that it neither holds the pool for ever nor
    /// comes back when its time does.
    fn bound(&mut self, config: &Config, at: Timestamp) {
        let latest = at.plus_millis((1000.0 * config.stale_seconds()) as i64);
        self.stabilization.bound(latest, at, config.scale_down_stabilization_seconds.into());
        self.flap.bound(latest, at, config.flap_window_seconds.into());
        self.cooldown.bound(latest, at);
    }

    /// Learns that of `asked` jobs only `granted` could be had at `at`.
    pub(crate) fn refused(&mut self, at: Timestamp, asked: u32, granted: u32) {
        self.capacity.refused(at, asked, granted);
    }

    /// Returns the limit of the host that is known at `now`.
    pub(crate) fn host_limit(&self, now: Timestamp) -> Option<String> {
        self.capacity.limit(now)
    }

    /// Forgets what was learned from changes that were recommended, and of what the host could get.
    pub(crate) fn forget_changes(&mut self) {
        self.cooldown = cooldown::LastChange::default();
        self.flap = flap::Reversals::default();
        self.capacity = Capacity::default();
    }

    /// Goes back to a time before that of the newest record: what later times said holds nothing.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        self.job_hours.rewind(at);
        self.cooldown.bound(at, at);
        self.flap = flap::Reversals::default();
        self.stabilization = stabilization::Window::default();
        self.effectiveness = Effectiveness::default();
        self.capacity = Capacity::default();
    }

    /// Forgets proposals and throughputs of records that were not what they seemed.
    pub(crate) fn begin_anew(&mut self) {
        self.stabilization = stabilization::Window::default();
        self.effectiveness = Effectiveness::default();
    }

    /// Returns why more jobs do not help; none if they do or nobody knows.
    pub(crate) fn ineffective(&self) -> Option<String> {
        self.effectiveness.limit()
    }

    /// Returns the seconds since the last change; none before the first one.
    pub(crate) fn seconds_since_change(&self, now: Timestamp) -> Option<f64> {
        self.cooldown.at().map(|at| now.elapsed_since(at).unwrap_or(0.0))
    }

    /// Applies the rules that hold for a number which a person ordered for a pool of unknown size.
    pub(crate) fn ordered(&self, context: &Context<'_>, ordered: u32) -> Outcome {
        let mut way = Way::new(context, ordered);
        way.pass(Rule::JobHourBudget, self.job_hours.apply(context, way.jobs));
        way.pass(Rule::Bounds, bounds::apply(context, way.jobs));
        way.end()
    }

    /// Applies every rule in order, and remembers the outcome.
    pub(crate) fn apply(&mut self, context: &Context<'_>, proposed: u32) -> Outcome {
        self.stabilization.remember(context, proposed);
        let mut way = Way::new(context, proposed);
        way.pass(Rule::Tolerance, tolerance::apply(context, way.jobs));
        way.pass(Rule::JobNumbers, job_numbers::apply(context, way.jobs));
        way.pass(Rule::StabilizationWindow, self.stabilization.apply(context, way.jobs));
        way.pass(Rule::ForecastFloor, forecast_floor::apply(context, way.jobs));
        way.pass(Rule::MemoryFloor, memory::apply(context, way.jobs));
        way.pass(Rule::SpareJobs, spare::apply(context, way.jobs));
        way.pass(Rule::ChangePrice, change_price::apply(context, way.jobs));
        way.pass_either(step::apply(context, way.jobs));
        way.pass(Rule::FlapDamping, self.flap.apply(context, way.jobs));
        way.pass_either(self.cooldown.apply(context, way.jobs));
        way.pass(Rule::Announced, announced::apply(context, way.jobs));
        way.pass(Rule::Effectiveness, self.effectiveness.apply(context, way.jobs));
        way.pass(Rule::DownstreamLimit, downstream::apply(context, way.jobs));
        way.pass(Rule::CapacityLimit, self.capacity.apply(context, way.jobs));
        way.pass(Rule::FirstRecords, first_records::apply(context, way.jobs));
        way.pass_either(data_quality::apply(context, way.jobs));
        way.pass(Rule::ScheduledMaximum, announced::most(context, way.jobs));
        way.pass(Rule::MaintenanceWindow, maintenance::apply(context, way.jobs));
        way.pass_either(manual::apply(context, way.jobs));
        way.pass(Rule::Pause, pause::apply(context, way.jobs));
        way.pass(Rule::JobHourBudget, self.job_hours.apply(context, way.jobs));
        way.pass(Rule::SharedBudget, shared_budget::apply(self, context, way.jobs));
        way.pass(Rule::Bounds, bounds::apply(context, way.jobs));
        if context.config.mode == Mode::Act {
            self.flap.remember(context, way.jobs);
            self.cooldown.remember(context, way.jobs);
        }
        way.end()
    }
}

/// What a rule says: other jobs and why, or nothing.
type Change = Option<(u32, String)>;

/// A proposal on its way through the rules.
struct Way<'a> {
    numbers: JobNumbers<'a>,
    jobs: u32,
    trail: Vec<TrailEntry>,
}

impl<'a> Way<'a> {
    fn new(context: &Context<'a>, jobs: u32) -> Self {
        Self { numbers: context.config.job_numbers(), jobs, trail: Vec::new() }
    }

    /// Does what a rule says: one that raises goes up to a number that exists, one that lowers goes down to one.
    fn pass(&mut self, rule: Rule, change: Change) {
        let Some((said, detail)) = change else { return };
        let after = if said < self.jobs { self.numbers.down(said) } else { self.numbers.up(said) };
        if said != self.jobs && after != self.jobs {
            self.trail.push(TrailEntry { rule, before: self.jobs, after, detail });
            self.jobs = after;
        }
    }

    fn pass_either(&mut self, (rule, change): (Rule, Change)) {
        self.pass(rule, change);
    }

    fn end(self) -> Outcome {
        Outcome { jobs: self.jobs, trail: self.trail }
    }
}

#[cfg(test)]
mod tests;
