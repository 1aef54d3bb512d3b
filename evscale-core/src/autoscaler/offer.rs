//! The beginning of a decision: whether one is due, and what is proposed.

use super::networks::Networks;
use super::state::{Ran, State};
use crate::calendar::Calendar;
use crate::config::Config;
use crate::decision::Decision;
use crate::policy::{NetworkPolicy, Outlook, Proposal, emergency_ahead, propose};
use crate::time::Timestamp;

/// Returns the decision that stands at `now`: no other one is due, and there is no emergency.
pub(super) fn standing<'a>(
    config: &Config,
    calendar: &Calendar,
    state: &'a State,
    now: Timestamp,
) -> Option<&'a Decision> {
    state.pool.known_jobs()?;
    let standing = state.schedule.standing()?;
    let emergency = || {
        let levels = state.levels(config, calendar);
        emergency_ahead(config, &state.forecast, &state.pool, &state.selection, &levels)
    };
    (!state.decision_due(config, now) && !emergency()).then_some(standing)
}

/// Proposes a number of jobs at `now` for the safety rules, with what the decision tells beside its reasons.
pub(super) fn offer(
    config: &Config,
    state: &mut State,
    networks: Option<&mut Networks>,
    now: Timestamp,
    outlook: &Outlook<'_>,
) -> (Proposal, Vec<String>) {
    if state.pool.known_jobs().is_none() {
        let proposal = Proposal::without_size(state.restored, state.pool.newest().is_some());
        return (proposal, std::mem::take(&mut state.notes));
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
    (proposal, notes)
}
