//! The way of a record and the way to a decision: each stage in turn, over the plain [`State`] of one pool.
//!
//! [`observe`] is [`ingest`] and [`complete`], apart so that a fleet can forecast many pools in between. [`learn`] is
//! everything after the forecast: the policy network is trained through it, and through [`conclude`].

use super::networks::Networks;
use super::observation::Observation;
use super::state::{Ran, State};
use crate::calendar::Calendar;
use crate::config::Config;
use crate::decision::{Decision, Evidence, explain};
use crate::error::Result;
use crate::features::{ForecasterInput, forecaster_input};
use crate::forecaster::{Burst, ForecastSource, Precomputed, Quantiles};
use crate::inference::CircuitState;
use crate::metrics::Metrics;
use crate::policy::{NetworkPolicy, Outlook, PolicySource, Proposal, Seen, load_ahead, propose, whole_jobs};
use crate::safety::{Beginning, Context};
use crate::time::Timestamp;
use crate::validation::{Checked, DataQuality, Issue, Newest, anomalous, issue_at};
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
    let usual = state.usual_events(config, &mut checked.record);
    state.remember(config, calendar, checked.record.timestamp, usual);
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
    networks: Option<&mut Networks>,
    Ingested { checked, input, bursts }: Ingested,
    precomputed: Option<Result<Quantiles>>,
) -> Observation {
    let (forecaster, policy) = networks.map(Networks::split).unzip();
    let mut precomputed = precomputed.map(|answer| Precomputed(Some(answer)));
    let forecaster =
        precomputed.as_mut().map(|answer| answer as &mut (dyn ForecastSource + 'static)).or(forecaster);
    state.ensemble.advance(&state.history, &input, forecaster);
    state.foresee_from(config, checked.record.logged_events_count, bursts);
    let unusual = anomalous(state.ensemble.record_anomaly()).and_then(|issue| state.expectation.doubt(issue));
    let issue = checked.issue.or(unusual);
    let policy_ran = learn(config, calendar, state, policy, &checked.record, issue);
    state.ran = Ran { forecaster: state.ensemble.network_ran(), policy: policy_ran };
    state.restored = false;
    let emergency = Outlook::new(config, &state.forecast, &state.pool, &state.selection).emergency;
    Observation {
        emergency,
        decision_due: emergency || state.decision_due(config, checked.record.timestamp),
        ..Observation::usable(checked.repairs, state.issue.as_ref(), state.forecast.anomaly_score)
    }
}

/// Takes a record into the history alone.
pub(crate) fn backfill(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    record: &Metrics,
) -> Observation {
    let checked = match check(config, state, record) {
        Ok(checked) => checked,
        Err(rejected) => return rejected,
    };
    let demand = checked.record.demand();
    state.remember(config, calendar, checked.record.timestamp, demand);
    state.ensemble.backfill(demand);
    Observation {
        decision_due: state.decision_due(config, checked.record.timestamp),
        ..Observation::usable(checked.repairs, checked.issue.as_ref(), state.forecast.anomaly_score)
    }
}

fn check(config: &Config, state: &mut State, record: &Metrics) -> Result<Checked, Observation> {
    let (at, events) = (record.timestamp, record.logged_events_count);
    let known =
        state.history.repeats(at, events) || state.announced.repeats(at, events, config.interval_seconds);
    let checked = match state.expectation.check(record, known, config) {
        Ok(checked) => checked,
        Err(rejected) => {
            let now = state.expectation.now().unwrap_or(record.timestamp);
            if rejected.holds {
                state.issue = Some(rejected.issue.clone());
                state.issue_decided = issue_now(config, state, now);
            }
            let decision_due = state.decision_due(config, now);
            let observation = Observation::rejected(rejected.issue, state.forecast.anomaly_score);
            return Err(Observation { decision_due, ..observation });
        }
    };
    if checked.rewound {
        state.rewind(checked.record.timestamp);
    }
    if checked.anew {
        state.begin_anew(config);
    }
    Ok(checked)
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
    state.pool.observe(config, record, state.schedule.recommended());
    state.safety.observe(config, calendar, record, &state.pool);
    let load = load_ahead(config, &forecast, &state.pool, &state.selection);
    state.availability.observe(load.is_some());
    let known = load.zip(state.pool.events());
    if let Some((load, events)) = &known {
        let seen = Seen {
            calendar,
            at: record.timestamp,
            events: *events,
            usual_events: state.announced.usual_events(record.timestamp, *events),
            late_events: state.pool.late_events(),
            service_seconds: state.pool.ended_after_seconds().unwrap_or(load.service_seconds),
        };
        state.selection.evaluate(load, &seen);
    }
    let Some(policy) = policy else { return false };
    if state.policy_breaker.next() == CircuitState::Open || known.is_none() {
        return false;
    }
    let Some(load) = load_ahead(config, &forecast, &state.pool, &state.selection) else { return false };
    let seen = state.seen_by_policy(config, &load.need(), record.timestamp);
    let ran = state.selection.evaluate_network(&load, seen, policy);
    state.policy_breaker.record(&ran);
    ran.unwrap_or(true)
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
    let forecast = Arc::clone(&state.forecast);
    let outlook = Outlook::new(config, &forecast, &state.pool, &state.selection);
    if state.pool.known_jobs().is_none() {
        let proposal = Proposal::without_size(state.restored, state.pool.newest().is_some());
        let notes = std::mem::take(&mut state.notes);
        return conclude(config, calendar, state, now, &outlook, proposal, notes);
    }
    if !outlook.emergency
        && !state.decision_due(config, now)
        && let Some(standing) = state.schedule.standing()
    {
        return standing.clone();
    }
    let seen = outlook.need().map(|need| state.seen_by_policy(config, need, now));
    let network = networks.zip(seen).map(|(networks, seen)| NetworkPolicy {
        policy: networks.policy.as_mut(),
        breaker: &mut state.policy_breaker,
        trusted: state.selection.network_acts(),
        seen,
    });
    let (mut proposal, ran) = propose(config, &state.pool, outlook.need(), &state.availability, network);
    state.ran = Ran { forecaster: false, policy: ran };
    let mut notes = Vec::new();
    notes.extend(state.policy_breaker.take_recovery("policy network"));
    notes.extend(state.ensemble.take_recovery("forecaster network"));
    notes.append(&mut state.notes);
    let fault = state.ensemble.without_network();
    if proposal.source.is_learned() {
        proposal.fallback = fault;
    } else {
        notes.extend(fault);
    }
    conclude(config, calendar, state, now, &outlook, proposal, notes)
}

/// Passes a proposal through the safety rules, explains what comes out, and lets it stand.
pub(crate) fn conclude(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    now: Timestamp,
    outlook: &Outlook<'_>,
    mut proposal: Proposal,
    mut notes: Vec<String>,
) -> Decision {
    let newest = state.expectation.newest();
    notes.extend(state.orders.decided(now, newest));
    state.announced.decided(now);
    state.issue_decided = issue_now(config, state, now);
    let State { pool, selection, .. } = state;
    let patience = pool.patience(config);
    let ahead_seconds = pool.startup_seconds() + f64::from(config.decision_interval_seconds);
    let stated_need = outlook.need().map(|need| whole_jobs(need.near[0] - need.backlog));
    let beginning = Beginning {
        seen_seconds: pool.seen_seconds(config),
        startup_seconds: pool.startup_seconds(),
        shown_jobs: pool.shown_jobs(config),
        agreed: state.expectation.arrivals_agreed(),
        breached: pool.breached(config),
    };
    let context = |current_jobs| Context {
        config,
        calendar,
        now,
        current_jobs,
        emergency: outlook.emergency,
        window_seconds: patience.window_seconds(config, pool.startup_seconds()),
        dead_band: patience.dead_band(config.tolerance),
        floor_jobs: outlook.need().map(|need| whole_jobs(need.scale_down_floor)),
        beginning,
        issue: state.issue_decided.clone(),
        fail_safe_jobs: config.fail_safe_jobs.unwrap_or(whole_jobs(selection.peak_jobs())),
        memory_jobs: pool.memory_jobs().map(whole_jobs),
        ready: state.announced.ready(now, ahead_seconds, stated_need),
        most_jobs: state.announced.most_jobs(now),
        maintenance: pool.maintenance(),
        order: state.orders.in_force(now),
        pause: state.orders.pause(),
    };
    let outcome = match proposal.jobs.zip(pool.known_jobs()) {
        Some((proposed, current)) => Some(state.safety.apply(&context(current), proposed)),
        None => {
            proposal.jobs = state.orders.number(now);
            proposal.jobs.map(|ordered| state.safety.ordered(&context(ordered), ordered))
        }
    };
    let decision = explain(outcome, proposal, &Evidence { config, now, pool, outlook, selection, notes });
    if let Some(asked) = state.schedule.stand(config, &decision) {
        state.pool.ask(asked);
    }
    decision
}

/// Returns why the data cannot be trusted at `now`.
fn issue_now(config: &Config, state: &mut State, now: Timestamp) -> Option<Issue> {
    let newest = Newest {
        at: state.pool.newest(),
        blind_seconds: state.expectation.blind_seconds(),
        issue: state.issue.as_ref(),
        restored: state.restored,
    };
    let issue = issue_at(now, &newest, config)?;
    if issue.quality == DataQuality::Late { state.expectation.doubt(issue) } else { Some(issue) }
}
