//! Anomaly score: how far the newest records lie outside what was forecast.
//!
//! The score is the largest of three, each 0 to 1:
//! - **spike or drop**: `d = clamp((|y - q50| / |q99.5 - q50| - 1) / 1.5, 0, 1)` against the forecast one interval
//!   before (below the median the 0.5 % quantile), which fades by 0.7 per interval;
//! - **shift**: two one-sided cumulative sums (Page, *Continuous inspection schemes*, 1954) of the errors of the
//!   48-minute forecast, in its standard deviations `(q90 - q10) / 2.56`, clipped at 4 with an allowance of 0.75:
//!   `clamp(sum / 14, 0, 1)`;
//! - **stuck counter**: `r` equal counts above zero in a row, of which each has the usual probability `p` to equal the one
//!   before: `clamp((-r ln p - 8) / 16, 0, 1)`.

use super::{HIGH_80, LOW_80, MEDIAN};
use crate::features::LEVELS;
use serde::{Deserialize, Serialize};

/// Share of the spike score that is left one interval later.
const MEMORY: f64 = 0.7;
/// Part of an error, in standard deviations, that is no sign of a shift.
const ALLOWANCE: f64 = 0.75;
const LARGEST_ERROR: f64 = 4.0;
/// Sum of errors that is a shift for certain.
const CERTAIN_SHIFT: f64 = 14.0;
/// Distance between the 10 % and the 90 % quantile of a normal distribution, in standard deviations.
const DEVIATIONS_80: f64 = 2.563;
/// Weight of a record in the usual share of repeated counts.
const REPEAT_WEIGHT: f64 = 0.005;
/// Repeated counts of a suspect run after which it begins to be learned as usual, and the weight of each: some 150 records
/// later it is.
const PATIENCE: u32 = 20;
const SUSPECT_WEIGHT: f64 = 0.02;
/// Repeated counts of a run that count.
const LONGEST_RUN: u32 = 60;
/// Improbability, in natural logarithms, from which a run of equal counts is suspect, and beyond that certain.
const SUSPECT_RUN: f64 = 8.0;
const CERTAIN_RUN: f64 = 16.0;

/// What the score remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AnomalyScore {
    spike: f64,
    expected: Option<[f64; LEVELS]>,
    above: f64,
    below: f64,
    last: f64,
    run: u32,
    repeats: f64,
}

impl Default for AnomalyScore {
    fn default() -> Self {
        Self { spike: 0.0, expected: None, above: 0.0, below: 0.0, last: f64::NAN, run: 0, repeats: 1.0 }
    }
}

impl AnomalyScore {
    /// The anomaly score, 0 to 1.
    pub(super) fn score(&self) -> f64 {
        let shift = (self.above.max(self.below) / CERTAIN_SHIFT).clamp(0.0, 1.0);
        self.of_records().max(shift)
    }

    /// Returns the part of the score that is a data-quality issue of the newest records: a spike, a drop or a stuck counter.
    pub(super) fn of_records(&self) -> f64 {
        self.spike.max(self.stuck())
    }

    fn stuck(&self) -> f64 {
        let improbability = -f64::from(self.run.min(LONGEST_RUN)) * self.repeats.clamp(1e-3, 1.0).ln();
        ((improbability - SUSPECT_RUN) / CERTAIN_RUN).clamp(0.0, 1.0)
    }

    /// Compares the newest arrivals with the quantiles expected of them; NaN only lets the score fade.
    pub(super) fn observe(&mut self, events: f64) {
        let distance = match self.expected.take() {
            Some([low, .., high]) if low > high || !events.is_finite() => 0.0,
            Some(quantiles) if events.is_finite() => outlyingness(&quantiles, events),
            _ => 0.0,
        };
        self.spike = distance.max(MEMORY * self.spike);
        if events.is_finite() {
            let repeated = events == self.last && events > 0.0;
            self.run = if repeated { self.run.saturating_add(1) } else { 0 };
            let weight = match repeated && self.stuck() > 0.0 {
                false => REPEAT_WEIGHT,
                true if self.run > PATIENCE => SUSPECT_WEIGHT,
                true => 0.0,
            };
            self.repeats += weight * (if repeated { 1.0 } else { 0.0 } - self.repeats);
            self.last = events;
        }
    }

    /// Remembers what is expected of the next interval.
    pub(super) fn expect(&mut self, quantiles: [f64; LEVELS]) {
        self.expected = Some(quantiles);
    }

    /// Learns how an earlier forecast over a longer time turned out.
    pub(super) fn turned_out(&mut self, quantiles: &[f32; LEVELS], events: f64) {
        let at = |index: usize| quantiles.get(index).map_or(0.0, |value| f64::from(*value));
        let deviation = ((at(HIGH_80) - at(LOW_80)) / DEVIATIONS_80).max(0.02 * at(MEDIAN) + 0.5);
        let error = ((events - at(MEDIAN)) / deviation).clamp(-LARGEST_ERROR, LARGEST_ERROR);
        self.above = (self.above + error - ALLOWANCE).clamp(0.0, 1.5 * CERTAIN_SHIFT);
        self.below = (self.below - error - ALLOWANCE).clamp(0.0, 1.5 * CERTAIN_SHIFT);
    }
}

fn outlyingness(quantiles: &[f64; LEVELS], events: f64) -> f64 {
    let [low, _, _, _, _, _, _, median, .., high] = *quantiles;
    let reach = if events > median { high - median } else { median - low };
    let floor = 0.02 * median + 1.0;
    (((events - median).abs() / reach.max(floor) - 1.0) / 1.5).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_is_no_anomaly_and_far_beyond_the_outermost_is() {
        let mut quantiles = [0.0; LEVELS];
        for (i, q) in quantiles.iter_mut().enumerate() {
            *q = 100.0 + 10.0 * (i as f64 - 7.0);
        }
        let mut anomaly = AnomalyScore::default();
        anomaly.expect(quantiles);
        anomaly.observe(110.0);
        assert_eq!(anomaly.score(), 0.0);
        anomaly.expect(quantiles);
        anomaly.observe(100.0 + 2.5 * 70.0);
        assert_eq!(anomaly.score(), 1.0);
        anomaly.observe(f64::NAN);
        assert_eq!(anomaly.score(), 0.7);
    }

    #[test]
    fn a_counter_that_usually_moves_and_stands_still_is_stuck() {
        let mut anomaly = AnomalyScore::default();
        for i in 0..2000 {
            anomaly.observe(f64::from(i % 40));
        }
        assert_eq!(anomaly.score(), 0.0);
        for _ in 0..8 {
            anomaly.observe(17.0);
        }
        assert_eq!(anomaly.score(), 1.0);
        let mut constant = AnomalyScore::default();
        for _ in 0..5000 {
            constant.observe(17.0);
        }
        assert_eq!(constant.score(), 0.0, "a series that never moves is not stuck");
    }

    #[test]
    fn errors_to_one_side_are_a_shift_and_errors_to_both_sides_are_not() {
        let mut quantiles = [0.0f32; LEVELS];
        for (i, q) in quantiles.iter_mut().enumerate() {
            *q = 100.0 + 4.0 * (i as f32 - 7.0);
        }
        let mut anomaly = AnomalyScore::default();
        for i in 0..100 {
            anomaly.turned_out(&quantiles, if i % 2 == 0 { 115.0 } else { 85.0 });
        }
        assert!(anomaly.score() < 0.3, "{}", anomaly.score());
        for _ in 0..16 {
            anomaly.turned_out(&quantiles, 130.0);
        }
        assert_eq!(anomaly.score(), 1.0);
    }
}
