//! No scale-down on data that cannot be trusted, no change at all on data that is missing; in the end fail safe upward.

use super::{Change, Context, Rule};
use crate::config::StaleAction;
use crate::validation::{AllowedActions, DataQuality};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> (Rule, Change) {
    let current = context.current_jobs;
    let Some(issue) = &context.issue else { return (Rule::DataQuality, None) };
    match issue.quality.allowed() {
        AllowedActions::All => (Rule::DataQuality, None),
        AllowedActions::UpOnly => (Rule::DataQuality, (jobs < current).then(|| (current, issue.detail()))),
        AllowedActions::Hold => {
            let fail_safe = issue.quality == DataQuality::Blackout
                && context.config.stale_action == StaleAction::FailSafe;
            let kept = if fail_safe { current.max(context.fail_safe_jobs) } else { current };
            // a number that a person has announced needs no record
            let announced = context.ready.as_ref().filter(|_| issue.quality != DataQuality::Restored);
            let kept = kept.max(announced.map_or(0, |ready| ready.least));
            (Rule::StaleRecords, Some((kept, issue.detail())))
        }
    }
}
