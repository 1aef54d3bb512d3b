//! The rules that people use today, as published, with one decision per interval: what a backtest compares with.

#![expect(clippy::disallowed_methods, reason = "simulated time goes forward")]

mod flink;
mod horizontal;
mod ongoing;
mod seasonal;

pub use flink::Flink;
pub use horizontal::{HpaCpu, HpaRate, KedaQueue};
pub use ongoing::RayServe;
pub use seasonal::SeasonalQuantile;

use super::replay::ScalingRule;
use crate::metrics::Metrics;
use crate::pool::StartingJobs;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// What every baseline is told of its pool.
#[derive(Clone, Copy, Debug)]
pub struct BaselinePool {
    /// Fewest and most jobs.
    pub bounds: (u32, u32),
    /// Length of an interval, seconds.
    pub interval_seconds: u32,
    /// Time until a new job works, seconds.
    pub startup_seconds: f64,
    /// Service time of an event as a load test would have found it, seconds.
    pub service_seconds: f64,
}

impl BaselinePool {
    fn clamp(&self, jobs: f64) -> u32 {
        ((jobs - 1e-9).ceil().max(0.0) as u32).max(self.bounds.0).min(self.bounds.1)
    }
}

/// A fixed number of jobs: provisioning for the peak.
#[derive(Clone, Debug)]
pub struct StaticPeak(pub u32);

impl ScalingRule for StaticPeak {
    fn observe(&mut self, _: &Metrics) {}
    fn decide(&mut self) -> Option<u32> {
        Some(self.0)
    }
}

/// Which jobs are still starting, as a controller remembers it.
#[derive(Clone, Debug, Default)]
struct Starting(StartingJobs<Timestamp>);

impl Starting {
    fn count(&mut self, now: Timestamp) -> u32 {
        self.0.take_ready(|ready_at| ready_at <= now);
        self.0.count(|_| true)
    }

    fn changed(&mut self, now: Timestamp, startup_seconds: f64, before: u32, after: u32) {
        if after > before {
            self.0.add(now.plus_seconds(startup_seconds as i64), after - before);
        }
        self.0.leave(before.saturating_sub(after));
    }
}

/// Values of the last seconds.
#[derive(Clone, Debug)]
struct Window {
    seconds: f64,
    values: VecDeque<(Timestamp, u32)>,
}

impl Window {
    fn new(seconds: f64) -> Self {
        Self { seconds, values: VecDeque::new() }
    }

    fn add(&mut self, now: Timestamp, value: u32) {
        self.values.push_back((now, value));
        while self.values.front().is_some_and(|(at, _)| now.seconds_since(*at) > self.seconds) {
            self.values.pop_front();
        }
    }

    fn highest(&self) -> u32 {
        self.values.iter().map(|(_, value)| *value).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
