//! Replays a load under a scaling rule, and scores what happened.

use super::queue::{PoolSimulator, SUBSTEP_SECONDS};
use super::simulated_load::SimulatedLoad;
use super::simulated_pool::SimulatedPool;
use crate::autoscaler::Autoscaler;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::Serialize;

/// Something that names a number of jobs.
pub trait ScalingRule {
    /// Takes the record of an interval.
    fn observe(&mut self, record: &Metrics);
    /// Returns the jobs wanted from now on; none leaves the pool as it is.
    fn decide(&mut self) -> Option<u32>;
    /// Forecast of the next interval, as shown in pictures: the quantiles 0.1, 0.5 and 0.9.
    fn expected(&self) -> Option<[f64; 3]> {
        None
    }
}

impl ScalingRule for Autoscaler {
    fn observe(&mut self, record: &Metrics) {
        // a rejected record is told by its verdict, and `observe` has no other failure
        let _ = Autoscaler::observe(self, record);
    }

    fn decide(&mut self) -> Option<u32> {
        Autoscaler::decide(self).recommended_jobs
    }

    fn expected(&self) -> Option<[f64; 3]> {
        let forecast = self.forecast();
        let ahead = forecast.horizon(12)?;
        Some([0.1, 0.5, 0.9].map(|level| ahead.quantile(level)))
    }
}

/// One interval of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReplayRow {
    /// End of the interval.
    pub timestamp: Timestamp,
    /// Events that arrived.
    pub arrivals: f64,
    /// Jobs paid for.
    pub jobs: u32,
    /// Ready jobs, mean over time.
    pub ready_jobs: f64,
    /// Events that wait at the end.
    pub backlog: f64,
    /// Mean wait of the events taken, ms.
    pub mean_wait_ms: f64,
    /// Events taken too late.
    pub violations: f64,
    /// Jobs wanted at the end.
    pub target: u32,
    /// What the rule expected of the arrivals 12 minutes later: quantiles 0.1, 0.5, 0.9.
    pub expected: Option<[f64; 3]>,
}

/// Scores of the scored part of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Scores {
    /// Share of events that waited no longer than the SLA allows; those that still wait at the end count as late.
    pub sla_compliance_percent: f64,
    /// Jobs paid for, ready and starting, times hours.
    pub job_hours: f64,
    /// Mean wait, ms.
    pub mean_wait_ms: f64,
    /// 99th percentile of the waits, ms.
    pub p99_wait_ms: f64,
    /// Changes of the number of jobs wanted.
    pub scale_actions: u32,
    /// Changes whose direction differs from that of the change before.
    pub reversals: u32,
}

/// A replay and its scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Replay {
    /// Every interval, warm-up included.
    pub rows: Vec<ReplayRow>,
    /// First scored interval.
    pub scored_from: usize,
    /// Scores from there on.
    pub scores: Scores,
}

/// Lets `rule` steer a pool (a configuration, or startup time and longest wait of the SLA, seconds) through the whole load; scored from
/// interval `scored_from` on. `progress` is told the intervals done and all.
pub fn replay(
    load: &SimulatedLoad,
    pool: impl Into<SimulatedPool>,
    rule: &mut dyn ScalingRule,
    scored_from: usize,
    progress: &mut dyn FnMut(usize, usize),
) -> Replay {
    let mut replay = Running::start(load, pool.into());
    for index in 0..load.len() {
        replay.interval(index, rule, scored_from);
        progress(index + 1, load.len());
    }
    replay.end(scored_from)
}

/// Replays like [`replay`] as long as `go_on`, which is told the intervals done and all, says so; none if it was stopped.
pub fn replay_while(
    load: &SimulatedLoad,
    pool: impl Into<SimulatedPool>,
    rule: &mut dyn ScalingRule,
    scored_from: usize,
    go_on: &mut dyn FnMut(usize, usize) -> bool,
) -> Option<Replay> {
    let mut replay = Running::start(load, pool.into());
    for index in 0..load.len() {
        replay.interval(index, rule, scored_from);
        if !go_on(index + 1, load.len()) {
            return None;
        }
    }
    Some(replay.end(scored_from))
}

/// A replay on its way through the load.
struct Running<'a> {
    load: &'a SimulatedLoad,
    pool: SimulatedPool,
    simulator: PoolSimulator,
    rows: Vec<ReplayRow>,
    arrivals: Vec<f64>,
}

impl<'a> Running<'a> {
    fn start(load: &'a SimulatedLoad, pool: SimulatedPool) -> Self {
        let first = pool.possible((1.5 * load.offered_jobs(0)).ceil().max(1.0) as u32);
        Self {
            load,
            simulator: PoolSimulator::new(first, pool.startup_seconds, pool.sla_wait_seconds)
                .limited_to(pool.most_events_per_second),
            pool,
            rows: Vec::with_capacity(load.len()),
            arrivals: Vec::new(),
        }
    }

