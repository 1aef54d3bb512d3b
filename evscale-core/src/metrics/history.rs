//! Bounded history of arrivals: a fine ring at the interval and a coarse ring of about two weeks.

#![expect(clippy::disallowed_methods, reason = "a place before the first one is negative on purpose")]

use super::ring::{Cells, Cursor};
use crate::time::{DAY_MS, SECOND_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Days that the fine ring holds for the networks, and for a forecaster of the host's own.
const DAY: i64 = 1;
const WEEK: i64 = 7;
/// Entries of the fine ring beyond its whole days, so that a window of 96 intervals has its values of yesterday.
const FINE_MARGIN: usize = 112;
/// Longest fine ring, in intervals.
const FINE_CAPACITY_LIMIT: usize = 12_000;
/// Days that the coarse ring holds.
const COARSE_DAYS: i64 = 15;
/// Part of an interval by which a record may lie off the end of its own until the grid follows, and by which it does.
const OFF_PHASE: i64 = 4;
/// Width of a coarse bucket where the interval is not longer, seconds.
const COARSE_BUCKET_SECONDS: i64 = 1_200;

/// Arrivals per interval, newest last; an interval that is not known is NaN.
///
/// Intervals are addressed by *slot*: slot 0 is that of the first record, slot `n` ends `n` intervals
/// later. Memory is bounded: about one day at the interval (at most 12,000 intervals) and 15 days in buckets of 20
/// minutes. A fine ring of a week, which a forecaster of the host's own gets, makes the bundled one no better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    interval_ms: i64,
    /// End of the interval of slot 0.
    anchor: Timestamp,
    slots: Cursor,
    fine: Cells,
    bucket_intervals: i64,
    buckets: Cursor,
    /// Sum of the known arrivals of each coarse bucket.
    sums: Vec<f32>,
    /// How many intervals of it are known.
    known: Vec<u8>,
}

impl History {
    /// An empty history for records every `interval_seconds`.
    pub fn new(interval_seconds: u32) -> Self {
        let interval_ms = i64::from(interval_seconds.max(1)) * SECOND_MS;
        let fine = fine_length(interval_ms, DAY);
        let bucket_intervals = (COARSE_BUCKET_SECONDS * SECOND_MS / interval_ms).max(1);
        let buckets = (COARSE_DAYS * DAY_MS / (bucket_intervals * interval_ms)) as usize + 1;
        Self {
            interval_ms,
            anchor: Timestamp::EPOCH,
            slots: Cursor::new(fine),
            fine: Cells::unknown(fine),
            bucket_intervals,
            buckets: Cursor::new(buckets),
            sums: vec![0.0; buckets],
            known: vec![0; buckets],
        }
    }

    /// Keeps a week at the interval, as forecasters of the host's own are promised.
    pub(crate) fn keep_week(&mut self) {
        let length = fine_length(self.interval_ms, WEEK);
        if self.fine.len() == length {
            return;
        }
        let mut longer = Self { slots: Cursor::new(length), fine: Cells::unknown(length), ..self.clone() };
        let newest = self.slots.newest();
        longer.slots.advance(newest, |_| ());
        for slot in newest - self.len() as i64 + 1..=newest {
            if let Some(cell) = longer.slots.cell(slot) {
                longer.fine.set(cell, self.at(slot) as f32);
            }
        }
        *self = longer;
    }

    /// Whether this is a history for records every `interval_seconds`, of the size that it should have.
    pub(crate) fn fits(&self, interval_seconds: u32) -> bool {
        let fresh = Self::new(interval_seconds);
        let buckets = fresh.sums.len();
        self.interval_ms == fresh.interval_ms
            && self.bucket_intervals == fresh.bucket_intervals
            && [DAY, WEEK].iter().any(|days| self.fine.len() == fine_length(self.interval_ms, *days))
            && self.slots.fits(self.fine.len())
            && self.slots.newest() <= self.last_slot()
            && self.sums.len() == buckets
            && self.known.len() == buckets
            && self.buckets.fits(buckets)
            && self.buckets.newest() == self.slots.newest().div_euclid(self.bucket_intervals)
    }

    /// Length of an interval, seconds.
    pub fn interval_seconds(&self) -> f64 {
        self.interval_ms as f64 / SECOND_MS as f64
    }

    /// No record so far.
    pub fn is_empty(&self) -> bool {
        self.slots.newest() < 0
    }

    /// Slot of the newest record; -1 before the first one.
    pub fn newest_slot(&self) -> i64 {
        self.slots.newest()
    }

    /// Intervals since the first record, or as many as the fine ring holds.
    pub fn len(&self) -> usize {
        self.slots.newest().saturating_add(1).clamp(0, self.slots.length() as i64) as usize
    }

