//! Replays for the demonstration: evscale and the reactive rule on the same trace.

use crate::arguments::Text;
use crate::config::Config;
use crate::door::{Door, door};
use crate::errors::{error, refused};
use crate::plain::{number, unsigned};
use crate::progress::Progress;
use crate::turns::contained;
use evscale_core::Autoscaler;
use evscale_core::simulate::baselines::{BaselinePool, HpaCpu};
use evscale_core::simulate::{
    LoadSettings, Replay, ScalingRule, SimulatedLoad, SimulatedPool, Workload, replay_while,
};
use pyo3::prelude::*;

/// CSV text of two generated weeks.
#[pyfunction]
pub fn demo_workload(py: Python<'_>, seed: &Bound<'_, PyAny>) -> Door<String> {
    door(py, || {
        let workload = Workload::two_weeks(unsigned("seed", seed)?);
        let mut text = String::from("timestamp,events\n");
        for (index, events) in workload.events.iter().enumerate() {
            let begin = workload.start.plus_seconds(index as i64 * i64::from(workload.interval_seconds));
            text.push_str(&format!("{begin},{events}\n"));
        }
        Ok(text)
    })
}

/// Replays a CSV trace under a rule ("evscale" or "hpa"); the answer is JSON with rows and scores.
///
/// Intervals shorter than that of the configuration are summed. `progress` gets (done, all) about a hundred times; an
/// exception of it, or Ctrl-C, ends the replay.
#[pyfunction]
#[pyo3(
    signature = (name, csv, rule, config, jobs_at_peak=None, hpa_target_percent=None, progress=None),
    text_signature = "(name, csv, rule, config, jobs_at_peak=60.0, hpa_target_percent=70.0, progress=None)"
)]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python call")]
pub fn replay_workload(
    py: Python<'_>,
    name: Text,
    csv: Text,
    rule: Text,
    config: &Config,
    jobs_at_peak: Option<&Bound<'_, PyAny>>,
    hpa_target_percent: Option<&Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
) -> Door<String> {
    let mut progress = Progress::new(progress);
    let answer = door(py, || {
        let jobs_at_peak = jobs_at_peak.map_or(Ok(60.0), |jobs| number("jobs_at_peak", jobs))?;
        if !(jobs_at_peak > 0.0 && jobs_at_peak <= 1e6) {
            let message = format!("`jobs_at_peak` is {jobs_at_peak:?}, expected more than 0, up to 1000000");
            return Err(refused(py, &message));
        }
        if !config.0.classes.is_empty() {
            let expected =
                "expected none: this workload has one kind of events, and evscale.backtest replays classes";
            return Err(refused(
                py,
                &format!("`classes` has {} entries, {expected}", config.0.classes.len()),
            ));
        }
        let target = hpa_target_percent.map_or(Ok(70.0), |percent| number("hpa_target_percent", percent))?;
        let hpa_target_percent = (rule.0 == "hpa").then_some(target);
        let played = contained(py, || {
            let workload = Workload::from_csv(&name.0, &csv.0)?;
            let tell = &mut |done, all| progress.tell(done, all);
            played(workload, config.0.clone(), jobs_at_peak, hpa_target_percent, tell)
        })?;
        serde_json::to_string(&played)
            .map_err(|problem| error(py, "invalid_argument", &format!("replay: {problem}")))
    });
    progress.finish()?;
    answer
}

/// Replays a workload under the reactive rule with this target, or under evscale; none if it was stopped.
fn played(
    workload: Workload,
    mut settings: evscale_core::Config,
    jobs_at_peak: f64,
    hpa_target_percent: Option<f64>,
    tell: &mut dyn FnMut(usize, usize) -> bool,
) -> evscale_core::Result<Option<Replay>> {
    let factor = (settings.interval_seconds / workload.interval_seconds).max(1) as usize;
    let workload = workload.aggregate(factor);
    settings.interval_seconds = workload.interval_seconds;
    settings.decision_interval_seconds = settings.decision_interval_seconds.max(workload.interval_seconds);
    let places_at_peak = jobs_at_peak * f64::from(settings.events_per_job);
    let load = LoadSettings { jobs_at_peak: places_at_peak, ..LoadSettings::default() };
    let load = SimulatedLoad::new(&workload, &load).with_events_per_job(settings.events_per_job);
    let simulated = SimulatedPool::from(&settings);
    let mut rule: Box<dyn ScalingRule> = match hpa_target_percent {
        Some(target) => {
            let pool = BaselinePool {
                bounds: (settings.min_jobs, settings.max_jobs),
                interval_seconds: settings.interval_seconds,
                startup_seconds: simulated.startup_seconds,
                service_seconds: load.base_job_seconds(),
            };
            Box::new(HpaCpu::new(pool, target))
        }
        None => Box::new(Autoscaler::builder(settings).build()?),
    };
    let scored_from = (7 * 86_400 / load.interval_seconds() as usize).min(load.len() * 2 / 5);
    Ok(replay_while(&load, simulated, rule.as_mut(), scored_from, tell))
}
