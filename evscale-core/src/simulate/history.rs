//! The history of a user, and the load that a backtest makes of it.

use super::known_work::KnownWork;
use super::simulated_load::{LoadSettings, SimulatedLoad};
use super::workload::Workload;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::names::named;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most jobs that a peak may keep busy: as many as a pool can have.
const MOST_JOBS_AT_PEAK: f64 = 1e6;
/// Fewest counts that are known.
const LEAST_KNOWN: usize = 3;

/// What a backtest replays.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// Arrivals; NaN is unknown and interpolated.
    pub workload: Workload,
    /// Service time of an event in every interval, seconds; NaN is unknown. Without it `service_time_ms` of the
    /// configuration counts, and without that one `jobs_at_peak`.
    pub service_seconds: Option<Vec<f64>>,
    /// Jobs that the 99.9th percentile of the arrivals keeps busy, when no service time is known; at most two thirds
    /// of `max_jobs` and 60 by default.
    pub jobs_at_peak: Option<f64>,
    /// Arrivals of each class by its name, as long as those of the workload; they count where the configuration has `classes`, and the
    /// workload counts where it has none.
    pub classes: BTreeMap<String, Vec<f64>>,
    /// What of the arrivals the host knew ahead, and when; evscale is told it as it was known then.
    pub due: Vec<KnownWork>,
    /// Seed of what the history does not tell: how the events of an interval are spread over it.
    pub seed: u64,
    /// Replay the baselines as well.
    pub baselines: bool,
}

impl History {
    /// Returns a history of arrivals alone, replayed under evscale and the baselines.
    pub fn new(workload: Workload) -> Self {
        Self {
            workload,
            service_seconds: None,
            jobs_at_peak: None,
            classes: BTreeMap::new(),
            due: Vec::new(),
            seed: 1,
            baselines: true,
        }
    }

    /// Returns the load that a pool of a configuration gets, whose interval becomes that of the load, and where its service time comes
    /// from.
    ///
    /// # Errors
    /// A history that makes no sense, or has no counts of a class.
    pub(super) fn load(&self, config: &mut Config) -> Result<(SimulatedLoad, ServiceTimeSource)> {
        check("history", &self.workload.events)?;
        let factor = (config.interval_seconds / self.workload.interval_seconds.max(1)).max(1) as usize;
        let workload = self.workload.clone().fill_gaps().aggregate(factor);
        config.interval_seconds = workload.interval_seconds;
        config.decision_interval_seconds = config.decision_interval_seconds.max(workload.interval_seconds);
        let measured =
            self.service_seconds.as_ref().and_then(|seconds| summed(seconds, factor, workload.events.len()));
        let (load, source) = if config.classes.is_empty() {
            self.one_kind(config, &workload, measured)?
        } else {
            let source =
                if measured.is_some() { ServiceTimeSource::History } else { ServiceTimeSource::Config };
            (self.by_class(config, &workload, measured, factor)?, source)
        };
        let load = load.with_known_work(&self.due)?.with_events_per_job(config.events_per_job);
        Ok((load, source))
    }

    fn one_kind(
        &self,
        config: &Config,
        workload: &Workload,
        measured: Option<Vec<f64>>,
    ) -> Result<(SimulatedLoad, ServiceTimeSource)> {
        let by_time = |seconds: Vec<f64>| SimulatedLoad::measured(workload, seconds, self.seed);
        if let Some(seconds) = measured {
            return Ok((by_time(seconds), ServiceTimeSource::History));
        }
        if let Some(milliseconds) = config.service_time_ms {
            let seconds = vec![milliseconds / 1000.0; workload.events.len()];
            return Ok((by_time(seconds), ServiceTimeSource::Config));
        }
        let usual = (f64::from(config.max_jobs) / 1.5).min(60.0);
        let jobs_at_peak = self.jobs_at_peak.unwrap_or(usual);
        if !(jobs_at_peak > 0.0 && jobs_at_peak <= MOST_JOBS_AT_PEAK) {
            return Err(Error::argument(format!(
                "`jobs_at_peak` is {jobs_at_peak:?}, expected more than 0, up to {MOST_JOBS_AT_PEAK}"
            )));
        }
        let settings = LoadSettings {
            jobs_at_peak: jobs_at_peak * config.places(),
            seed: self.seed,
            ..LoadSettings::default()
        };
        Ok((SimulatedLoad::new(workload, &settings), ServiceTimeSource::Assumed))
    }

    fn by_class(
        &self,
        config: &Config,
        workload: &Workload,
        measured: Option<Vec<f64>>,
        factor: usize,
    ) -> Result<SimulatedLoad> {
        let known = |name: &str| config.classes.iter().any(|class| class.name == name);
        if let Some(stranger) = self.classes.keys().find(|name| !known(name)) {
            return Err(Error::trace(format!(
                "history has counts of class \"{stranger}\", which is none of `classes` in the configuration; add it there, or \
                 leave its counts out"
            )));
        }
        let mut loads = Vec::with_capacity(config.classes.len());
        for (place, class) in config.classes.iter().enumerate() {
            let name = &class.name;
            let Some(events) = self.classes.get(name) else {
                return Err(Error::trace(format!(
                    "history has no counts of class \"{name}\", expected those of each class in the configuration; give them, or leave \
                     `classes` out of the configuration"
                )));
            };
            check(&format!("class \"{name}\" of the history"), events)?;
            let (count, all) = (events.len(), self.workload.events.len());
            if count != all {
                return Err(Error::trace(format!(
                    "class \"{name}\" of the history has {count} counts, expected {all}, one per interval"
                )));
            }
            let own = Workload { events: events.clone(), ..self.workload.clone() };
            let own = own.fill_gaps().aggregate(factor);
            let seconds = vec![class.service_time_seconds; own.events.len()];
            let seed = self.seed.wrapping_add(1 + place as u64);
            loads.push(SimulatedLoad::measured(&own, seconds, seed));
        }
        Ok(SimulatedLoad::of_classes(workload, loads, measured, self.seed))
    }
}

/// Where the service time of a backtest comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTimeSource {
    /// The history has it.
    History,
    /// `service_time_ms` of the configuration.
    Config,
    /// Assumed, so that the peak keeps `jobs_at_peak` busy.
    Assumed,
}

named! { ServiceTimeSource, "source of the service time": History = "history", Config = "config", Assumed = "assumed" }

/// Checks that counts are known and make sense.
fn check(whose: &str, counts: &[f64]) -> Result<()> {
    let known = counts.iter().filter(|events| events.is_finite()).count();
    if known < LEAST_KNOWN {
        return Err(Error::trace(format!(
            "{whose} has {known} known counts, expected at least {LEAST_KNOWN}"
        )));
    }
    if counts.iter().any(|events| *events < 0.0 || events.is_infinite()) {
        return Err(Error::trace(format!("{whose} has a negative or infinite count, expected 0 or more")));
    }
    Ok(())
}

/// Means of `factor` service times, the last known one where none is; nothing if none is known at all.
fn summed(seconds: &[f64], factor: usize, length: usize) -> Option<Vec<f64>> {
    let usable = |value: &&f64| value.is_finite() && **value > 0.0;
    let mut last = *seconds.iter().find(usable)?;
    let mut chunks = seconds.chunks(factor);
    let mut next = || {
        let known: Vec<f64> = chunks.next().unwrap_or(&[]).iter().filter(usable).copied().collect();
        if !known.is_empty() {
            last = known.iter().sum::<f64>() / known.len() as f64;
        }
        last
    };
    Some((0..length).map(|_| next()).collect())
}
