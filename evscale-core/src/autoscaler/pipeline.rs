//! The way of a record and the way to a decision: each stage in turn, over the plain [`State`] of one pool.
//!
//! [`observe`] is [`ingest`] and [`complete`], apart so that a fleet can forecast many pools in between. [`learn`] is
//! everything after the forecast: the policy network is trained through it, and through [`conclude`](super::conclusion).

use super::conclusion::conclude;
use super::intake::check;
use super::networks::Networks;
use super::observation::Observation;
use super::offer::{offer, standing};
use super::state::{Ran, State};
use crate::calendar::Calendar;
use crate::classes::weigh;
use crate::config::{Config, Mode};
use crate::decision::Decision;
use crate::error::Result;
use crate::features::{ForecasterInput, forecaster_input};
use crate::forecaster::{Burst, ForecastSource, Precomputed, Quantiles};
use crate::inference::CircuitState;
use crate::metrics::Metrics;
use crate::policy::{PolicySource, Seen, load_ahead};
use crate::time::Timestamp;
use crate::traced;
use crate::validation::{Checked, Issue, anomalous};
use std::sync::Arc;

/// A record that is in the history, and what its forecast is made from.
pub(crate) struct Ingested {
    checked: Checked,
    pub(crate) input: ForecasterInput,
    /// Bursts that are due by the clock.
    bursts: Vec<Burst>,
}

/// Takes a record the whole way.
pub(crate) fn observe(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    networks: Option<&mut Networks>,
    record: &Metrics,
) -> Observation {
    ingest(config, calendar, state, record).map_or_else(
        |rejected| rejected,
        |ingested| complete(config, calendar, state, networks, ingested, None),
    )
}

/// Validates a record, takes it into the history and computes the features.
///
/// # Errors
/// The observation of a record that is rejected.
pub(crate) fn ingest(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    record: &Metrics,
) -> Result<Ingested, Observation> {
    let mut checked = check(config, state, record)?;
    let counted = checked.record.logged_events_count;
    state.announced.leave_out_scheduled(&mut checked.record);
    let repairs = weigh(state.classes.as_deref_mut(), config, &mut checked.record);
    checked.repairs.extend(repairs);
    let usual = state.usual_events(config, &mut checked.record, counted);
    state.remember(config, calendar, checked.record.timestamp, usual);
    state.follow_warm_start(config);
    // what the host states acts on the forecast, not through the network
    let input = forecaster_input(&state.history, calendar, 1.0);
    Ok(Ingested { input, bursts: state.bursts(config, calendar), checked })
}

/// Forecasts after a record, learns from it, and reports whether a decision is due. `precomputed` is the forecasting
/// network's answer where it ran already.
pub(crate) fn complete(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    mut networks: Option<&mut Networks>,
    Ingested { checked, input, bursts }: Ingested,
    precomputed: Option<Result<Quantiles>>,
) -> Observation {
    let (forecaster, policy) = networks.as_deref_mut().map(Networks::split).unzip();
    let mut precomputed = precomputed.map(|answer| Precomputed(Some(answer)));
    let forecaster =
        precomputed.as_mut().map(|answer| answer as &mut (dyn ForecastSource + 'static)).or(forecaster);
    state.ensemble.advance(&state.history, &input, forecaster);
    state.foresee_from(config, checked.record.logged_events_count, bursts);
    let unusual =
        anomalous(state.ensemble.record_anomaly()).and_then(|issue| state.expectation.unless_lasting(issue));
    let issue = checked.issue.or(unusual);
    let policy_ran = learn(config, calendar, state, policy, &checked.record, issue);
    state.ran = Ran { forecaster: state.ensemble.network_ran(), policy: policy_ran };
    state.restored = false;
    if let Some(networks) = networks {
        state.run_beside(config, networks, &input, checked.record.timestamp);
    }
    let forecast = Arc::clone(&state.forecast);
    let outlook = state.outlook(config, calendar, &forecast);
    state.watch(config, calendar, &outlook, |monitor, sight| {
        monitor.observe(sight, &checked.record, !checked.repairs.is_empty());
    });
    let emergency = outlook.emergency;
    let seen = Observation {
        emergency,
        decision_due: emergency || state.decision_due(config, checked.record.timestamp),
        ..Observation::usable(checked.repairs, state.issue.as_ref(), state.forecast.anomaly_score)
    };
    traced::observed(checked.record.timestamp, None, &seen.repairs);
    seen
}

/// Learns from a checked record and the forecast after it: pool, safety, and the shadow evaluation of the candidates and
/// of the network, which also tries out one whose breaker is half-open. Reports whether the network ran.
pub(crate) fn learn(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    policy: Option<&mut dyn PolicySource>,
    record: &Metrics,
    issue: Option<Issue>,
) -> bool {
    let forecast = Arc::clone(&state.forecast);
    (state.issue, state.issue_decided) = (issue, None);
    let acts = config.mode == Mode::Act;
    state.pool.observe(config, record, state.schedule.recommended().filter(|_| acts));
    state.follow_mode(config);
    state.safety.observe(config, calendar, record, &state.pool);
    let load = load_ahead(config, &forecast, &state.pool, &state.selection);
    state.availability.observe(load.is_some());
    let known = load.zip(state.pool.events());
    let job_hour_price = state.announced.job_hour_price(config, record.timestamp);
    if let Some((load, events)) = &known {
        let seen = Seen {
            calendar,
            at: record.timestamp,
            events: *events,
            usual_events: state.announced.usual_events(record.timestamp, *events),
            job_hour_price,
            late_events: state.pool.late_events().filter(|_| acts && state.is_as_asked()),
            service_seconds: state.pool.ended_after_seconds().unwrap_or(load.service_seconds),
            own: None,
        };
        match &mut state.classes {
            Some(classes) => {
                state.selection.evaluate(load, &classes.seen_of_last(config, &seen));
                classes.evaluate(config, &forecast, &state.pool, &seen);
            }
            None => state.selection.evaluate(load, &seen),
        }
    }
    let open = policy.is_some() && state.policy_breaker.next() == CircuitState::Open;
    if known.is_none() || (policy.is_none() && acts) {
        return false;
    }
    let Some(load) = load_ahead(config, &forecast, &state.pool, &state.selection) else { return false };
    let ran = policy.filter(|_| !open).map(|policy| {
        let ran = state.selection.network_limits(&load, job_hour_price).map(|limits| {
            let seen = state.seen_by_policy(config, &load.need(), record.timestamp);
            state.selection.evaluate_network(&load, &limits, seen, policy)
        });
        let ran = ran.transpose();
        state.policy_breaker.record(&ran);
        ran
    });
    if !acts {
        state.selection.advise(&load, job_hour_price, ran.as_ref().and_then(|ran| *ran.as_ref().ok()?));
    }
    ran.is_some_and(|ran| ran.map_or(true, |jobs| jobs.is_some()))
}

/// Returns the decision at `now`: a new one if one is due or there is an emergency, else the standing one. While the number
/// of jobs is unknown there is no recommendation, and nothing stands.
pub(crate) fn decide(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    networks: Option<&mut Networks>,
    now: Timestamp,
) -> Decision {
    if let Some(standing) = standing(config, calendar, state, now) {
        return standing.clone();
    }
    let forecast = Arc::clone(&state.forecast);
    let outlook = state.outlook(config, calendar, &forecast);
    let (proposal, notes) = offer(config, state, networks, now, &outlook);
    conclude(config, calendar, state, now, &outlook, proposal, notes)
}
