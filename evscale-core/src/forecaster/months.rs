//! A total for each day of more than a year, and what they say of the days on which months turn: how much more the first and
//! the last working day of a month have than their neighbours.

use super::days::Burst;
use crate::calendar::Calendar;
use crate::metrics::History;
use crate::time::{DAY_MS, HOUR_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Days that are kept.
const DAYS: usize = 400;
const DAY_SECONDS: f64 = 86_400.0;
/// Share of a day that must be known.
const KNOWN: f64 = 0.8;
/// Days on either side that a day is compared with, and how many of them must be known.
const NEIGHBOURS: i64 = 10;
const LEAST_NEIGHBOURS: usize = 4;
/// Turns of the month that must agree, and the ratio that they must all reach.
const TURNS: usize = 2;
const LEAST_RATIO: f64 = 1.2;
const MOST_RATIO: f64 = 20.0;
/// Time of the day from which on its last hours show whether it is a special one, and the share of what was expected of it
/// beyond the usual that they must show.
const SHOWN_AFTER_MS: i64 = 9 * HOUR_MS;
const SHOWN_HOURS: i64 = 2;
const SHOWN: f64 = 0.3;
const STEP_SECONDS: f64 = 600.0;
/// Days that a usual day is looked for.
const LOOK_BACK: i64 = 13;

/// Totals of the last days by the local clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Months {
    /// Of today, days since 1970-01-01.
    date: i64,
    events: f64,
    known_seconds: f64,
    /// Events of the days before today, newest last; negative where a day is unknown.
    totals: Vec<f32>,
    /// How many times the usual is expected of today and of tomorrow, at least 1.
    ratios: [f32; 2],
}

impl Months {
    /// Reports whether everything has a size that it can have.
    pub(crate) fn fits(&self) -> bool {
        self.totals.len() <= DAYS
    }

    /// Learns the arrivals of the interval that ends at `at`; NaN is unknown.
    pub(crate) fn observe(&mut self, calendar: &Calendar, at: Timestamp, events: f64, interval_seconds: f64) {
        let (date, _) = calendar.local(at.plus_millis((-1000.0 * interval_seconds) as i64));
        if date != self.date {
            self.turn_to(calendar, date);
        }
        if events.is_finite() {
            self.events += events;
            self.known_seconds += interval_seconds;
        }
    }

    /// Adds what the turn of a month lets expect within `reach_seconds` to the bursts that are `due`: the usual load of a day
    /// of its kind, and its bursts, that many times. Nothing once the day shows itself to be a usual one.
    pub(crate) fn bursts(
        &self,
        calendar: &Calendar,
        history: &History,
        reach_seconds: f64,
        mut due: Vec<Burst>,
    ) -> Vec<Burst> {
        if self.ratios.iter().all(|ratio| *ratio <= 1.0) {
            return due;
        }
        let now = history.end_of(history.newest_slot().max(0));
        let past = Usual { calendar, history };
        if calendar.local(now).1 >= SHOWN_AFTER_MS && !past.exceeded(now, self.ratio(self.date)) {
            return due;
        }
        let at = |seconds: f64| now.plus_millis((1000.0 * seconds) as i64);
        for burst in &mut due {
            burst.events_per_second *= self.ratio(calendar.local(at(burst.begins_seconds)).0);
        }
        let mut more = Vec::new();
        let mut begins_seconds = 0.0;
        while begins_seconds < reach_seconds {
            let ends_seconds = begins_seconds + STEP_SECONDS;
            let ratio = self.ratio(calendar.local(at(begins_seconds)).0);
            let covered =
                due.iter().any(|b| b.begins_seconds < ends_seconds && b.ends_seconds > begins_seconds);
            if ratio > 1.0 && !covered {
                let usual = past.per_second(at(ends_seconds));
                let events_per_second = ratio * usual;
                if events_per_second > 0.0 {
                    more.push(Burst { begins_seconds, ends_seconds, events_per_second });
                }
            }
            begins_seconds = ends_seconds;
        }
        due.append(&mut more);
        due.sort_by(|a, b| a.begins_seconds.total_cmp(&b.begins_seconds));
        due
    }

    /// Returns how many times the usual is expected of a date, at least 1.
    fn ratio(&self, date: i64) -> f64 {
        let ahead = date.checked_sub(self.date).and_then(|ahead| usize::try_from(ahead).ok());
        let ratio = ahead.and_then(|ahead| self.ratios.get(ahead)).copied().unwrap_or(1.0);
        f64::from(ratio).max(1.0)
    }

