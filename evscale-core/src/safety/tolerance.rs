//! Dead band: a change up to `tolerance` of the pool is not made.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let current = context.current_jobs;
    let band = context.config.tolerance * f64::from(current);
    let within = f64::from(jobs.abs_diff(current)) <= band;
    (within && !context.emergency).then(|| {
        (current, format!("a change of up to {} % of the pool is not made", 100.0 * context.config.tolerance))
    })
}
