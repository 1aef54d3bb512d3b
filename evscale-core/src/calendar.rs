//! The pool's calendar: where in its users' day and week an instant lies, and which days are holidays.
//!
//! Zones come from the data compiled into the library: neither files nor the environment are read.

use crate::error::{Error, Result};
use crate::time::{DAY_MS, SECOND_MS, Timestamp};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// Weekday of 1970-01-01, and the first one of the weekend; Monday is 0.
const THURSDAY: i64 = 3;
const SATURDAY: i64 = 5;
/// Days at the end of a month that may all be days off.
const LONGEST_BREAK: i64 = 12;

/// Local calendar position of an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CalendarPosition {
    /// Time of day as a share of the day, 0 to 1.
    pub day_fraction: f64,
    /// Time of the week as a share of the week that begins on Monday, 0 to 1.
    pub week_fraction: f64,
    /// Saturday or Sunday.
    pub weekend: bool,
    /// Monday to Friday, 08:00 to 18:00.
    pub business_hours: bool,
    /// Days since 1970-01-01 of the local date.
    pub local_day: i64,
}

/// What a local day is like for those who work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DayKind {
    /// Monday to Friday.
    Working,
    /// Saturday or Sunday.
    Weekend,
    /// A date of the setting `holidays`.
    Holiday,
}

/// A day on which a month turns for those who work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MonthTurn {
    /// The first working day of a month.
    First,
    /// The last one.
    Last,
}

/// A time zone with its rules.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Returns a zone by its IANA name, from the data compiled into the library.
    ///
    /// # Errors
    /// The name is unknown.
    pub fn by_name(name: &str) -> Result<Self> {
        if name == "UTC" {
            return Ok(Self::utc());
        }
        TimeZoneDatabase::bundled().get(name).map(Self).map_err(|_| {
            Error::config(format!("`time_zone` is {name:?}, expected an IANA name such as Europe/Berlin"))
        })
    }

    /// Milliseconds that the local clock is ahead of UTC at `at`.
    fn offset_ms(&self, at: Timestamp) -> i64 {
        if self.0 == TimeZone::UTC {
            return 0;
        }
        match jiff::Timestamp::from_millisecond(at.as_millis()) {
            Ok(instant) => i64::from(self.0.to_offset(instant).seconds()) * SECOND_MS,
            Err(_) => 0,
        }
    }

    /// Where in the local day and week `at` lies.
    pub fn position(&self, at: Timestamp) -> CalendarPosition {
        let local = at.as_millis() + self.offset_ms(at);
        let local_day = local.div_euclid(DAY_MS);
        let day_fraction = local.rem_euclid(DAY_MS) as f64 / DAY_MS as f64;
        let weekday = weekday_of(local_day);
        let weekend = weekday >= SATURDAY;
        CalendarPosition {
            day_fraction,
            week_fraction: (weekday as f64 + day_fraction) / 7.0,
            weekend,
            business_hours: !weekend && (8.0 / 24.0..18.0 / 24.0).contains(&day_fraction),
            local_day,
        }
    }
}

/// The pool's calendar: a time zone and the dates that behave like a Sunday.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: Zone,
    holidays: Vec<i64>,
}

