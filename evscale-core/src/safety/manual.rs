//! What a person has ordered is done.

use super::{Change, Context, ManualOrder, Rule};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> (Rule, Change) {
    let Some(given) = context.order else { return (Rule::ManualFixed, None) };
    let (rule, wanted) = match given.order {
        ManualOrder::Fixed(wanted) => (Rule::ManualFixed, wanted),
        ManualOrder::Cap(most) => (Rule::ManualCap, jobs.min(most)),
        ManualOrder::Floor(least) => (Rule::ManualFloor, jobs.max(least)),
    };
    (rule, (jobs != wanted).then(|| (wanted, format!("{} are ordered until {}", given.order, given.until))))
}
