//! State of the pool and forecast to the policy's observation: ratios only.

use super::table::{FeatureRow, POLICY_FEATURES, PolicyRow};
use serde::Serialize;

/// What the policy knows of a pool. Needs are in jobs at the planned utilization; the demand of a
/// window is the highest of its intervals.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyState {
    /// Ready and starting jobs.
    pub current_jobs: f64,
    /// Starting jobs, as far as they are known.
    pub starting_jobs: f64,
    /// Need from now until a job asked for at the next decision is ready, at the quantiles 0.5, 0.8, 0.95, 0.99.
    pub near_need: [f64; 4],
    /// Need of the half hour after that, at the quantiles 0.5 and 0.95.
    pub later_need: [f64; 2],
    /// Median need in about an hour.
    pub hour_need: f64,
    /// The analytic rule's need.
    pub analytic_need: f64,
    /// Work in the queue, seconds of the present pool.
    pub backlog_seconds: f64,
    /// Mean wait over the longest that meets the SLA.
    pub wait_ratio: f64,
    /// Busy share of the ready jobs, 0 to 1; negative if unknown.
    pub utilization: f64,
    /// Intervals since the last change of the pool.
    pub intervals_since_change: f64,
    /// Share of the events of the last hour that missed the SLA.
    pub recent_violation_share: f64,
    /// Violations of the last day over the allowed ones.
    pub budget_burn: f64,
    /// Share of events that may miss the SLA.
    pub allowed_violation_share: f64,
    /// Startup time over the interval.
    pub startup_intervals: f64,
    /// Decision interval over the interval.
    pub decision_intervals: f64,
    /// Confidence of the forecast, 0 to 1.
    pub confidence: f64,
    /// Anomaly score, 0 to 1.
    pub anomaly: f64,
    /// Newest arrivals over those three intervals before.
    pub load_ratio: f64,
}

impl PolicyState {
    /// The state as a JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Returns the observation in the order of the schema; every element is finite and within -4 and 4.
pub fn policy_input(state: &PolicyState) -> [f32; POLICY_FEATURES] {
    let jobs = state.current_jobs;
    let over_capacity = |need: f64| ratio(need, jobs);
    let [q50, q80, q95, q99] = state.near_need;
    let [later_q50, later_q95] = state.later_need;
    let row = PolicyRow {
        need_q50_over_capacity: bounded(over_capacity(q50)),
        need_q80_over_capacity: bounded(over_capacity(q80)),
        need_q95_over_capacity: bounded(over_capacity(q95)),
        need_q99_over_capacity: bounded(over_capacity(q99)),
        later_need_q50_over_capacity: bounded(over_capacity(later_q50)),
        later_need_q95_over_capacity: bounded(over_capacity(later_q95)),
        hour_need_q50_over_capacity: bounded(over_capacity(state.hour_need)),
        analytic_need_over_capacity: bounded(over_capacity(state.analytic_need)),
        spread_q95_over_q50: bounded(ratio(q95, q50)),
        backlog_seconds_of_work: bounded((state.backlog_seconds / 60.0).max(0.0).ln_1p()),
        wait_over_sla: bounded(state.wait_ratio.max(0.0).ln_1p()),
        utilization: bounded(state.utilization),
        starting_share: bounded(state.starting_jobs / jobs.max(1.0)),
        ln_need_jobs: bounded(state.analytic_need.max(0.0).ln_1p() / 3.0),
        whole_job_over_need: bounded(1.0 / state.analytic_need.max(1.0)),
        intervals_since_change: bounded(state.intervals_since_change.max(0.0).ln_1p() / 3.0),
        violation_share_recent: bounded(
            (state.recent_violation_share / state.allowed_violation_share).max(0.0).ln_1p() / 2.0,
        ),
        budget_burn_day: bounded(state.budget_burn.max(0.0).ln_1p() / 2.0),
        ln_allowed_violation_share: bounded(state.allowed_violation_share.max(1e-6).ln() / 4.0 + 1.0),
        startup_over_interval: bounded(state.startup_intervals.ln_1p()),
        decision_over_interval: bounded(state.decision_intervals.ln_1p()),
        confidence: bounded(state.confidence),
        anomaly: bounded(state.anomaly),
        load_change: bounded(state.load_ratio.clamp(1e-3, 1e3).ln()),
    };
    row.values()
}

/// Returns a value that a network can take: within -4 and 4, and 0 for one that is not finite.
fn bounded(value: f64) -> f32 {
    if value.is_finite() { value.clamp(-4.0, 4.0) as f32 } else { 0.0 }
}

/// Logarithm of a ratio of job counts that stays finite for small pools.
fn ratio(need: f64, jobs: f64) -> f64 {
    ((need.max(0.0) + 0.5) / (jobs.max(0.0) + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_are_finite_and_bounded_whatever_the_state() {
        for extreme in [0.0, -1.0, 1e300, f64::NAN, f64::INFINITY] {
            let state = PolicyState {
                current_jobs: extreme,
                near_need: [extreme; 4],
                analytic_need: extreme,
                backlog_seconds: extreme,
                load_ratio: extreme,
                ..PolicyState::default()
            };
            assert!(policy_input(&state).iter().all(|v| v.is_finite() && v.abs() <= 4.0));
        }
    }
}
