//! The load ahead, what it needs, and whether that cannot wait: computed once for each decision.

use super::levels::Levels;
use super::need::{Load, Need};
use super::selection::Selection;
use super::whole_jobs;
use crate::config::Config;
use crate::features::PolicyState;
use crate::forecaster::Forecast;
use crate::pool::Pool;
use crate::time::Timestamp;

/// Part of a pool that is added while events wait and nobody knows how long one takes: one of so many.
const UNSERVED_SHARE: u32 = 4;
/// Seconds since the last change of a pool that has not changed yet.
const LONG_AGO_SECONDS: f64 = 86_400.0;

/// The load ahead of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Outlook<'a> {
    pub(crate) forecast: &'a Forecast,
    /// The load and its need; none while the forecast or the service time is unknown.
    pub(crate) known: Option<(Load<'a>, Need)>,
    /// A predicted or real breach of the SLA that more jobs can mend.
    pub(crate) emergency: bool,
    /// What the classes of events need.
    levels: Levels,
    /// Need of the pool without that of the levels, where there are any.
    all: Need,
}

impl<'a> Outlook<'a> {
    pub(crate) fn new(
        config: &'a Config,
        forecast: &'a Forecast,
        pool: &Pool,
        selection: &Selection,
        levels: Levels,
    ) -> Self {
        let known = load_ahead(config, forecast, pool, selection).map(|load| {
            let need = load.need();
            (load, need)
        });
        let all = known
            .as_ref()
            .filter(|_| !levels.last.is_empty())
            .map(|(_, need)| need.clone())
            .unwrap_or_default();
        let known = known.map(|(load, need)| (load, levels.raise(need)));
        let emergency = match &known {
            Some((_, need)) => is_emergency(config, pool, need.emergency, || need.analytic),
            None => is_unserved(config, pool),
        };
        Self { forecast, known, emergency, levels, all }
    }

    /// Returns which class of events decides, and which ones wait; none in a pool without classes.
    pub(crate) fn classes_in_words(&self) -> Option<String> {
        let (load, _) = self.known.as_ref()?;
        self.levels.in_words(&self.all, load.most_jobs)
    }

    /// Returns the load.
    pub(crate) fn load(&self) -> Option<&Load<'a>> {
        self.known.as_ref().map(|(load, _)| load)
    }

    /// Returns the need of the load.
    pub(crate) fn need(&self) -> Option<&Need> {
        self.known.as_ref().map(|(_, need)| need)
    }
}

/// Returns the load of a pool; none while the forecast or the service time is unknown.
pub(crate) fn load_ahead<'a>(
    config: &'a Config,
    forecast: &'a Forecast,
    pool: &Pool,
    selection: &Selection,
) -> Option<Load<'a>> {
    (forecast.model_confidence > 0.0).then_some(())?;
    let load = Load {
        config,
        forecast,
        service_seconds: pool.service_seconds()?,
        startup_seconds: pool.startup_seconds(),
        patience: pool.patience(config),
        backlog_events: pool.backlog_events(),
        in_service: pool.in_service(),
        correction: pool.correction(),
        headroom: selection.headroom(),
        demand_share: selection.demand_share(),
        floor_jobs: selection.floor_jobs(),
        urgent_jobs: 0.0,
        most_jobs: pool.most_jobs(config),
    };
    let expected = load.jobs(pool.calendar_events());
    let (floor_jobs, urgent_jobs) = (load.floor_jobs.max(expected), selection.urgent_jobs(&load));
    Some(Load { floor_jobs, urgent_jobs, ..load })
}

