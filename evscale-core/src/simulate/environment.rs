//! The training ground of the policy network: pools under the very code that decides at run time.
//!
//! Forecasts do not depend on what a policy does, so they are computed once per workload and handed in.

use super::queue::PoolSimulator;
use super::simulated_load::{LoadSettings, SimulatedLoad};
use super::{Generator, Workload};
use crate::autoscaler::{State, conclude, pipeline};
use crate::calendar::Calendar;
use crate::config::Config;
use crate::features::{HORIZONS, LEVELS, POLICY_ACTIONS, POLICY_FEATURES, policy_input};
use crate::forecaster::{Forecast, HorizonForecast};
use crate::policy::{Levels, Outlook, Proposal, Source, whole_jobs};
use crate::time::Timestamp;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;

/// Length of an episode, seconds.
const EPISODE_SECONDS: f64 = 3.0 * 86_400.0;
/// Time before it in which the analytic rule acts and is evaluated, seconds.
const WARM_UP_SECONDS: f64 = 3.0 * 86_400.0;
const SLA_TARGETS: [f64; 4] = [0.97, 0.99, 0.995, 0.999];

/// Weights of the reward per decision: `-(cost + violations + stability)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RewardWeights {
    /// Per job-hour over the job-hours that the mean offered load of the episode needs in an hour.
    pub cost: f64,
    /// Per late event over the allowed ones in an hour of mean load: 0.4 makes an hour of late events at a target of
    /// 99.5 % as dear as 80 hours of the mean load.
    pub violations: f64,
    /// Most that the late events of one interval count: what no policy can prevent must not drown the rest.
    pub violations_cap: f64,
    /// Per change of the pool, in hours of mean load.
    pub stability: f64,
}

impl Default for RewardWeights {
    fn default() -> Self {
        Self { cost: 1.0, violations: 0.4, violations_cap: 4.0, stability: 0.01 }
    }
}

/// A workload with the forecasts made on it.
#[derive(Clone, Debug)]
pub struct ForecastTrace {
    /// The workload.
    pub workload: Workload,
    /// Quantiles per interval, horizon and level, events.
    pub quantiles: Vec<f32>,
    /// Confidence per interval.
    pub confidence: Vec<f32>,
    /// Anomaly score per interval.
    pub anomaly: Vec<f32>,
}

/// What a step gave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepOutcome {
    /// The next observation.
    pub observation: [f32; POLICY_FEATURES],
    /// Reward of the step.
    pub reward: f32,
    /// The episode has ended, and the observation is the first of the next one.
    pub done: bool,
}

/// One pool after another: episodes of random workloads, configurations and service times.
#[derive(Debug)]
pub struct Environment {
    traces: Arc<Vec<ForecastTrace>>,
    weights: RewardWeights,
    random: Generator,
    episode: Option<Episode>,
}

#[derive(Debug)]
struct Episode {
    trace: usize,
    world: SimulatedLoad,
    config: Config,
    calendar: Calendar,
    state: State,
    pool: PoolSimulator,
    index: usize,
    end: usize,
    mean_offered: f64,
    mean_events: f64,
    arrivals: Vec<f64>,
}

impl Environment {
    /// An environment on traces that are not empty; the seed fixes everything.
    pub fn new(traces: Arc<Vec<ForecastTrace>>, weights: RewardWeights, seed: u64) -> Self {
        Self { traces, weights, random: Generator::seed_from_u64(seed), episode: None }
    }

    /// Starts an episode.
    pub fn reset(&mut self) -> [f32; POLICY_FEATURES] {
        self.episode = self.draw();
        self.observation()
    }

    fn observation(&self) -> [f32; POLICY_FEATURES] {
        let Some(episode) = &self.episode else { return [0.0; POLICY_FEATURES] };
        episode.observation()
    }

    /// Takes an action (an index into the adjustments) and runs to the next decision.
    pub fn step(&mut self, action: usize) -> StepOutcome {
        let weights = self.weights;
        let (reward, done) = match &mut self.episode {
            Some(episode) => episode.step(&self.traces, weights, action),
            None => (0.0, true),
        };
        let observation = if done { self.reset() } else { self.observation() };
        StepOutcome { observation, reward: reward as f32, done }
    }

