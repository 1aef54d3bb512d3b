//! The reactive peer: Kubernetes HorizontalPodAutoscaler on CPU utilization (autoscaling/v2, default behaviour).
//!
//! Tolerance 10 %; scale-up by at most 100 % or 4 jobs per 15 s; scale-down to the highest recommendation of 300 s;
//! starting jobs count as idle on the way up and not at all on the way down.

use super::replay::ScalingRule;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use std::collections::VecDeque;

const TOLERANCE: f64 = 0.1;
const SYNC_SECONDS: u32 = 15;
const STABILIZATION_SECONDS: f64 = 300.0;

/// The rule and its state.
#[derive(Clone, Debug)]
pub struct Hpa {
    target_percent: f64,
    bounds: (u32, u32),
    interval_seconds: u32,
    startup_seconds: f64,
    recommendations: VecDeque<(Timestamp, u32)>,
    starting: VecDeque<(Timestamp, u32)>,
    jobs: u32,
}

impl Hpa {
    /// A rule that keeps the CPU utilization at `target_percent` with `min_jobs` to `max_jobs`.
    pub fn new(
        target_percent: f64,
        min_jobs: u32,
        max_jobs: u32,
        interval_seconds: u32,
        startup_seconds: f64,
    ) -> Self {
        Self {
            target_percent,
            bounds: (min_jobs, max_jobs),
            interval_seconds,
            startup_seconds,
            recommendations: VecDeque::new(),
            starting: VecDeque::new(),
            jobs: min_jobs,
        }
    }

    fn desired(&self, percent: f64, current: u32, starting: u32) -> u32 {
        let ready = current.saturating_sub(starting);
        if ready == 0 {
            return current;
        }
        let ratio = percent / self.target_percent;
        if starting > 0 && ratio > 1.0 {
            let damped = ratio * f64::from(ready) / f64::from(current);
            return if damped <= 1.0 + TOLERANCE { current } else { whole(damped * f64::from(current)) };
        }
        if (ratio - 1.0).abs() <= TOLERANCE { current } else { whole(ratio * f64::from(ready)) }
    }

    fn highest_step(&self, current: u32) -> u32 {
        (0..(self.interval_seconds / SYNC_SECONDS).clamp(1, 20))
            .fold(current, |jobs, _| jobs.saturating_mul(2).max(jobs.saturating_add(4)))
    }
}

fn whole(jobs: f64) -> u32 {
    (jobs - 1e-9).ceil().max(0.0) as u32
}

impl ScalingRule for Hpa {
    fn observe(&mut self, record: &Metrics) {
        let now = record.timestamp;
        let Some(percent) = record.cpu_utilization_percent else { return };
        let current = record.current_job_count.max(0.0) as u32;
        while self.starting.front().is_some_and(|(ready_at, _)| *ready_at <= now) {
            self.starting.pop_front();
        }
        let starting: u32 = self.starting.iter().map(|(_, count)| count).sum();
        let (low, high) = self.bounds;
        let desired =
            self.desired(percent, current, starting.min(current.saturating_sub(1))).max(low).min(high);
        self.recommendations.push_back((now, desired));
        while self
            .recommendations
            .front()
            .is_some_and(|(at, _)| now.seconds_since(*at) > STABILIZATION_SECONDS)
        {
            self.recommendations.pop_front();
        }
        self.jobs = if desired >= current {
            desired.min(self.highest_step(current))
        } else {
            self.recommendations.iter().map(|(_, jobs)| *jobs).max().unwrap_or(desired).min(current)
        };
        if self.jobs > current {
            self.starting.push_back((now.plus_seconds(self.startup_seconds as i64), self.jobs - current));
        }
    }

    fn decide(&mut self) -> u32 {
        self.jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seconds: i64, jobs: f64, percent: f64) -> Metrics {
        let mut record = Metrics::new(Timestamp::EPOCH.plus_seconds(seconds), 0.0, jobs);
        record.cpu_utilization_percent = Some(percent);
        record
    }

    #[test]
    fn numbers_by_hand() {
        let mut hpa = Hpa::new(50.0, 1, 100, 120, 180.0);
        hpa.observe(&record(120, 10.0, 54.0));
        assert_eq!(hpa.decide(), 10, "within the tolerance");
        hpa.observe(&record(240, 10.0, 80.0));
        assert_eq!(hpa.decide(), 16);
        hpa.observe(&record(360, 16.0, 70.0));
        assert_eq!(hpa.decide(), 16, "6 of 16 are starting and count as idle: 1.4 * 10 / 16 is below 1.1");
        hpa.observe(&record(600, 16.0, 25.0));
        assert_eq!(hpa.decide(), 16, "held by the recommendations of the last 300 s");
        hpa.observe(&record(960, 16.0, 25.0));
        assert_eq!(hpa.decide(), 8);
    }
}
