//! When the waits of the arrivals run out: the same for all shadow pools, which differ only in how many events they have
//! left waiting.
//!
//! Queues are first come, first served, so that of `q` waiting events those are late that exceed the arrivals of the last
//! `sla_wait` seconds.

use super::urgency::AGES;
use serde::{Deserialize, Serialize};

/// Most cells that the wait is divided into.
const CELLS: usize = 48;

/// Arrivals of the time within which they need not be late.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Deadlines {
    /// Arrivals of each cell, newest first.
    cells: Vec<f32>,
    /// Seconds of the newest cell that have passed.
    filled: f32,
    within: f32,
}

impl Deadlines {
    /// Counts the arrivals of a substep; returns the arrivals that need not be late after it, and those whose wait ran out
    /// in it.
    pub(super) fn advance(&mut self, arriving: f32, substep_seconds: f32, wait_seconds: f32) -> (f32, f32) {
        let length = substep_seconds.max(wait_seconds / CELLS as f32);
        if self.cells.is_empty() || self.filled + 0.5 * substep_seconds > length {
            self.cells.insert(0, 0.0);
            self.cells.truncate(CELLS + 2);
            self.filled = 0.0;
        }
        if let Some(newest) = self.cells.first_mut() {
            *newest += arriving;
        }
        self.filled += substep_seconds;
        let (mut left, mut within) = (wait_seconds, 0.0);
        for (index, cell) in self.cells.iter().enumerate() {
            let seconds = if index == 0 { self.filled } else { length };
            within += cell * (left / seconds).clamp(0.0, 1.0);
            left -= seconds;
            if left <= 0.0 {
                break;
            }
        }
        let expired = (self.within + arriving - within).max(0.0);
        self.within = within;
        (within, expired)
    }

    /// Returns ages, seconds, and the arrivals since each: from nothing on, evenly, to the allowed wait.
    pub(super) fn since(&self, substep_seconds: f32, wait_seconds: f32) -> [(f32, f32); AGES] {
        let length = substep_seconds.max(wait_seconds / CELLS as f32);
        let mut ages = [(0.0, 0.0); AGES];
        let (mut age, mut since, mut cells) = (0.0, 0.0, self.cells.iter());
        for (index, row) in ages.iter_mut().enumerate() {
            let wanted = wait_seconds * index as f32 / (AGES - 1) as f32;
            while age + 0.5 * length < wanted {
                let Some(cell) = cells.next() else { break };
                age += if age == 0.0 { self.filled } else { length };
                since += cell;
            }
            *row = (age.min(wait_seconds), since);
        }
        if let Some(last) = ages.last_mut() {
            *last = (wait_seconds, self.within);
        }
        ages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    #[test]
    fn arrivals_expire_after_the_wait() {
        let mut deadlines = Deadlines::default();
        let mut expired = Vec::new();
        for substep in 0..8 {
            let arriving = if substep == 1 { 6.0 } else { 0.0 };
            expired.push(deadlines.advance(arriving, 10.0, 30.0));
        }
        let late: Vec<f32> = expired.iter().map(|(_, late)| *late).collect();
        assert_eq!(late, [0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0]);
        assert_eq!(expired.first().map(|(within, _)| *within), Some(0.0));
    }

    #[test]
    fn what_comes_expires_however_coarse_the_cells() {
        let mut deadlines = Deadlines::default();
        let (mut came, mut gone, mut within) = (0.0, 0.0, 0.0);
        for substep in 0..5000u32 {
            let arriving = (substep % 7) as f32;
            came += arriving;
            let (inside, late) = deadlines.advance(arriving, 5.0, 1800.0);
            gone += late;
            within = inside;
        }
        assert!(abs_diff_eq!(came, gone + within, epsilon = 0.01 * came), "{came} {gone} {within}");
        assert!(
            abs_diff_eq!(within, 3.0 * 360.0, epsilon = 0.1 * 3.0 * 360.0),
            "a tenth for the width of the cells: {within}"
        );
    }
}
