//! What the training recipe needs of the core: the same features as at run time.

use crate::door::{guarded, refused};
use crate::models::ModelBundle;
use evscale_core::calendar::Calendar;
use evscale_core::features::{
    COARSE_BINS, COARSE_CHANNELS, FINE_CHANNELS, FINE_STEPS, FUTURE_FEATURES, HORIZONS, LEVELS,
    POLICY_ACTIONS, POLICY_FEATURES, STATIC_FEATURES, forecaster_input, lead_steps,
};
use evscale_core::metrics::History;
use evscale_core::simulate::{Environment, ForecastTrace, RewardWeights, Workload};
use evscale_core::{Forecaster, Timestamp};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

#[derive(Default)]
struct Samples {
    fine: Vec<f32>,
    coarse: Vec<f32>,
    future: Vec<f32>,
    statics: Vec<f32>,
    target: Vec<f32>,
    target_known: Vec<f32>,
    level_z: Vec<f32>,
    scale: Vec<f32>,
}

/// Features and targets at each origin: `events[..= origin]` is known.
///
/// Returns float32 arrays: fine [n, 96, 6], coarse [n, 336, 2], future [n, 12, 24], statics [n, 14],
/// target [n, 12] (events), target_known [n, 12], level_z [n], scale [n]. Origins must increase.
#[pyfunction]
pub fn forecaster_samples<'py>(
    py: Python<'py>,
    events: PyReadonlyArray1<'py, f64>,
    start_ms: i64,
    interval_seconds: u32,
    origins: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyDict>> {
    let start = guarded(py, || Timestamp::from_millis(start_ms))?;
    check_interval(py, interval_seconds)?;
    let (events, origins) = (events.as_slice()?.to_vec(), origins.as_slice()?.to_vec());
    let within = origins.iter().all(|origin| (0..events.len() as i64).contains(origin));
    if !within || origins.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(refused(py, &format!("`origins` must increase and be 0 to {}", events.len() as i64 - 1)));
    }
    let samples = guarded(py, || Ok(collect(&events, start, interval_seconds, &origins)))?;
    let n = origins.len();
    let out = PyDict::new(py);
    let put = |key: &str, values: Vec<f32>, shape: &[usize]| -> PyResult<()> {
        out.set_item(key, PyArray1::from_vec(py, values).reshape(shape.to_vec())?)
    };
    put("fine", samples.fine, &[n, FINE_STEPS, FINE_CHANNELS])?;
    put("coarse", samples.coarse, &[n, COARSE_BINS, COARSE_CHANNELS])?;
    put("future", samples.future, &[n, HORIZONS, FUTURE_FEATURES])?;
    put("statics", samples.statics, &[n, STATIC_FEATURES])?;
    put("target", samples.target, &[n, HORIZONS])?;
    put("target_known", samples.target_known, &[n, HORIZONS])?;
    put("level_z", samples.level_z, &[n])?;
    put("scale", samples.scale, &[n])?;
    Ok(out)
}

fn check_interval(py: Python<'_>, interval_seconds: u32) -> PyResult<()> {
    if (10..=3600).contains(&interval_seconds) {
        return Ok(());
    }
    Err(refused(py, &format!("`interval_seconds` is {interval_seconds}, expected 10 to 3600")))
}

/// What a bundle for this build must declare, as JSON in the shape of its manifest.
#[pyfunction]
pub fn feature_contract() -> String {
    evscale_core::features::contract_json()
}

/// Whole intervals from now to the end of the forecast interval of each horizon.
#[pyfunction]
#[pyo3(name = "lead_steps")]
pub fn horizon_steps(interval_seconds: f64) -> Vec<i64> {
    lead_steps(interval_seconds).to_vec()
}

