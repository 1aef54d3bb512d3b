//! The experts' weights, from their recent quantile losses.
//!
//! Exponentially weighted average forecaster on discounted losses (Cesa-Bianchi and Lugosi, *Prediction, Learning, and
//! Games*, 2006, sections 2.2 and 2.11): the weight of an expert falls exponentially with the excess of its loss over
//! the best one's, in units of the mixture's own long-run loss. Quantiles are averaged level by level (Vincentization).

use super::experts::POINT_EXPERTS;
use crate::features::{LEVELS, QUANTILE_LEVELS};
use serde::{Deserialize, Serialize};

/// Experts: the point rules and, last, the network.
pub(super) const EXPERTS: usize = POINT_EXPERTS + 1;
/// Levels on which losses are measured: 0.1, 0.3, 0.5, 0.7, 0.9.
pub(super) const SCORED: usize = 5;
const SCORED_AT: [usize; SCORED] = [3, 5, 7, 9, 11];

/// Seconds after which an old loss counts a third.
const MEMORY_SECONDS: f64 = 2.0 * 86_400.0;
/// How strongly an excess loss, in units of the reference, lowers a weight.
const SHARPNESS: f64 = 12.0;
/// Weight of the evaluations that are assumed to have gone as [`PRIOR_LOSS`] says.
const PRIOR_EVALUATIONS: f32 = 20.0;
/// Relative losses assumed before any forecast could be compared with an actual value.
const PRIOR_LOSS: [f32; EXPERTS] = [2.0, 2.0, 2.0, 1.0];
/// Weight of a new loss in the long-run loss of the mixture.
const REFERENCE_WEIGHT: f32 = 0.01;
/// Losses that differ by less than this share of the mean arrivals say little.
const SMALLEST_REFERENCE: f32 = 0.05;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Aggregation {
    discount: f32,
    losses: [f32; EXPERTS],
    evaluations: [f32; EXPERTS],
    reference: f32,
    count: f32,
}

impl Aggregation {
    /// For forecasts that are evaluated every so many seconds.
    pub(super) fn new(every_seconds: f64) -> Self {
        Self {
            discount: (-every_seconds / MEMORY_SECONDS).exp() as f32,
            losses: PRIOR_LOSS,
            evaluations: [0.0; EXPERTS],
            reference: 0.0,
            count: 0.0,
        }
    }

    /// The same with the losses that others had in the mean, which count as much as what is assumed otherwise.
    pub(super) fn like(&self, others: &[&Self]) -> Self {
        let others: Vec<&&Self> = others.iter().filter(|other| other.count > 0.0).collect();
        if others.is_empty() {
            return self.clone();
        }
        let mean = |of: &dyn Fn(&Self) -> f32| {
            others.iter().map(|other| of(other)).sum::<f32>() / others.len() as f32
        };
        let losses =
            std::array::from_fn(|expert| mean(&|other| other.losses.get(expert).copied().unwrap_or(0.0)));
        Self { losses, reference: mean(&|other| other.reference), count: PRIOR_EVALUATIONS, ..self.clone() }
    }

    /// Weighted mean of the experts' quantiles; an expert that is silent takes no part. Zero if all are silent.
    pub(super) fn mix(&self, experts: &[Option<[f32; LEVELS]>; EXPERTS]) -> [f32; LEVELS] {
        let best = self.losses.iter().copied().fold(f32::INFINITY, f32::min);
        let unit = best.max(self.reference).max(SMALLEST_REFERENCE);
        let mut mean = [0.0f32; LEVELS];
        let mut total = 0.0f32;
        for (quantiles, loss) in experts.iter().zip(self.losses) {
            if let Some(quantiles) = quantiles {
                let excess = f64::from((loss - best) / unit);
                let weight = (-SHARPNESS * excess).exp().max(1e-9) as f32;
                total += weight;
                for (sum, value) in mean.iter_mut().zip(quantiles) {
                    *sum += weight * value;
                }
            }
        }
        mean.map(|sum| if total > 0.0 { sum / total } else { 0.0 })
    }

    /// Learns from the experts' and the mixture's values at the scored levels; losses are counted in `unit` events.
    pub(super) fn learn(
        &mut self,
        experts: &[Option<[f32; SCORED]>; EXPERTS],
        mixture: &[f32; SCORED],
        actual: f64,
        unit: f64,
    ) {
        let loss_of = |values: &[f32; SCORED]| (quantile_loss(values, actual) / unit) as f32;
        let first = self.count == 0.0;
        self.count += 1.0;
        self.reference += REFERENCE_WEIGHT.max(1.0 / self.count) * (loss_of(mixture) - self.reference);
        if first {
            self.losses = PRIOR_LOSS.map(|relative| relative * self.reference.max(1e-6));
        }
        for ((values, mean), count) in experts.iter().zip(&mut self.losses).zip(&mut self.evaluations) {
            if let Some(values) = values {
                *count = *count * self.discount + 1.0;
                *mean += (loss_of(values) - *mean) / (*count + PRIOR_EVALUATIONS);
            }
        }
    }
}

/// The values at the scored levels.
pub(super) fn at_scored<T: Copy + Default>(quantiles: &[T; LEVELS]) -> [T; SCORED] {
    SCORED_AT.map(|index| quantiles.get(index).copied().unwrap_or_default())
}

/// Quantile loss, mean over the scored levels (Koenker and Bassett 1978).
pub(super) fn quantile_loss(values: &[f32; SCORED], actual: f64) -> f64 {
    let mut sum = 0.0;
    for (value, index) in values.iter().zip(SCORED_AT) {
        let level = QUANTILE_LEVELS.get(index).copied().unwrap_or(0.5);
        let error = actual - f64::from(*value);
        sum += error * (level - if error < 0.0 { 1.0 } else { 0.0 });
    }
    sum / SCORED as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn quantile_loss_by_hand() {
        // the mean of the scored levels is a half: under-forecast by 2 costs 1
        assert_abs_diff_eq!(quantile_loss(&[0.0; SCORED], 2.0), 1.0, epsilon = 1e-6);
        assert_abs_diff_eq!(quantile_loss(&[0.0; SCORED], -2.0), 1.0, epsilon = 1e-6);
    }

    #[test]
    fn the_better_expert_takes_over_and_loses_it_again() {
        let mut aggregation = Aggregation::new(120.0);
        let answer = |value: f32| Some([value; LEVELS]);
        let experts = [answer(10.0), None, None, answer(0.0)];
        assert!(aggregation.mix(&experts)[7] < 0.1, "the network leads before anything is known");
        let scored = [Some([10.0; SCORED]), None, None, Some([0.0; SCORED])];
        for actual in [10.0, 0.0] {
            for _ in 0..3000 {
                aggregation.learn(&scored, &[5.0; SCORED], actual, 10.0);
            }
            assert_abs_diff_eq!(f64::from(aggregation.mix(&experts)[7]), actual, epsilon = 0.1);
        }
    }

    #[test]
    fn silence_of_all_is_zero() {
        assert_eq!(Aggregation::new(120.0).mix(&[None; EXPERTS]), [0.0; LEVELS]);
    }
}
