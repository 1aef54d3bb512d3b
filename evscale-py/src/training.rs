//! What the training recipe needs of the core: the same features as at run time.

use evscale_core::Timestamp;
use evscale_core::features::{
    COARSE_BINS, COARSE_CHANNELS, FINE_CHANNELS, FINE_STEPS, FUTURE_FEATURES, HORIZONS, STATIC_FEATURES,
    forecaster_input, lead_steps,
};
use evscale_core::metrics::History;
use evscale_core::time::Calendar;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
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
    start_ms: i64,
    interval_seconds: u32,
    origins: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyDict>> {
    let start = Timestamp::from_millis(start_ms).map_err(|problem| PyValueError::new_err(problem.to_string()))?;
    if !(10..=3600).contains(&interval_seconds) {
        return Err(PyValueError::new_err(format!(
            "`interval_seconds` is {interval_seconds}, expected 10 to 3600"
        )));
    }
    let (events, origins) = (events.as_slice()?.to_vec(), origins.as_slice()?.to_vec());
    let samples = py.detach(|| collect(&events, start, interval_seconds, &origins));
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

/// What a bundle for this build must declare, as JSON in the shape of its manifest.
#[pyfunction]
pub fn feature_contract() -> String {
    evscale_core::features::contract_json()
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
        samples.fine.extend(input.fine);
        samples.coarse.extend(input.coarse);
        samples.future.extend(input.future);
        samples.statics.extend(input.statics);
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