    fn draw(&mut self) -> Option<Episode> {
        let random = &mut self.random;
        let trace = random.random_range(0..self.traces.len().max(1));
        let workload = &self.traces.get(trace)?.workload;
        let interval = workload.interval_seconds;
        let length = ((EPISODE_SECONDS / f64::from(interval)) as usize).min(workload.events.len());
        let warm = workload.events.len() / 4;
        let index =
            random.random_range(warm.min(workload.events.len() - length)..=workload.events.len() - length);
        let settings = LoadSettings {
            jobs_at_peak: 8.0 * 2f64.powf(random.random_range(0.0..4.0)),
            seed: random.random(),
            burst_concentration: random.random_range(8.0..40.0),
            service_drift: random.random_range(0.0..0.15),
            service_noise: random.random_range(0.0..0.08),
        };
        let world = SimulatedLoad::new(workload, &settings);
        let sla_target = SLA_TARGETS.get(random.random_range(0..SLA_TARGETS.len())).copied().unwrap_or(0.995);
        let config = Config {
            interval_seconds: interval,
            decision_interval_seconds: if interval > 180 { interval } else { 360 - 360 % interval },
            max_jobs: (1.5 * settings.jobs_at_peak).ceil() as u32,
            job_startup_seconds: if random.random_bool(0.6) { 180 } else { random.random_range(30..420) },
            sla_target,
            ..Config::default()
        };
        let end = index + length;
        let span = (end - index).max(1) as f64;
        let mean_offered = (index..end).map(|i| world.offered_jobs(i)).sum::<f64>() / span;
        let mean_events = (index..end).map(|i| world.events(i)).sum::<f64>() / span;
        let first = (1.3 * world.offered_jobs(index)).ceil().max(1.0) as u32;
        let pool = PoolSimulator::new(first, f64::from(config.job_startup_seconds), config.sla_wait_seconds);
        let warm_up = (WARM_UP_SECONDS / f64::from(interval)) as usize;
        let mut episode = Episode {
            trace,
            state: State::new(&config),
            world,
            config,
            calendar: Calendar::utc(),
            pool,
            index: index.saturating_sub(warm_up),
            end,
            mean_offered: mean_offered.max(0.5),
            mean_events: mean_events.max(1e-3),
            arrivals: Vec::new(),
        };
        episode.run_interval(&self.traces);
        while episode.index < index {
            episode.act(0.0);
            episode.run_to_decision(&self.traces, index);
        }
        Some(episode)
    }
}

impl Episode {
    fn outlook<'a>(&'a self, forecast: &'a Forecast) -> Outlook<'a> {
        Outlook::new(&self.config, forecast, &self.state.pool, &self.state.selection, Levels::default())
    }

    /// End of the newest interval.
    fn now(&self) -> Timestamp {
        self.world.end_of(self.index.saturating_sub(1))
    }

    fn observation(&self) -> [f32; POLICY_FEATURES] {
        let need = self.outlook(&self.state.forecast).need().cloned().unwrap_or_default();
        policy_input(&self.state.seen_by_policy(&self.config, &need, self.now()))
    }

    fn step(&mut self, traces: &[ForecastTrace], weights: RewardWeights, action: usize) -> (f64, bool) {
        let changed = self.act(POLICY_ACTIONS.get(action).copied().unwrap_or(0.0));
        let mut reward = if changed { -weights.stability } else { 0.0 };
        let hours = f64::from(self.config.interval_seconds) / 3600.0;
        let allowed = self.config.allowed_violation_share();
        for (jobs, late) in self.run_to_decision(traces, self.end) {
            reward -= weights.cost * jobs * hours / self.mean_offered;
            reward -=
                (weights.violations * hours * late / self.mean_events / allowed).min(weights.violations_cap);
        }
        (reward, self.index >= self.end)
    }

