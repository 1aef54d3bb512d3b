//! What has come before: the highest arrivals of an interval, so that a service time that changes changes the jobs for
//! them too.

use super::candidates::{FLOORS, Floor};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Share of the highest need that is forgotten per day.
const PEAK_FADE_PER_DAY: f64 = 0.03;
/// Time after which the highest need of the last hours has faded to a third, seconds.
const RECENT_SECONDS: f64 = 6.0 * 3600.0;
/// Days after which a need at a time of day has faded to a third.
const SAME_TIME_DAYS: f64 = 5.0;
const DAY_SECONDS: f64 = 86_400.0;
const BIN_SECONDS: f64 = 600.0;
/// Bins of a working day, and as many of a day of a weekend.
const BINS: usize = 144;
/// Days from the epoch, a Thursday, to the first Monday.
const FIRST_MONDAY: i64 = 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecentPeaks {
    peak: f64,
    recent: f64,
    same_time: Vec<f32>,
}

impl RecentPeaks {
    pub(super) fn new() -> Self {
        Self { peak: 0.0, recent: 0.0, same_time: vec![0.0; 2 * BINS] }
    }

    /// Returns the peaks of intervals `ratio` times as long.
    pub(super) fn scaled(&self, ratio: f64) -> Self {
        Self {
            peak: ratio * self.peak,
            recent: ratio * self.recent,
            same_time: self.same_time.iter().map(|mark| ratio as f32 * mark).collect(),
        }
    }

    /// Learns the arrivals of an interval that began at `at`.
    pub(super) fn observe(&mut self, events: f64, at: Timestamp, interval_seconds: f64) {
        self.peak = events.max(self.peak * (1.0 - PEAK_FADE_PER_DAY * interval_seconds / DAY_SECONDS));
        self.recent = events.max(self.recent * (-interval_seconds / RECENT_SECONDS).exp());
        let fade = (-interval_seconds.min(BIN_SECONDS) / BIN_SECONDS / SAME_TIME_DAYS).exp() as f32;
        for bin in bins(at, interval_seconds) {
            if let Some(mark) = self.same_time.get_mut(bin) {
                *mark = (events as f32).max(*mark * fade);
            }
        }
    }

    /// The floors for the `ahead_seconds` after `at`, in the order of [`Floor`].
    pub(super) fn floors(&self, at: Timestamp, ahead_seconds: f64) -> [f64; FLOORS] {
        let highest =
            bins(at, ahead_seconds).filter_map(|bin| self.same_time.get(bin).copied()).fold(0.0f32, f32::max);
        let mut floors = [0.0; FLOORS];
        floors[Floor::Peak as usize] = self.peak;
        floors[Floor::SameTime as usize] = f64::from(highest);
        floors[Floor::Recent as usize] = self.recent;
        floors
    }
}

/// The bins (UTC) of a stretch of time, at most a day of them.
fn bins(at: Timestamp, length: f64) -> impl Iterator<Item = usize> {
    let bin_ms = (1000.0 * BIN_SECONDS) as i64;
    let first = at.as_millis().div_euclid(bin_ms);
    let last = at.plus_millis((1000.0 * length) as i64 - 1).as_millis().div_euclid(bin_ms);
    (first..=last.clamp(first, first + BINS as i64 - 1)).map(|bin| {
        let day = bin.div_euclid(BINS as i64);
        let weekend = (day - FIRST_MONDAY).rem_euclid(7) >= 5;
        bin.rem_euclid(BINS as i64) as usize + if weekend { BINS } else { 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_time_is_remembered_and_other_times_and_weekends_are_not() {
        let mut peaks = RecentPeaks::new();
        let monday = Timestamp::EPOCH.plus_seconds(4 * 86_400);
        for slot in 0..3 * 144 {
            let need = if slot % 144 == 60 { 50.0 } else { 2.0 };
            peaks.observe(need, monday.plus_seconds(600 * slot), 600.0);
        }
        let at = |day: i64, hour: i64| peaks.floors(monday.plus_seconds(day * 86_400 + hour * 3600), 600.0);
        assert!(at(3, 10)[1] > 25.0 && at(3, 11)[1] < 5.0);
        assert_eq!(at(5, 10)[1], 0.0, "nothing is known of Saturdays");
        assert!(at(3, 10)[0] > 45.0 && at(3, 11)[0] > 45.0);
        assert!(at(3, 0)[2] < 10.0, "14 hours later the recent need has faded");
        assert!(peaks.floors(monday.plus_seconds(3 * 86_400 - 60), 11.0 * 3600.0)[1] > 25.0, "past midnight");
    }
}
