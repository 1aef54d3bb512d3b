//! Between `min_jobs` and `max_jobs`, whatever happened before.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let (low, high) = (context.config.min_jobs, context.config.max_jobs);
    let kept = jobs.max(low).min(high);
    (kept != jobs).then(|| (kept, format!("{low} to {high} jobs are allowed")))
}
