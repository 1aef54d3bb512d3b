//! The simple experts: a point rule each, with quantiles from its own recent errors.

use crate::features::{FUTURE_FEATURES, ForecasterInput, LEVELS, QUANTILE_LEVELS};
use serde::{Deserialize, Serialize};

/// The point rules, in the coordinate of [`ForecasterInput`].
pub(super) const POINT_EXPERTS: usize = 3;

/// Share of the error scale by which a tracked quantile moves per error.
const STEP: f32 = 0.05;
/// Weight of a new error in the error scale.
const SCALE_WEIGHT: f32 = 0.03;
/// Error scale before any error is known.
const FIRST_SCALE: f32 = 0.25;

const SAME_TIME_MEAN: usize = 18;
const SAME_TIME_KNOWN: usize = 20;
const LAST_VALUE: usize = 11;

/// Point forecasts for horizon `index`: recent level, last value, mean of the same time on the last seven days. NaN
/// where a rule has nothing to go by.
pub(super) fn points(input: &ForecasterInput, index: usize) -> [f32; POINT_EXPERTS] {
    let feature = |i: usize| input.future.get(index * FUTURE_FEATURES + i).copied().unwrap_or(0.0);
    [
        0.0,
        input.statics.get(LAST_VALUE).copied().unwrap_or(0.0),
        if feature(SAME_TIME_KNOWN) > 0.0 { feature(SAME_TIME_MEAN) } else { f32::NAN },
    ]
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

/// Quantile of the standard normal distribution (Acklam's rational approximation of the central
/// region, and its tail), relative error below 1e-6 on the levels used here.
pub(crate) fn normal_quantile(level: f64) -> f64 {
    const A: [f64; 6] = [
        -39.69683028665376,
        220.9460984245205,
        -275.9285104469687,
        138.357751867269,
        -30.66479806614716,
        2.506628277459239,
    ];
    const B: [f64; 5] =
        [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
    const C: [f64; 6] = [
        -0.007784894002430293,
        -0.3223964580411365,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
    let horner = |terms: &[f64], x: f64| terms.iter().fold(0.0, |sum, term| sum * x + term);
    let level = level.clamp(1e-12, 1.0 - 1e-12);
    if level < 0.02425 {
        let q = (-2.0 * level.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    } else if level > 1.0 - 0.02425 {
        -normal_quantile(1.0 - level)
    } else {
        let q = level - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use rand::{Rng, SeedableRng};

    #[test]
    fn normal_quantiles_agree_with_tables() {
        assert_relative_eq!(normal_quantile(0.975), 1.959964, epsilon = 1e-5);
        assert_relative_eq!(normal_quantile(0.005), -2.575829, epsilon = 1e-5);
        assert_relative_eq!(normal_quantile(0.5), 0.0, epsilon = 1e-9);
    }

    #[test]
    fn tracked_quantiles_settle_at_those_of_the_errors() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut tracked = ErrorQuantiles::new();
        for _ in 0..20_000 {
            let bits: u32 = random.next_u32();
            tracked.learn((f64::from(bits) / f64::from(u32::MAX)) as f32);
        }
        let quantiles = tracked.around(0.0);
        assert!((quantiles[7] - 0.5).abs() < 0.1, "{quantiles:?}");
        assert!((quantiles[11] - 0.9).abs() < 0.1, "{quantiles:?}");
    }
}
