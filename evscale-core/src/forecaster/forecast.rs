//! The answer of the forecaster.

#![expect(clippy::disallowed_methods, reason = "steps before the first one are none")]

use super::days::Burst;
use super::due_events::DueEvents;
use crate::features::HORIZONS;
use crate::quantiles::{LEVELS, QUANTILE_LEVELS, quantile_at, rounded};
use crate::time::Timestamp;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

/// Median arrivals of an interval below which they are few.
pub(crate) const FEW_EVENTS: f64 = 5.0;

/// Arrivals expected at every horizon.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Forecast {
    /// End of the newest interval known.
    pub at: Timestamp,
    /// One entry per horizon, nearest first.
    pub horizons: Vec<HorizonForecast>,
    /// How unusual the newest records are, 0 (as expected) to 1.
    pub anomaly_score: f64,
    /// How far this forecast can be trusted, 0 to 1.
    pub model_confidence: f64,
    /// Bursts that are due by the clock, as on the days before: what the horizons are too far apart to show. In order.
    pub bursts: Vec<Burst>,
    /// Events that the host says fall due at a moment, as far as they are believed: beside the arrivals between the horizons, and
    /// among those of a horizon in whose interval they fall due. In order.
    pub due: Vec<DueEvents>,
}

/// Arrivals of one whole interval that ends a while from now, events per interval.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HorizonForecast {
    /// Nominal lead, minutes.
    pub minutes: u32,
    /// Real lead: whole intervals.
    pub steps: u32,
    /// Median.
    pub prediction: f64,
    /// Half the width of the 80 % interval.
    pub uncertainty: f64,
    /// Values at [`QUANTILE_LEVELS`], never decreasing.
    pub quantiles: [f64; LEVELS],
}

impl HorizonForecast {
    pub(crate) fn new(minutes: u32, steps: u32, quantiles: [f64; LEVELS]) -> Self {
        let mut horizon = Self { minutes, steps, prediction: 0.0, uncertainty: 0.0, quantiles };
        horizon.prediction = horizon.quantile(0.5);
        horizon.uncertainty = (horizon.quantile(0.9) - horizon.quantile(0.1)) / 2.0;
        horizon
    }

    /// Value at a level, interpolated; levels beyond the outermost ones give those.
    pub fn quantile(&self, level: f64) -> f64 {
        quantile_at(&self.quantiles, level)
    }

    /// Returns mean and standard deviation of the distribution that the quantiles describe.
    pub(crate) fn moments(&self) -> (f64, f64) {
        let (mut below, mut last) = (0.0, self.quantiles[0]);
        let (mut mean, mut square) = (0.0, 0.0);
        for (level, value) in QUANTILE_LEVELS
            .iter()
            .chain(&[1.0])
            .zip(self.quantiles.iter().chain(&[self.quantiles[LEVELS - 1]]))
        {
            let middle = (value + last) / 2.0;
            mean += (level - below) * middle;
            square += (level - below) * middle * middle;
            (below, last) = (*level, *value);
        }
        (mean, (square - mean * mean).max(0.0).sqrt())
    }

    /// Expected arrivals: the median, or the mean where arrivals are few, whose median is mostly nothing.
    pub(crate) fn expected(&self) -> f64 {
        if self.prediction >= FEW_EVENTS { self.prediction } else { self.moments().0 }
    }

    /// Central interval that holds the actual value with probability `share`, such as 0.8.
    pub fn interval(&self, share: f64) -> (f64, f64) {
        let tail = (1.0 - share.clamp(0.0, 1.0)) / 2.0;
        (self.quantile(tail), self.quantile(1.0 - tail))
    }
}

impl Forecast {
    /// A forecast of nothing at all, before the first record.
    pub(crate) fn nothing(at: Timestamp, minutes: &[u32; HORIZONS], steps: &[i64; HORIZONS]) -> Self {
        let horizons = minutes
            .iter()
            .zip(steps)
            .map(|(minutes, steps)| HorizonForecast::new(*minutes, *steps as u32, [0.0; LEVELS]))
            .collect();
        Self { at, horizons, anomaly_score: 0.0, model_confidence: 0.0, bursts: Vec::new(), due: Vec::new() }
    }

    /// The forecast of a nominal lead; 12, 48 and 180 minutes are always there.
    pub fn horizon(&self, minutes: u32) -> Option<&HorizonForecast> {
        self.horizons.iter().find(|h| h.minutes == minutes)
    }

    /// Returns the arrivals that are expected in the interval that ends at `end`, and their 95 % quantile; NaN where nothing is
    /// known.
    pub(crate) fn expected_at(&self, end: Timestamp, interval_seconds: f64) -> [f64; 2] {
        let steps = (end.seconds_since(self.at) / interval_seconds).round();
        let later = self.horizons.iter().position(|horizon| f64::from(horizon.steps) >= steps);
        let (Some(later), true) = (later, self.model_confidence > 0.0) else { return [f64::NAN; 2] };
        let at = |index: usize| {
            let horizon = self.horizons.get(index)?;
            Some((f64::from(horizon.steps), horizon.expected(), horizon.quantile(0.95)))
        };
        match (later.checked_sub(1).and_then(at), at(later)) {
            (Some((low, below, below_95)), Some((high, above, above_95))) if high > low => {
                let share = (steps - low) / (high - low);
                [below + share * (above - below), below_95 + share * (above_95 - below_95)]
            }
            (_, Some((_, above, above_95))) => [above, above_95],
            _ => [f64::NAN; 2],
        }
    }

    /// Returns the forecast of the nominal leads alone.
    pub(crate) fn nominal(&self) -> Self {
        let horizons = self.horizons.iter().filter(|horizon| horizon.minutes > 0).cloned().collect();
        Self { horizons, ..self.clone() }
    }

    /// The forecast as JSON; `bursts` and `due` are there where any are.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Forecast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct ByMinutes<'a>(&'a [HorizonForecast]);
        impl Serialize for ByMinutes<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|h| (h.minutes.to_string(), h)))
            }
        }
        let mut out = serializer.serialize_struct("Forecast", 6)?;
        out.serialize_field("at", &self.at)?;
        out.serialize_field("horizons", &ByMinutes(&self.horizons))?;
        out.serialize_field("anomaly_score", &rounded(self.anomaly_score))?;
        out.serialize_field("model_confidence", &rounded(self.model_confidence))?;
        if self.bursts.is_empty() {
            out.skip_field("bursts")?;
        } else {
            out.serialize_field("bursts", &self.bursts)?;
        }
        if self.due.is_empty() {
            out.skip_field("due")?;
        } else {
            out.serialize_field("due", &self.due)?;
        }
        out.end()
    }
}

impl Serialize for HorizonForecast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct ByLevel<'a>(&'a [f64; LEVELS]);
        impl Serialize for ByLevel<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(LEVELS))?;
                for (level, value) in QUANTILE_LEVELS.iter().zip(self.0) {
                    map.serialize_entry(&level.to_string(), value)?;
                }
                map.end()
            }
        }
        let (low, high) = self.interval(0.8);
        let mut out = serializer.serialize_struct("HorizonForecast", 5)?;
        out.serialize_field("prediction", &self.prediction)?;
        out.serialize_field("uncertainty", &self.uncertainty)?;
        out.serialize_field("confidence_interval", &[low, high])?;
        out.serialize_field("steps", &self.steps)?;
        out.serialize_field("quantiles", &ByLevel(&self.quantiles))?;
        out.end()
    }
}
