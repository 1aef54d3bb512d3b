//! Only numbers of jobs that exist: a proposal between two of them goes to the larger one.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let numbers = context.numbers();
    (!numbers.contains(jobs)).then(|| (numbers.up(jobs), format!("there are {numbers} jobs")))
}
