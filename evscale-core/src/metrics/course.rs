//! The course of a load without its level: what a pool without history takes over from pools like it.

#![expect(clippy::disallowed_methods, reason = "a time after the newest part is none of the parts")]

use super::History;
use crate::time::{DAY_MS, SECOND_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Days that a history remembers, and width of its parts where the interval is not longer.
const DAYS: i64 = 15;
const PART_MS: i64 = 1200 * SECOND_MS;
/// Days on which the same time is looked up.
const SAME_TIME_DAYS: i64 = 7;
/// Mean of the course over the own records from which on their level is compared with it, in means of the whole course, and own events.
const LEAST_LEVEL: f64 = 0.1;
const LEAST_EVENTS: f64 = 20.0;

/// Arrivals over their mean, in parts of 20 minutes or of an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Course {
    /// End of the newest part.
    end: Timestamp,
    part_ms: i64,
    /// Newest first; NaN where nobody knows.
    levels: Vec<f32>,
}

impl Course {
    /// Returns the mean course of histories that know a day each; none without such a one.
    pub(crate) fn of(histories: &[&History]) -> Option<Self> {
        let courses: Vec<Self> = histories.iter().filter_map(|history| Self::of_one(history)).collect();
        let first = courses.iter().max_by_key(|course| course.end)?;
        let level = |part: usize| {
            let at = first.end.plus_millis(-(part as i64) * first.part_ms);
            mean(courses.iter().map(|course| course.at(at))) as f32
        };
        Some(Self { levels: (0..first.levels.len()).map(level).collect(), ..first.clone() })
    }

    fn of_one(history: &History) -> Option<Self> {
        let interval_ms = (history.interval_seconds() * SECOND_MS as f64) as i64;
        let intervals = (PART_MS / interval_ms).max(1);
        let part_ms = intervals * interval_ms;
        let newest = history.newest_slot();
        let arrivals: Vec<f64> =
            (0..DAYS * DAY_MS / part_ms).map(|part| history.coarse_at(newest - part * intervals)).collect();
        let known = arrivals.iter().filter(|events| events.is_finite()).count() as i64;
        let usual = mean(arrivals.iter().copied());
        (known * part_ms >= DAY_MS && usual > 0.0).then(|| Self {
            end: history.end_of(newest),
            part_ms,
            levels: arrivals.iter().map(|events| (events / usual) as f32).collect(),
        })
    }

    /// Returns the level of an interval that ends at `at`.
    fn at(&self, at: Timestamp) -> f64 {
        let back = self.end.millis_since(at).div_euclid(self.part_ms);
        let part = usize::try_from(back).ok();
        part.and_then(|part| self.levels.get(part)).map_or(f64::NAN, |level| f64::from(*level))
    }

    /// Returns the days that are known.
    pub(crate) fn days(&self) -> f64 {
        let known = self.levels.iter().filter(|level| level.is_finite()).count();
        known as f64 * self.part_ms as f64 / DAY_MS as f64
    }

    /// Returns the highest level.
    pub(crate) fn highest(&self) -> f64 {
        self.levels.iter().copied().filter(|level| level.is_finite()).fold(0.0, f32::max).into()
    }

    /// Returns the mean arrivals per interval of a pool with this course, from its own records; none while they tell too little.
    pub(crate) fn mean_events(&self, own: &History) -> Option<f64> {
        let newest = own.newest_slot();
        let (mut events, mut levels, mut known) = (0.0, 0.0, 0.0);
        for slot in newest + 1 - own.len() as i64..=newest {
            let earlier = |days: i64| self.at(own.end_of(slot).plus_millis(-days * DAY_MS));
            let level = mean((1..=SAME_TIME_DAYS).map(earlier));
            if own.at(slot).is_finite() && level.is_finite() {
                (events, levels, known) = (events + own.at(slot), levels + level, known + 1.0);
            }
        }
        (levels > LEAST_LEVEL * known && events >= LEAST_EVENTS).then(|| events / levels)
    }

    /// Returns a history with this course at `mean_events` before its own records.
    pub(crate) fn before(&self, own: &History, mean_events: f64) -> History {
        let mut whole = own.clone();
        whole.clear();
        let newest = own.newest_slot();
        let first = newest + 1 - own.len() as i64;
        let interval_ms = (own.interval_seconds() * SECOND_MS as f64) as i64;
        for slot in newest + 1 - DAYS * DAY_MS / interval_ms..=newest {
            let at = own.end_of(slot);
            let events = if slot < first { mean_events * self.at(at) } else { own.at(slot) };
            if events.is_finite() || !whole.is_empty() {
                whole.push(at, events);
            }
        }
        whole
    }
}

/// Returns the mean of what is known; NaN if nothing is.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, known) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(sum, known), value| (sum + value, known + 1.0));
    sum / known
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{abs_diff_eq, assert_abs_diff_eq};

    fn at(slot: i64) -> Timestamp {
        Timestamp::from_millis(1_767_600_000_000 + slot * 120_000).unwrap()
    }

    /// Ten times as many by day as by night.
    fn events(slot: i64) -> f64 {
        if slot.rem_euclid(720) < 360 { 100.0 } else { 1000.0 }
    }

    fn history(slots: std::ops::Range<i64>, factor: f64) -> History {
        let mut history = History::new(120);
        slots.for_each(|slot| history.push(at(slot), factor * events(slot)));
        history
    }

    #[test]
    fn a_course_is_found_again_at_another_level_whatever_the_levels_it_came_from() {
        let (small, large) = (history(0..3600, 0.1), history(0..3600, 7.0));
        let course = Course::of(&[&small, &large, &history(0..300, 1.0)]).unwrap();
        assert_abs_diff_eq!(course.days(), 5.0, epsilon = 0.1);
        let own = history(3600..3640, 0.5);
        assert_abs_diff_eq!(course.mean_events(&own).unwrap(), 0.5 * 550.0, epsilon = 2.0);
        let whole = course.before(&own, 275.0);
        let newest = whole.newest_slot();
        assert_eq!((whole.end_of(newest), whole.at(newest)), (at(3639), 50.0));
        for back in 1..600i64 {
            // but for the parts in which day and night meet
            let slot = 3639 - back;
            if (5..355).contains(&(slot % 360)) {
                assert!(abs_diff_eq!(whole.at(newest - back), 0.5 * events(slot), epsilon = 2.0), "{back}");
            }
        }
        assert!(whole.fits(120));
    }

    #[test]
    fn less_than_a_day_is_no_course_and_few_events_tell_no_level() {
        assert_eq!(Course::of(&[&history(0..700, 1.0)]), None);
        assert_eq!(Course::of(&[]), None);
        let course = Course::of(&[&history(0..3600, 1.0)]).unwrap();
        assert_eq!(course.mean_events(&history(3600..3630, 1e-3)), None);
    }
}
