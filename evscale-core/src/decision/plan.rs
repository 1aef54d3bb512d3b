//! What the pool will need in the coming hours, as far as is known now.

use crate::policy::{Load, whole_jobs};
use serde::{Deserialize, Serialize};

/// Leads of the plan, minutes.
const PLAN_MINUTES: [u32; 4] = [12, 24, 48, 120];
/// Headroom of the planned jobs, in distances between the median and the 95 % quantile.
const PLANNED_HEADROOM: f64 = 0.5;
/// Quantiles of the demand between which the jobs are expected.
const LOW: f64 = 0.1;
const HIGH: f64 = 0.95;

/// What the pool will need later, as far as is known now: for the demand at that lead, without what waits beyond the plan,
/// within `min_jobs` and `max_jobs`, as numbers of jobs that exist, with those that are kept idle, and no more than a limit
/// downstream allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanStep {
    /// Lead, minutes.
    pub minutes_ahead: u32,
    /// Jobs for the median and half of its distance to the 95 % quantile.
    pub jobs: u32,
    /// Jobs at the 10 % quantile of the demand.
    pub low: u32,
    /// Jobs at the 95 % quantile of the demand.
    pub high: u32,
}

/// Returns the plan for a load.
pub(crate) fn plan(load: &Load<'_>) -> Vec<PlanStep> {
    let (numbers, bounds) = (load.config.job_numbers(), load.config.fewest_and_most());
    let step = |minutes: u32| {
        load.forecast.horizon(minutes)?;
        let [lower, median, upper] = load.demand_then(60.0 * f64::from(minutes), [LOW, 0.5, HIGH]);
        let idle = |need: f64| whole_jobs(need).saturating_add(load.config.spare_jobs);
        let jobs = |need: f64, expected: f64| {
            let wanted = whole_jobs(need).max(idle(expected)).min(load.most_jobs);
            numbers.up(wanted).clamp(bounds.0, bounds.1)
        };
        Some(PlanStep {
            minutes_ahead: minutes,
            jobs: jobs(median + PLANNED_HEADROOM * (upper - median), median),
            low: jobs(lower, lower),
            high: jobs(upper, median),
        })
    };
    PLAN_MINUTES.into_iter().filter_map(step).collect()
}
