//! One horizon of the ensemble: the experts' weights, their errors, and the correction of the mixture.
//!
//! Weights: exponentially weighted average forecaster on discounted quantile losses (Cesa-Bianchi
//! and Lugosi, *Prediction, Learning, and Games*, 2006, sections 2.2 and 2.11), with the losses taken
//! relative to the best expert's. The experts' quantiles are averaged level by level (Vincentization).
//! Correction: every level is tracked online by its own coverage (Gibbs and Candès 2021; the
//! quantile tracker of Angelopoulos, Candès and Tibshirani, *Conformal PID control*, 2023).

use super::experts::{ErrorQuantiles, POINT_EXPERTS};
use crate::features::{ForecasterInput, LEVELS, QUANTILE_LEVELS};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Experts: the point rules and the network.
pub(super) const EXPERTS: usize = POINT_EXPERTS + 1;
const NETWORK: usize = POINT_EXPERTS;

/// Forecasts that wait for their actual value at a time.
const PENDING: i64 = 8;
/// Discount of old losses per evaluation: an effective window of 150 evaluations.
const DISCOUNT: f32 = 1.0 - 1.0 / 150.0;
/// How strongly a relative excess loss lowers a weight.
const SHARPNESS: f32 = 30.0;
/// Weight of the evaluations that are assumed to have gone as the priors say.
const PRIOR_EVALUATIONS: f32 = 20.0;
/// Step of the correction per evaluation, in error scales.
const CORRECTION_STEP: f32 = 0.02;
/// Largest correction, in error scales.
const LARGEST_CORRECTION: f32 = 2.0;
/// Weight of a new evaluation in the recent coverage and error scale.
const RECENT: f32 = 0.02;
const MEDIAN: usize = 7;
const LOW_80: usize = 3;
const HIGH_80: usize = 11;

/// Relative losses assumed before any forecast could be compared with an actual value.
const PRIOR_LOSS: [f32; EXPERTS] = [1.25, 1.3, 1.5, 1.5, 1.3, 1.5, 1.0];

/// A forecast whose interval has not ended yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pending {
    target: i64,
    scale: f64,
    level_z: f64,
    points: [f32; POINT_EXPERTS],
    network: Option<[f32; LEVELS]>,
    answer: [f32; LEVELS],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Horizon {
    steps: i64,
    pending: VecDeque<Pending>,
    errors: Vec<ErrorQuantiles>,
    losses: [f32; EXPERTS],
    evaluations: [f32; EXPERTS],
    correction: [f32; LEVELS],
    error_scale: f32,
    coverage_80: f32,
}

impl Horizon {
    pub(super) fn new(steps: i64) -> Self {
        Self {
            steps,
            pending: VecDeque::new(),
            errors: vec![ErrorQuantiles::new(); POINT_EXPERTS],
            losses: PRIOR_LOSS,
            evaluations: [0.0; EXPERTS],
            correction: [0.0; LEVELS],
            error_scale: 0.2,
            coverage_80: 0.8,
        }
    }

    /// Recent share of actual values inside the 80 % interval.
    pub(super) fn coverage_80(&self) -> f64 {
        f64::from(self.coverage_80)
    }

    /// Compares the forecast for `slot`, if one was kept, with the actual arrivals.
    pub(super) fn evaluate(&mut self, slot: i64, events: f64) {
        while let Some(pending) = self.pending.front() {
            if pending.target > slot {
                return;
            }
            let due = pending.target == slot;
            if let Some(pending) = self.pending.pop_front()
                && due
                && events.is_finite()
            {
                self.learn(&pending, events);
            }
        }
    }

    /// Quantiles in the coordinate of `input`, and keeps the forecast for its evaluation.
    pub(super) fn predict(
        &mut self,
        now: i64,
        input: &ForecasterInput,
        points: [f32; POINT_EXPERTS],
        network: Option<[f32; LEVELS]>,
    ) -> [f32; LEVELS] {
        let answer = self.mixture(&points, network.as_ref());
        let stride = (self.steps + PENDING - 1) / PENDING;
        if now % stride == 0 {
            self.pending.push_back(Pending {
                target: now + self.steps,
                scale: input.scale,
                level_z: input.level_z,
                points,
                network,
                answer,
            });
        }
        answer
    }

