//! Shapes of every tensor, and the hash of names and numbers that binds a network to them.

use super::contract::{Expected, NetworkContract};
use super::table::*;
use crate::inference::TensorSpec;
use crate::quantiles::{LEVELS, QUANTILE_LEVELS};
use sha2::{Digest, Sha256};

/// Intervals of the fine context.
pub const FINE_STEPS: usize = 96;
/// Hours of the coarse context: two weeks.
pub const COARSE_BINS: usize = 336;
/// Forecast horizons.
pub const HORIZONS: usize = 12;

/// Nominal horizons, minutes ahead. The real lead is the nearest whole number of intervals, at least one.
pub const HORIZON_MINUTES: [u32; HORIZONS] = [2, 4, 6, 8, 12, 18, 24, 36, 48, 72, 120, 180];
/// Actions of the policy: adjustment of the analytic need, as a share of it.
pub const POLICY_ACTIONS: [f64; 11] = [-0.2, -0.12, -0.07, -0.03, 0.0, 0.04, 0.09, 0.16, 0.28, 0.5, 1.0];

/// What this build computes features for: a bundle must have been trained for the same.
pub(crate) fn contract() -> Expected {
    let spec = |name: &str, shape: &[usize]| TensorSpec { name: name.to_owned(), shape: shape.to_vec() };
    let names = [FineRow::NAMES, CoarseRow::NAMES, FutureRow::NAMES, StaticRow::NAMES].concat();
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
            feature_schema: schema_hash(PolicyRow::NAMES, POLICY_ACTIONS),
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
