//! No scale-down on records that are missing, broken, anomalous or stale; in the end fail safe upward.

use super::{Change, Context};
use crate::config::StaleAction;

/// What can be said of the newest record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RecordState {
    /// Fresh and complete.
    Trusted,
    /// Usable, but not good enough to shrink the pool on: the reason.
    UpOnly(String),
    /// Too old: age in seconds.
    Stale(f64),
}

pub(super) fn rule(context: &Context<'_>, jobs: u32) -> (&'static str, Change) {
    let current = context.current_jobs;
    match &context.records {
        RecordState::Trusted => ("doubtful_record", None),
        RecordState::UpOnly(reason) => {
            ("doubtful_record", (jobs < current).then(|| (current, reason.clone())))
        }
        RecordState::Stale(age) => {
            let config = context.config;
            let fail_safe = *age >= f64::from(config.stale_fail_safe_seconds)
                && config.stale_action == StaleAction::FailSafe;
            let kept = if fail_safe { current.max(context.fail_safe_jobs) } else { current };
            let detail = format!("the newest record is {:.0} min old", age / 60.0);
            ("stale_records", Some((kept, detail)))
        }
    }
}
