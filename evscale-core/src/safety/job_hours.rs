//! Job-hours of the day by the pool's own clock: so many jobs that the rest of the day can still run `min_jobs`.
//!
//! The account counts the time since the last record, so that lost records are paid for, and only a record of a later day
//! begins a new one: neither an earlier time nor the time of a decision resets it, and a clock that goes back finds the account
//! of its day.

use super::{Change, Context};
use crate::calendar::Calendar;
use crate::time::{DAY_MS, HOUR_MS, SECOND_MS, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spent {
    day: i64,
    job_hours: f64,
    last: Option<Timestamp>,
    /// How much the local clock was ahead of UTC at the last record, milliseconds.
    ahead_ms: i64,
    /// The account before, with its day.
    before: (i64, f64),
}

impl Spent {
    /// Charges the jobs of a record for the time since the one before, of the same day.
    pub(super) fn account(&mut self, calendar: &Calendar, at: Timestamp, jobs: f64, interval_seconds: f64) {
        let gap = at.elapsed_since(self.last.replace(at).unwrap_or(at)).unwrap_or(0.0);
        let (day, time) = calendar.local(at);
        self.ahead_ms = calendar.offset_ms(at);
        let mut seconds = gap.max(interval_seconds);
        if day > self.day {
            self.before = (self.day, self.job_hours);
            (self.day, self.job_hours) = (day, 0.0);
            let into_day = (time / SECOND_MS) as f64;
            seconds = gap.min(into_day).max(interval_seconds);
        }
        if jobs.is_finite() {
            self.job_hours += jobs * seconds / 3600.0;
        }
    }

    /// Returns the job-hours of the local day of `now`, and the hours until it ends.
    pub(super) fn today(&self, calendar: &Calendar, now: Timestamp) -> (f64, f64) {
        let (day, time) = calendar.local(now);
        let used = if day > self.day { 0.0 } else { self.job_hours };
        // a day of daylight saving has an hour more or less
        let moved = calendar.offset_ms(now) - calendar.offset_ms(now.plus_millis(DAY_MS - time));
        (used, (DAY_MS - time + moved) as f64 / HOUR_MS as f64)
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        let daily = context.config.job_hours_per_day?;
        let (used, rest) = self.today(context.calendar, context.now);
        let span = (f64::from(context.config.decision_interval_seconds) / 3600.0).min(rest).max(1e-3);
        let reserved = f64::from(context.config.min_jobs) * (rest - span);
        let affordable = ((daily - used - reserved) / span).clamp(0.0, 1e9).floor() as u32;
        let cap = affordable.max(context.config.min_jobs);
        (jobs > cap).then(|| (cap, format!("{used:.1} of {daily} job-hours of the day are used")))
    }

    /// Continues the account at a time before that of its last record: what was charged since is charged to its day.
    pub(super) fn rewind(&mut self, at: Timestamp) {
        let day = at.plus_millis(self.ahead_ms).as_millis().div_euclid(DAY_MS);
        if day == self.before.0 && day < self.day {
            self.job_hours += self.before.1;
        }
        (self.day, self.last) = (day, None);
    }
}
