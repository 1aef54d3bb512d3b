//! How often records really come: counts of another interval than the configured one mean another load.

use super::{DataQuality, Issue};
use crate::config::Config;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Distances in a row that agree before they are believed.
const AGREEING: u32 = 5;
/// Deviation of a distance from the one before, as a share, up to which they agree.
const JITTER: f64 = 0.1;
/// Deviation from the configured interval, as a share, from which on it is another one.
const ANOTHER: f64 = 0.25;

/// Values that `interval_seconds` can have.
const SETTABLE_SECONDS: RangeInclusive<f64> = 10.0..=3600.0;

/// Distances between the records of a pool, used and rejected ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cadence {
    last: Option<Timestamp>,
    distance_seconds: f64,
    agreeing: u32,
}

impl Cadence {
    /// Learns the time of a record; returns the issue of records that keep coming at another interval.
    pub(super) fn observe(&mut self, at: Timestamp, config: &Config) -> Option<Issue> {
        let distance = at.seconds_since(self.last.replace(at)?);
        let agrees = distance > 0.0 && (distance - self.distance_seconds).abs() <= JITTER * distance;
        self.agreeing = if agrees { self.agreeing.saturating_add(1) } else { 0 };
        self.distance_seconds = distance;
        let expected = f64::from(config.interval_seconds);
        let another = (distance / expected - 1.0).abs() > ANOTHER;
        (another && self.is_steady()).then(|| {
            let remedy = if SETTABLE_SECONDS.contains(&distance.round()) {
                format!("set `interval_seconds` to {distance:.0}")
            } else {
                "send one record for each interval".to_owned()
            };
            let reason = format!("records come every {distance:.0} s, expected {expected} s: {remedy}");
            Issue::new(DataQuality::Cadence, reason)
        })
    }

    /// Reports whether the last records came at equal distances.
    pub(super) fn is_steady(&self) -> bool {
        self.agreeing >= AGREEING
    }
}