    /// The slot whose end is nearest to `at`; 0 before the first record.
    pub fn slot_of(&self, at: Timestamp) -> i64 {
        if self.is_empty() {
            return 0;
        }
        (at.millis_since(self.anchor) + self.interval_ms / 2).div_euclid(self.interval_ms)
    }

    /// End of the interval of a slot.
    pub fn end_of(&self, slot: i64) -> Timestamp {
        self.anchor.plus_millis(slot.saturating_mul(self.interval_ms))
    }

    /// Returns the last slot that can be, at the end of time.
    fn last_slot(&self) -> i64 {
        self.slot_of(Timestamp::LATEST)
    }

    /// Moves the grid towards a record that lies far from the end of its interval: where they keep coming at another phase, as
    /// after a restart of the host, no two of them fall into one interval.
    fn follow(&mut self, at: Timestamp) {
        let off = at.millis_since(self.end_of(self.slot_of(at)));
        if off.abs() > self.interval_ms / OFF_PHASE {
            self.anchor = self.anchor.plus_millis(off / OFF_PHASE);
        }
    }

    /// Appends the arrivals of the interval that ends at `at`; NaN for an interval that is not known.
    /// Intervals that were skipped become unknown. An interval that is not newer changes nothing.
    pub fn push(&mut self, at: Timestamp, events: f64) {
        if self.is_empty() {
            self.anchor = at;
        }
        let slot = self.slot_of(at);
        if slot <= self.slots.newest() {
            return;
        }
        self.follow(at);
        self.slots.advance(slot, |cell| self.fine.set(cell, f32::NAN));
        if let Some(cell) = self.slots.cell(slot) {
            self.fine.set(cell, events as f32);
        }
        self.add_coarse(slot, events);
    }

    /// Forgets every interval.
    pub(crate) fn clear(&mut self) {
        self.rewind(self.end_of(0));
    }

