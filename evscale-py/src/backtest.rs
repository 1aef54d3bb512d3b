//! Backtest of a user's history; `evscale.backtest` reads the history and shows the result.

use crate::config::Config;
use crate::door::{error, guarded};
use crate::models::ModelBundle;
use crate::progress::Progress;
use evscale_core::Timestamp;
use evscale_core::simulate::{History, Workload, backtest};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// Replays counts per interval under evscale and the peers; the answer is JSON. `progress` gets (done, all) about a
/// hundred times; an exception of it, or Ctrl-C, ends the replay.
#[pyfunction]
#[pyo3(signature = (start_ms, interval_seconds, events, service_ms, config, bundle=None, jobs_at_peak=None, seed=0, peers=true, progress=None))]
#[allow(clippy::too_many_arguments)]
pub fn backtest_history(
    py: Python<'_>,
    start_ms: i64,
    interval_seconds: u32,
    events: PyReadonlyArray1<'_, f64>,
    service_ms: Option<PyReadonlyArray1<'_, f64>>,
    config: &Config,
    bundle: Option<&ModelBundle>,
    jobs_at_peak: Option<f64>,
    seed: u64,
    peers: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let start = guarded(py, || Timestamp::from_millis(start_ms))?;
    let events = events.as_slice()?.to_vec();
    let service_seconds = service_ms
        .map(|times| times.as_slice().map(|times| times.iter().map(|time| time / 1000.0).collect()))
        .transpose()?;
    let bundle = bundle.map(|bundle| bundle.0.clone());
    let workload = Workload { name: "history".to_owned(), start, interval_seconds, events };
    let history = History { workload, service_seconds, jobs_at_peak, seed, peers };
    let mut progress = Progress::new(progress);
    let answer = guarded(py, || {
        let report = backtest(&history, &config.0, bundle, &mut |done, all| progress.tell(done, all))?;
        Ok(serde_json::to_string(&report))
    });
    progress.finish()?;
    answer?.map_err(|problem| error(py, "invalid_argument", &format!("backtest: {problem}")))
}
