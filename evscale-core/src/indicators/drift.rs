//! Drift: the pool is not what it was. Of the arrivals the level, the season and the variability, and the errors of the forecast.
//!
//! Each is a number per two hours over the day that ends with them, and a Page-Hinkley test watches it (Page, *Continuous
//! inspection schemes*, Biometrika 1954; Hinkley, *Inference about the change-point from cumulative sum tests*, Biometrika 1971;
//! as a drift detector: Gama et al., *A survey on concept drift adaptation*, ACM Computing Surveys 2014, section 3.2.2):
//!
//! - **level**: `ln(arrivals of the day / arrivals of the same hours a week before)`, both ways;
//! - **season**: half of the sum of `|a - b|` over the day's twelve blocks, `a` and `b` their shares of the day's arrivals now and a week
//!   before (total variation distance), upwards;
//! - **variability**: `ln(noise between neighbours / arrivals)`, both ways;
//! - **residuals**: `ln(weighted error of the 12-minute forecast / noise between neighbours)`, upwards.
//!
//! A value is taken in standard deviations from its usual one, clipped at 4. What lies beyond the allowance of 1 is summed up;
//! a sum above the threshold is drift, and its onset is where the sum last was nothing. After a drift of level or season the week
//! before says nothing for a week; after the others three days are learned anew. Then the drift is over: what is, is usual.

use super::picture::Halves;
use super::windows::DAY_BLOCKS;
use crate::names::named;
use serde::{Deserialize, Serialize};

/// Blocks of a week.
const WEEK_BLOCKS: i64 = 7 * DAY_BLOCKS;
/// Part of a deviation that is no sign of drift, and the largest one that counts, in standard deviations.
const ALLOWANCE: f64 = 1.0;
const LARGEST: f64 = 4.0;
/// Largest deviation that is learned, in assumed standard deviations: what varies more is not usual.
const LEARNED: f64 = 8.0;
/// Values that what is assumed of a usual one counts for.
const PRIOR: f64 = 24.0;
/// Values over which the usual one is averaged, at most.
const MEMORY: f64 = 336.0;

/// What is assumed of the values of a test, and how it judges them.
#[derive(Clone, Copy, Debug)]
struct Usual {
    /// Usual value; none where the first values tell it.
    mean: Option<f64>,
    /// Standard deviation that is assumed, and the least that is believed.
    deviation: f64,
    least_deviation: f64,
    /// Sum that is drift.
    threshold: f64,
    both_ways: bool,
    /// Values that are learned or left out after a drift.
    relearned: i64,
}

/// A Page-Hinkley test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PageHinkley {
    count: f64,
    mean: f64,
    squares: f64,
    above: f64,
    below: f64,
    above_since: i64,
    below_since: i64,
    detected: Option<Detected>,
}

/// A drift, in blocks since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detected {
    pub(crate) onset: i64,
    pub(crate) at: i64,
    pub(crate) upwards: bool,
}

impl PageHinkley {
    /// Takes the value of a block.
    fn update(&mut self, usual: &Usual, block: i64, value: f64) {
        if let Some(detected) = self.detected {
            if block.saturating_sub(detected.at) < usual.relearned {
                return;
            }
            *self = Self::default();
        }
        if !value.is_finite() {
            return;
        }
        // the values of a day overlap: its first one is half of what is known
        let mean = usual.mean.unwrap_or(if self.count < 1.0 { value } else { self.mean });
        let variance = (PRIOR * usual.deviation.powi(2) + self.squares) / (PRIOR + self.count);
        let standard = (value - mean) / variance.sqrt().max(usual.least_deviation);
        let standard = standard.clamp(-LARGEST, LARGEST);
        let sides = [
            (&mut self.above, &mut self.above_since, standard),
            (&mut self.below, &mut self.below_since, if usual.both_ways { -standard } else { 0.0 }),
        ];
        for (sum, since, side) in sides {
            *sum = (*sum + side - ALLOWANCE).max(0.0);
            if *sum == 0.0 {
                *since = block.saturating_add(1);
            }
        }
        if self.above.max(self.below) > usual.threshold {
            let upwards = self.above >= self.below;
            let onset = if upwards { self.above_since } else { self.below_since };
            self.detected = Some(Detected { onset, at: block, upwards });
            return;
        }
        self.count = (self.count + 1.0).min(MEMORY);
        let weight = 1.0 / self.count;
        self.mean += weight * (value - self.mean);
        let most = (LEARNED * usual.deviation).powi(2);
        self.squares = (self.squares + (value - mean).powi(2).min(most)).min(MEMORY * most);
        if self.count >= MEMORY {
            self.squares *= 1.0 - weight;
        }
    }

