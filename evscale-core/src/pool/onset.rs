//! The host's own calendar: what came in the first hour after `is_business_hours` or `is_peak_hours` turned on, so that it is there
//! the next time at once, on whatever day and at whatever hour the host says so.

use serde::{Deserialize, Serialize};

/// Time after a flag turns on in which what came then is expected, seconds.
const FIRST_SECONDS: f64 = 3600.0;
/// Time over which the load is averaged, seconds.
const SMOOTHED_SECONDS: f64 = 600.0;
/// Times that are remembered, and how many of them must agree.
const REMEMBERED: usize = 3;
const LEAST_TIMES: usize = 2;
/// Rise of the load that is worth being expected.
const LEAST_RISE: f64 = 1.5;
/// Part of the lowest rise that is expected.
const EXPECTED: f64 = 0.9;

/// What one flag of the records has meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Onset {
    was: Option<bool>,
    /// Load over the last minutes, events per interval.
    smooth: Option<f64>,
    /// Seconds since the flag turned on, in its first hour.
    since: Option<f64>,
    /// Load before it, and the highest since.
    before: f64,
    highest: f64,
    /// Rises of the last times, newest last.
    rises: Vec<f32>,
}

impl Onset {
    /// Learns the flag and the load of an interval.
    pub(super) fn observe(&mut self, flag: Option<bool>, events: f64, interval_seconds: f64) {
        let Some(flag) = flag else { return };
        let before = self.was.replace(flag);
        let turned_on = flag && before == Some(false);
        self.since = self.since.map(|since| since + interval_seconds);
        if turned_on && let Some(load) = self.smooth {
            (self.since, self.before, self.highest) = (Some(0.0), load, load);
        }
        if events.is_finite() {
            let weight = (interval_seconds / SMOOTHED_SECONDS).min(1.0);
            let smooth = self.smooth.map_or(events, |smooth| smooth + weight * (events - smooth));
            self.smooth = Some(smooth);
            self.highest = self.highest.max(smooth);
        }
        if self.since.is_some_and(|since| since >= FIRST_SECONDS || !flag) {
            self.remember();
        }
    }

    fn remember(&mut self) {
        self.since = None;
        if self.rises.len() >= REMEMBERED {
            self.rises.remove(0);
        }
        self.rises.push(((self.highest + 1.0) / (self.before + 1.0)) as f32);
    }

    /// Returns the arrivals of an interval that are expected because the flag has just turned on; 0 if none are.
    pub(super) fn events(&self) -> f64 {
        let rise = f64::from(self.rises.iter().copied().fold(f32::INFINITY, f32::min));
        let expected = self.since.is_some() && self.rises.len() >= LEAST_TIMES && rise >= LEAST_RISE;
        if expected { EXPECTED * rise * self.before } else { 0.0 }
    }

    /// Goes on with intervals `ratio` times as long.
    pub(super) fn rescale(&mut self, ratio: f64) {
        self.smooth = self.smooth.map(|smooth| ratio * smooth);
        self.before *= ratio;
        self.highest *= ratio;
    }

    /// Forgets a time that is under way.
    pub(super) fn rewind(&mut self) {
        (self.since, self.was) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_twice_is_expected_the_third_time() {
        let mut onset = Onset::default();
        let run = |onset: &mut Onset, flag: bool, events: f64, records: usize| {
            (0..records).for_each(|_| onset.observe(Some(flag), events, 60.0));
        };
        let mut expected = Vec::new();
        for _ in 0..4 {
            run(&mut onset, false, 100.0, 90);
            onset.observe(Some(true), 100.0, 60.0);
            expected.push(onset.events());
            run(&mut onset, true, 300.0, 200);
            assert_eq!(onset.events(), 0.0, "an hour later the load shows it");
        }
        assert_eq!(expected[..2], [0.0, 0.0]);
        assert!(expected[2..].iter().all(|events| (250.0..=300.0).contains(events)), "{expected:?}");
    }
}
