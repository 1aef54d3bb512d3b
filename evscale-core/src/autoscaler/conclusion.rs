//! The end of a decision: what is proposed passes the safety rules, is explained, and stands; the monitor sees it.

use super::state::State;
use crate::calendar::Calendar;
use crate::config::{Config, Mode};
use crate::decision::{Decision, Evidence, explain};
use crate::policy::{Outlook, Proposal, whole_jobs};
use crate::safety::{Beginning, Context, Wish};
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
    proposal: Proposal,
    notes: Vec<String>,
) -> Decision {
    let notes = begin(config, state, now, notes);
    end(config, calendar, state, now, outlook, proposal, notes)
}

/// Learns that a decision is made at `now`; returns what it tells beside its reasons.
pub(super) fn begin(
    config: &Config,
    state: &mut State,
    now: Timestamp,
    mut notes: Vec<String>,
) -> Vec<String> {
    let newest = state.expectation.newest();
    notes.extend(state.orders.decided(now, newest));
    state.announced.decided(now);
    notes.extend(prices_in_words(config, state, now));
    let startup = state.pool.startup_seconds();
    notes.extend(state.announced.falls_due(now, startup + f64::from(config.decision_interval_seconds)));
    state.issue_decided = issue_now(config, state, now);
    notes
}

/// Returns what late events and job-hours cost at `now`, where the pool is judged by money.
fn prices_in_words(config: &Config, state: &State, now: Timestamp) -> Option<String> {
    let (late, job_hour) = config.late_event_price.zip(state.announced.job_hour_price(config, now))?;
    Some(format!("money decides, at {late} per late event and {job_hour} per job-hour now"))
}

/// Makes the decision that has begun.
pub(super) fn end(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    now: Timestamp,
    outlook: &Outlook<'_>,
    mut proposal: Proposal,
    notes: Vec<String>,
) -> Decision {
    let current = settled_jobs(config, state);
    let context = |current_jobs| context(config, calendar, state, now, outlook, current_jobs);
    let outcome = match proposal.jobs.zip(current) {
        Some((proposed, current)) => {
            let context = context(current);
            Some(state.safety.apply(&context, proposed))
        }
        None => {
            proposal.jobs = state.orders.number(now);
            proposal.jobs.map(|ordered| state.safety.ordered(&context(ordered), ordered))
        }
    };
    let level_plans = state
        .classes
        .as_ref()
        .map_or_else(Vec::new, |classes| classes.plans(config, calendar, &state.forecast, &state.pool));
    let State { pool, selection, .. } = state;
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

/// Returns what the safety rules would make of a proposal of a decision that has begun, without a budget that the pool shares; none
/// where the size of the pool is unknown.
pub(super) fn wish(
    config: &Config,
    calendar: &Calendar,
    state: &State,
    now: Timestamp,
    outlook: &Outlook<'_>,
    proposal: &Proposal,
) -> Option<Wish> {
    let (proposed, current) = proposal.jobs.zip(settled_jobs(config, state))?;
    Some(state.safety.wish(&context(config, calendar, state, now, outlook, current), proposed))
}

/// Returns the jobs of the pool as a number that exists; none while nobody knows them.
fn settled_jobs(config: &Config, state: &State) -> Option<u32> {
    let asked = state.schedule.recommended().map(|asked| asked.jobs);
    state.pool.known_jobs().map(|jobs| config.job_numbers().settled(jobs, asked))
}

/// Returns what the rules are given of a pool of so many jobs.
fn context<'a>(
    config: &'a Config,
    calendar: &'a Calendar,
    state: &State,
    now: Timestamp,
    outlook: &Outlook<'_>,
    current_jobs: u32,
) -> Context<'a> {
    let State { pool, selection, .. } = state;
    let patience = pool.patience(config);
    let ahead_seconds = pool.startup_seconds() + f64::from(config.decision_interval_seconds);
    let stated_need = outlook.need().map(|need| whole_jobs(need.near[0] - need.backlog));
    Context {
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
        saving: outlook.load().and_then(|load| load.saving(state.announced.job_hour_price(config, now))),
        beginning: Beginning {
            seen_seconds: pool.seen_seconds(config),
            startup_seconds: pool.startup_seconds(),
            shown_jobs: pool.shown_jobs(config),
            agreed: state.expectation.arrivals_agreed(),
            breached: pool.breached(config),
        },
        issue: state.issue_decided.clone(),
        fail_safe_jobs: config.fail_safe_jobs.unwrap_or(whole_jobs(selection.peak_jobs())),
        memory_jobs: pool.memory_jobs().map(whole_jobs),
        ready: state.announced.ready(now, ahead_seconds, stated_need),
        most_jobs: state.announced.most_jobs(now),
        maintenance: pool.maintenance(),
        order: state.orders.in_force(now),
        pause: state.orders.pause(),
        busy_jobs: outlook.load().map_or(current_jobs, |load| whole_jobs(load.kept_busy())),
        share: state.share.as_deref().cloned(),
    }
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
    if issue.quality == DataQuality::Late { state.expectation.unless_lasting(issue) } else { Some(issue) }
}
