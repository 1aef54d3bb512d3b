//! What the training recipe needs of the core: the same features as at run time.

use crate::backtest::{instant, interval};
use crate::door::{Door, door};
use crate::errors::refused;
use crate::models::ModelBundle;
use crate::plain::{number, unsigned};
use crate::turns::{Watch, contained};
use evscale_core::calendar::Calendar;
use evscale_core::features::{
    COARSE_BINS, COARSE_CHANNELS, FINE_CHANNELS, FINE_STEPS, FUTURE_FEATURES, HORIZONS, LEVELS,
    STATIC_FEATURES, forecaster_input, lead_steps,
};
use evscale_core::metrics::History;
use evscale_core::simulate::Workload;
use evscale_core::{Forecaster, Timestamp};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

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
    start_ms: &Bound<'py, PyAny>,
    interval_seconds: &Bound<'py, PyAny>,
    origins: PyReadonlyArray1<'py, i64>,
) -> Door<Bound<'py, PyDict>> {
    door(py, || {
        let (start, interval_seconds) = (instant(py, start_ms)?, interval(interval_seconds)?);
        let (events, origins) = (events.as_slice()?.to_vec(), origins.as_slice()?.to_vec());
        let within = origins.iter().all(|origin| (0..events.len() as i64).contains(origin));
        if !within || origins.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
            return Err(refused(
                py,
                &format!("`origins` must increase and be 0 to {}", events.len() as i64 - 1),
            ));
        }
        let samples = contained(py, || Ok(collect(&events, start, interval_seconds, &origins)))?;
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
    })
}

/// What a bundle for this build must declare, as JSON in the shape of its manifest.
#[pyfunction]
pub fn feature_contract() -> String {
    evscale_core::features::contract_json()
}

/// Whole intervals from now to the end of the forecast interval of each horizon.
#[pyfunction]
#[pyo3(name = "lead_steps")]
pub fn horizon_steps(py: Python<'_>, interval_seconds: &Bound<'_, PyAny>) -> Door<Vec<i64>> {
    door(py, || {
        let seconds = number("interval_seconds", interval_seconds)?;
        if (10.0..=3600.0).contains(&seconds) {
            return Ok(lead_steps(seconds).to_vec());
        }
        Err(refused(py, &format!("`interval_seconds` is {seconds}, expected 10 to 3600")))
    })
}

fn collect(events: &[f64], start: Timestamp, interval_seconds: u32, origins: &[i64]) -> Samples {
    let mut history = History::new(interval_seconds);
    let calendar = Calendar::utc();
    let leads = lead_steps(f64::from(interval_seconds));
    let mut samples = Samples::default();
    let mut wanted = origins.iter().copied().peekable();
    let mut watch = Watch::new();
    for (index, count) in events.iter().enumerate() {
        if watch.is_interrupted() {
            break;
        }
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
    seed: &Bound<'py, PyAny>,
    days: &Bound<'py, PyAny>,
    interval_seconds: &Bound<'py, PyAny>,
) -> Door<(i64, Bound<'py, PyArray1<f64>>)> {
    door(py, || {
        let (seed, days) = (unsigned("seed", seed)?, number("days", days)?);
        let interval_seconds = interval(interval_seconds)?;
        if !(0.0..=3660.0).contains(&days) {
            return Err(refused(py, &format!("`days` is {days}, expected 0 to 3660")));
        }
        let workload = contained(py, || Ok(Workload::random(seed, days, interval_seconds)))?;
        Ok((workload.start.as_millis(), PyArray1::from_vec(py, workload.events)))
    })
}

/// An array of several dimensions and two of one.
pub type Arrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<f32>>, Bound<'py, PyArray1<f32>>);

/// Forecasts at every interval of a series by the whole forecaster: quantiles [n, 12, 15], confidence [n] and anomaly
/// score [n], float32.
#[pyfunction]
pub fn forecast_trace<'py>(
    py: Python<'py>,
    events: PyReadonlyArray1<'py, f64>,
    start_ms: &Bound<'py, PyAny>,
    interval_seconds: &Bound<'py, PyAny>,
    bundle: &ModelBundle,
) -> Door<Arrays<'py>> {
    door(py, || {
        let values = events.as_slice()?.to_vec();
        let (start, interval_seconds) = (instant(py, start_ms)?, interval(interval_seconds)?);
        let bundle = bundle.0.clone();
        let (quantiles, confidence, anomaly) = contained(py, || {
            let mut forecaster = Forecaster::with_bundle(interval_seconds, start, &bundle)?;
            let (mut quantiles, mut confidence, mut anomaly) = (Vec::new(), Vec::new(), Vec::new());
            let mut watch = Watch::new();
            for events in &values {
                if watch.is_interrupted() {
                    break;
                }
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
    })
}
