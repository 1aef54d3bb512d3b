//! The common practice of capacity planning: same time on previous days, at today's level, plus headroom.

use super::{BaselinePool, Window};
use crate::metrics::Metrics;
use crate::simulate::replay::ScalingRule;

const DAYS: usize = 7;
const QUANTILE: f64 = 0.8;
const LEVEL_SECONDS: f64 = 1800.0;
const DRAIN_SECONDS: f64 = 60.0;
const HOLD_SECONDS: f64 = 300.0;

/// The 80 % quantile over the last seven days of the load at the coming times of day, scaled by today's level over that
/// day's (last 30 minutes, factor 0.3 to 3), at its highest until new jobs help; the recent load is a floor; the
/// highest recommendation of 5 minutes counts on the way down.
#[derive(Clone, Debug)]
pub struct SeasonalQuantile {
    pool: BaselinePool,
    utilization: f64,
    /// Offered load of every interval, jobs.
    loads: Vec<f64>,
    hold: Window,
    jobs: u32,
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Quantile with linear interpolation.
fn quantile(values: &mut [f64], level: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = level * values.len().saturating_sub(1) as f64;
    let at = |index: f64| values.get(index as usize).copied().unwrap_or(0.0);
    let share = place.fract();
    (1.0 - share) * at(place.floor()) + share * at(place.ceil())
}

impl SeasonalQuantile {
    /// A rule with this target utilization, 0 to 1.
    pub fn new(pool: BaselinePool, utilization: f64) -> Self {
        Self { jobs: pool.bounds.0, pool, utilization, loads: Vec::new(), hold: Window::new(HOLD_SECONDS) }
    }

    fn expected_peak(&self) -> f64 {
        let interval = f64::from(self.pool.interval_seconds);
        let day = (86_400.0 / interval) as usize;
        let horizon = 1 + (self.pool.startup_seconds / interval).ceil() as usize;
        let level = ((LEVEL_SECONDS / interval) as usize).max(2);
        let known = self.loads.len();
        let part = |end: usize| self.loads.get(end.saturating_sub(level)..end);
        let now = part(known).and_then(mean).unwrap_or(0.0);
        let scale = |days: usize| {
            let then = known.checked_sub(days * day).and_then(part).and_then(mean)?;
            Some((now / then.max(1e-9)).clamp(0.3, 3.0))
        };
        let scales: Vec<Option<f64>> = (1..=DAYS).map(scale).collect();
        let ahead = |step: usize| {
            let mut samples: Vec<f64> = scales
                .iter()
                .enumerate()
                .filter_map(|(index, scale)| {
                    let then = (known + step).checked_sub((index + 1) * day)?;
                    Some((*scale)? * self.loads.get(then)?)
                })
                .collect();
            if samples.is_empty() { 0.0 } else { quantile(&mut samples, QUANTILE) }
        };
        (0..horizon).map(ahead).fold(0.0, f64::max)
    }
}

impl ScalingRule for SeasonalQuantile {
    fn observe(&mut self, record: &Metrics) {
        let service = record
            .average_processing_duration_ms
            .map_or(self.pool.service_seconds, |milliseconds| milliseconds / 1000.0);
        self.loads.push(record.logged_events_count * service / f64::from(self.pool.interval_seconds));
        let recent = self.loads.iter().rev().take(2).copied().fold(0.0, f64::max);
        let backlog = record.queued_events_count.unwrap_or(0.0) * service;
        let wanted = self.expected_peak().max(recent) / self.utilization + backlog / DRAIN_SECONDS;
        self.hold.add(record.timestamp, self.pool.clamp(wanted));
        self.jobs = self.hold.highest();
    }
    fn decide(&mut self) -> Option<u32> {
        Some(self.jobs)
    }
}