    /// Goes back to before the interval that ends at `at`: what was known of later ones is void.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        let newest = (self.slot_of(at) - 1).clamp(-1, self.slots.newest());
        let (fine, buckets) = (self.fine.len(), self.sums.len());
        let mut earlier = Self {
            slots: Cursor::new(fine),
            fine: Cells::unknown(fine),
            buckets: Cursor::new(buckets),
            sums: vec![0.0; buckets],
            known: vec![0; buckets],
            ..self.clone()
        };
        if newest >= 0 {
            earlier.slots.advance(newest, |_| ());
            for slot in newest + 1 - fine as i64..=newest {
                if let Some(cell) = earlier.slots.cell(slot) {
                    earlier.fine.set(cell, self.at(slot) as f32);
                }
            }
            let bucket = newest.div_euclid(self.bucket_intervals);
            earlier.buckets.advance(bucket, |_| ());
            for bucket in bucket + 1 - buckets as i64..=bucket {
                let (sum, known) = self.bucket(bucket);
                if let Some(cell) = earlier.buckets.cell(bucket)
                    && let (Some(sums), Some(counts)) =
                        (earlier.sums.get_mut(cell), earlier.known.get_mut(cell))
                {
                    (*sums, *counts) = (sum as f32, known as u8);
                }
            }
        }
        *self = earlier;
    }

    /// Returns this history for records every `interval_seconds`: counts are split and summed as the intervals overlap. What
    /// is older than the fine ring comes from the coarse one.
    pub(crate) fn resampled(&self, interval_seconds: u32) -> Self {
        let mut other = Self::new(interval_seconds);
        if self.fine.len() == fine_length(self.interval_ms, WEEK) {
            other.keep_week();
        }
        let newest = self.newest_slot();
        let span = newest.saturating_add(1).saturating_mul(self.interval_ms).min(COARSE_DAYS * DAY_MS);
        for back in (0..span / other.interval_ms).rev() {
            let events = self.between(back * other.interval_ms, (back + 1) * other.interval_ms);
            other.push(self.end_of(newest).plus_millis(-back * other.interval_ms), events);
        }
        other
    }

    /// Returns the arrivals from `far` to `near` milliseconds before the end of the newest interval; NaN if any are unknown.
    fn between(&self, near: i64, far: i64) -> f64 {
        let newest = self.newest_slot();
        let overlap = |back: i64| {
            let (begin, end) = (back * self.interval_ms, (back + 1) * self.interval_ms);
            (far.min(end) - near.max(begin)) as f64 / self.interval_ms as f64
        };
        let count = |slot: i64| match self.slots.cell(slot) {
            Some(_) => self.at(slot),
            None => self.coarse_at(slot),
        };
        (near / self.interval_ms..=(far - 1) / self.interval_ms)
            .map(|back| overlap(back) * count(newest - back))
            .sum()
    }

    /// Reports whether the interval that ends at `at` is known to have had so many arrivals.
    pub(crate) fn repeats(&self, at: Timestamp, events: f64) -> bool {
        !self.is_empty() && self.at(self.slot_of(at)) == f64::from(events as f32)
    }

    /// Arrivals of the interval at `slot`; NaN where they are unknown.
    pub fn at(&self, slot: i64) -> f64 {
        self.slots.cell(slot).map_or(f64::NAN, |cell| f64::from(self.fine.get(cell)))
    }

    /// Mean of the known arrivals per interval over the slots `first..=last`; NaN if none is known.
    pub fn mean(&self, first: i64, last: i64) -> f64 {
        let (mut sum, mut known) = (0.0, 0u32);
        for cells in self.slots.cells(first, last) {
            let (total, more) = self.fine.add(cells, sum);
            sum = total;
            known += more;
        }
        if known == 0 { f64::NAN } else { sum / f64::from(known) }
    }

    /// Mean arrivals per interval of the coarse bucket that holds `slot`; NaN if nothing of it is known.
    pub fn coarse_at(&self, slot: i64) -> f64 {
        let (sum, known) = self.bucket(slot.div_euclid(self.bucket_intervals));
        if known > 0.0 { sum / known } else { f64::NAN }
    }

    /// Mean arrivals per interval of the coarse buckets that lie in the slots `first..=last`, and the
    /// share of them that is known, 0 to 1.
    pub fn coarse_mean(&self, first: i64, last: i64) -> (f64, f64) {
        let (from, to) = (first.div_euclid(self.bucket_intervals), last.div_euclid(self.bucket_intervals));
        let (mut sum, mut known) = (0.0, 0u32);
        for cells in self.buckets.cells(from, to) {
            if let (Some(sums), Some(counts)) = (self.sums.get(cells.clone()), self.known.get(cells)) {
                for (more, count) in sums.iter().zip(counts) {
                    sum += f64::from(*more);
                    known += u32::from(*count);
                }
            }
        }
        let span = ((to - from + 1) * self.bucket_intervals) as f64;
        let known = f64::from(known);
        if known > 0.0 { (sum / known, known / span) } else { (f64::NAN, 0.0) }
    }

    fn bucket(&self, bucket: i64) -> (f64, f64) {
        let found = self.buckets.cell(bucket).and_then(|cell| self.sums.get(cell).zip(self.known.get(cell)));
        found.map_or((0.0, 0.0), |(sum, known)| (f64::from(*sum), f64::from(*known)))
    }

    fn add_coarse(&mut self, slot: i64, events: f64) {
        let bucket = slot.div_euclid(self.bucket_intervals);
        let (sums, known) = (&mut self.sums, &mut self.known);
        self.buckets.advance(bucket, |cell| {
            if let (Some(sum), Some(known)) = (sums.get_mut(cell), known.get_mut(cell)) {
                (*sum, *known) = (0.0, 0);
            }
        });
        if events.is_finite()
            && let Some(cell) = self.buckets.cell(bucket)
            && let (Some(sum), Some(known)) = (sums.get_mut(cell), known.get_mut(cell))
        {
            *sum += events as f32;
            *known = known.saturating_add(1);
        }
    }
}