    /// Decides with an adjustment of the analytic need; reports whether the pool changed.
    fn act(&mut self, adjustment: f64) -> bool {
        let (forecast, now) = (Arc::clone(&self.state.forecast), self.now());
        let outlook =
            Outlook::new(&self.config, &forecast, &self.state.pool, &self.state.selection, Levels::default());
        let analytic = outlook.need().map_or(0.0, |need| need.analytic);
        let proposal = Proposal {
            jobs: Some(whole_jobs(analytic * (1.0 + adjustment))),
            source: Source::PolicyNetwork,
            fallback: None,
        };
        let before = self.pool.jobs();
        let decision =
            conclude(&self.config, &self.calendar, &mut self.state, now, &outlook, proposal, Vec::new());
        let Some(jobs) = decision.recommended_jobs else { return false };
        self.pool.scale_to(jobs);
        jobs != before
    }

    /// Runs up to the next decision or to `end`; jobs paid for and late events of each interval.
    fn run_to_decision(&mut self, traces: &[ForecastTrace], end: usize) -> Vec<(f64, f64)> {
        let mut intervals = Vec::with_capacity(4);
        while self.index < end {
            intervals.push(self.run_interval(traces));
            let due = self.state.schedule.due(&self.config, self.now());
            if due || self.outlook(&self.state.forecast).emergency {
                break;
            }
        }
        intervals
    }

    /// Runs one interval; returns the jobs paid for and the late events.
    fn run_interval(&mut self, traces: &[ForecastTrace]) -> (f64, f64) {
        self.world.arrivals(self.index, &mut self.arrivals);
        let outcome = self.pool.run_interval(&self.arrivals, self.world.service_seconds(self.index));
        let record = self.world.record(self.index, &outcome);
        if let Some(trace) = traces.get(self.trace) {
            trace.forecast_at(self.index, Arc::make_mut(&mut self.state.forecast));
        }
        pipeline::learn(&self.config, &self.calendar, &mut self.state, None, &record, None);
        self.index += 1;
        (f64::from(outcome.jobs), outcome.violations)
    }
}

impl ForecastTrace {
    fn forecast_at(&self, index: usize, forecast: &mut Forecast) {
        let size = HORIZONS * LEVELS;
        let Some(rows) = self.quantiles.get(index * size..(index + 1) * size) else { return };
        for (horizon, row) in forecast.horizons.iter_mut().zip(rows.chunks_exact(LEVELS)) {
            let mut quantiles = [0.0; LEVELS];
            for (cell, value) in quantiles.iter_mut().zip(row) {
                *cell = f64::from(*value);
            }
            *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
        }
        forecast.model_confidence = self.confidence.get(index).map_or(0.0, |v| f64::from(*v));
        forecast.anomaly_score = self.anomaly.get(index).map_or(0.0, |v| f64::from(*v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces() -> Arc<Vec<ForecastTrace>> {
        let workload = Workload::two_weeks(5);
        let n = workload.events.len();
        let mut quantiles = Vec::with_capacity(n * HORIZONS * LEVELS);
        for events in &workload.events {
            for _ in 0..HORIZONS {
                quantiles
                    .extend((0..LEVELS).map(|level| (*events * (0.8 + 0.4 * level as f64 / 14.0)) as f32));
            }
        }
        Arc::new(vec![ForecastTrace { workload, quantiles, confidence: vec![0.9; n], anomaly: vec![0.0; n] }])
    }

    fn run(action: usize, seed: u64) -> (f64, u32) {
        let mut environment = Environment::new(traces(), RewardWeights::default(), seed);
        assert!(environment.reset().iter().all(|v| v.is_finite()));
        let (mut total, mut episodes) = (0.0, 0);
        for _ in 0..1500 {
            let outcome = environment.step(action);
            total += f64::from(outcome.reward);
            episodes += u32::from(outcome.done);
        }
        (total, episodes)
    }

    #[test]
    fn equal_seeds_give_equal_episodes_and_waste_is_punished() {
        let (usual, episodes) = run(5, 3);
        assert!(episodes >= 2);
        assert_eq!(run(5, 3), (usual, episodes));
        assert!(run(10, 3).0 < usual, "twice the need costs more than a little headroom");
    }
}
