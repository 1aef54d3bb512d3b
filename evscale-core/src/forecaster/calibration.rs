//! Makes the levels of the mixture hold on this series: online conformal correction, and zeros where counts are zero.
//!
//! Every level is tracked by its own coverage (Gibbs and Candès, *Adaptive conformal inference*, 2021; the quantile
//! tracker of Angelopoulos, Candès and Tibshirani, *Conformal PID control for time series prediction*, 2023). The
//! correction is a factor on the distance to the median, so that it follows a forecast that widens or narrows, and a
//! shift of all levels in units of the central 60 % interval.

use super::{HIGH_60, HIGH_80, LOW_60, LOW_80, MEDIAN};
use crate::features::{LEVELS, QUANTILE_LEVELS};
use serde::{Deserialize, Serialize};

/// Step of a correction per evaluation.
const STEP: f64 = 0.01;
/// Smallest and largest logarithm of a factor.
const WIDEN: (f64, f64) = (-3.0, 0.4);
/// Largest shift, in widths of the central 60 % interval.
const SHIFT: f64 = 1.0;
/// Coverage says less where counts are few: the step is halved where the 90 % quantile is this.
const FEW: f64 = 3.0;
/// Weight of a new evaluation in the recent coverage.
const RECENT: f64 = 0.02;
/// Discount of the count of zeros per evaluation.
const ZEROS_DISCOUNT: f64 = 0.995;
/// Evaluations that must speak before levels are put to zero.
const ZEROS_KNOWN: f64 = 20.0;
/// Quiet: the median is zero and the 90 % quantile below this share of a usual count.
const QUIET: f64 = 0.5;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    widths: [f32; LEVELS],
    shift: f64,
    coverage_80: f64,
    zeros: f64,
    quiets: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { widths: [0.0; LEVELS], shift: 0.0, coverage_80: 0.8, zeros: 0.0, quiets: 0.0 }
    }
}

impl Calibration {
    /// That of others in the mean, as far as it is a matter of widths.
    pub(super) fn like(others: &[&Self]) -> Self {
        let count = others.len().max(1) as f32;
        let width = |level| others.iter().filter_map(|other| other.widths.get(level)).sum::<f32>() / count;
        let shift = others.iter().map(|other| other.shift).sum::<f64>() / f64::from(count);
        Self { widths: std::array::from_fn(width), shift, ..Self::default() }
    }

    /// Recent share of actual values inside the 80 % interval.
    pub(super) fn coverage_80(&self) -> f64 {
        self.coverage_80
    }

    /// The corrected quantiles, in events, never decreasing and never negative.
    pub(super) fn correct(&self, quantiles: [f64; LEVELS]) -> [f64; LEVELS] {
        let median = quantiles[MEDIAN];
        let shift = self.shift * (quantiles[HIGH_60] - quantiles[LOW_60]);
        let mut out = quantiles;
        for ((index, value), width) in out.iter_mut().enumerate().zip(self.widths) {
            let factor = if index == MEDIAN { 1.0 } else { f64::from(width).exp() };
            *value = (median + (*value - median) * factor + shift).max(0.0);
        }
        out.sort_by(f64::total_cmp);
        out
    }

    /// Counts are whole: a quantile below one half is zero. In a quiet state, the levels up to the share of zeros
    /// seen in that state are zero too. Also says whether the state is quiet.
    pub(super) fn whole_counts(&self, quantiles: [f64; LEVELS], typical: f64) -> ([f64; LEVELS], bool) {
        let mut out = quantiles.map(|value| if value < 0.5 { 0.0 } else { value });
        let quiet = out[MEDIAN] == 0.0 && out[HIGH_80] < QUIET * typical;
        if quiet && self.quiets > ZEROS_KNOWN {
            for (value, level) in out.iter_mut().zip(QUANTILE_LEVELS) {
                if level <= self.zeros / self.quiets {
                    *value = 0.0;
                }
            }
        }
        (out, quiet)
    }

    /// Learns from corrected quantiles and the actual count.
    pub(super) fn learn(&mut self, answer: &[f32; LEVELS], quiet: bool, actual: f64) {
        if quiet {
            self.quiets = self.quiets * ZEROS_DISCOUNT + 1.0;
            self.zeros = self.zeros * ZEROS_DISCOUNT + if actual < 0.5 { 1.0 } else { 0.0 };
        }
        let answer = answer.map(f64::from);
        let step = STEP * answer[HIGH_80] / (answer[HIGH_80] + FEW);
        for (index, (value, level)) in answer.iter().zip(QUANTILE_LEVELS).enumerate() {
            if (actual - value).abs() <= 0.5 {
                continue;
            }
            let excess = if actual > *value { level } else { level - 1.0 };
            if index == MEDIAN {
                self.shift = (self.shift + step * excess).clamp(-SHIFT, SHIFT);
            } else if let Some(width) = self.widths.get_mut(index) {
                let outward = if index > MEDIAN { excess } else { -excess };
                *width = (f64::from(*width) + step * outward).clamp(WIDEN.0, WIDEN.1) as f32;
            }
        }
        let inside = if (answer[LOW_80]..=answer[HIGH_80]).contains(&actual) { 1.0 } else { 0.0 };
        self.coverage_80 += RECENT * (inside - self.coverage_80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn evenly(centre: f64, step: f64) -> [f64; LEVELS] {
        std::array::from_fn(|index| centre + step * (index as f64 - MEDIAN as f64))
    }

    #[test]
    fn a_forecast_that_is_too_narrow_and_too_low_is_widened_and_lifted() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let mut calibration = Calibration::default();
        let (mut inside, mut above) = (0, 0);
        for i in 0..6000 {
            let actual = 1000.0 + 200.0 * f64::from(random.next_u32()) / f64::from(u32::MAX);
            let answer = calibration.correct(evenly(1080.0, 16.0));
            if i >= 3000 {
                inside += i32::from((answer[LOW_80]..=answer[HIGH_80]).contains(&actual));
                above += i32::from(actual > answer[MEDIAN]);
            }
            calibration.learn(&answer.map(|v| v as f32), false, actual);
        }
        assert!((0.77..=0.83).contains(&(f64::from(inside) / 3000.0)), "{inside}");
        assert!((0.46..=0.54).contains(&(f64::from(above) / 3000.0)), "{above}");
    }

    #[test]
    fn levels_below_the_share_of_zeros_are_zero_in_a_quiet_state() {
        let mut calibration = Calibration::default();
        let mut answer = [0.0; LEVELS];
        answer[HIGH_80] = 4.0;
        for i in 0..400 {
            let actual = if i % 25 == 0 { 700.0 } else { 0.0 };
            calibration.learn(&answer.map(|v| v as f32), true, actual);
        }
        let mut forecast = [0.0; LEVELS];
        forecast[HIGH_80] = 4.0;
        forecast[13] = 700.0;
        forecast[14] = 900.0;
        let (out, quiet) = calibration.whole_counts(forecast, 700.0);
        assert!(quiet && out[HIGH_80] == 0.0 && out[13] == 700.0, "{out:?}");
        let (out, quiet) = calibration.whole_counts(forecast, 5.0);
        assert!(!quiet && out[HIGH_80] == 4.0, "a forecast of usual counts is left alone");
    }
}
