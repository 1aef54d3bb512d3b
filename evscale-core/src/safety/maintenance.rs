//! During a maintenance window the pool is left alone; an emergency may raise it, if configured.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let rescued = context.emergency && context.config.emergency_in_maintenance && jobs > context.current_jobs;
    (context.maintenance && !rescued).then(|| (context.current_jobs, "maintenance is under way".to_owned()))
}
