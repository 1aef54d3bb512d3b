//! What jobs buy: the late events of the next hour by the number of jobs, where not every pool can have what it asks for; of longer,
//! where a job takes longer to start, as it prevents none before.
//!
//! A fluid queue under the arrivals of three forecast quantiles. An event is late if it finds more work waiting than the SLA
//! allows, and those that wait at the end count once more: a queue that no job works off goes on to make events late.

use super::need::Load;
use crate::config::{Config, JobNumbers};
use crate::forecaster::Forecast;

/// How far ahead at least, how far beyond a startup at least, and in which steps, seconds.
const LEAST_AHEAD_SECONDS: f64 = 3600.0;
const BEYOND_STARTUP_SECONDS: f64 = 1800.0;
const STEP_SECONDS: f64 = 60.0;
/// Quantiles of the arrivals, and how likely each is to be the one that comes.
const LEVELS: [(f64, f64); 3] = [(0.5, 0.65), (0.8, 0.25), (0.95, 0.1)];
/// Numbers of jobs that are looked at between the fewest and the most.
const POINTS: u32 = 12;
/// What a late event counts that a job would prevent which is there already: jobs do not go to and fro for little.
const KEPT: f64 = 1.1;

/// The queue ahead of a pool.
#[derive(Clone, Debug)]
pub(crate) struct LateAhead {
    /// Arrivals of each step at each quantile.
    arrivals: Vec<[f64; LEVELS.len()]>,
    /// Events that a job works off in a step.
    per_job: f64,
    /// Jobs that are ready, and steps until others are.
    ready: f64,
    startup_steps: usize,
    /// Events that wait now beyond the plan.
    backlog: f64,
    /// Steps that an event may wait.
    allowed_steps: f64,
}

impl LateAhead {
    /// Returns the queue ahead of a load that so many jobs serve now.
    pub(crate) fn new(load: &Load<'_>, ready: f64) -> Self {
        let arrivals = (0..steps(load.startup_seconds)).map(|step| {
            let seconds = (step as f64 + 0.5) * STEP_SECONDS;
            let per_second = arrivals_at(load, seconds);
            per_second.map(|events| events * STEP_SECONDS)
        });
        let busy_job = load.planned(1.0).max(1e-9);
        Self {
            arrivals: arrivals.collect(),
            per_job: STEP_SECONDS / load.service_seconds.max(1e-9) / busy_job,
            ready,
            startup_steps: (load.startup_seconds / STEP_SECONDS).round() as usize,
            backlog: load.backlog_events,
            allowed_steps: load.config.sla_wait_seconds / STEP_SECONDS,
        }
    }

    /// Returns the queue of a pool whose service time nobody knows, with so many events per interval: `most` jobs serve them.
    pub(crate) fn unknown(events: f64, most: u32, config: &Config) -> Self {
        let per_step = events * STEP_SECONDS / f64::from(config.interval_seconds);
        Self {
            arrivals: vec![[per_step; LEVELS.len()]; steps(0.0)],
            per_job: per_step / f64::from(most.max(1)),
            ready: f64::from(most),
            startup_steps: 0,
            backlog: 0.0,
            allowed_steps: config.sla_wait_seconds / STEP_SECONDS,
        }
    }

    /// Returns numbers of jobs that exist from the first of `jobs` to the last, with the weighed late events of each. The one between
    /// them is that of now.
    pub(crate) fn curve(&self, numbers: JobNumbers<'_>, jobs: [u32; 3], weight: f64) -> Vec<(u32, f64)> {
        let [least, current, most] = jobs;
        let span = most.saturating_sub(least);
        let mut points: Vec<u32> = (0..=POINTS.min(span))
            .map(|point| {
                least + (f64::from(span) * f64::from(point) / f64::from(POINTS.min(span).max(1))) as u32
            })
            .map(|jobs| numbers.down(jobs).max(least))
            .chain([current].into_iter().filter(|current| (least..=most).contains(current)))
            .chain([most])
            .collect();
        points.sort_unstable();
        points.dedup();
        let mut lowest = f64::INFINITY;
        let late = |jobs: u32| {
            let kept = if jobs < current { KEPT } else { 1.0 };
            lowest = lowest.min(weight * kept * self.late_events(jobs));
            (jobs, lowest)
        };
        points.into_iter().map(late).collect()
    }

    /// Returns the late events that are expected with so many jobs.
    fn late_events(&self, jobs: u32) -> f64 {
        let jobs = f64::from(jobs);
        let mut expected = 0.0;
        for (level, (_, likely)) in LEVELS.iter().enumerate() {
            let (mut waiting, mut late) = (self.backlog, 0.0);
            for (step, arrivals) in self.arrivals.iter().enumerate() {
                let serving = if step < self.startup_steps { jobs.min(self.ready) } else { jobs };
                let served = serving * self.per_job;
                let arriving = arrivals.get(level).copied().unwrap_or(0.0);
                if waiting > self.allowed_steps * served {
                    late += arriving;
                }
                waiting = (waiting + arriving - served).max(0.0);
            }
            expected += likely * (late + waiting);
        }
        expected
    }
}

/// Returns how many steps are looked ahead.
fn steps(startup_seconds: f64) -> usize {
    ((startup_seconds + BEYOND_STARTUP_SECONDS).max(LEAST_AHEAD_SECONDS) / STEP_SECONDS) as usize
}

/// Returns the arrivals per second at a time ahead, at each quantile.
fn arrivals_at(load: &Load<'_>, seconds: f64) -> [f64; LEVELS.len()] {
    let interval = f64::from(load.config.interval_seconds);
    let burst = load
        .forecast
        .bursts
        .iter()
        .filter(|burst| burst.begins_seconds <= seconds && seconds < burst.ends_seconds)
        .map(|burst| burst.events_per_second)
        .fold(0.0, f64::max);
    LEVELS.map(|(level, _)| (quantile_at(load.forecast, interval, seconds, level) / interval).max(burst))
}

/// Returns a quantile of the events of an interval at a time ahead, between the horizons.
fn quantile_at(forecast: &Forecast, interval: f64, seconds: f64, level: f64) -> f64 {
    let mut before: Option<(f64, f64)> = None;
    for horizon in &forecast.horizons {
        let (at, events) = (f64::from(horizon.steps) * interval, horizon.quantile(level));
        if at >= seconds {
            return before.map_or(events, |(from, earlier)| {
                earlier + (events - earlier) * (seconds - from) / (at - from).max(1e-9)
            });
        }
        before = Some((at, events));
    }
    before.map_or(0.0, |(_, events)| events)
}
