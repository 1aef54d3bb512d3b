//! Jobs that are kept idle above what the load is expected to need.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let (spare, needed) = (context.config.spare_jobs, context.needed_jobs?);
    let kept = needed.saturating_add(spare);
    (spare > 0 && jobs < kept).then(|| (kept, format!("{spare} are kept idle above a need of {needed}")))
}
