//! Ranges and combinations.

use super::Config;
use crate::calendar::Calendar;
use crate::error::{Error, Result};
use std::fmt::Display;
use std::ops::RangeInclusive;

const DAY: u32 = 86_400;

/// Lengths of an interval, seconds.
pub(crate) const INTERVAL_SECONDS: RangeInclusive<u32> = 10..=3600;

impl Config {
    /// Checks every value and combination.
    ///
    /// # Errors
    /// The first value that is out of its range, or the first two that contradict each other.
    pub fn check(&self) -> Result<()> {
        let jobs = 1..=1_000_000;
        within("interval_seconds", self.interval_seconds, INTERVAL_SECONDS)?;
        within("decision_interval_seconds", self.decision_interval_seconds, self.interval_seconds..=DAY)?;
        within("max_jobs", self.max_jobs, jobs.clone())?;
        if self.min_jobs > self.max_jobs {
            return Err(Error::config(format!(
                "`min_jobs` is {}, expected 0 to `max_jobs`, which is {}",
                self.min_jobs, self.max_jobs
            )));
        }
        within("job_startup_seconds", self.job_startup_seconds, 0..=7200)?;
        within("sla_wait_seconds", self.sla_wait_seconds, 0.001..=86_400.0)?;
        within("sla_target", self.sla_target, 0.5..=0.99999)?;
        within("target_utilization", self.target_utilization, 0.1..=1.0)?;
        within_if_some("service_time_ms", self.service_time_ms, 1e-6..=1e9)?;
        within("tolerance", self.tolerance, 0.0..=0.5)?;
        within("scale_down_stabilization_seconds", self.scale_down_stabilization_seconds, 0..=DAY)?;
        within("max_step_up_percent", self.max_step_up_percent, 1.0..=10_000.0)?;
        within("max_step_up_jobs", self.max_step_up_jobs, jobs.clone())?;
        within("max_step_down_percent", self.max_step_down_percent, 1.0..=100.0)?;
        within("max_step_down_jobs", self.max_step_down_jobs, jobs)?;
        within("cooldown_up_seconds", self.cooldown_up_seconds, 0..=DAY)?;
        within("cooldown_down_seconds", self.cooldown_down_seconds, 0..=DAY)?;
        within("flap_window_seconds", self.flap_window_seconds, 60..=7 * DAY)?;
        within("max_reversals", self.max_reversals, 1..=1000)?;
        within("scale_down_quantile", self.scale_down_quantile, 0.5..=0.995)?;
        within_if_some("job_hours_per_day", self.job_hours_per_day, 0.1..=1e9)?;
        within_if_some("stale_after_seconds", self.stale_after_seconds, self.interval_seconds..=DAY)?;
        within("stale_fail_safe_seconds", self.stale_fail_safe_seconds, 0..=7 * DAY)?;
        within_if_some("fail_safe_jobs", self.fail_safe_jobs, self.min_jobs..=self.max_jobs)?;
        within("emergency_quantile", self.emergency_quantile, 0.5..=0.995)?;
        within("emergency_tolerance", self.emergency_tolerance, 0.0..=10.0)?;
        within("latency_budget_ms", self.latency_budget_ms, 1.0..=60_000.0)?;
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
        within("number of `holidays`", self.holidays.len(), 0..=1000)?;
        self.calendar().map(|_| ())
    }

    /// The pool's calendar.
    pub(crate) fn calendar(&self) -> Result<Calendar> {
        Calendar::new(&self.time_zone, &self.holidays)
    }
}

fn within<T: PartialOrd + Display>(key: &str, value: T, range: RangeInclusive<T>) -> Result<()> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(Error::config(format!("`{key}` is {value}, expected {} to {}", range.start(), range.end())))
    }
}

fn within_if_some<T: PartialOrd + Display>(
    key: &str,
    value: Option<T>,
    range: RangeInclusive<T>,
) -> Result<()> {
    value.map_or(Ok(()), |value| within(key, value, range))
}
