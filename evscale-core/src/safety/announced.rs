//! What is announced is ready when it begins.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let ready = context.ready.as_ref()?;
    (ready.jobs > jobs).then(|| (ready.jobs, ready.detail.clone()))
}

/// The schedule's maximum holds from its begin to its end.
pub(super) fn most(context: &Context<'_>, jobs: u32) -> Change {
    let (most, why) = context.most_jobs.as_ref()?;
    (jobs > *most).then(|| (*most, why.clone()))
}
