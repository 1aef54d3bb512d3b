//! What has come before: the highest arrivals of an interval, so that a service time that changes changes the jobs for
//! them too.

use super::candidates::{FLOORS, Floor};
use crate::calendar::{Calendar, DayKind};
use crate::time::{DAY_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Share of the highest need that is forgotten per day.
const PEAK_FADE_PER_DAY: f64 = 0.03;
/// Time after which the highest need of the last hours has faded to a third, seconds.
const RECENT_SECONDS: f64 = 6.0 * 3600.0;
/// Days after which a need at a time of day has faded to a third.
const SAME_TIME_DAYS: f64 = 5.0;
const DAY_SECONDS: f64 = 86_400.0;
const BIN_SECONDS: f64 = 600.0;
/// Bins of a working day, and as many of a day off.
const BINS: usize = 144;
/// Of a bin that was never seen.
const UNSEEN: f32 = -1.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecentPeaks {
    peak: f64,
    recent: f64,
    same_time: Vec<f32>,
}

impl RecentPeaks {
    pub(super) fn new() -> Self {
        Self { peak: 0.0, recent: 0.0, same_time: vec![UNSEEN; 2 * BINS] }
    }

    /// Returns the peaks of intervals `ratio` times as long.
    pub(super) fn scaled(&self, ratio: f64) -> Self {
        Self {
            peak: ratio * self.peak,
            recent: ratio * self.recent,
            same_time: self
                .same_time
                .iter()
                .map(|peak| if *peak < 0.0 { UNSEEN } else { ratio as f32 * peak })
                .collect(),
        }
    }

    /// Learns the arrivals of an interval that began at `at`.
    pub(super) fn observe(&mut self, events: f64, calendar: &Calendar, at: Timestamp, interval_seconds: f64) {
        self.peak = events.max(self.peak * (1.0 - PEAK_FADE_PER_DAY * interval_seconds / DAY_SECONDS));
        self.recent = events.max(self.recent * (-interval_seconds / RECENT_SECONDS).exp());
        let fade = (-interval_seconds.min(BIN_SECONDS) / BIN_SECONDS / SAME_TIME_DAYS).exp() as f32;
        for (bin, other) in bins(calendar, at, interval_seconds) {
            let usual = self.at_bin(bin, other);
            if let Some(peak) = self.same_time.get_mut(bin) {
                *peak = (events as f32).max(if *peak < 0.0 { 0.0 } else { usual * fade });
            }
        }
    }

    /// The floors for the `ahead_seconds` after `at`, in the order of [`Floor`].
    pub(super) fn floors(&self, calendar: &Calendar, at: Timestamp, ahead_seconds: f64) -> [f64; FLOORS] {
        let ahead = bins(calendar, at, ahead_seconds);
        let highest = ahead.map(|(bin, other)| self.at_bin(bin, other)).fold(0.0f32, f32::max);
        let mut floors = [0.0; FLOORS];
        floors[Floor::Peak as usize] = self.peak;
        floors[Floor::SameTime as usize] = f64::from(highest);
        floors[Floor::Recent as usize] = self.recent;
        floors
    }

    /// Peak of a bin, of that time on the other kind of day if it was never seen; 0 if neither was.
    fn at_bin(&self, bin: usize, other: usize) -> f32 {
        let peak = |bin: usize| self.same_time.get(bin).copied().filter(|peak| *peak >= 0.0);
        peak(bin).or_else(|| peak(other)).unwrap_or(0.0)
    }
}

/// The bins by the local clock of a stretch of time, at most a day of them, each with that of the other kind of day.
fn bins(calendar: &Calendar, at: Timestamp, length: f64) -> impl Iterator<Item = (usize, usize)> {
    let bin_ms = (1000.0 * BIN_SECONDS) as i64;
    let (date, time) = calendar.local(at);
    let midnight = date * DAY_MS;
    let first = (midnight + time).div_euclid(bin_ms);
    let last = (midnight + time + (1000.0 * length) as i64 - 1).div_euclid(bin_ms);
    (first..=last.clamp(first, first + BINS as i64 - 1)).map(|bin| {
        let time = bin.rem_euclid(BINS as i64) as usize;
        let working = calendar.kind(bin.div_euclid(BINS as i64)) == DayKind::Working;
        if working { (time, time + BINS) } else { (time + BINS, time) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_time_is_remembered_and_other_times_and_weekends_are_not() {
        let (mut peaks, utc) = (RecentPeaks::new(), Calendar::utc());
        let monday = Timestamp::EPOCH.plus_seconds(4 * 86_400);
        for slot in 0..3 * 144 {
            let need = if slot % 144 == 60 { 50.0 } else { 2.0 };
            peaks.observe(need, &utc, monday.plus_seconds(600 * slot), 600.0);
        }
        let at =
            |day: i64, hour: i64| peaks.floors(&utc, monday.plus_seconds(day * 86_400 + hour * 3600), 600.0);
        assert!(at(3, 10)[1] > 25.0 && at(3, 11)[1] < 5.0);
        assert!(at(5, 10)[1] > 25.0, "a Saturday is taken for another day until one was seen");
        assert!(at(3, 10)[0] > 45.0 && at(3, 11)[0] > 45.0);
        assert!(at(3, 0)[2] < 10.0, "14 hours later the recent need has faded");
        assert!(
            peaks.floors(&utc, monday.plus_seconds(3 * 86_400 - 60), 11.0 * 3600.0)[1] > 25.0,
            "past midnight"
        );
    }
}
