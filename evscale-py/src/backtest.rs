//! Backtest of a user's history; `evscale.backtest` reads the history and shows the result.

use crate::config::Config;
use crate::door::{Door, door};
use crate::errors::error;
use crate::models::ModelBundle;
use crate::plain::{integer, number, unsigned};
use crate::progress::Progress;
use crate::turns::guarded;
use evscale_core::Timestamp;
use evscale_core::simulate::{History, Workload, backtest};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// Replays counts per interval under evscale and the baselines; the answer is JSON. `progress` gets (done, all) about a
/// hundred times; an exception of it, or Ctrl-C, ends the replay.
#[pyfunction]
#[pyo3(
    signature = (start_ms, interval_seconds, events, service_ms, config, bundle=None, jobs_at_peak=None, seed=None, baselines=true, progress=None),
    text_signature = "(start_ms, interval_seconds, events, service_ms, config, bundle=None, jobs_at_peak=None, seed=0, baselines=True, progress=None)"
)]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python call")]
pub fn backtest_history(
    py: Python<'_>,
    start_ms: &Bound<'_, PyAny>,
    interval_seconds: &Bound<'_, PyAny>,
    events: PyReadonlyArray1<'_, f64>,
    service_ms: Option<PyReadonlyArray1<'_, f64>>,
    config: &Config,
    bundle: Option<&ModelBundle>,
    jobs_at_peak: Option<&Bound<'_, PyAny>>,
    seed: Option<&Bound<'_, PyAny>>,
    baselines: bool,
    progress: Option<Py<PyAny>>,
) -> Door<String> {
    let mut progress = Progress::new(progress);
    let answer = door(py, || {
        let workload = Workload {
            name: "history".to_owned(),
            start: instant(py, start_ms)?,
            interval_seconds: interval(interval_seconds)?,
            events: events.as_slice()?.to_vec(),
        };
        let mut history = History::new(workload);
        history.service_seconds = service_ms.as_ref().map(seconds).transpose()?;
        history.jobs_at_peak = jobs_at_peak.map(|jobs| number("jobs_at_peak", jobs)).transpose()?;
        history.seed = seed.map_or(Ok(0), |seed| unsigned("seed", seed))?;
        history.baselines = baselines;
        let bundle = bundle.map(|bundle| bundle.0.clone());
        let report = guarded(py, || {
            let report = backtest(&history, &config.0, bundle, &mut |done, all| progress.tell(done, all))?;
            Ok(serde_json::to_string(&report))
        })?;
        report.map_err(|problem| error(py, "invalid_argument", &format!("backtest: {problem}")))
    });
    progress.finish()?;
    answer
}

/// Returns an instant of epoch milliseconds.
pub fn instant(py: Python<'_>, start_ms: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let millis = integer("start_ms", start_ms, i128::from(i64::MIN)..=i128::from(i64::MAX))? as i64;
    guarded(py, || Timestamp::from_millis(millis))
}

/// Returns a length of an interval, seconds.
pub fn interval(seconds: &Bound<'_, PyAny>) -> PyResult<u32> {
    integer("interval_seconds", seconds, 10..=3600).map(|seconds| seconds as u32)
}

fn seconds(milliseconds: &PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
    Ok(milliseconds.as_slice()?.iter().map(|time| time / 1000.0).collect())
}
