//! The fallback chain: policy network, analytic rule, reactive rule, hold. Each acts where the one before cannot, and the
//! proposal says why.

use super::need::Need;
use super::network::PolicySource;
use super::outlook::unserved_jobs;
use super::{Source, whole_jobs};
use crate::config::Config;
use crate::features::PolicyState;
use crate::inference::CircuitBreaker;
use crate::pool::Pool;
use serde::{Deserialize, Serialize};

/// Headroom of the reactive rule.
const REACTIVE_HEADROOM: f64 = 1.4;
/// Usable forecasts in a row that bring the analytic rule back.
const RETURNING_FORECASTS: u32 = 3;

/// A number of jobs before the safety rules.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    /// None where nobody knows enough.
    pub(crate) jobs: Option<u32>,
    pub(crate) source: Source,
    /// Why a better source did not act.
    pub(crate) fallback: Option<String>,
}

impl Proposal {
    /// Returns the proposal for a pool whose number of jobs is unknown, which is none.
    pub(crate) fn without_size(restored: bool, seen_records: bool) -> Self {
        let reason = match (restored, seen_records) {
            (true, _) => "no record has told the number of jobs since the state was restored",
            (_, false) => "no usable record so far",
            _ => "the number of jobs is unknown: send `current_job_count`",
        };
        Self { jobs: None, source: Source::Hold, fallback: Some(reason.to_owned()) }
    }
}

/// The policy network, or what the host put in its place.
pub(crate) struct NetworkPolicy<'a> {
    pub(crate) policy: &'a mut dyn PolicySource,
    pub(crate) breaker: &'a mut CircuitBreaker,
    /// It does no worse than the best rule in shadow evaluation.
    pub(crate) trusted: bool,
    /// What it sees of the pool.
    pub(crate) seen: PolicyState,
}

/// Returns the proposal of the first source that can make one, and whether the network ran.
pub(crate) fn propose(
    config: &Config,
    pool: &Pool,
    need: Option<&Need>,
    availability: &ForecastAvailability,
    network: Option<NetworkPolicy<'_>>,
) -> (Proposal, bool) {
    let by_rule = |fallback| without_network(config, pool, need, availability, fallback);
    let Some(network) = network else { return (by_rule(None), false) };
    if let Some(cause) = network.breaker.cause() {
        return (by_rule(Some(cause)), false);
    }
    if !availability.usable() {
        return (by_rule(None), false);
    }
    if !network.trusted {
        let reason = "the analytic rule does better in shadow evaluation on this pool's load";
        return (by_rule(Some(reason.to_owned())), false);
    }
    match network.policy.jobs(&network.seen) {
        Ok(jobs) => {
            network.breaker.succeeded();
            let source = network.policy.source();
            let jobs = need.map_or(jobs, |need| need.bound(jobs));
            (Proposal { jobs: Some(whole_jobs(jobs)), source, fallback: None }, true)
        }
        Err(problem) => {
            network.breaker.failed(problem.to_string());
            (by_rule(Some(problem.to_string())), true)
        }
    }
}

/// Analytic rule, else reactive rule, else hold.
fn without_network(
    config: &Config,
    pool: &Pool,
    need: Option<&Need>,
    availability: &ForecastAvailability,
    fallback: Option<String>,
) -> Proposal {
    if let (Some(need), true) = (need, availability.usable()) {
        return Proposal { jobs: Some(whole_jobs(need.analytic)), source: Source::AnalyticRule, fallback };
    }
    match (pool.last_events(), pool.job_seconds(config)) {
        (Some(events), Some(service)) => {
            let interval = f64::from(config.interval_seconds);
            let offered = (events + pool.backlog_events()) * service / interval;
            Proposal {
                jobs: Some(whole_jobs(offered * REACTIVE_HEADROOM)),
                source: Source::ReactiveRule,
                fallback: Some(availability.reason()),
            }
        }
        (events, _) => Proposal {
            jobs: unserved_jobs(config, pool).or(pool.known_jobs()),
            source: Source::Hold,
            fallback: Some(unknown(events.is_some()).to_owned()),
        },
    }
}

fn unknown(load_is_known: bool) -> &'static str {
    if load_is_known {
        "the service time is unknown: send `average_processing_duration_ms`, or \
         `cpu_utilization_percent` with `processed_events_count`, or set `service_time_ms`"
    } else {
        "no usable record so far"
    }
}

/// Whether there is a forecast to act on: a lost one counts again after [`RETURNING_FORECASTS`] usable ones (hysteresis).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ForecastAvailability {
    seen: bool,
    missing: u32,
}

impl ForecastAvailability {
    /// Learns whether the newest forecast is usable.
    pub(crate) fn observe(&mut self, usable: bool) {
        self.missing = match (usable, self.seen) {
            (false, true) => RETURNING_FORECASTS,
            (true, true) => self.missing.saturating_sub(1),
            _ => 0,
        };
        self.seen |= usable;
    }

    /// Reports whether the forecast may be acted on.
    pub(crate) fn usable(&self) -> bool {
        self.missing == 0
    }

    /// Returns why the analytic rule does not act.
    fn reason(&self) -> String {
        if self.missing == 0 || self.missing == RETURNING_FORECASTS {
            return "no usable forecast".to_owned();
        }
        let back = RETURNING_FORECASTS - self.missing;
        format!("the forecast was lost and has been back for {back} of {RETURNING_FORECASTS} records")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_forecast_is_believed_and_a_lost_one_must_come_back_for_a_while() {
        let mut availability = ForecastAvailability::default();
        availability.observe(false);
        assert!(availability.usable(), "there is nothing to act on, and nothing to wait for");
        availability.observe(true);
        assert!(availability.usable());
        availability.observe(false);
        assert_eq!((availability.usable(), availability.reason().as_str()), (false, "no usable forecast"));
        availability.observe(true);
        assert!(availability.reason().contains("back for 1 of 3 records"), "{}", availability.reason());
        availability.observe(true);
        assert!(!availability.usable());
        availability.observe(true);
        assert!(availability.usable());
    }
}
