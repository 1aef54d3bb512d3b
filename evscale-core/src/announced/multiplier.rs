//! `expected_traffic_multiplier` of the records: what the host says of the load to come.

use super::Statement;
use super::announcement::{Announced, Announcement};
use super::entry::UNPUNCTUAL_SECONDS;
use super::truth::{Course, Truth};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Multipliers within this range of 1 say nothing.
const USUAL: f64 = 1e-3;

/// `expected_traffic_multiplier` of the newest record, and what it was of the interval of that record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TrafficMultiplier {
    pub(super) at: Timestamp,
    pub(super) multiplier: f64,
    pub(super) before: f64,
    /// The last one that said something, since when it does not, and whether the load shows it nevertheless.
    last: f64,
    since: Timestamp,
    pub(super) shown: bool,
    course: Course,
    pub(super) truth: Truth,
}

impl Default for TrafficMultiplier {
    fn default() -> Self {
        Self {
            at: Timestamp::EPOCH,
            multiplier: 1.0,
            before: 1.0,
            last: 1.0,
            since: Timestamp::EPOCH,
            shown: false,
            course: Course::default(),
            truth: Truth::default(),
        }
    }
}

impl TrafficMultiplier {
    /// Goes back to a time before that of the newest record: what was seen is void.
    pub(super) fn rewind(&mut self) {
        *self = Self { truth: std::mem::take(&mut self.truth), ..Self::default() };
    }

    /// Returns the multiplier that holds: the last one for as long as the load shows it.
    pub(super) fn acting(&self) -> f64 {
        if self.shown && self.loosely(self.at).is_some() { self.last } else { self.multiplier }
    }

    /// Returns what the last multiplier said, if it ended a short time before `at`.
    pub(super) fn loosely(&self, at: Timestamp) -> Option<Statement> {
        let over = (self.multiplier - 1.0).abs() <= USUAL;
        let lately = over && at.seconds_since(self.since) < UNPUNCTUAL_SECONDS;
        self.statement(self.last).filter(|_| lately)
    }

    /// Returns what a multiplier says of the coming intervals.
    pub(super) fn statement(&self, multiplier: f64) -> Option<Statement> {
        let says = (multiplier - 1.0).abs() > USUAL;
        let (start, end) = (self.at.plus_seconds(-7200), self.at.plus_seconds(86_400));
        let said = Announcement::new(start, end, Announced::Multiplier(multiplier));
        says.then(|| Statement { said, seconds: said.seconds(), weight: self.truth.weight() })
    }

    pub(super) fn silent(&self) -> bool {
        (self.multiplier - 1.0).abs() <= USUAL
            && (self.before - 1.0).abs() <= USUAL
            && self.loosely(self.at).is_none()
    }

    pub(super) fn next(&mut self, record: &Metrics) {
        self.at = record.timestamp;
        self.before =
            std::mem::replace(&mut self.multiplier, record.expected_traffic_multiplier.unwrap_or(1.0));
        if (self.multiplier - 1.0).abs() > USUAL {
            (self.last, self.since) = (self.multiplier, self.at);
        }
    }

    /// Follows what comes, and judges a multiplier that has changed or has stood for long.
    pub(super) fn judge(&mut self, events: f64, usual: f64, busy: f64, interval: f64) {
        let said = self.before;
        if (said - 1.0).abs() <= USUAL {
            return;
        }
        self.course.observe(events, usual, busy, interval, 1.0);
        if (self.multiplier - said).abs() > USUAL || self.course.lasts() {
            self.course.judge(Announced::Multiplier(said), &mut self.truth);
        }
    }
}
