//! No scale-down on data that cannot be trusted, no change at all on data that is missing; in the end fail safe upward.

use super::{Change, Context};
use crate::config::StaleAction;
use crate::validation::{AllowedActions, DataQuality};

pub(super) fn rule(context: &Context<'_>, jobs: u32) -> (&'static str, Change) {
    let current = context.current_jobs;
    let Some(doubt) = &context.doubt else { return ("doubtful_record", None) };
    match doubt.quality.allowed() {
        AllowedActions::All => ("doubtful_record", None),
        AllowedActions::UpOnly => ("doubtful_record", (jobs < current).then(|| (current, doubt.detail()))),
        AllowedActions::Hold => {
            let fail_safe = doubt.quality == DataQuality::Blackout
                && context.config.stale_action == StaleAction::FailSafe;
            let kept = if fail_safe { current.max(context.fail_safe_jobs) } else { current };
            ("stale_records", Some((kept, doubt.detail())))
        }
    }
}