    fn turn_to(&mut self, calendar: &Calendar, date: i64) {
        let ahead = date.saturating_sub(self.date);
        let begun = self.known_seconds > 0.0 || !self.totals.is_empty();
        if !begun || ahead <= 0 || ahead > DAYS as i64 {
            // the first day, a clock that went back, or a pool that was away for a year
            let kept =
                if ahead < 0 { self.totals.len().saturating_sub(ahead.unsigned_abs() as usize) } else { 0 };
            self.totals.truncate(kept);
        } else {
            let known = self.known_seconds >= KNOWN * DAY_SECONDS;
            let total = if known { self.events * DAY_SECONDS / self.known_seconds } else { -1.0 };
            self.totals.push(total as f32);
            self.totals.extend((1..ahead).map(|_| -1.0));
            self.totals.drain(..self.totals.len().saturating_sub(DAYS));
        }
        (self.date, self.events, self.known_seconds) = (date, 0.0, 0.0);
        self.ratios = [date, date + 1].map(|date| self.learned(calendar, date));
    }

    fn total(&self, date: i64) -> Option<f64> {
        let back = usize::try_from(self.date.checked_sub(date)?).ok()?;
        let total = self.totals.get(self.totals.len().checked_sub(back)?)?;
        (*total >= 0.0).then_some(f64::from(*total))
    }

    /// The smallest ratio of the last dates on which the month turned like on this one; 1 if they are too few or do not agree.
    fn learned(&self, calendar: &Calendar, date: i64) -> f32 {
        let Some(turn) = calendar.month_turn(date) else { return 1.0 };
        let dates = (1..=self.totals.len() as i64).map(|back| self.date - back);
        let turns = dates.filter(|before| calendar.month_turn(*before) == Some(turn));
        let ratios: Vec<f64> =
            turns.filter_map(|before| self.over_usual(calendar, before)).take(TURNS).collect();
        let least = ratios.iter().copied().fold(MOST_RATIO, f64::min);
        if ratios.len() == TURNS && least >= LEAST_RATIO { least as f32 } else { 1.0 }
    }

    /// Total of a date over what is usual around it: the median of the days of its kind, or its weekday where that has more.
    fn over_usual(&self, calendar: &Calendar, date: i64) -> Option<f64> {
        let kind = calendar.kind(date);
        let near = (date - NEIGHBOURS..=date + NEIGHBOURS)
            .filter(|other| calendar.kind(*other) == kind && calendar.month_turn(*other).is_none());
        let mut usual: Vec<f64> = near.filter_map(|other| self.total(other)).collect();
        if usual.len() < LEAST_NEIGHBOURS {
            return None;
        }
        usual.sort_by(f64::total_cmp);
        let median = usual.get(usual.len() / 2).copied()?;
        let weekday = [date - 7, date + 7].map(|other| self.total(other).unwrap_or(0.0));
        let usual = median.max(weekday[0].min(weekday[1]));
        (usual > 0.0).then(|| self.total(date).map(|total| total / usual)).flatten()
    }
}

/// The usual load at a time of day: that of the last day of the same kind on which no month turned.
struct Usual<'a> {
    calendar: &'a Calendar,
    history: &'a History,
}

