//! Job-hours of the day (UTC): so many jobs that the rest of the day can still run `min_jobs`.

use super::{Change, Context};
use crate::time::{DAY_MS, HOUR_MS, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spent {
    day: i64,
    job_hours: f64,
}

impl Spent {
    pub(super) fn account(&mut self, at: Timestamp, jobs: f64, interval_seconds: f64) {
        self.turn_to(at);
        if jobs.is_finite() {
            self.job_hours += jobs * interval_seconds / 3600.0;
        }
    }

    pub(super) fn apply(&mut self, context: &Context<'_>, jobs: u32) -> Change {
        let daily = context.config.job_hours_per_day?;
        self.turn_to(context.now);
        let rest = (DAY_MS - context.now.as_millis().rem_euclid(DAY_MS)) as f64 / HOUR_MS as f64;
        let span = (f64::from(context.config.decision_interval_seconds) / 3600.0).min(rest).max(1e-3);
        let reserved = f64::from(context.config.min_jobs) * (rest - span);
        let affordable = ((daily - self.job_hours - reserved) / span).clamp(0.0, 1e9).floor() as u32;
        let cap = affordable.max(context.config.min_jobs);
        (jobs > cap).then(|| (cap, format!("{:.1} of {daily} job-hours of the day are used", self.job_hours)))
    }

    fn turn_to(&mut self, at: Timestamp) {
        let day = at.as_millis().div_euclid(DAY_MS);
        if day != self.day {
            *self = Self { day, job_hours: 0.0 };
        }
    }
}
