//! What a person has ordered, until a time.

use super::{Change, Context};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A person's order for one pool. It goes beyond step limits, cooldowns and the forecast's proof; a pause, the budget
/// and the bounds hold nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManualOverride {
    /// What is ordered.
    pub order: ManualOrder,
    /// The order ends at this time.
    pub until: Timestamp,
}

/// What a person can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualOrder {
    /// Exactly so many jobs.
    Fixed(u32),
    /// At most so many jobs.
    Cap(u32),
}

pub(super) fn rule(context: &Context<'_>, jobs: u32) -> (&'static str, Change) {
    let Some(given) = context.manual.filter(|given| context.now < given.until) else {
        return ("manual_override", None);
    };
    match given.order {
        ManualOrder::Fixed(wanted) => (
            "manual_fixed",
            (jobs != wanted).then(|| (wanted, format!("{wanted} jobs are ordered until {}", given.until))),
        ),
        ManualOrder::Cap(most) => (
            "manual_cap",
            (jobs > most).then(|| (most, format!("at most {most} jobs are ordered until {}", given.until))),
        ),
    }
}
