//! Flink Kubernetes Operator autoscaler for one vertex, with the operator's defaults. Source: operator documentation
//! "Autoscaler". Favourable here: a rescale has no downtime.

#![expect(clippy::disallowed_methods, reason = "simulated time goes forward")]

use super::BaselinePool;
use crate::metrics::Metrics;
use crate::simulate::replay::ScalingRule;
use crate::time::Timestamp;
use std::collections::VecDeque;

const BOUNDARY: f64 = 0.3;
const WINDOW_SECONDS: f64 = 900.0;
const STABILIZATION_SECONDS: f64 = 300.0;
const CATCH_UP_SECONDS: f64 = 1800.0;
const RESTART_SECONDS: f64 = 300.0;
const SCALE_DOWN_INTERVAL_SECONDS: f64 = 3600.0;
const MOST_DOWN: f64 = 0.6;
const BACKLOG_LAG_SECONDS: f64 = 300.0;

/// True processing rate = processed rate over busy share; the pool is left alone while it lies between the capacities
/// for the target utilization plus and minus a boundary. A scale-down waits an hour and takes the highest wish of it.
#[derive(Clone, Debug)]
pub struct Flink {
    pool: BaselinePool,
    utilization: f64,
    /// Time, arrived, processed, busy share.
    records: VecDeque<(Timestamp, f64, f64, f64)>,
    ignore_until: Option<Timestamp>,
    down_since: Option<Timestamp>,
    highest_down: u32,
    jobs: u32,
}

/// Capacity for a rate and a lag at a utilization, events per second.
fn capacity(rate: f64, lag: f64, utilization: f64, with_restart: bool) -> f64 {
    if utilization <= 0.0 {
        return f64::INFINITY;
    }
    let restart = if with_restart { rate * RESTART_SECONDS / CATCH_UP_SECONDS } else { 0.0 };
    lag / CATCH_UP_SECONDS + restart + rate / utilization.min(1.0)
}

impl Flink {
    /// A rule with this `utilization.target`, 0 to 1.
    pub fn new(pool: BaselinePool, utilization: f64) -> Self {
        Self {
            jobs: pool.bounds.0,
            pool,
            utilization,
            records: VecDeque::new(),
            ignore_until: None,
            down_since: None,
            highest_down: 0,
        }
    }

    fn wish(&self, current: u32, lag: f64) -> u32 {
        let interval = f64::from(self.pool.interval_seconds);
        let count = self.records.len() as f64;
        if count < ((WINDOW_SECONDS / interval).round() - 1.0).max(1.0) {
            return current;
        }
        let sum = |of: fn(&(Timestamp, f64, f64, f64)) -> f64| self.records.iter().map(of).sum::<f64>();
        let rate = sum(|record| record.1) / (count * interval);
        let processed = sum(|record| record.2) / (count * interval);
        let busy = sum(|record| record.3) / count;
        if rate <= 0.0 || processed <= 0.0 || busy <= 0.0 {
            return current;
        }
        let true_rate = processed / busy;
        let (upper, lower) = if lag / rate > BACKLOG_LAG_SECONDS {
            (1.0, 0.0)
        } else {
            (self.utilization + BOUNDARY, self.utilization - BOUNDARY)
        };
        let too_slow = true_rate < capacity(rate, lag, upper, false);
        let too_fast = true_rate > capacity(rate, lag, lower, true);
        if !(too_slow || too_fast) {
            return current;
        }
        let factor = capacity(rate, lag, self.utilization, true) / true_rate;
        self.pool.clamp(f64::from(current) * factor.max(1.0 - MOST_DOWN))
    }

    fn delayed(&mut self, now: Timestamp, current: u32, wish: u32) -> u32 {
        if wish >= current {
            (self.down_since, self.highest_down) = (None, 0);
            return wish;
        }
        let since = *self.down_since.get_or_insert(now);
        self.highest_down = self.highest_down.max(wish);
        if now.seconds_since(since) < SCALE_DOWN_INTERVAL_SECONDS {
            return current;
        }
        let highest = self.highest_down;
        (self.down_since, self.highest_down) = (None, 0);
        highest
    }
}

impl ScalingRule for Flink {
    fn observe(&mut self, record: &Metrics) {
        let (now, current) = (record.timestamp, record.current_job_count.max(0.0) as u32);
        if self.ignore_until.is_none_or(|until| now > until) {
            let processed = record.processed_events_count.unwrap_or(0.0);
            let busy = record.cpu_utilization_percent.unwrap_or(0.0) / 100.0;
            self.records.push_back((now, record.logged_events_count, processed, busy));
        }
        while self.records.front().is_some_and(|(at, ..)| now.seconds_since(*at) >= WINDOW_SECONDS) {
            self.records.pop_front();
        }
        let wish = self.wish(current, record.queued_events_count.unwrap_or(0.0));
        self.jobs = self.delayed(now, current, wish);
        if self.jobs != current {
            self.records.clear();
            self.ignore_until = Some(now.plus_seconds(STABILIZATION_SECONDS as i64));
        }
    }
    fn decide(&mut self) -> Option<u32> {
        Some(self.jobs)
    }
}
