//! Time after a change in which the pool does not grow or shrink. Measured in time, not in calls.

use super::{Change, Context, Rule};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LastChange(Option<Timestamp>);

impl LastChange {
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.0
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> (Rule, Change) {
        let current = context.current_jobs;
        let grows = jobs > current;
        let (rule, seconds) = if grows {
            (Rule::CooldownUp, context.config.cooldown_up_seconds)
        } else {
            (Rule::CooldownDown, context.config.cooldown_down_seconds)
        };
        let waiting = self.0.is_some_and(|at| context.now.seconds_apart(at) < f64::from(seconds));
        let held = jobs != current && waiting && !(grows && context.emergency);
        (rule, held.then(|| (current, format!("the last change is less than {seconds} s ago"))))
    }

    /// Takes a change later than `latest`, by a clock that was wrong, for one at `at`.
    pub(super) fn bound(&mut self, latest: Timestamp, at: Timestamp) {
        self.0 = self.0.map(|last| if last > latest { at } else { last });
    }

    pub(super) fn remember(&mut self, context: &Context<'_>, jobs: u32) {
        if jobs != context.current_jobs {
            self.0 = Some(context.now);
        }
    }
}
