//! The simple experts: a point rule each, with quantiles from its own recent errors.

use crate::features::ForecasterInput;
use crate::quantiles::{LEVELS, QUANTILE_LEVELS, normal_quantile};
use serde::{Deserialize, Serialize};

/// The point rules, in the coordinate of [`ForecasterInput`].
pub(super) const POINT_EXPERTS: usize = 3;

/// Share of the error scale by which a tracked quantile moves per error.
const STEP: f32 = 0.05;
/// Weight of a new error in the error scale.
const SCALE_WEIGHT: f32 = 0.03;
/// Error scale before any error is known.
const FIRST_SCALE: f32 = 0.25;

/// Point forecasts for horizon `index`: recent level, last value, mean of the same time on the last seven days. NaN
/// where a rule has nothing to go by.
pub(super) fn points(input: &ForecasterInput, index: usize) -> [f32; POINT_EXPERTS] {
    let future = input.future_row(index);
    let same_time = future.same_time_share_known > 0.0;
    [0.0, input.static_row().last_value, if same_time { future.same_time_mean_7_days } else { f32::NAN }]
}

/// Quantiles of the errors of one rule, tracked online by stochastic subgradient steps on the
/// quantile loss (Koenker and Bassett 1978).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ErrorQuantiles {
    offsets: [f32; LEVELS],
    scale: f32,
}

impl ErrorQuantiles {
    pub(super) fn new() -> Self {
        let offsets = QUANTILE_LEVELS.map(|level| (f64::from(FIRST_SCALE) * normal_quantile(level)) as f32);
        Self { offsets, scale: FIRST_SCALE }
    }

    /// Those of others in the mean.
    pub(super) fn like(others: &[&Self]) -> Self {
        let mean = |of: &dyn Fn(&Self) -> f32| {
            others.iter().map(|other| of(other)).sum::<f32>() / others.len() as f32
        };
        let offset = |level| mean(&|other| other.offsets.get(level).copied().unwrap_or(0.0));
        Self { offsets: std::array::from_fn(offset), scale: mean(&|other| other.scale) }
    }

    /// Quantiles around a point forecast.
    pub(super) fn around(&self, point: f32) -> [f32; LEVELS] {
        let mut out = self.offsets.map(|offset| point + offset);
        out.sort_by(f32::total_cmp);
        out
    }

    /// Learns from `error`, the actual value minus the point forecast.
    pub(super) fn learn(&mut self, error: f32) {
        self.scale += SCALE_WEIGHT * (error.abs().min(20.0 * self.scale) - self.scale);
        self.scale = self.scale.max(1e-4);
        for (offset, level) in self.offsets.iter_mut().zip(QUANTILE_LEVELS) {
            let below = if error < *offset { 1.0 } else { 0.0 };
            *offset += STEP * 2.0 * self.scale * (level as f32 - below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;
    use rand::{Rng, SeedableRng};

    #[test]
    fn tracked_quantiles_settle_at_those_of_the_errors() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut tracked = ErrorQuantiles::new();
        for _ in 0..20_000 {
            let bits: u32 = random.next_u32();
            tracked.learn((f64::from(bits) / f64::from(u32::MAX)) as f32);
        }
        let quantiles = tracked.around(0.0);
        assert!(abs_diff_eq!(quantiles[7], 0.5, epsilon = 0.1), "{quantiles:?}");
        assert!(abs_diff_eq!(quantiles[11], 0.9, epsilon = 0.1), "{quantiles:?}");
    }
}