fn fine_length(interval_ms: i64, days: i64) -> usize {
    ((days * DAY_MS / interval_ms) as usize + FINE_MARGIN).min(FINE_CAPACITY_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(1_767_600_000_000 + minutes * 60_000).unwrap()
    }

    #[test]
    fn skipped_intervals_are_unknown_and_late_ones_change_nothing() {
        let mut history = History::new(120);
        history.push(at(0), 5.0);
        history.push(at(6), 7.0);
        assert_eq!(history.newest_slot(), 3);
        assert_eq!(history.at(0), 5.0);
        assert!(history.at(1).is_nan() && history.at(2).is_nan());
        assert_eq!(history.mean(0, 3), 6.0);
        let before = history.clone();
        history.push(at(4), 9.0);
        assert!(history == before || history.at(2).is_nan());
        assert_eq!(history.newest_slot(), 3);
    }

    #[test]
    fn a_newest_slot_beyond_the_end_of_time_is_refused() {
        let mut history = History::new(120);
        history.push(at(0), 5.0);
        assert!(history.fits(120));
        for slot in [i64::MAX, 1 << 40, 500] {
            let mut hostile = history.clone();
            hostile.slots.advance(slot, |_| ());
            assert!(!hostile.fits(120), "{slot}: the coarse ring ends elsewhere");
            hostile.buckets.advance(slot.div_euclid(hostile.bucket_intervals), |_| ());
            assert_eq!(hostile.fits(120), slot == 500, "{slot}");
        }
    }

    #[test]
    fn a_jittering_clock_falls_on_the_same_grid() {
        let mut history = History::new(120);
        for (i, jitter) in [0i64, 20, -30, 50].iter().enumerate() {
            let stamp = at(2 * i as i64).plus_seconds(*jitter);
            history.push(stamp, i as f64);
        }
        assert_eq!(history.newest_slot(), 3);
        assert_eq!(history.at(2), 2.0);
    }

    #[test]
    fn records_at_another_phase_each_have_an_interval_of_their_own() {
        for shift in [50, 60, 70] {
            let mut history = History::new(120);
            history.push(at(0), 1.0);
            let mut kept = 0;
            for i in 1..200 {
                let jitter = [0, 9, -9, 4, -6][i % 5];
                history.push(at(2 * i as i64).plus_seconds(shift + jitter), i as f64);
                kept += i64::from(history.at(history.newest_slot()) == i as f64);
            }
            assert!(kept >= 198, "{shift} s: {kept} of 199");
            let newest = history.newest_slot();
            assert!((newest - 150..=newest).all(|slot| history.at(slot).is_finite()), "{shift} s");
        }
    }

    #[test]
    fn another_interval_keeps_the_sums() {
        let mut history = History::new(120);
        for i in 0..20 * 720 {
            history.push(at(2 * i), 600.0 + (i % 720) as f64);
        }
        for seconds in [10, 40, 60, 90, 120, 240, 300, 900, 3600] {
            let other = history.resampled(seconds);
            assert!(other.fits(seconds), "{seconds} s");
            let (was, is) = (history.newest_slot(), other.newest_slot());
            assert_eq!(history.end_of(was), other.end_of(is));
            let per_second = |history: &History, span: i64| {
                let slots = span / history.interval_ms;
                let newest = history.newest_slot();
                history.mean(newest - slots + 1, newest) * 1000.0 / history.interval_ms as f64
            };
            for span in [2 * 3_600_000, 18 * 3_600_000] {
                let (was, is) = (per_second(&history, span), per_second(&other, span));
                assert!(
                    abs_diff_eq!(is / was, 1.0, epsilon = 1e-3),
                    "{seconds} s: {is} for {was} per second"
                );
            }
            let week = |history: &History| {
                let newest = history.newest_slot();
                let slots = 7 * DAY_MS / history.interval_ms;
                history.coarse_mean(newest - slots, newest).0 * 1000.0 / history.interval_ms as f64
            };
            assert!(abs_diff_eq!(week(&other) / week(&history), 1.0, epsilon = 0.01), "{seconds} s");
        }
        assert!(History::new(120).resampled(60).is_empty());
    }

    #[test]
    fn the_rings_are_bounded_and_the_coarse_one_remembers_longer() {
        let mut history = History::new(120);
        let days = 20;
        for i in 0..days * 720 {
            history.push(at(2 * i), (i / 720) as f64);
        }
        let newest = history.newest_slot();
        assert!(history.at(newest - 720).is_finite());
        assert!(history.at(newest - 1000).is_nan(), "older than the fine ring");
        assert_eq!(history.coarse_at(newest - 10 * 720), (days - 1 - 10) as f64);
        assert!(history.coarse_at(newest - 16 * 720).is_nan(), "older than the coarse ring");
        for (days, share) in [(1, 1.0), (14, 1.0), (30, 1081.0 / 2160.0)] {
            assert_eq!(history.coarse_mean(newest - days * 720 + 1, newest).1, share, "{days} days");
        }
        assert_eq!(history.len(), 720 + FINE_MARGIN);
    }

    #[test]
    fn a_longer_ring_begins_with_what_is_known_and_keeps_a_week() {
        let mut history = History::new(120);
        for i in 0..2000 {
            history.push(at(2 * i), i as f64);
        }
        history.keep_week();
        assert!(history.fits(120) && history.at(1999 - 720) == 1279.0 && history.at(100).is_nan());
        for i in 2000..7000 {
            history.push(at(2 * i), i as f64);
        }
        assert_eq!((history.at(6999), history.at(6999 - 5040)), (6999.0, 1959.0));
        let same = history.clone();
        history.keep_week();
        assert_eq!(history, same);
    }

    #[test]
    fn a_gap_longer_than_the_rings_forgets_everything() {
        let mut history = History::new(120);
        for i in 0..1000 {
            history.push(at(2 * i), 3.0);
        }
        history.push(at(2 * 1000 + 60 * 24 * 40), 4.0);
        let newest = history.newest_slot();
        assert!(history.mean(newest - 5000, newest - 1).is_nan());
        assert_eq!(history.coarse_mean(newest - 9000, newest - 10).1, 0.0);
        assert_eq!(history.at(newest), 4.0);
    }
}
