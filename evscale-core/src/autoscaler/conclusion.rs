//! The end of a decision: what is proposed passes the safety rules, is explained, and stands; the monitor sees it.

use super::state::State;
use crate::calendar::Calendar;
use crate::config::{Config, Mode};
use crate::decision::{Decision, Evidence, explain};
use crate::policy::{Outlook, Proposal, whole_jobs};
use crate::safety::{Beginning, Context};
use crate::time::Timestamp;
use crate::traced;
use crate::validation::{DataQuality, Issue, Newest, issue_at};

/// Passes a proposal through the safety rules, explains what comes out, lets it stand, and shows it to the monitor.
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
    let startup = state.pool.startup_seconds();
    notes.extend(state.announced.falls_due(now, startup + f64::from(config.decision_interval_seconds)));
    state.issue_decided = issue_now(config, state, now);
    let asked = state.schedule.recommended().map(|asked| asked.jobs);
    let level_plans = state
        .classes
        .as_ref()
        .map_or_else(Vec::new, |classes| classes.plans(config, calendar, &state.forecast, &state.pool));
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
        needed_jobs: outlook.need().map(|need| need.near[0]).or(pool.shown_jobs(config)).map(whole_jobs),
        downstream_jobs: pool.downstream_jobs(config),
        saving: outlook.load().and_then(|load| load.saving()),
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
    let settled = |jobs| config.job_numbers().settled(jobs, asked);
    let outcome = match proposal.jobs.zip(pool.known_jobs().map(settled)) {
        Some((proposed, current)) => Some(state.safety.apply(&context(current), proposed)),
        None => {
            proposal.jobs = state.orders.number(now);
            proposal.jobs.map(|ordered| state.safety.ordered(&context(ordered), ordered))
        }
    };
    let decision =
        explain(outcome, proposal, &Evidence { config, now, pool, outlook, selection, notes, level_plans });
    let asked = state.schedule.stand(config, &decision);
    if let Some(asked) = asked.filter(|_| config.mode == Mode::Act) {
        state.pool.ask(asked);
    }
    traced::decided(
        decision.current_jobs,
        decision.recommended_jobs,
        decision.emergency,
        &decision.explanation,
    );
    state.watch(config, calendar, outlook, |monitor, sight| monitor.decided(sight, &decision));
    decision
}

/// Returns why the data cannot be trusted at `now`.
pub(super) fn issue_now(config: &Config, state: &mut State, now: Timestamp) -> Option<Issue> {
    let newest = Newest {
        at: state.pool.newest(),
        blind_seconds: state.expectation.blind_seconds(),
        issue: state.issue.as_ref(),
        restored: state.restored,
    };
    let issue = issue_at(now, &newest, config)?;
    if issue.quality == DataQuality::Late { state.expectation.doubt(issue) } else { Some(issue) }
}
