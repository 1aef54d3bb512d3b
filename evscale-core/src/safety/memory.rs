//! A smaller pool must have the memory for the load, where memory follows it.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let needed = context.memory_jobs?;
    let kept = needed.min(context.current_jobs);
    (kept > jobs).then(|| (kept, format!("the memory of fewer than {needed} jobs is full at this load")))
}