fn collect(events: &[f64], start: Timestamp, interval_seconds: u32, origins: &[i64]) -> Samples {
    let mut history = History::new(interval_seconds);
    let calendar = Calendar::utc();
    let leads = lead_steps(f64::from(interval_seconds));
    let mut samples = Samples::default();
    let mut wanted = origins.iter().copied().peekable();
    for (index, count) in events.iter().enumerate() {
        let index = index as i64;
        history.push(start.plus_seconds((index + 1) * i64::from(interval_seconds)), *count);
        if wanted.peek() != Some(&index) {
            continue;
        }
        wanted.next();
        let input = forecaster_input(&history, &calendar, 1.0);
        samples.fine.extend(input.fine());
        samples.coarse.extend(input.coarse());
        samples.future.extend(input.future());
        samples.statics.extend(input.statics());
        samples.level_z.push(input.level_z as f32);
        samples.scale.push(input.scale as f32);
        for steps in leads {
            let target = events.get((index + steps) as usize).copied().unwrap_or(f64::NAN);
            samples.target.push(if target.is_finite() { target as f32 } else { 0.0 });
            samples.target_known.push(f32::from(u8::from(target.is_finite())));
        }
    }
    samples
}

/// A generated workload: its start (epoch milliseconds) and counts.
#[pyfunction]
pub fn random_workload<'py>(
    py: Python<'py>,
    seed: u64,
    days: f64,
    interval_seconds: u32,
) -> PyResult<(i64, Bound<'py, PyArray1<f64>>)> {
    check_interval(py, interval_seconds)?;
    if !(0.0..=3660.0).contains(&days) {
        return Err(refused(py, &format!("`days` is {days}, expected 0 to 3660")));
    }
    let workload = guarded(py, || Ok(Workload::random(seed, days, interval_seconds)))?;
    Ok((workload.start.as_millis(), PyArray1::from_vec(py, workload.events)))
}

/// An array of several dimensions and two of one.
type Arrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<f32>>, Bound<'py, PyArray1<f32>>);

/// Forecasts at every interval of a series by the whole forecaster: quantiles [n, 12, 15], confidence [n] and anomaly
/// score [n], float32.
#[pyfunction]
pub fn forecast_track<'py>(
    py: Python<'py>,
    events: PyReadonlyArray1<'py, f64>,
    start_ms: i64,
    interval_seconds: u32,
    bundle: &ModelBundle,
) -> PyResult<Arrays<'py>> {
    let values = events.as_slice()?.to_vec();
    let bundle = bundle.0.clone();
    let (quantiles, confidence, anomaly) = guarded(py, || {
        let mut forecaster =
            Forecaster::with_bundle(interval_seconds, Timestamp::from_millis(start_ms)?, &bundle)?;
        let (mut quantiles, mut confidence, mut anomaly) = (Vec::new(), Vec::new(), Vec::new());
        for events in &values {
            forecaster.observe(*events)?;
            let forecast = forecaster.forecast();
            quantiles.extend(forecast.horizons.iter().flat_map(|h| h.quantiles).map(|q| q as f32));
            confidence.push(forecast.model_confidence as f32);
            anomaly.push(forecast.anomaly_score as f32);
        }
        Ok((quantiles, confidence, anomaly))
    })?;
    let shape = vec![values.len(), HORIZONS, LEVELS];
    let quantiles = PyArray1::from_vec(py, quantiles).reshape(shape)?.into_any();
    Ok((quantiles, PyArray1::from_vec(py, confidence), PyArray1::from_vec(py, anomaly)))
}

/// Many pools side by side, for reinforcement learning. Observations are those of the policy network, actions are
/// indices of its adjustments; an episode that ends is followed by the next one.
#[pyclass(module = "evscale._evscale")]
pub struct ScalingVectorEnv {
    environments: Vec<Environment>,
}

/// A workload as Python hands it over: start, interval, events, quantiles (flat), confidence, anomaly.
type TrackParts<'py> = (
    i64,
    u32,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f32>,
    PyReadonlyArray1<'py, f32>,
    PyReadonlyArray1<'py, f32>,
);