    fn drift_detected(&self) -> Option<Detected> {
        self.detected
    }

    /// Forgets the sums: what they saw has another reason.
    fn forget_sums(&mut self) {
        (self.above, self.below) = (0.0, 0.0);
    }
}

/// What drifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Arrivals per day.
    Level,
    /// How the arrivals of a day are distributed over it.
    Season,
    /// Noise of the arrivals.
    Variability,
    /// Errors of the forecast.
    Residuals,
}

named! {
    DriftKind, "drift":
    Level = "level",
    Season = "season",
    Variability = "variability",
    Residuals = "residuals",
}

const LEVEL: Usual = Usual {
    mean: Some(0.0),
    deviation: 0.1,
    least_deviation: 0.05,
    threshold: 30.0,
    both_ways: true,
    relearned: WEEK_BLOCKS,
};
const SEASON: Usual = Usual {
    mean: None,
    deviation: 0.03,
    least_deviation: 0.02,
    threshold: 30.0,
    both_ways: false,
    relearned: WEEK_BLOCKS,
};
const VARIABILITY: Usual = Usual {
    mean: None,
    deviation: 0.12,
    least_deviation: 0.08,
    threshold: 36.0,
    both_ways: true,
    relearned: 3 * DAY_BLOCKS,
};
const RESIDUALS: Usual = Usual { both_ways: false, ..VARIABILITY };

/// The day that ends with a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayEnd {
    /// Mean arrivals per second of the block; NaN if too little of it is known.
    pub(crate) arrivals_per_second: f64,
    /// Noise between neighbours over the arrivals; NaN if unknown.
    pub(crate) noise: f64,
    /// Weighted error of the 12-minute forecast; NaN if unknown.
    pub(crate) error: f64,
}

/// The tests of one pool, and the arrivals of the last eight days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Drift {
    arrivals: Halves<{ (WEEK_BLOCKS + DAY_BLOCKS) as usize }>,
    level: PageHinkley,
    season: PageHinkley,
    variability: PageHinkley,
    residuals: PageHinkley,
    seen: i64,
}

