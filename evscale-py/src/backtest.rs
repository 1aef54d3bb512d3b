//! Backtest of a user's history; `evscale.backtest` reads the history and shows the result.

use crate::arguments::{Text, items};
use crate::config::Config;
use crate::door::{Door, door};
use crate::errors::{error, refused};
use crate::models::ModelBundle;
use crate::plain::{integer, number, timestamp, unsigned};
use crate::progress::Progress;
use crate::turns::contained;
use evscale_core::Timestamp;
use evscale_core::simulate::{History, KnownWork, Workload, backtest};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Most entries of what was known ahead.
const MOST_DUE: usize = 1_000_000;

/// Replays counts per interval under evscale and the baselines; the answer is JSON. `classes` are the counts of each class of events by
/// its name, `due` is what was known ahead: a time, a number of events, and a time since when, or None. `progress` gets (done, all) about a
/// hundred times; an exception of it, or Ctrl-C, ends the replay.
#[pyfunction]
#[pyo3(
    signature = (start_ms, interval_seconds, events, service_ms, config, bundle=None, jobs_at_peak=None, seed=None, baselines=true, progress=None, classes=None, due=None),
    text_signature = "(start_ms, interval_seconds, events, service_ms, config, bundle=None, jobs_at_peak=None, seed=0, baselines=True, progress=None, classes=None, due=None)"
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
    classes: Option<BTreeMap<Text, PyReadonlyArray1<'_, f64>>>,
    due: Option<&Bound<'_, PyAny>>,
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
        for (name, counts) in classes.iter().flatten() {
            history.classes.insert(name.0.clone(), counts.as_slice()?.to_vec());
        }
        history.due = due.map_or(Ok(Vec::new()), known_work)?;
        let bundle = bundle.map(|bundle| bundle.0.clone());
        let report = contained(py, || {
            let report = backtest(&history, &config.0, bundle, &mut |done, all| progress.tell(done, all))?;
            Ok(serde_json::to_string(&report))
        })?;
        report.map_err(|problem| error(py, "invalid_argument", &format!("backtest: {problem}")))
    });
    progress.finish()?;
    answer
}

fn known_work(given: &Bound<'_, PyAny>) -> PyResult<Vec<KnownWork>> {
    let one = |given: &Bound<'_, PyAny>| {
        let parts = items("due", given, 3)?;
        let [at, events, known] = parts.as_slice() else {
            let expected = "expected a time, a number of events, and since when it was known";
            return Err(refused(
                given.py(),
                &format!("an entry of `due` has {} values, {expected}", parts.len()),
            ));
        };
        Ok(KnownWork {
            at: timestamp("at", at)?,
            events: number("events", events)?,
            known_at: if known.is_none() { None } else { Some(timestamp("known_at", known)?) },
        })
    };
    items("due", given, MOST_DUE)?.iter().map(one).collect()
}

/// Returns an instant of epoch milliseconds.
pub fn instant(py: Python<'_>, start_ms: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let millis = integer("start_ms", start_ms, i128::from(i64::MIN)..=i128::from(i64::MAX))? as i64;
    contained(py, || Timestamp::from_millis(millis))
}

/// Returns a length of an interval, seconds.
pub fn interval(seconds: &Bound<'_, PyAny>) -> PyResult<u32> {
    integer("interval_seconds", seconds, 10..=3600).map(|seconds| seconds as u32)
}

fn seconds(milliseconds: &PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
    Ok(milliseconds.as_slice()?.iter().map(|time| time / 1000.0).collect())
}