    fn interval(&mut self, index: usize, rule: &mut dyn ScalingRule, scored_from: usize) {
        if index == scored_from {
            self.simulator.reset_waits();
        }
        self.load.arrivals(index, &mut self.arrivals);
        let outcome = self.simulator.run_interval(&self.arrivals, self.load.job_seconds(index));
        let record = self.load.record(index, &outcome);
        rule.observe(&record);
        let target = rule.decide().map_or(self.simulator.jobs(), |jobs| self.pool.possible(jobs));
        self.simulator.scale_to(target);
        self.rows.push(ReplayRow {
            timestamp: record.timestamp,
            arrivals: outcome.arrived,
            jobs: outcome.jobs,
            ready_jobs: outcome.ready_jobs,
            backlog: outcome.queued,
            mean_wait_ms: record.average_queue_wait_time_ms.unwrap_or(0.0),
            violations: outcome.violations,
            target,
            expected: rule.expected(),
        });
    }

    fn end(self, scored_from: usize) -> Replay {
        let late_bin = (self.pool.sla_wait_seconds / SUBSTEP_SECONDS).floor() as usize + 1;
        let rows = self.rows.get(scored_from..).unwrap_or(&[]);
        let scores = score(rows, &self.simulator.waits(), late_bin, self.load.interval_seconds());
        Replay { rows: self.rows, scored_from, scores }
    }
}

fn score(rows: &[ReplayRow], waits: &[f64], late_bin: usize, interval_seconds: u32) -> Scores {
    let total: f64 = waits.iter().sum();
    let late: f64 = waits.iter().skip(late_bin).sum();
    let share = |part: f64| if total > 0.0 { part / total } else { 0.0 };
    let weighted: f64 = waits.iter().enumerate().map(|(lag, events)| lag as f64 * events).sum();
    let mut seen = 0.0;
    let p99 = waits.iter().position(|events| {
        seen += events;
        seen >= 0.99 * total
    });
    let (mut actions, mut reversals, mut last) = (0, 0, 0i64);
    for pair in rows.windows(2) {
        if let [before, after] = pair {
            let change = i64::from(after.target) - i64::from(before.target);
            if change != 0 {
                actions += 1;
                reversals += u32::from(last != 0 && last.signum() != change.signum());
                last = change;
            }
        }
    }
    Scores {
        sla_compliance_percent: 100.0 * (1.0 - share(late)),
        job_hours: rows.iter().map(|row| f64::from(row.jobs)).sum::<f64>() * f64::from(interval_seconds)
            / 3600.0,
        mean_wait_ms: share(weighted) * SUBSTEP_SECONDS * 1000.0,
        p99_wait_ms: p99.unwrap_or(0) as f64 * SUBSTEP_SECONDS * 1000.0,
        scale_actions: actions,
        reversals,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{LoadSettings, Workload};
    use approx::assert_abs_diff_eq;

    struct Fixed(u32);
    impl ScalingRule for Fixed {
        fn observe(&mut self, _: &Metrics) {}
        fn decide(&mut self) -> Option<u32> {
            Some(self.0)
        }
    }

    fn steady() -> SimulatedLoad {
        let workload = Workload {
            name: "steady".into(),
            start: Timestamp::EPOCH,
            interval_seconds: 120,
            events: vec![1200.0; 100],
        };
        let settings =
            LoadSettings { jobs_at_peak: 10.0, service_noise: 0.0, service_drift: 0.0, ..Default::default() };
        SimulatedLoad::new(&workload, &settings)
    }

    #[test]
    fn enough_jobs_comply_and_too_few_do_not() {
        let load = steady();
        let enough = replay(&load, (180.0, 30.0), &mut Fixed(20), 20, &mut |_, _| {});
        assert_eq!(enough.scores.sla_compliance_percent, 100.0);
        assert_abs_diff_eq!(enough.scores.job_hours, 20.0 * 80.0 / 30.0, epsilon = 1e-9);
        assert_eq!(enough.scores.scale_actions, 0);
        let few = replay(&load, (180.0, 30.0), &mut Fixed(5), 20, &mut |_, _| {});
        assert!(few.scores.sla_compliance_percent < 10.0, "{:?}", few.scores);
        assert!(few.rows.last().unwrap().backlog > 1000.0);
    }

    #[test]
    fn a_replay_that_is_stopped_asks_its_rule_no_more() {
        struct Counted(usize);
        impl ScalingRule for Counted {
            fn observe(&mut self, _: &Metrics) {}
            fn decide(&mut self) -> Option<u32> {
                self.0 += 1;
                Some(1)
            }
        }
        let mut rule = Counted(0);
        let stopped = replay_while(&steady(), (180.0, 30.0), &mut rule, 20, &mut |done, _| done < 7);
        assert_eq!((stopped, rule.0), (None, 7));
        let whole = replay_while(&steady(), (180.0, 30.0), &mut Fixed(20), 20, &mut |_, _| true);
        assert_eq!(whole, Some(replay(&steady(), (180.0, 30.0), &mut Fixed(20), 20, &mut |_, _| {})));
    }
}
