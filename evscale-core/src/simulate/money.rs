//! What a replay cost, at the prices of each time.

use super::replay::Replay;
use crate::announced::Announcements;
use crate::config::Config;
use crate::error::Result;

/// Returns what the jobs, late events, changes and reversals of the scored part cost; none where a job-hour has no price.
pub(super) fn cost(played: &Replay, config: &Config) -> Result<Option<f64>> {
    if config.job_hour_price.is_none() {
        return Ok(None);
    }
    let (timetable, mut schedule) = (config.timetable()?, Announcements::default());
    let hours = f64::from(config.interval_seconds) / 3600.0;
    let mut paid = 0.0;
    for row in played.rows.iter().skip(played.scored_from) {
        schedule.look_ahead(&timetable, row.timestamp, 0.0);
        let price = schedule.job_hour_price(config, row.timestamp).unwrap_or(0.0);
        paid += price * f64::from(row.jobs) * hours;
    }
    let (late, change, reversal) = (config.late_event_price, config.change_price, config.reversal_price);
    paid += late.unwrap_or(0.0) * played.late_events;
    paid += change.unwrap_or(0.0) * f64::from(played.scores.scale_actions);
    paid += reversal.unwrap_or(0.0) * f64::from(played.scores.reversals);
    Ok(Some(paid))
}