impl Drift {
    pub(crate) fn new() -> Self {
        let test = PageHinkley::default;
        Self {
            arrivals: Halves::new(),
            level: test(),
            season: test(),
            variability: test(),
            residuals: test(),
            seen: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.arrivals.bytes()
    }

    pub(crate) fn fits(&self) -> bool {
        self.arrivals.fits()
    }

    /// Takes the block that has ended.
    pub(crate) fn update(&mut self, block: i64, day: &DayEnd) {
        self.arrivals.set(block, day.arrivals_per_second as f32);
        self.seen = self.seen.saturating_add(1);
        let (now, before): (Vec<f64>, Vec<f64>) = (block.saturating_sub(DAY_BLOCKS - 1)..=block)
            .map(|slot| (self.arrivals.at(slot), self.arrivals.at(slot.saturating_sub(WEEK_BLOCKS))))
            .filter(|(now, before)| now.is_finite() && before.is_finite())
            .map(|(now, before)| (f64::from(now), f64::from(before)))
            .unzip();
        let (today, then) = (now.iter().sum::<f64>(), before.iter().sum::<f64>());
        let known = now.len() as i64 >= DAY_BLOCKS - 2 && today > 0.0 && then > 0.0;
        let level = if known { (today / then).ln() } else { f64::NAN };
        let apart = now.iter().zip(&before).map(|(now, before)| (now / today - before / then).abs());
        let season = if known { apart.sum::<f64>() / 2.0 } else { f64::NAN };
        let was = self.level.drift_detected();
        self.level.update(&LEVEL, block, level);
        if self.level.drift_detected() != was {
            // the day of a new level has another shape and another noise
            self.season.forget_sums();
            self.variability.forget_sums();
        }
        self.season.update(&SEASON, block, season);
        if self.seen < DAY_BLOCKS {
            return;
        }
        self.variability.update(&VARIABILITY, block, day.noise.ln());
        if self.seen >= 3 * DAY_BLOCKS {
            self.residuals.update(&RESIDUALS, block, (day.error / day.noise).ln());
        }
    }

    /// Returns every drift that is not over.
    pub(crate) fn detected(&self) -> impl Iterator<Item = (DriftKind, Detected)> {
        [
            (DriftKind::Level, &self.level),
            (DriftKind::Season, &self.season),
            (DriftKind::Variability, &self.variability),
            (DriftKind::Residuals, &self.residuals),
        ]
        .into_iter()
        .filter_map(|(kind, test)| Some((kind, test.drift_detected()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of a series with a season and a little noise, changed from a day on; returns what was found on which block.
    fn run(days: i64, change: impl Fn(i64, f64) -> DayEnd) -> Vec<(DriftKind, Detected)> {
        let mut drift = Drift::new();
        let mut found = Vec::new();
        for block in 0..days * DAY_BLOCKS {
            let phase = std::f64::consts::TAU * (block % DAY_BLOCKS) as f64 / DAY_BLOCKS as f64;
            let wobble = 1.0 + 0.03 * ((block * 7919 % 101) as f64 / 50.0 - 1.0);
            drift.update(block, &change(block, wobble * (2.0 + phase.sin())));
            for seen in drift.detected() {
                if !found.contains(&seen) {
                    found.push(seen);
                }
            }
        }
        found
    }

    /// A drift, and the day that ends with a block by the block and its usual arrivals.
    type Case<'a> = (DriftKind, &'a dyn Fn(i64, f64) -> DayEnd);

    fn usual(arrivals_per_second: f64) -> DayEnd {
        DayEnd { arrivals_per_second, noise: 0.03, error: 0.04 }
    }

    #[test]
    fn nothing_drifts_in_a_pool_that_stays_as_it_is() {
        assert!(run(60, |_, rate| usual(rate)).is_empty());
    }

    #[test]
    fn each_kind_is_found_by_its_name_within_two_days_and_once_a_week_at_most() {
        let day = 20;
        let begins = day * DAY_BLOCKS;
        let cases: [Case<'_>; 4] = [
            (DriftKind::Level, &|block, rate| usual(if block >= begins { 1.6 * rate } else { rate })),
            (DriftKind::Season, &|block, rate| usual(if block >= begins { 4.0 - rate } else { rate })),
            (DriftKind::Variability, &|block, rate| DayEnd {
                noise: if block >= begins { 0.06 } else { 0.03 },
                error: if block >= begins { 0.08 } else { 0.04 },
                ..usual(rate)
            }),
            (DriftKind::Residuals, &|block, rate| DayEnd {
                error: if block >= begins { 0.09 } else { 0.04 },
                ..usual(rate)
            }),
        ];
        for (kind, change) in cases {
            let found = run(40, change);
            assert!(found.iter().all(|(found, _)| *found == kind), "{kind:?}: {found:?}");
            let (_, first) = found[0];
            assert!((begins..begins + 2 * DAY_BLOCKS).contains(&first.at), "{kind:?}: {first:?}");
            assert!((first.onset - begins).abs() <= DAY_BLOCKS, "{kind:?}: {first:?}, began at {begins}");
            assert_eq!(found.len(), 1, "{kind:?}: what has come to stay is usual: {found:?}");
        }
    }
}