/// Returns the load of the classes of events up to a level: `size` is that of its events in those of the pool, `waiting` what of them
/// waits in events of the pool, and `part` their share of the work.
pub(crate) fn load_of_level<'a>(
    config: &'a Config,
    forecast: &'a Forecast,
    pool: &Pool,
    selection: &Selection,
    (size, waiting, part): (f64, f64, f64),
) -> Option<Load<'a>> {
    let all = load_ahead(config, forecast, pool, selection)?;
    Some(Load {
        service_seconds: all.service_seconds * size,
        backlog_events: waiting / size,
        in_service: all.in_service * part,
        floor_jobs: selection.floor_jobs(),
        urgent_jobs: 0.0,
        ..all
    })
}

/// Returns the jobs of a pool in which events wait and nobody knows how long one takes: some more than there are, and no
/// more than events. None if nothing waits, there can be no more, or their number is unknown.
pub(crate) fn unserved_jobs(config: &Config, pool: &Pool) -> Option<u32> {
    let jobs = pool.known_jobs()?;
    let waiting = whole_jobs(pool.backlog_events());
    let more = jobs.div_ceil(UNSERVED_SHARE).clamp(1, waiting.max(1));
    (waiting > 0 && pool.starting_now() == 0.0 && jobs < pool.most_jobs(config))
        .then_some(jobs.saturating_add(more))
}

/// Reports whether there is an emergency, as the outlook of a pool would: without all that it looks at.
pub(crate) fn emergency_ahead(
    config: &Config,
    forecast: &Forecast,
    pool: &Pool,
    selection: &Selection,
    levels: &Levels,
) -> bool {
    let Some(load) = load_ahead(config, forecast, pool, selection) else { return is_unserved(config, pool) };
    let highest = |need: f64, of: fn(&Need) -> f64| {
        levels.before.iter().map(|level| of(&level.need)).fold(need, f64::max)
    };
    let emergency = highest(load.emergency_need(), |need| need.emergency);
    is_emergency(config, pool, emergency, || highest(load.need().analytic, |need| need.analytic))
}

/// Reports whether events wait and nobody knows how long one takes.
fn is_unserved(config: &Config, pool: &Pool) -> bool {
    pool.service_seconds().is_none() && unserved_jobs(config, pool).is_some()
}

/// Reports whether the need is an emergency: that of the emergency quantile, or, in a breach, that of the rule.
fn is_emergency(config: &Config, pool: &Pool, need: f64, analytic: impl FnOnce() -> f64) -> bool {
    let Some(jobs) = pool.known_jobs().map(f64::from) else { return false };
    let band = config.emergency_tolerance + pool.patience(config).dead_band(config.tolerance);
    let predicted = need > jobs * (1.0 + band);
    (predicted || (pool.breached(config) && analytic() > jobs)) && jobs < f64::from(pool.most_jobs(config))
}

/// Returns what the policy sees of a pool at `now`, whose last change is so many seconds ago.
pub(crate) fn policy_state(
    config: &Config,
    forecast: &Forecast,
    pool: &Pool,
    need: &Need,
    now: Timestamp,
    seconds_since_change: Option<f64>,
) -> PolicyState {
    let interval = f64::from(config.interval_seconds);
    let mut state = PolicyState {
        current_jobs: f64::from(pool.known_jobs().unwrap_or(0)),
        starting_jobs: pool.starting_jobs(now),
        backlog_seconds: pool.backlog_seconds(config),
        wait_ratio: pool.wait_seconds().unwrap_or(0.0) / config.sla_wait_seconds,
        utilization: pool.utilization().unwrap_or(-1.0),
        intervals_since_change: seconds_since_change.unwrap_or(LONG_AGO_SECONDS) / interval,
        recent_violation_share: pool.error_budget().hour_share(),
        budget_burn: pool.error_budget().burn(config.allowed_violation_share()),
        allowed_violation_share: config.allowed_violation_share(),
        startup_intervals: pool.startup_seconds() / interval,
        decision_intervals: f64::from(config.decision_interval_seconds) / interval,
        confidence: forecast.model_confidence,
        anomaly: forecast.anomaly_score,
        load_ratio: pool.load_ratio(),
        ..PolicyState::default()
    };
    need.fill(&mut state);
    state
}
