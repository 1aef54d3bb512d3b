//! What a person has ordered, until a time, and what is switched off.

use super::{Change, Context, Rule};
use crate::config::Pause;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A person's order for one pool. It goes beyond step limits, cooldowns and the forecast floor; a pause, the budget
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

/// What a person has ordered and switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) pause: Pause,
    pub(crate) manual: Option<ManualOverride>,
    /// The end of the order was told.
    pub(crate) end_told: bool,
}

impl Orders {
    /// Returns the number of jobs that a person has ordered at `now`, unless changes are switched off.
    pub(crate) fn number(&self, now: Timestamp) -> Option<u32> {
        let given = self.manual.filter(|given| now < given.until && self.pause == Pause::Off)?;
        match given.order {
            ManualOrder::Fixed(jobs) => Some(jobs),
            ManualOrder::Cap(_) => None,
        }
    }

    /// Returns in words that a person holds the pool at `now`.
    pub(crate) fn hold(&self, now: Option<Timestamp>) -> Option<String> {
        let manual = self.manual.filter(|given| now.is_none_or(|now| now < given.until));
        let order = manual.map(|given| format!("order: {} until {}", given.order, given.until));
        match self.pause {
            Pause::Off => order,
            Pause::All => Some("pause: no change is made until it is taken back".to_owned()),
            Pause::Down => Some("pause: the pool does not shrink until it is taken back".to_owned()),
            Pause::Up => Some("pause: the pool does not grow until it is taken back".to_owned()),
        }
    }

    /// Returns once that the order has ended at `now`.
    pub(crate) fn tell_end(&mut self, now: Timestamp) -> Option<String> {
        let ended = self.manual.filter(|given| now >= given.until && !self.end_told)?;
        self.end_told = true;
        Some(format!("the order of {} has ended at {}", ended.order, ended.until))
    }
}

impl fmt::Display for ManualOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(jobs) => write!(f, "{jobs} jobs"),
            Self::Cap(jobs) => write!(f, "at most {jobs} jobs"),
        }
    }
}

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> (Rule, Change) {
    let Some(given) = context.orders.manual.filter(|given| context.now < given.until) else {
        return (Rule::ManualFixed, None);
    };
    match given.order {
        ManualOrder::Fixed(wanted) => (
            Rule::ManualFixed,
            (jobs != wanted).then(|| (wanted, format!("{wanted} jobs are ordered until {}", given.until))),
        ),
        ManualOrder::Cap(most) => (
            Rule::ManualCap,
            (jobs > most).then(|| (most, format!("at most {most} jobs are ordered until {}", given.until))),
        ),
    }
}