    fn mixture(&self, points: &[f32; POINT_EXPERTS], network: Option<&[f32; LEVELS]>) -> [f32; LEVELS] {
        let best = self.losses.iter().copied().fold(f32::INFINITY, f32::min).max(1e-9);
        let mut answer = [0.0f32; LEVELS];
        let mut total = 0.0f32;
        let quantiles = |expert: usize| -> Option<[f32; LEVELS]> {
            match (points.get(expert), self.errors.get(expert)) {
                (Some(point), Some(errors)) => point.is_finite().then(|| errors.around(*point)),
                _ => network.copied(),
            }
        };
        for (expert, loss) in self.losses.iter().enumerate() {
            let weight = (-SHARPNESS * (loss / best - 1.0)).exp();
            if weight < 1e-4 {
                continue;
            }
            if let Some(values) = quantiles(expert) {
                total += weight;
                for (sum, value) in answer.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
        }
        if total <= 0.0 {
            answer = quantiles(NETWORK).or_else(|| quantiles(0)).unwrap_or_default();
            total = 1.0;
        }
        for (value, correction) in answer.iter_mut().zip(self.correction) {
            *value = *value / total + correction * self.error_scale;
        }
        answer.sort_by(f32::total_cmp);
        answer
    }

    fn learn(&mut self, pending: &Pending, events: f64) {
        let shape = ForecasterInput {
            fine: Vec::new(),
            coarse: Vec::new(),
            future: Vec::new(),
            statics: Vec::new(),
            scale: pending.scale,
            level_z: pending.level_z,
        };
        let actual = shape.to_z(events) as f32;
        let in_events = |z: f32| shape.to_events(f64::from(z)) as f32;
        let unit = (pending.scale as f32).max(1e-6);
        for (expert, (errors, point)) in self.errors.iter_mut().zip(pending.points).enumerate() {
            if !point.is_finite() {
                continue;
            }
            let loss = quantile_loss(&errors.around(point).map(in_events), events as f32) / unit;
            average(&mut self.losses, &mut self.evaluations, expert, loss);
            errors.learn(actual - point);
        }
        if let Some(network) = &pending.network {
            let loss = quantile_loss(&network.map(in_events), events as f32) / unit;
            average(&mut self.losses, &mut self.evaluations, NETWORK, loss);
        }
        for ((correction, answer), level) in
            self.correction.iter_mut().zip(pending.answer).zip(QUANTILE_LEVELS)
        {
            let above = if actual > answer { 1.0 } else { 0.0 };
            *correction = (*correction + CORRECTION_STEP * (above - (1.0 - level as f32)))
                .clamp(-LARGEST_CORRECTION, LARGEST_CORRECTION);
        }
        if let (Some(low), Some(median), Some(high)) =
            (pending.answer.get(LOW_80), pending.answer.get(MEDIAN), pending.answer.get(HIGH_80))
        {
            let error = (actual - median).abs().min(20.0 * self.error_scale);
            self.error_scale = (self.error_scale + RECENT * (error - self.error_scale)).max(1e-4);
            let inside = if (*low..=*high).contains(&actual) { 1.0 } else { 0.0 };
            self.coverage_80 += RECENT * (inside - self.coverage_80);
        }
    }
}

/// Discounted mean loss of an expert; the first real loss sets the unit of the priors.
fn average(losses: &mut [f32; EXPERTS], evaluations: &mut [f32; EXPERTS], expert: usize, loss: f32) {
    if evaluations.iter().all(|count| *count == 0.0) {
        *losses = PRIOR_LOSS.map(|relative| relative * loss.max(1e-6));
    }
    if let (Some(mean), Some(count)) = (losses.get_mut(expert), evaluations.get_mut(expert)) {
        *count = *count * DISCOUNT + 1.0;
        *mean += (loss - *mean) / (*count + PRIOR_EVALUATIONS);
    }
}

/// Quantile loss, mean over the levels 0.1 to 0.9.
fn quantile_loss(quantiles: &[f32; LEVELS], actual: f32) -> f32 {
    let mut sum = 0.0;
    for (value, level) in quantiles.iter().zip(QUANTILE_LEVELS).take(HIGH_80 + 1).skip(LOW_80) {
        let error = actual - value;
        sum += error * (level as f32 - if error < 0.0 { 1.0 } else { 0.0 });
    }
    sum / (HIGH_80 - LOW_80 + 1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_loss_by_hand() {
        let at_zero = [0.0f32; LEVELS];
        // the mean of the levels 0.1 to 0.9 is a half: under-forecast by 2 costs 1
        assert!((quantile_loss(&at_zero, 2.0) - 1.0).abs() < 1e-6);
        assert!((quantile_loss(&at_zero, -2.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn pending_forecasts_are_few_and_stale_ones_are_dropped() {
        let mut horizon = Horizon::new(90);
        let input = ForecasterInput {
            fine: vec![],
            coarse: vec![],
            future: vec![],
            statics: vec![],
            scale: 1.0,
            level_z: 1.0,
        };
        for now in 0..1000 {
            horizon.evaluate(now, 1.0);
            horizon.predict(now, &input, [0.0; POINT_EXPERTS], None);
            assert!(horizon.pending.len() <= PENDING as usize + 1);
        }
        horizon.evaluate(100_000, 1.0);
        assert!(horizon.pending.is_empty());
    }
}
