//! Combinations, and what else is checked of a configuration.

use super::{Config, Timetable, classes};
use crate::calendar::Calendar;
use crate::error::{Error, Result};
use crate::indicators::AlertRule;
use std::ops::RangeInclusive;

const MOST_HOLIDAYS: usize = 1000;
const MOST_ALERTS: usize = 16;

/// Lengths of an interval, seconds.
pub(crate) const INTERVAL_SECONDS: RangeInclusive<u32> = 10..=3600;

impl Config {
    /// Checks every value and combination.
    ///
    /// # Errors
    /// The first value that is out of its range, or the first two that contradict each other.
    pub fn check(&self) -> Result<()> {
        self.check_ranges()?;
        self.check_job_numbers()?;
        if !self.classes.is_empty() {
            classes::check(&self.classes)?;
            self.check_beside_classes()?;
        }
        if let Some(key) = &self.bundle_public_key
            && (key.len() != 64 || !key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        {
            return Err(Error::config(format!(
                "`bundle_public_key` is {key:?}, expected 64 lower-case hexadecimal digits"
            )));
        }
        if self.bundle_min_serial > 0 && self.bundle_public_key.is_none() {
            return Err(Error::config(format!(
                "`bundle_min_serial` is {}, expected 0 without a `bundle_public_key`: a manifest that nobody signed can say any \
                 number; set the key too",
                self.bundle_min_serial
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
        if let Some(daily) = self.job_hours_per_day
            && daily < 24.0 * f64::from(self.spare_jobs)
        {
            return Err(Error::config(format!(
                "`job_hours_per_day` is {daily}, expected at least 24 times `spare_jobs`, which is {}: raise it, or keep fewer idle",
                self.spare_jobs
            )));
        }
        let prices = [
            ("late_event_price", self.late_event_price.is_some()),
            ("change_price", self.change_price.is_some()),
            ("reversal_price", self.reversal_price.is_some()),
            ("schedule", self.schedule.iter().any(|entry| entry.job_hour_price.is_some())),
        ];
        if let Some((name, _)) = prices.iter().find(|(_, set)| *set && self.job_hour_price.is_none()) {
            return Err(Error::config(format!(
                "`{name}` has a price, and `job_hour_price` has none to compare it with; set `job_hour_price`"
            )));
        }
        if self.holidays.len() > MOST_HOLIDAYS {
            let count = self.holidays.len();
            return Err(Error::config(format!(
                "`holidays` has {count} dates, expected at most {MOST_HOLIDAYS}"
            )));
        }
        if self.alerts.len() > MOST_ALERTS {
            let count = self.alerts.len();
            return Err(Error::config(format!(
                "`alerts` has {count} thresholds, expected at most {MOST_ALERTS}"
            )));
        }
        self.alerts.iter().try_for_each(|text| AlertRule::parse(text).map(|_| ()))?;
        self.timetable().map(|_| ())
    }

    /// Checks that no setting of the whole pool contradicts its classes.
    fn check_beside_classes(&self) -> Result<()> {
        let usual = Self::default();
        let of_each = [
            ("sla_wait_seconds", self.sla_wait_seconds != usual.sla_wait_seconds),
            ("sla_target", self.sla_target != usual.sla_target),
            ("service_time_ms", self.service_time_ms.is_some()),
        ];
        if let Some((name, _)) = of_each.iter().find(|(_, set)| *set) {
            return Err(Error::config(format!(
                "`{name}` is set beside `classes`, of which each has its own; leave `{name}` out"
            )));
        }
        let of_all = [
            ("most_events_per_second", self.most_events_per_second.is_some()),
            ("late_event_price", self.late_event_price.is_some()),
        ];
        match of_all.iter().find(|(_, set)| *set) {
            Some((name, _)) => Err(Error::config(format!(
                "`{name}` is set beside `classes`, and an event of one class is not like one of another; leave out one of them"
            ))),
            None => Ok(()),
        }
    }

    /// The pool's schedule.
    pub(crate) fn timetable(&self) -> Result<Timetable> {
        Timetable::new(&self.schedule, (self.min_jobs, self.max_jobs), self.calendar()?.time_zone())
    }

    /// The pool's calendar.
    pub(crate) fn calendar(&self) -> Result<Calendar> {
        Calendar::new(&self.time_zone, &self.holidays)
    }
}