impl Calendar {
    /// A calendar of a zone and of holidays, given as dates like `2026-12-25`.
    ///
    /// # Errors
    /// The zone is unknown, or a date cannot be read.
    pub fn new(time_zone: &str, holidays: &[String]) -> Result<Self> {
        let mut days = Vec::with_capacity(holidays.len());
        for text in holidays {
            let date: jiff::civil::Date = text.parse().map_err(|_| {
                Error::config(format!("`holidays` has {text:?}, expected a date such as 2026-12-25"))
            })?;
            let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| {
                Error::config(format!("`holidays` has {text:?}, expected a year from 1900 to 2200"))
            })?;
            days.push(midnight.timestamp().as_millisecond().div_euclid(DAY_MS));
        }
        days.sort_unstable();
        Ok(Self { zone: Zone::by_name(time_zone)?, holidays: days })
    }

    /// UTC without holidays.
    pub fn utc() -> Self {
        Self { zone: Zone::utc(), holidays: Vec::new() }
    }

    /// The zone's rules.
    pub(crate) fn time_zone(&self) -> TimeZone {
        self.zone.0.clone()
    }

    /// Where in the local day and week `at` lies, and whether that day is a holiday.
    pub fn position(&self, at: Timestamp) -> (CalendarPosition, bool) {
        let position = self.zone.position(at);
        (position, self.is_holiday(position.local_day))
    }

    fn is_holiday(&self, local_day: i64) -> bool {
        self.holidays.binary_search(&local_day).is_ok()
    }

    /// Returns the kind of a date, which is so many days after 1970-01-01.
    pub(crate) fn kind(&self, local_day: i64) -> DayKind {
        if self.is_holiday(local_day) { DayKind::Holiday } else { self.kind_by_weekday(local_day) }
    }

    /// Returns the kind that a date has if it is no holiday.
    pub(crate) fn kind_by_weekday(&self, local_day: i64) -> DayKind {
        if weekday_of(local_day) >= SATURDAY { DayKind::Weekend } else { DayKind::Working }
    }

    /// Returns whether a date is the first or the last working day of its month; none if it is neither.
    pub(crate) fn month_turn(&self, local_day: i64) -> Option<MonthTurn> {
        let works = |day: i64| self.kind(day) == DayKind::Working;
        if !works(local_day) {
            return None;
        }
        let (day, length) = day_of_month(local_day)?;
        let near = |days: i64| days <= LONGEST_BREAK;
        if near(day - 1) && !(local_day - day + 1..local_day).any(works) {
            Some(MonthTurn::First)
        } else if near(length - day) && !(local_day + 1..=local_day + length - day).any(works) {
            Some(MonthTurn::Last)
        } else {
            None
        }
    }

    /// Returns the time of the local clock at `at`: its date as days since 1970-01-01, and milliseconds since its midnight.
    pub(crate) fn local(&self, at: Timestamp) -> (i64, i64) {
        let local = at.as_millis() + self.zone.offset_ms(at);
        (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS))
    }

    /// Returns how much the local clock is ahead of UTC at `at`, milliseconds.
    pub(crate) fn offset_ms(&self, at: Timestamp) -> i64 {
        self.zone.offset_ms(at)
    }
}

/// Day of the month of a date, from 1, and the days of that month.
fn day_of_month(local_day: i64) -> Option<(i64, i64)> {
    let noon = jiff::Timestamp::from_second(local_day.checked_mul(DAY_MS / SECOND_MS)?).ok()?;
    let date = TimeZone::UTC.to_datetime(noon).date();
    Some((date.day().into(), date.days_in_month().into()))
}

/// Weekday of a date; Monday is 0.
fn weekday_of(local_day: i64) -> i64 {
    (local_day + THURSDAY).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn calendar_follows_the_zone() {
        let at: Timestamp = "2026-01-05T00:30:00Z".parse().unwrap(); // a Monday in UTC
        assert!(!Zone::utc().position(at).weekend);
        let there = Zone::by_name("America/New_York").unwrap().position(at);
        assert!(there.weekend, "still Sunday evening in New York");
        assert_abs_diff_eq!(there.day_fraction, 19.5 / 24.0, epsilon = 1e-12);
        assert!(Zone::by_name("Mars/Olympus").is_err());
    }

    #[test]
    fn months_turn_on_working_days() {
        let calendar = Calendar::new("UTC", &["2026-05-01".to_owned(), "2026-12-31".to_owned()]).unwrap();
        let turn = |day: &str| {
            let noon: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
            calendar.month_turn(calendar.local(noon).0)
        };
        for day in ["2026-05-04", "2026-08-03", "2026-01-01"] {
            assert_eq!(turn(day), Some(MonthTurn::First), "{day}");
        }
        for day in ["2026-04-30", "2026-05-29", "2026-02-27", "2026-12-30"] {
            assert_eq!(turn(day), Some(MonthTurn::Last), "{day}");
        }
        for day in ["2026-05-01", "2026-05-02", "2026-05-05", "2026-08-01", "2026-05-15", "2026-12-31"] {
            assert_eq!(turn(day), None, "{day}");
        }
    }

    #[test]
    fn the_local_clock_is_put_forward_and_back() {
        let berlin = Calendar::new("Europe/Berlin", &[]).unwrap();
        let at = |text: &str| berlin.local(text.parse().unwrap()).1 / 3_600_000;
        assert_eq!([at("2026-03-29T00:30:00Z"), at("2026-03-29T01:30:00Z")], [1, 3]);
        assert_eq!([at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")], [2, 2]);
    }
}
