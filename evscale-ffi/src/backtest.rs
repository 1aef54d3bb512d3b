//! A history replayed under a configuration.

use crate::autoscaler::config_of;
use crate::boundary::{copy_text, enter, json, null, required_mut, slice};
use crate::bundle::{bundle_of, evscale_bundle};
use crate::error::*;
use evscale_core::simulate::{
    Backtest, ClassScores, History, KnownWork, ServiceTimeSource, Workload, backtest,
};
use evscale_core::{Decision, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};

/// A history that was replayed, with its scores. Threads: immutable, any number of them may use it.
pub struct evscale_backtest(Backtest);

/// Is told the intervals that are done and all there are, about a hundred times. Returns 0 to go on; another number ends the replay
/// with EVSCALE_STOPPED. It must not unwind (throw, longjmp) out of the call.
pub type evscale_progress_callback =
    Option<unsafe extern "C" fn(context: *mut c_void, done: usize, all: usize) -> i32>;

/// Length of an interval, seconds.
const INTERVAL_SECONDS: std::ops::RangeInclusive<u32> = 10..=3600;
/// Most intervals of a history.
const MOST_INTERVALS: usize = 10_000_000;

/// What evscale_backtest_new may be told besides.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    seed: u64,
    baselines: bool,
    jobs_at_peak: Option<f64>,
    classes: BTreeMap<String, Vec<Option<f64>>>,
    due: Vec<KnownWork>,
}

/// Replays a history under a configuration in JSON (NULL: the defaults), in a simulated queue; what another configuration would have done
/// is a second call. `events` has the arrivals of `count` intervals of `interval_seconds` (10 to 3600), the first of which begins at
/// `start_ms` (milliseconds since 1970); NaN is unknown. `service_ms` has the service time of an event in each, or is NULL: then
/// `service_time_ms` of the configuration counts. `options_json` (NULL: none) may have `seed`, `baselines` (true: also the rules people
/// use today), `jobs_at_peak` (without any service time), `classes` (by the name of each class in the configuration its arrivals, a list
/// as long as `events`, in which null is unknown; `events` then counts where the configuration has no classes) and `due` (what of the
/// arrivals was known ahead: a list of `at`, `events` and, if not from the beginning, `known_at`). `progress` may be NULL; `context` is
/// handed to it. `result` gets it; free it with evscale_backtest_free. Takes about a second for two weeks of two minutes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_backtest_new(
    config_json: *const c_char,
    start_ms: i64,
    interval_seconds: u32,
    events: *const f64,
    service_ms: *const f64,
    count: usize,
    options_json: *const c_char,
    bundle: *const evscale_bundle,
    progress: evscale_progress_callback,
    context: *mut c_void,
    result: *mut *mut evscale_backtest,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(result, "result")?;
        let config = config_of(config_json)?;
        if !INTERVAL_SECONDS.contains(&interval_seconds) {
            let message = format!("`interval_seconds` is {interval_seconds}, expected 10 to 3600");
            return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
        }
        let options =
            if options_json.is_null() { Options::default() } else { json(options_json, "options_json")? };
        let service = if service_ms.is_null() {
            None
        } else {
            Some(slice(service_ms, count, MOST_INTERVALS, "service_ms")?)
        };
        let mut history = History::new(Workload {
            name: "history".to_owned(),
            start: Timestamp::from_millis(start_ms)?,
            interval_seconds,
            events: slice(events, count, MOST_INTERVALS, "events")?.to_vec(),
        });
        history.service_seconds = service.map(|times| times.iter().map(|time| time / 1000.0).collect());
        history.jobs_at_peak = options.jobs_at_peak;
        history.seed = options.seed;
        history.baselines = options.baselines;
        let unknown = |counts: Vec<Option<f64>>| counts.into_iter().map(|count| count.unwrap_or(f64::NAN));
        history.classes =
            options.classes.into_iter().map(|(name, counts)| (name, unknown(counts).collect())).collect();
        history.due = options.due;
        let mut stopped = None;
        let mut told = |done, all| {
            // SAFETY: the host's function gets the host's pointer.
            let answer = progress.map_or(0, |progress| unsafe { progress(context, done, all) });
            stopped = Some(answer).filter(|answer| *answer != 0);
            answer == 0
        };
        let replayed = backtest(&history, &config, Some(bundle_of(bundle)?), &mut told);
        if let Some(answer) = stopped {
            return Err(Failure::new(
                EVSCALE_STOPPED,
                format!("`progress` returned {answer}, expected 0 to go on"),
            ));
        }
        *out = Box::into_raw(Box::new(evscale_backtest(replayed?)));
        Ok(())
    })
}

/// Frees the result of a backtest. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_backtest_free(result: *mut evscale_backtest) {
    if !result.is_null() {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(result) });
    }
}

fn told(
    result: *const evscale_backtest,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
    about: impl FnOnce(&Backtest) -> serde_json::Result<String>,
) -> i32 {
    enter(error, || {
        // SAFETY: NULL or valid by the contract of the callers.
        let result = unsafe { result.as_ref() }.ok_or_else(|| null("result"))?;
        let text = about(&result.0)
            .map_err(|problem| Failure::new(EVSCALE_INVALID_ARGUMENT, problem.to_string()))?;
        copy_text(text, buffer, capacity, needed)
    })
}

/// A backtest without its rows.
#[derive(Serialize)]
struct Scored<'a> {
    interval_seconds: u32,
    scored_from: usize,
    service_time_source: ServiceTimeSource,
    service_time_ms: f64,
    clairvoyant_job_hours: f64,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
struct Run<'a> {
    name: &'a str,
    scores: &'a evscale_core::simulate::BacktestScores,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    classes: &'a [ClassScores],
}

/// The scores of a backtest as JSON: interval_seconds, scored_from (the first interval after the warm-up), service_time_source,
/// service_time_ms, clairvoyant_job_hours, and `runs`, a list of name and scores, evscale first; scores have the `cost` in money where
/// the configuration has `job_hour_price`, and each run has the scores of its `classes` where there are some.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_backtest_scores_json(
    result: *const evscale_backtest,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    told(result, buffer, capacity, needed, error, |all| {
        serde_json::to_string(&Scored {
            interval_seconds: all.interval_seconds,
            scored_from: all.scored_from,
            service_time_source: all.service_time_source,
            service_time_ms: all.service_time_ms,
            clairvoyant_job_hours: all.clairvoyant_job_hours,
            runs: all
                .runs
                .iter()
                .map(|run| Run { name: &run.name, scores: &run.scores, classes: &run.classes })
                .collect(),
        })
    })
}

/// The decisions that evscale made in a backtest, warm-up included, as a JSON list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_backtest_decisions_json(
    result: *const evscale_backtest,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    told(result, buffer, capacity, needed, error, |all| {
        let decisions: Vec<String> = all.decisions.iter().map(Decision::to_json).collect();
        Ok(format!("[{}]", decisions.join(",")))
    })
}
