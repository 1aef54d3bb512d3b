//! One horizon: the experts' quantiles, their mixture, its calibration, and what is learnt when the interval that was
//! forecast has ended.

use super::aggregation::{Aggregation, EXPERTS, SCORED, at_scored};
use super::calibration::Calibration;
use super::experts::{ErrorQuantiles, POINT_EXPERTS};
use crate::features::{ForecasterInput, LEVELS};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Forecasts that wait for their actual value at a time.
const PENDING: i64 = 4;
const NETWORK: usize = POINT_EXPERTS;

/// A forecast whose interval has not ended yet, in events but for `points`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pending {
    target: i64,
    scale: f64,
    level_z: f64,
    points: [f32; POINT_EXPERTS],
    experts: [Option<[f32; SCORED]>; EXPERTS],
    mixture: [f32; SCORED],
    answer: [f32; LEVELS],
    quiet: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Horizon {
    steps: i64,
    pending: VecDeque<Pending>,
    errors: [ErrorQuantiles; POINT_EXPERTS],
    aggregation: Aggregation,
    calibration: Calibration,
}

impl Horizon {
    pub(super) fn new(steps: i64, interval_seconds: f64) -> Self {
        let every_seconds = stride(steps) as f64 * interval_seconds;
        Self {
            steps,
            pending: VecDeque::new(),
            errors: std::array::from_fn(|_| ErrorQuantiles::new()),
            aggregation: Aggregation::new(every_seconds),
            calibration: Calibration::default(),
        }
    }

    /// The same with what others have learned of the experts and of their widths.
    pub(super) fn like(&self, others: &[&Self]) -> Self {
        if others.is_empty() {
            return self.clone();
        }
        let all =
            |expert: usize| others.iter().filter_map(|other| other.errors.get(expert)).collect::<Vec<_>>();
        Self {
            errors: std::array::from_fn(|expert| ErrorQuantiles::like(&all(expert))),
            aggregation: self
                .aggregation
                .like(&others.iter().map(|other| &other.aggregation).collect::<Vec<_>>()),
            calibration: Calibration::like(
                &others.iter().map(|other| &other.calibration).collect::<Vec<_>>(),
            ),
            ..self.clone()
        }
    }

    /// Whether it looks `steps` ahead and keeps no forecast for longer than that from `now`.
    pub(super) fn fits(&self, steps: i64, now: i64) -> bool {
        self.steps == steps
            && self.pending.len() <= 2 * PENDING as usize
            && self.pending.iter().all(|pending| pending.target <= now.saturating_add(steps))
    }

    /// Recent share of actual values inside the 80 % interval.
    pub(super) fn forget_pending(&mut self) {
        self.pending.clear();
    }

    pub(super) fn coverage_80(&self) -> f64 {
        self.calibration.coverage_80()
    }

    /// Compares the forecast for `slot`, if one was kept, with the actual arrivals, and returns it.
    pub(super) fn evaluate(&mut self, slot: i64, events: f64) -> Option<[f32; LEVELS]> {
        let mut turned_out = None;
        while let Some(pending) = self.pending.front() {
            if pending.target > slot {
                break;
            }
            let due = pending.target == slot;
            if let Some(pending) = self.pending.pop_front()
                && due
                && events.is_finite()
            {
                self.learn(&pending, events);
                turned_out = Some(pending.answer);
            }
        }
        turned_out
    }

    /// Quantiles in events, and keeps the forecast for its evaluation. `typical` is the usual size of a count that
    /// is not zero.
    pub(super) fn predict(
        &mut self,
        now: i64,
        input: &ForecasterInput,
        points: [f32; POINT_EXPERTS],
        network: Option<[f32; LEVELS]>,
        typical: f64,
    ) -> [f64; LEVELS] {
        let mut experts = [None; EXPERTS];
        for ((answer, errors), point) in experts.iter_mut().zip(&self.errors).zip(points) {
            *answer = point.is_finite().then(|| errors.around(point));
        }
        experts[NETWORK] = network;
        let in_events = |z: f32| input.to_events(f64::from(z));
        let mixture = self.aggregation.mix(&experts).map(in_events);
        let answer = self.calibration.correct(mixture);
        let (quantiles, quiet) = self.calibration.whole_counts(answer, typical);
        if now % stride(self.steps) == 0 && input.is_known() {
            self.pending.reserve_exact(1);
            self.pending.push_back(Pending {
                target: now + self.steps,
                scale: input.scale,
                level_z: input.level_z,
                points,
                experts: experts.map(|answer| answer.map(|z| at_scored(&z).map(|z| in_events(z) as f32))),
                mixture: at_scored(&mixture).map(|value| value as f32),
                answer: answer.map(|value| value as f32),
                quiet,
            });
        }
        quantiles
    }

    fn learn(&mut self, pending: &Pending, events: f64) {
        let unit = pending.scale.max(1e-6);
        self.aggregation.learn(&pending.experts, &pending.mixture, events, unit);
        let actual_z = ForecasterInput::z_at(pending.scale, pending.level_z, events) as f32;
        for (errors, point) in self.errors.iter_mut().zip(pending.points) {
            if point.is_finite() {
                errors.learn(actual_z - point);
            }
        }
        self.calibration.learn(&pending.answer, pending.quiet, events);
    }
}

/// Intervals between two forecasts that are kept for evaluation.
fn stride(steps: i64) -> i64 {
    (steps + PENDING - 1) / PENDING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_forecasts_are_few_and_stale_ones_are_dropped() {
        let mut horizon = Horizon::new(90, 120.0);
        let input = ForecasterInput::from_fn(|_| 0.0);
        for now in 0..1000 {
            horizon.evaluate(now, 1.0);
            horizon.predict(now, &input, [0.0; POINT_EXPERTS], None, 1.0);
            assert!(horizon.pending.len() <= PENDING as usize + 1);
        }
        horizon.evaluate(100_000, 1.0);
        assert!(horizon.pending.is_empty());
    }

    #[test]
    fn a_forecast_without_any_count_teaches_nothing() {
        use crate::calendar::Calendar;
        use crate::config::Config;
        use crate::features::forecaster_input;
        use crate::metrics::History;
        use crate::time::Timestamp;
        let config = Config::default();
        let calendar = Calendar::new(&config.time_zone, &config.holidays).unwrap();
        let mut history = History::new(config.interval_seconds);
        history.push(Timestamp::EPOCH.plus_seconds(120), f64::NAN);
        let nothing = forecaster_input(&history, &calendar, 1.0);
        let mut horizon = Horizon::new(1, 120.0);
        let untaught = horizon.errors.clone();
        horizon.predict(0, &nothing, [0.0; POINT_EXPERTS], None, 1.0);
        horizon.evaluate(1, 12_000.0);
        assert_eq!(horizon.errors, untaught);
    }
}