impl Usual<'_> {
    /// The instant of the same local time on the last usual day.
    fn instant(&self, at: Timestamp) -> Option<Timestamp> {
        let (date, _) = self.calendar.local(at);
        let kind = self.calendar.kind(date);
        let usual = |date: i64| self.calendar.kind(date) == kind && self.calendar.month_turn(date).is_none();
        let newest = self.history.end_of(self.history.newest_slot());
        let days =
            (1..=LOOK_BACK).find(|days| usual(date - days) && at.plus_millis(-days * DAY_MS) <= newest)?;
        let before = at.plus_millis(-days * DAY_MS);
        Some(before.plus_millis(self.calendar.offset_ms(at) - self.calendar.offset_ms(before)))
    }

    /// Events per second; 0 if nobody knows.
    fn per_second(&self, at: Timestamp) -> f64 {
        let events = self.instant(at).map_or(0.0, |at| self.history.coarse_at(self.history.slot_of(at)));
        if events.is_finite() { events / self.history.interval_seconds() } else { 0.0 }
    }

    /// Reports whether the last hours before `now` show more than the usual ones, if so many times the usual was expected.
    fn exceeded(&self, now: Timestamp, ratio: f64) -> bool {
        let begin = now.plus_millis(-SHOWN_HOURS * HOUR_MS);
        let seconds = (SHOWN_HOURS * HOUR_MS) as f64 / 1000.0;
        let steps = (seconds / STEP_SECONDS) as i64;
        let usual: f64 = (1..=steps)
            .map(|step| self.per_second(begin.plus_millis((1000.0 * STEP_SECONDS) as i64 * step)))
            .sum::<f64>()
            / steps as f64;
        let first = self.history.slot_of(begin) + 1;
        let actual = self.history.mean(first, self.history.newest_slot()) / self.history.interval_seconds();
        actual.is_nan() || actual >= (1.0 + SHOWN * (ratio - 1.0)) * usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::MonthTurn;
    use approx::abs_diff_eq;

    /// A pool of hourly records since the beginning of 2026 with `usual` events an hour, `times` as many on days that turn a
    /// month; the records end with the end of `last`.
    fn until(last: &str, times: impl Fn(i64) -> f64) -> (Months, History, Calendar) {
        let calendar = Calendar::new("Europe/Berlin", &["2026-05-01".to_owned()]).unwrap();
        let begin: Timestamp = "2025-12-31T23:00:00Z".parse().unwrap();
        let (mut months, mut history) = (Months::default(), History::new(3600));
        let last = calendar.local(last.parse().unwrap()).0;
        for hour in 0.. {
            let at = begin.plus_seconds(3600 * hour);
            let (date, _) = calendar.local(at);
            if date > last {
                break;
            }
            let end = at.plus_seconds(3600);
            let events = 3600.0 * times(date);
            months.observe(&calendar, end, events, 3600.0);
            history.push(end, events);
        }
        (months, history, calendar)
    }

    fn highest(bursts: &[Burst]) -> f64 {
        bursts.iter().map(|burst| burst.events_per_second).fold(0.0, f64::max)
    }

    #[test]
    fn the_last_working_day_of_a_month_is_expected_as_the_two_before_were() {
        let turns = Calendar::new("Europe/Berlin", &["2026-05-01".to_owned()]).unwrap();
        let salaries = |date: i64| if turns.month_turn(date) == Some(MonthTurn::Last) { 3.0 } else { 1.0 };
        // Thursday, 30 April 2026, is the last working day; Wednesday is over
        let (months, history, calendar) = until("2026-04-29T12:00:00Z", salaries);
        let ahead = |seconds| months.bursts(&calendar, &history, seconds, Vec::new());
        assert!(abs_diff_eq!(highest(&ahead(7200.0)), 3.0, epsilon = 0.3), "{:?}", ahead(7200.0));
        // the first working day of May is Monday, the fourth, as it was not busier before
        let (months, history, calendar) = until("2026-05-03T12:00:00Z", salaries);
        assert_eq!(months.bursts(&calendar, &history, 7200.0, Vec::new()), []);
    }

    #[test]
    fn one_busy_end_of_a_month_or_two_that_do_not_agree_say_nothing() {
        for busy in [&[31i64][..], &[28, 58]] {
            let turns = Calendar::utc();
            let first = "2026-01-01T12:00:00Z".parse().map(|at| turns.local(at).0).unwrap();
            let times = |date: i64| if busy.contains(&(date - first)) { 3.0 } else { 1.0 };
            let (months, history, calendar) = until("2026-03-30T12:00:00Z", times);
            assert_eq!(months.bursts(&calendar, &history, 7200.0, Vec::new()), [], "{busy:?}");
        }
    }

    #[test]
    fn a_turn_that_shows_itself_to_be_a_usual_day_is_one() {
        let turns = Calendar::utc();
        let salaries = |date: i64| {
            let may = "2026-05-01T12:00:00Z".parse().map(|at| turns.local(at).0).unwrap();
            if turns.month_turn(date) == Some(MonthTurn::Last) && date < may { 3.0 } else { 1.0 }
        };
        let (mut months, mut history, calendar) = until("2026-05-28T12:00:00Z", salaries);
        let mut at = history.end_of(history.newest_slot());
        for hour in 0..24 {
            let expected = highest(&months.bursts(&calendar, &history, 3600.0, Vec::new()));
            assert_eq!(expected > 2.0, hour < 9, "hour {hour}: {expected}");
            at = at.plus_seconds(3600);
            months.observe(&calendar, at, 3600.0, 3600.0);
            history.push(at, 3600.0);
        }
    }

    #[test]
    fn a_year_and_a_month_are_kept_and_no_more() {
        let (months, _, _) = until("2027-06-30T12:00:00Z", |_| 1.0);
        assert_eq!(months.totals.len(), DAYS);
        assert!(months.totals.iter().all(|total| abs_diff_eq!(*total, 86_400.0, epsilon = 1.0)));
    }
}
