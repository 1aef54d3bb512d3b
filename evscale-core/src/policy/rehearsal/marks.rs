//! What the pool has needed before, in jobs at the planned utilization.

use super::rule::{FLOORS, Floor};
use serde::{Deserialize, Serialize};

/// Share of the highest need that is forgotten per day.
const PEAK_FADE_PER_DAY: f64 = 0.03;
/// Time after which the highest need of the last hours has faded to a third, seconds.
const RECENT_SECONDS: f64 = 6.0 * 3600.0;
/// Days after which a need at a time of day has faded to a third.
const SAME_TIME_DAYS: f64 = 5.0;
const DAY_SECONDS: f64 = 86_400.0;
const BIN_SECONDS: f64 = 600.0;
const BINS: usize = 144;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Marks {
    peak: f64,
    recent: f64,
    same_time: Vec<f32>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { peak: 0.0, recent: 0.0, same_time: vec![0.0; BINS] }
    }

    /// Learns the need of an interval that began at `second` of the day.
    pub(super) fn observe(&mut self, need: f64, second: f64, interval_seconds: f64) {
        self.peak = need.max(self.peak * (1.0 - PEAK_FADE_PER_DAY * interval_seconds / DAY_SECONDS));
        self.recent = need.max(self.recent * (-interval_seconds / RECENT_SECONDS).exp());
        let fade = (-interval_seconds.min(BIN_SECONDS) / BIN_SECONDS / SAME_TIME_DAYS).exp() as f32;
        for bin in bins(second, interval_seconds) {
            if let Some(mark) = self.same_time.get_mut(bin) {
                *mark = (need as f32).max(*mark * fade);
            }
        }
    }

    /// The floors for the `ahead_seconds` after `second` of the day, in the order of [`Floor`].
    pub(super) fn floors(&self, second: f64, ahead_seconds: f64) -> [f64; FLOORS] {
        let highest = bins(second, ahead_seconds)
            .filter_map(|bin| self.same_time.get(bin).copied())
            .fold(0.0f32, f32::max);
        let mut floors = [0.0; FLOORS];
        floors[Floor::Peak as usize] = self.peak;
        floors[Floor::SameTime as usize] = f64::from(highest);
        floors[Floor::Recent as usize] = self.recent;
        floors
    }
}

fn bins(second: f64, length: f64) -> impl Iterator<Item = usize> {
    let first = (second / BIN_SECONDS).floor() as usize;
    let last = ((second + length - 1.0).max(second) / BIN_SECONDS).floor() as usize;
    (first..=last.min(first + BINS - 1)).map(|bin| bin % BINS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_time_is_remembered_and_other_times_are_not() {
        let mut marks = Marks::new();
        for day in 0..3 {
            for slot in 0..144 {
                let need = if slot == 60 { 50.0 } else { 2.0 };
                marks.observe(need, f64::from(slot) * 600.0, 600.0);
                let _ = day;
            }
        }
        let at = |hour: f64| marks.floors(hour * 3600.0, 600.0);
        assert!(at(10.0)[1] > 30.0 && at(11.0)[1] < 5.0);
        assert!(at(10.0)[0] > 45.0 && at(11.0)[0] > 45.0);
        assert!(at(11.0)[2] < 10.0, "14 hours later the recent need has faded");
        assert!(marks.floors(23.9 * 3600.0, 12.0 * 3600.0)[1] > 30.0, "past midnight");
    }
}
