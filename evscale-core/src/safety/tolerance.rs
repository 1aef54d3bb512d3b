//! Dead band: a change up to `tolerance` of the pool is not made; a larger one where a queue carries the difference.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let current = context.current_jobs;
    let band = context.config.tolerance + context.dead_band;
    let within = f64::from(jobs.abs_diff(current)) <= band * f64::from(current);
    (within && !context.emergency)
        .then(|| (current, format!("a change of up to {:.0} % of the pool is not made", 100.0 * band)))
}
