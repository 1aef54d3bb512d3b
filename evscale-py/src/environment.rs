//! Many pools side by side, for reinforcement learning.

use crate::arguments::items;
use crate::backtest::{instant, interval};
use crate::door::{Door, door};
use crate::errors::refused;
use crate::plain::{integer, unsigned};
use crate::training::Arrays;
use crate::turns::{Shared, locked};
use evscale_core::features::{HORIZONS, LEVELS, POLICY_ACTIONS, POLICY_FEATURES};
use evscale_core::simulate::{Environment, ForecastTrace, RewardWeights, Workload};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// Most pools, and most traces they run on.
const MOST_POOLS: i128 = 100_000;
const MOST_TRACES: usize = 100_000;

/// Many pools side by side, for reinforcement learning. Observations are those of the policy network, actions are
/// indices of its adjustments; an episode that ends is followed by the next one.
#[pyclass(frozen, module = "evscale._evscale")]
pub struct ScalingVectorEnv {
    environments: Shared<Vec<Environment>>,
    count: usize,
}

/// A workload as Python hands it over: start, interval, events, quantiles (flat), confidence, anomaly.
type TrackParts<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f32>,
    PyReadonlyArray1<'py, f32>,
    PyReadonlyArray1<'py, f32>,
);

#[pymethods]
impl ScalingVectorEnv {
    #[new]
    fn new(
        py: Python<'_>,
        traces: &Bound<'_, PyAny>,
        num_envs: &Bound<'_, PyAny>,
        seed: &Bound<'_, PyAny>,
    ) -> Door<Self> {
        door(py, || {
            let count = integer("num_envs", num_envs, 0..=MOST_POOLS)? as usize;
            let seed = unsigned("seed", seed)?;
            let traces = items("traces", traces, MOST_TRACES)?;
            let traces = traces.iter().enumerate().map(|(index, parts)| trace(index, parts));
            let traces = Arc::new(traces.collect::<PyResult<Vec<_>>>()?);
            if traces.is_empty() {
                return Err(refused(py, "there are no traces"));
            }
            let environment = |index: usize| {
                let seed = seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
                Environment::new(Arc::clone(&traces), RewardWeights::default(), seed)
            };
            Ok(Self { environments: Shared::new((0..count).map(environment).collect()), count })
        })
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
    fn reset<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let seen: Vec<f32> = locked(py, &self.environments, |environments| {
                Ok(environments.iter_mut().flat_map(Environment::reset).collect())
            })?;
            self.rows(py, seen)
        })
    }
    /// Takes an action per pool: observations [N, O], rewards [N], ends of episodes [N].
    fn step<'py>(&self, py: Python<'py>, actions: PyReadonlyArray1<'py, i64>) -> Door<Arrays<'py>> {
        door(py, || {
            let actions = actions.as_slice()?.to_vec();
            let possible = 0..POLICY_ACTIONS.len() as i64;
            if actions.len() != self.count || actions.iter().any(|action| !possible.contains(action)) {
                let (count, last) = (self.count, possible.end - 1);
                return Err(refused(py, &format!("expected {count} actions of 0 to {last}")));
            }
            let (seen, rewards, done) = locked(py, &self.environments, |environments| {
                let (mut seen, mut rewards, mut done) = (Vec::new(), Vec::new(), Vec::new());
                for (environment, action) in environments.iter_mut().zip(&actions) {
                    let outcome = environment.step(*action as usize);
                    seen.extend(outcome.observation);
                    rewards.push(outcome.reward);
                    done.push(f32::from(u8::from(outcome.done)));
                }
                Ok((seen, rewards, done))
            })?;
            Ok((self.rows(py, seen)?, PyArray1::from_vec(py, rewards), PyArray1::from_vec(py, done)))
        })
    }
}

impl ScalingVectorEnv {
    /// Returns observations as an array of a row per pool.
    fn rows<'py>(&self, py: Python<'py>, seen: Vec<f32>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyArray1::from_vec(py, seen).reshape(vec![self.count, POLICY_FEATURES])?.into_any())
    }
}

fn trace(index: usize, parts: &Bound<'_, PyAny>) -> PyResult<ForecastTrace> {
    let py = parts.py();
    let (start_ms, interval_seconds, events, quantiles, confidence, anomaly): TrackParts<'_> =
        parts.extract()?;
    let n = events.len()?;
    if n == 0 || quantiles.len()? != n * HORIZONS * LEVELS || confidence.len()? != n || anomaly.len()? != n {
        let message = format!("trace {index} has {n} events, and arrays of another length");
        return Err(refused(py, &message));
    }
    Ok(ForecastTrace {
        workload: Workload {
            name: format!("trace {index}"),
            start: instant(py, &start_ms)?,
            interval_seconds: interval(&interval_seconds)?,
            events: events.as_slice()?.to_vec(),
        },
        quantiles: quantiles.as_slice()?.to_vec(),
        confidence: confidence.as_slice()?.to_vec(),
        anomaly: anomaly.as_slice()?.to_vec(),
    })
}
