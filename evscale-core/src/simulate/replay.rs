//! Replays a load under a scaling rule, and scores what happened.

use super::served::{ClassScores, Served, Waited, on_time_percent};
use super::simulated_load::SimulatedLoad;
use super::simulated_pool::SimulatedPool;
use crate::autoscaler::Autoscaler;
use crate::forecaster::DueEvents;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::Serialize;

/// Something that names a number of jobs.
pub trait ScalingRule {
    /// Takes the record of an interval.
    fn observe(&mut self, record: &Metrics);
    /// Returns the jobs wanted from now on; none leaves the pool as it is.
    fn decide(&mut self) -> Option<u32>;
    /// Is told what falls due, as it is known at `now`; most rules have no use for it.
    fn set_due(&mut self, _now: Timestamp, _due: &[DueEvents]) {}
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

    fn set_due(&mut self, now: Timestamp, due: &[DueEvents]) {
        // a load has no more moments than a pool takes, and no number that cannot be
        let _ = Autoscaler::set_due(self, now, due);
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
    /// What jobs, late events, changes and reversals cost in a backtest, at the prices of each time; none without `job_hour_price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
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
    /// The same of each class, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassScores>,
    /// Late events, those included that still wait at the end.
    #[serde(skip)]
    pub(super) late_events: f64,
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
    served: Served,
    rows: Vec<ReplayRow>,
}

impl<'a> Running<'a> {
    fn start(load: &'a SimulatedLoad, pool: SimulatedPool) -> Self {
        let first = pool.possible((1.5 * load.offered_jobs(0)).ceil().max(1.0) as u32);
        Self { load, served: Served::new(load, &pool, first), pool, rows: Vec::with_capacity(load.len()) }
    }

    fn interval(&mut self, index: usize, rule: &mut dyn ScalingRule, scored_from: usize) {
        if index == scored_from {
            self.served.reset_waits();
        }
        let (outcome, record) = self.served.interval(self.load, index);
        rule.observe(&record);
        if let Some(due) = self.load.told_at(record.timestamp) {
            rule.set_due(record.timestamp, &due);
        }
        let target = rule.decide().map_or(self.served.jobs(), |jobs| self.pool.possible(jobs));
        self.served.scale_to(target);
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
        let rows = self.rows.get(scored_from..).unwrap_or(&[]);
        let waited = self.served.waited(self.pool.sla_wait_seconds);
        let scores = score(rows, &waited, self.load.interval_seconds());
        let Waited { late, classes, .. } = waited;
        Replay { rows: self.rows, scored_from, scores, classes, late_events: late }
    }
}

fn score(rows: &[ReplayRow], waited: &Waited, interval_seconds: u32) -> Scores {
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
        sla_compliance_percent: on_time_percent(waited.late, waited.all.events()),
        job_hours: rows.iter().map(|row| f64::from(row.jobs)).sum::<f64>() * f64::from(interval_seconds)
            / 3600.0,
        mean_wait_ms: 1000.0 * waited.all.mean_seconds(),
        p99_wait_ms: 1000.0 * waited.all.quantile_seconds(0.99),
        scale_actions: actions,
        reversals,
        cost: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServiceClass;
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
    fn a_load_of_one_kind_is_served_by_a_pool_that_could_serve_several() {
        let pool = SimulatedPool {
            classes: vec![ServiceClass::new("a", 1.0, 5.0), ServiceClass::new("b", 2.0, 60.0)],
            ..SimulatedPool::from((180.0, 30.0))
        };
        let played = replay(&steady(), pool, &mut Fixed(20), 20, &mut |_, _| {});
        assert_eq!((played.scores.sla_compliance_percent, played.classes.len()), (100.0, 0));
        assert_eq!(played.rows[30].arrivals.round(), 1200.0);
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
