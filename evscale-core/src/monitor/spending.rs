//! What a pool has cost, hour by hour, at the prices of each time.

use crate::indicators::BLOCK_MS;
use crate::time::{HOUR_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Hours that are remembered: a week.
const HOURS: usize = 168;
const HOURS_OF_A_DAY: i64 = 24;
/// Hours of a block, the step of the day that the other metrics are of, and blocks before the newest one.
const HOURS_OF_A_BLOCK: i64 = BLOCK_MS / HOUR_MS;
const BLOCKS_BEFORE: i64 = HOURS_OF_A_DAY / HOURS_OF_A_BLOCK - 1;
const DAYS_BEFORE: i64 = 6;

/// Money per hour of the last week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spending {
    newest: i64,
    hours: Vec<f32>,
}

impl Spending {
    pub(super) fn new() -> Self {
        Self { newest: 0, hours: vec![0.0; HOURS] }
    }

    pub(super) fn fits(&self) -> bool {
        self.hours.len() == HOURS
    }

    /// Adds what was paid at a time.
    pub(super) fn pay(&mut self, at: Timestamp, money: f64) {
        let hour = at.as_millis().div_euclid(HOUR_MS);
        if hour > self.newest {
            for passed in (self.newest + 1).max(hour - HOURS as i64 + 1)..=hour {
                if let Some(cell) = self.hours.get_mut(passed.rem_euclid(HOURS as i64) as usize) {
                    *cell = 0.0;
                }
            }
            self.newest = hour;
        }
        if hour > self.newest - HOURS as i64
            && let Some(cell) = self.hours.get_mut(hour.rem_euclid(HOURS as i64) as usize)
        {
            *cell += money as f32;
        }
    }

    /// Returns what was paid in the last day, the last week, and today (UTC): in the times that the other metrics are of.
    pub(super) fn told(&self, now: Timestamp) -> [f64; 3] {
        let hour = now.as_millis().div_euclid(HOUR_MS);
        let since = |step: i64, before: i64| (hour.div_euclid(step) - before) * step;
        let day = since(HOURS_OF_A_BLOCK, BLOCKS_BEFORE);
        [day, since(HOURS_OF_A_DAY, DAYS_BEFORE), since(HOURS_OF_A_DAY, 0)].map(|begin| {
            let cells = begin.max(self.newest - HOURS as i64 + 1)..=self.newest;
            let cell = |hour: i64| self.hours.get(hour.rem_euclid(HOURS as i64) as usize);
            cells.filter_map(cell).map(|money| f64::from(*money)).sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_of_its_hour_and_forgotten_after_a_week() {
        let mut spending = Spending::new();
        let hour = |hours: i64| Timestamp::EPOCH.plus_seconds(3600 * (1000 * 24 + hours));
        (0..200).for_each(|hours| spending.pay(hour(hours), 2.0));
        // 200 hours end in the one of 7 o'clock: eleven blocks and two hours of one, six days and eight hours
        assert_eq!(spending.told(hour(199)), [48.0, 304.0, 16.0]);
        spending.pay(hour(190), 1.0);
        assert_eq!(spending.told(hour(199)), [49.0, 305.0, 16.0], "a late one is of its hour");
        assert_eq!(spending.told(hour(216)), [12.0, 257.0, 0.0], "a day later nothing was paid");
        spending.pay(hour(1000), 5.0);
        assert_eq!(spending.told(hour(1000)), [5.0; 3]);
    }
}
