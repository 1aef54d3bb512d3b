//! Days before and positions in the week by the pool's own clock, which may be put forward or back.

use crate::calendar::{Calendar, CalendarPosition, DayKind};
use crate::metrics::History;
use crate::time::{DAY_MS, HOUR_MS, SECOND_MS, Timestamp};

/// The slots of a history by the local calendar.
pub(super) struct LocalDays<'a> {
    history: &'a History,
    calendar: &'a Calendar,
    /// The newest slot.
    now: i64,
    /// Intervals of a day of 24 hours.
    day: i64,
    /// The local clock was not put forward or back in all that is looked back on.
    steady: bool,
}

impl<'a> LocalDays<'a> {
    pub(super) fn new(history: &'a History, calendar: &'a Calendar) -> Self {
        let now = history.newest_slot();
        Self {
            history,
            calendar,
            now,
            day: (DAY_MS as f64 / SECOND_MS as f64 / history.interval_seconds()).round() as i64,
            steady: is_steady(calendar, history.end_of(now)),
        }
    }

    /// The slot of the same local time some days before.
    pub(super) fn before(&self, slot: i64, days: i64) -> i64 {
        let before = slot - days * self.day;
        if self.steady {
            return before;
        }
        let ahead = |slot| self.calendar.offset_ms(self.history.end_of(slot));
        let moved = (ahead(slot) - ahead(before)) as f64 / SECOND_MS as f64;
        before + (moved / self.history.interval_seconds()).round() as i64
    }

    /// Where in the calendar the interval at a slot ends, and whether that day is a holiday. A weekend is taken for the working
    /// day before it while none was seen.
    pub(super) fn position(&self, slot: i64) -> (CalendarPosition, bool) {
        let (at, holiday) = self.calendar.position(self.history.end_of(slot));
        if at.weekend && !holiday && self.now < 7 * self.day {
            let date = |slot| self.calendar.local(self.history.end_of(slot)).0;
            let (first, today) = (date(0), date(self.now));
            let day_off = |date| self.calendar.kind_by_weekday(date) == DayKind::Weekend;
            let friday = (first..today).rev().find(|date| !day_off(*date));
            if let Some(friday) = friday.filter(|_| !(first..today).any(day_off)) {
                let days = at.local_day - friday;
                return self.calendar.position(self.history.end_of(slot - days * self.day));
            }
        }
        (at, holiday)
    }
}

/// Reports whether the local clock is as far ahead of UTC as at the end of what is looked back on.
fn is_steady(calendar: &Calendar, now: Timestamp) -> bool {
    let (begin, end) = (now.plus_millis(-9 * DAY_MS), now.plus_millis(4 * HOUR_MS));
    calendar.offset_ms(begin) == calendar.offset_ms(end)
}
