//! The begin of a record's way: it is checked against what is known, and a past one goes into the history alone.

use super::conclusion::issue_now;
use super::observation::Observation;
use super::state::State;
use crate::calendar::Calendar;
use crate::classes::weigh;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::traced;
use crate::validation::Checked;

/// Takes a record into the history alone.
pub(crate) fn backfill(
    config: &Config,
    calendar: &Calendar,
    state: &mut State,
    record: &Metrics,
) -> Observation {
    let mut checked = match check(config, state, record) {
        Ok(checked) => checked,
        Err(rejected) => return rejected,
    };
    state.announced.leave_out_scheduled(&mut checked.record);
    let repairs = weigh(state.classes.as_deref_mut(), config, &mut checked.record);
    checked.repairs.extend(repairs);
    let demand = checked.record.demand();
    state.remember(config, calendar, checked.record.timestamp, demand);
    state.ensemble.backfill(demand);
    Observation {
        decision_due: state.decision_due(config, checked.record.timestamp),
        ..Observation::usable(checked.repairs, checked.issue.as_ref(), state.forecast.anomaly_score)
    }
}

/// Checks a record.
///
/// # Errors
/// The observation of a record that is rejected.
pub(super) fn check(config: &Config, state: &mut State, record: &Metrics) -> Result<Checked, Observation> {
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
            state.monitor.reject(rejected.issue.quality, now);
            let decision_due = state.decision_due(config, now);
            let observation = Observation::rejected(rejected.issue, state.forecast.anomaly_score);
            let observation = Observation { decision_due, ..observation };
            traced::observed(at, observation.reason.as_deref(), &[]);
            return Err(observation);
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
