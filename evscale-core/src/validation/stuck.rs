//! Values that usually move and have stood still for hours, while others move.

use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Time and records for which a value must have stood still.
const STILL_SECONDS: f64 = 7200.0;
const STILL_RECORDS: u32 = 12;
/// Share of the records with another value than the one before, from which on a value usually moves.
const USUALLY_MOVES: f64 = 0.5;
/// Weight of a record in that share, of all records and of the recent ones.
const WEIGHT: f64 = 0.02;
const RECENT_WEIGHT: f64 = 0.1;
const FIELDS: usize = 4;

/// One value over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Watched {
    last: Option<f64>,
    since: Option<Timestamp>,
    /// Records with the same value in a row, the first one aside.
    repeats: u32,
    usually_moves: f64,
    recently_moves: f64,
}

/// The values that are watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Movement([Watched; FIELDS]);

impl Watched {
    fn observe(&mut self, at: Timestamp, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        let moved = self.last != Some(value);
        let share = if moved { 1.0 } else { 0.0 };
        self.recently_moves += RECENT_WEIGHT * (share - self.recently_moves);
        self.repeats = if moved { 0 } else { self.repeats.saturating_add(1) };
        // a run that is already suspect says nothing of what is usual
        if self.repeats < STILL_RECORDS {
            self.usually_moves += WEIGHT * (share - self.usually_moves);
        }
        if moved {
            self.since = Some(at);
            self.last = Some(value);
        }
    }

    /// The value and the seconds for which it has stood still, if that is suspect. Nothing going on is no standstill.
    fn stuck(&self, now: Timestamp) -> Option<(f64, f64)> {
        let still = now.elapsed_since(self.since?)?;
        let value = self.last.filter(|value| *value != 0.0)?;
        let suspect = self.repeats >= STILL_RECORDS && still >= STILL_SECONDS;
        (suspect && self.usually_moves >= USUALLY_MOVES).then_some((value, still))
    }
}

impl Movement {
    /// Learns from a checked record; tells of a value that is stuck.
    pub(super) fn observe(&mut self, record: &Metrics) -> Option<String> {
        let fields = [
            ("logged_events_count", Some(record.logged_events_count)),
            ("processed_events_count", record.processed_events_count),
            ("queued_events_count", record.queued_events_count),
            // a pool that is busy or idle all the time stands still by itself
            ("cpu_utilization_percent", record.cpu_utilization_percent.filter(|percent| *percent < 99.0)),
        ];
        for (watched, (_, value)) in self.0.iter_mut().zip(fields) {
            watched.observe(record.timestamp, value);
        }
        let others_move = self.0.iter().any(|watched| watched.recently_moves >= USUALLY_MOVES);
        let stuck = self.0.iter().zip(fields).find_map(|(watched, (name, _))| {
            watched.stuck(record.timestamp).map(|(value, still)| (name, value, still))
        });
        let (name, value, still) = stuck.filter(|_| others_move)?;
        Some(format!("`{name}` has been {value} for {:.0} min, while others move", still / 60.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of `records` intervals of 2 minutes, of which all or none stand still from the 400th on.
    fn verdicts(moves: impl Fn(u32) -> f64, others: impl Fn(u32) -> f64, records: u32) -> Option<u32> {
        let mut movement = Movement::default();
        (0..records).find(|i| {
            let at = Timestamp::EPOCH.plus_seconds(120 * i64::from(*i));
            let mut record = Metrics::new(at, moves(*i), 5.0);
            record.processed_events_count = Some(others(*i));
            movement.observe(&record).is_some()
        })
    }

    #[test]
    fn a_value_that_stands_still_while_others_move_is_stuck_after_two_hours() {
        let moving = |i: u32| f64::from(100 + i * 7 % 31);
        let stopping = |i: u32| moving(i.min(400));
        assert_eq!(verdicts(stopping, moving, 1000), Some(460));
        assert_eq!(verdicts(moving, moving, 1000), None);
        assert_eq!(verdicts(stopping, stopping, 1000), None, "nothing moves");
        assert_eq!(verdicts(|_| 50.0, moving, 1000), None, "it never moved");
        assert_eq!(
            verdicts(|i| if i < 400 { moving(i) } else { 0.0 }, moving, 1000),
            None,
            "nothing arrives"
        );
    }
}
