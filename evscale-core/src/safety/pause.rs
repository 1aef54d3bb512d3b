//! Changes that are switched off are not made, not even in an emergency.

use super::{Change, Context};
use crate::config::Pause;

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let current = context.current_jobs;
    let (stopped, what) = match context.pause {
        Pause::Off => (false, ""),
        Pause::All => (true, "every change"),
        Pause::Down => (jobs < current, "scaling down"),
        Pause::Up => (jobs > current, "scaling up"),
    };
    stopped.then(|| (current, format!("{what} is paused")))
}
