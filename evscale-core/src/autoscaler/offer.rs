//! The beginning of a decision: whether one is due, and what is proposed.

use super::networks::Networks;
use super::state::{Ran, State};
use crate::config::Config;
use crate::decision::Decision;
use crate::policy::{NetworkPolicy, Outlook, Proposal, propose};
use crate::time::Timestamp;

/// What a pool decides on.
pub(super) enum Offer {
    /// The decision that stands.
    Standing(Box<Decision>),
    /// A proposal for the safety rules, and what the decision tells beside its reasons.
    Proposed(Proposal, Vec<String>),
}

/// Proposes a number of jobs if a decision is due at `now`, there is an emergency, or one is wanted `early`.
pub(super) fn offer(
    config: &Config,
    state: &mut State,
    networks: Option<&mut Networks>,
    now: Timestamp,
    outlook: &Outlook<'_>,
    early: bool,
) -> Offer {
    if state.pool.known_jobs().is_none() {
        let proposal = Proposal::without_size(state.restored, state.pool.newest().is_some());
        return Offer::Proposed(proposal, std::mem::take(&mut state.notes));
    }
    if !early
        && !outlook.emergency
        && !state.decision_due(config, now)
        && let Some(standing) = state.schedule.standing()
    {
        return Offer::Standing(Box::new(standing.clone()));
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
    Offer::Proposed(proposal, notes)
}
