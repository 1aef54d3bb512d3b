//! Replays for the demonstration: evscale and the reactive rule on the same trace.

use crate::config::Config;
use crate::door::guarded;
use crate::progress::Progress;
use evscale_core::Autoscaler;
use evscale_core::simulate::baselines::{BaselinePool, HpaCpu};
use evscale_core::simulate::{LoadSettings, ScalingRule, SimulatedLoad, Workload, replay};
use pyo3::prelude::*;

/// CSV text of two generated weeks.
#[pyfunction]
pub fn demo_workload(seed: u64) -> String {
    let workload = Workload::two_weeks(seed);
    let mut text = String::from("timestamp,events\n");
    for (index, events) in workload.events.iter().enumerate() {
        let begin = workload.start.plus_seconds(index as i64 * i64::from(workload.interval_seconds));
        text.push_str(&format!("{begin},{events}\n"));
    }
    text
}

/// Replays a CSV trace under a rule ("evscale" or "hpa"); the answer is JSON with rows and scores.
///
/// Intervals shorter than that of the configuration are summed. `progress` gets (done, all) about a hundred times.
#[pyfunction]
#[pyo3(signature = (name, csv, rule, config, jobs_at_peak=60.0, hpa_target_percent=70.0, progress=None))]
#[allow(clippy::too_many_arguments)]
pub fn replay_workload(
    py: Python<'_>,
    name: &str,
    csv: &str,
    rule: &str,
    config: &Config,
    jobs_at_peak: f64,
    hpa_target_percent: f64,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let settings = &config.0;
    let mut progress = Progress::new(progress);
    let answer = guarded(py, || {
        let workload = Workload::from_csv(name, csv)?;
        let factor = (settings.interval_seconds / workload.interval_seconds).max(1) as usize;
        let workload = workload.aggregate(factor);
        let mut settings = settings.clone();
        settings.interval_seconds = workload.interval_seconds;
        settings.decision_interval_seconds =
            settings.decision_interval_seconds.max(workload.interval_seconds);
        let world = SimulatedLoad::new(&workload, &LoadSettings { jobs_at_peak, ..LoadSettings::default() });
        let startup = f64::from(settings.job_startup_seconds);
        let pool = (startup, settings.sla_wait_seconds);
        let mut chosen: Box<dyn ScalingRule> = if rule == "hpa" {
            let pool = BaselinePool {
                bounds: (settings.min_jobs, settings.max_jobs),
                interval_seconds: settings.interval_seconds,
                startup_seconds: startup,
                service_seconds: world.base_service_seconds(),
            };
            Box::new(HpaCpu::new(pool, hpa_target_percent))
        } else {
            Box::new(Autoscaler::builder(settings).build()?)
        };
        let scored_from = (7 * 86_400 / world.interval_seconds() as usize).min(world.len() * 2 / 5);
        let mut tell = |done: usize, all: usize| {
            progress.tell(done, all);
        };
        Ok(replay(&world, pool, chosen.as_mut(), scored_from, &mut tell))
    })?;
    progress.finish()?;
    serde_json::to_string(&answer)
        .map_err(|problem| pyo3::exceptions::PyRuntimeError::new_err(problem.to_string()))
}
