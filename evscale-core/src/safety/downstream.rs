//! No more jobs than the events per second that are allowed downstream keep busy: others would wait for their turn. The queue is
//! what gives way.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let most = context.downstream_jobs?;
    let limit = context.config.most_events_per_second?;
    (jobs > most).then(|| {
        (most, format!("{limit} events per second are allowed downstream, which {most} jobs work off"))
    })
}
