//! Names, shapes and order of every tensor, and the hash that binds a network to them.

use super::contract::{Expected, NetworkContract};
use crate::inference::TensorSpec;
use crate::quantiles::{LEVELS, QUANTILE_LEVELS};
use sha2::{Digest, Sha256};

/// Intervals of the fine context.
pub const FINE_STEPS: usize = 96;
/// Channels of the fine context, see [`FINE_NAMES`].
pub const FINE_CHANNELS: usize = 6;
/// Hours of the coarse context: two weeks.
pub const COARSE_BINS: usize = 336;
/// Channels of the coarse context, see [`COARSE_NAMES`].
pub const COARSE_CHANNELS: usize = 2;
/// Forecast horizons.
pub const HORIZONS: usize = 12;
/// Covariates of a future interval, see [`FUTURE_NAMES`].
pub const FUTURE_FEATURES: usize = 24;
/// Features of the series as a whole, see [`STATIC_NAMES`].
pub const STATIC_FEATURES: usize = 14;
/// Elements of the policy's observation, see [`POLICY_NAMES`].
pub const POLICY_FEATURES: usize = 24;

/// Nominal horizons, minutes ahead. The real lead is the nearest whole number of intervals, at least one.
pub const HORIZON_MINUTES: [u32; HORIZONS] = [2, 4, 6, 8, 12, 18, 24, 36, 48, 72, 120, 180];
/// Actions of the policy: adjustment of the analytic need, as a share of it.
pub const POLICY_ACTIONS: [f64; 11] = [-0.2, -0.12, -0.07, -0.03, 0.0, 0.04, 0.09, 0.16, 0.28, 0.5, 1.0];

const FINE_NAMES: [&str; FINE_CHANNELS] =
    ["value", "value_known", "yesterday", "yesterday_known", "last_week", "last_week_known"];
const COARSE_NAMES: [&str; COARSE_CHANNELS] = ["hourly_mean", "share_known"];
const FUTURE_NAMES: [&str; FUTURE_FEATURES] = [
    "ln_1p_lead_intervals_over_5",
    "lead_hours_over_3",
    "sin_day",
    "cos_day",
    "sin_half_day",
    "cos_half_day",
    "sin_week",
    "cos_week",
    "weekend",
    "holiday",
    "business_hours",
    "ln_expected_traffic_multiplier",
    "yesterday",
    "yesterday_known",
    "last_week",
    "last_week_known",
    "yesterday_smooth",
    "last_week_smooth",
    "same_time_mean_7_days",
    "same_time_max_7_days",
    "same_time_share_known",
    "hour_mark_last",
    "hour_mark_max_3",
    "yesterday_at_todays_level",
];
const STATIC_NAMES: [&str; STATIC_FEATURES] = [
    "ln_interval_over_120s_over_3",
    "counting_noise_ratio",
    "zero_share",
    "level_z",
    "fine_std",
    "fine_difference_std",
    "ln_1p_days_known_over_3",
    "level_yesterday",
    "level_yesterday_known",
    "level_last_week",
    "level_last_week_known",
    "last_value",
    "long_level",
    "lag_1_autocorrelation",
];
pub(super) const POLICY_NAMES: [&str; POLICY_FEATURES] = [
    "need_q50_over_capacity",
    "need_q80_over_capacity",
    "need_q95_over_capacity",
    "need_q99_over_capacity",
    "later_need_q50_over_capacity",
    "later_need_q95_over_capacity",
    "hour_need_q50_over_capacity",
    "analytic_need_over_capacity",
    "spread_q95_over_q50",
    "backlog_seconds_of_work",
    "wait_over_sla",
    "utilization",
    "starting_share",
    "ln_need_jobs",
    "whole_job_over_need",
    "intervals_since_change",
    "violation_share_recent",
    "budget_burn_day",
    "ln_allowed_violation_share",
    "startup_over_interval",
    "decision_over_interval",
    "confidence",
    "anomaly",
    "load_change",
];

/// What this build computes features for: a bundle must have been trained for the same.
pub(crate) fn contract() -> Expected {
    let spec = |name: &str, shape: &[usize]| TensorSpec { name: name.to_owned(), shape: shape.to_vec() };
    let names = [&FINE_NAMES[..], &COARSE_NAMES, &FUTURE_NAMES, &STATIC_NAMES].concat();
    Expected {
        forecaster: NetworkContract {
            feature_schema: schema_hash(
                &names,
                HORIZON_MINUTES.iter().map(|m| f64::from(*m)).chain(QUANTILE_LEVELS),
            ),
            inputs: vec![
                spec("fine", &[FINE_STEPS, FINE_CHANNELS]),
                spec("coarse", &[COARSE_BINS, COARSE_CHANNELS]),
                spec("future", &[HORIZONS, FUTURE_FEATURES]),
                spec("statics", &[STATIC_FEATURES]),
            ],
            outputs: vec![spec("quantiles", &[HORIZONS, LEVELS])],
        },
        policy: NetworkContract {
            feature_schema: schema_hash(&POLICY_NAMES, POLICY_ACTIONS),
            inputs: vec![spec("observation", &[POLICY_FEATURES])],
            outputs: vec![spec("logits", &[POLICY_ACTIONS.len()])],
        },
    }
}

/// The contract as JSON, in the shape of a manifest: what a bundle for this build must declare.
pub fn contract_json() -> String {
    let expected = contract();
    let part = |contract: &NetworkContract, file: &str| {
        serde_json::json!({
            "file": file,
            "feature_schema": contract.feature_schema,
            "inputs": contract.inputs,
            "outputs": contract.outputs,
        })
    };
    serde_json::json!({
        "format_version": 1,
        "forecaster": part(&expected.forecaster, "forecaster.onnx"),
        "policy": part(&expected.policy, "policy.onnx"),
        "horizon_minutes": HORIZON_MINUTES,
        "quantile_levels": QUANTILE_LEVELS,
        "actions": POLICY_ACTIONS,
    })
    .to_string()
}

/// First 16 hexadecimal digits of the SHA-256 of the names and numbers in order.
fn schema_hash(names: &[&str], numbers: impl IntoIterator<Item = f64>) -> String {
    let mut hash = Sha256::new();
    for name in names {
        hash.update(name.as_bytes());
        hash.update([0]);
    }
    for number in numbers {
        hash.update(number.to_le_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_order_and_numbers() {
        let hash = schema_hash(&["a", "b"], [1.0]);
        assert_eq!(hash.len(), 16);
        assert_ne!(hash, schema_hash(&["b", "a"], [1.0]));
        assert_ne!(hash, schema_hash(&["a", "b"], [2.0]));
        assert_ne!(hash, schema_hash(&["ab"], [1.0]));
    }
}
