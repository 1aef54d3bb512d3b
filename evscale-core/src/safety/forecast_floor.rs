//! A smaller pool must be able to serve the upper forecast quantile over startup and cooldown.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    if jobs >= context.current_jobs {
        return None;
    }
    let Some(needed) = context.floor_jobs else {
        return Some((context.current_jobs, "no forecast shows that fewer jobs are enough".to_owned()));
    };
    let kept = needed.min(context.current_jobs);
    (kept > jobs).then(|| {
        let percent = 100.0 * context.config.scale_down_quantile;
        (kept, format!("the {percent} % quantile of the forecast over startup and cooldown needs {needed}"))
    })
}