#[pymethods]
impl ScalingVectorEnv {
    #[new]
    fn new(py: Python<'_>, tracks: Vec<TrackParts<'_>>, num_envs: usize, seed: u64) -> PyResult<Self> {
        let mut all = Vec::with_capacity(tracks.len());
        for (index, (start_ms, interval_seconds, events, quantiles, confidence, anomaly)) in
            tracks.iter().enumerate()
        {
            let n = events.len()?;
            if n == 0
                || quantiles.len()? != n * HORIZONS * LEVELS
                || confidence.len()? != n
                || anomaly.len()? != n
            {
                return Err(refused(
                    py,
                    &format!("track {index} has {n} events, and arrays of another length"),
                ));
            }
            all.push(ForecastTrace {
                workload: Workload {
                    name: format!("track {index}"),
                    start: guarded(py, || Timestamp::from_millis(*start_ms))?,
                    interval_seconds: *interval_seconds,
                    events: events.as_slice()?.to_vec(),
                },
                quantiles: quantiles.as_slice()?.to_vec(),
                confidence: confidence.as_slice()?.to_vec(),
                anomaly: anomaly.as_slice()?.to_vec(),
            });
        }
        if all.is_empty() {
            return Err(refused(py, "there are no tracks"));
        }
        let tracks = Arc::new(all);
        let environments = (0..num_envs as u64)
            .map(|i| {
                Environment::new(
                    Arc::clone(&tracks),
                    RewardWeights::default(),
                    seed.wrapping_mul(1_000_003) + i,
                )
            })
            .collect();
        Ok(Self { environments })
    }
    /// Elements of an observation.
    #[getter]
    fn observation_size(&self) -> usize {
        POLICY_FEATURES
    }
    /// Number of actions.
    #[getter]
    fn action_count(&self) -> usize {
        POLICY_ACTIONS.len()
    }
    /// The action that leaves the analytic rule's need as it is.
    #[getter]
    fn analytic_action(&self) -> usize {
        POLICY_ACTIONS.iter().position(|adjustment| *adjustment == 0.0).unwrap_or(0)
    }
    /// Starts all episodes; observations [N, O].
    fn reset<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let environments = &mut self.environments;
        let n = environments.len();
        let seen =
            guarded(py, || Ok(environments.iter_mut().flat_map(Environment::reset).collect::<Vec<f32>>()))?;
        Ok(PyArray1::from_vec(py, seen).reshape(vec![n, POLICY_FEATURES])?.into_any())
    }
    /// Takes an action per pool: observations [N, O], rewards [N], ends of episodes [N].
    fn step<'py>(&mut self, py: Python<'py>, actions: PyReadonlyArray1<'py, i64>) -> PyResult<Arrays<'py>> {
        let actions = actions.as_slice()?.to_vec();
        let environments = &mut self.environments;
        let n = environments.len();
        if actions.len() != n
            || actions.iter().any(|action| !(0..POLICY_ACTIONS.len() as i64).contains(action))
        {
            return Err(refused(py, &format!("expected {n} actions of 0 to {}", POLICY_ACTIONS.len() - 1)));
        }
        let (seen, rewards, done) = guarded(py, || {
            let (mut seen, mut rewards, mut done) = (Vec::new(), Vec::new(), Vec::new());
            for (environment, action) in environments.iter_mut().zip(&actions) {
                let outcome = environment.step(*action as usize);
                seen.extend(outcome.observation);
                rewards.push(outcome.reward);
                done.push(f32::from(u8::from(outcome.done)));
            }
            Ok((seen, rewards, done))
        })?;
        let seen = PyArray1::from_vec(py, seen).reshape(vec![n, POLICY_FEATURES])?.into_any();
        Ok((seen, PyArray1::from_vec(py, rewards), PyArray1::from_vec(py, done)))
    }
}
