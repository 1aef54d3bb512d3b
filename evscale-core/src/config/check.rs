//! Ranges and combinations.

use super::Config;
use crate::calendar::Calendar;
use crate::error::{Error, Result};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

const MOST_HOLIDAYS: usize = 1000;

/// Lengths of an interval, seconds.
pub(crate) const INTERVAL_SECONDS: RangeInclusive<u32> = 10..=3600;

impl Config {
    /// Checks every value and combination.
    ///
    /// # Errors
    /// The first value that is out of its range, or the first two that contradict each other.
    pub fn check(&self) -> Result<()> {
        self.check_ranges()?;
        if let Some(key) = &self.bundle_public_key
            && (key.len() != 64 || !key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        {
            return Err(Error::config(format!(
                "`bundle_public_key` is {key:?}, expected 64 lower-case hexadecimal digits"
            )));
        }
        if let Some(daily) = self.job_hours_per_day
            && daily < 24.0 * f64::from(self.min_jobs)
        {
            return Err(Error::config(format!(
                "`job_hours_per_day` is {daily}, expected at least 24 times `min_jobs`, which is {}",
                self.min_jobs
            )));
        }
        if self.holidays.len() > MOST_HOLIDAYS {
            let count = self.holidays.len();
            return Err(Error::config(format!(
                "`holidays` has {count} dates, expected at most {MOST_HOLIDAYS}"
            )));
        }
        self.calendar().map(|_| ())
    }

    /// The pool's calendar.
    pub(crate) fn calendar(&self) -> Result<Calendar> {
        Calendar::new(&self.time_zone, &self.holidays)
    }
}

/// A value that has a range; none has none.
pub(super) trait Ranged<T> {
    fn given(&self) -> Option<&T>;
}

impl Ranged<u32> for u32 {
    fn given(&self) -> Option<&u32> {
        Some(self)
    }
}

impl Ranged<f64> for f64 {
    fn given(&self) -> Option<&f64> {
        Some(self)
    }
}

impl<T> Ranged<T> for Option<T> {
    fn given(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// The end of a range: a number, or the value of another setting.
pub(super) struct Bound<T> {
    pub(super) setting: Option<&'static str>,
    pub(super) value: T,
}

impl<T: Display> Display for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.setting {
            Some(setting) => write!(f, "{} (`{setting}`)", self.value),
            None => self.value.fmt(f),
        }
    }
}

/// # Errors
/// The value of the setting is below `low` or above `high`.
pub(super) fn within<T: PartialOrd + Display>(
    setting: &str,
    value: &impl Ranged<T>,
    low: Bound<T>,
    high: Bound<T>,
) -> Result<()> {
    match value.given() {
        Some(value) if !(&low.value..=&high.value).contains(&value) => {
            Err(Error::config(format!("`{setting}` is {value}, expected {low} to {high}")))
        }
        _ => Ok(()),
    }
}
