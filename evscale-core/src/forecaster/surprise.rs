//! Anomaly score: how far the newest records lie outside what was forecast one interval before.

use crate::features::LEVELS;
use serde::{Deserialize, Serialize};

/// Share of the score that is left one interval later.
const MEMORY: f64 = 0.7;

/// `score = max(d, 0.7 * last score)` with `d = clamp((|y - q50| / |q99.5 - q50| - 0.6) / 1.4, 0, 1)`, where
/// the distance to the 0.5 % quantile is taken for values below the median. 0 is as expected, 1 is twice as
/// far out as the outermost quantile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Surprise {
    score: f64,
    expected: Option<[f64; LEVELS]>,
}

impl Surprise {
    pub(super) fn score(&self) -> f64 {
        self.score
    }

    /// Compares the newest arrivals with the quantiles expected of them; NaN only lets the score fade.
    pub(super) fn observe(&mut self, events: f64) {
        let distance = match self.expected.take() {
            Some([low, .., high]) if low > high || !events.is_finite() => 0.0,
            Some(quantiles) if events.is_finite() => outlyingness(&quantiles, events),
            _ => 0.0,
        };
        self.score = distance.max(MEMORY * self.score);
    }

    /// Remembers what is expected of the next interval.
    pub(super) fn expect(&mut self, quantiles: [f64; LEVELS]) {
        self.expected = Some(quantiles);
    }
}

fn outlyingness(quantiles: &[f64; LEVELS], events: f64) -> f64 {
    let [low, _, _, _, _, _, _, median, .., high] = *quantiles;
    let reach = if events > median { high - median } else { median - low };
    let floor = 0.02 * median + 1.0;
    (((events - median).abs() / reach.max(floor) - 0.6) / 1.4).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_is_no_surprise_and_twice_the_outermost_is() {
        let mut quantiles = [0.0; LEVELS];
        for (i, q) in quantiles.iter_mut().enumerate() {
            *q = 100.0 + 10.0 * (i as f64 - 7.0);
        }
        let mut surprise = Surprise::default();
        surprise.expect(quantiles);
        surprise.observe(110.0);
        assert_eq!(surprise.score(), 0.0);
        surprise.expect(quantiles);
        surprise.observe(100.0 + 2.0 * 70.0);
        assert_eq!(surprise.score(), 1.0);
        surprise.observe(f64::NAN);
        assert_eq!(surprise.score(), 0.7);
    }
}
