//! Flap damping: after `max_reversals` changes of direction within the window the pool does not shrink.

use super::{Change, Context};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most reversals kept: the largest `max_reversals`.
const LENGTH_LIMIT: usize = 1000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reversals {
    at: VecDeque<Timestamp>,
    grew: Option<bool>,
}

impl Reversals {
    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        if jobs >= context.current_jobs {
            return None;
        }
        let window = f64::from(context.config.flap_window_seconds);
        let recent = self.at.iter().filter(|at| context.now.seconds_apart(**at) <= window).count();
        (recent >= context.config.max_reversals as usize).then(|| {
            (
                context.current_jobs,
                format!("{recent} changes of direction within the last {} min", window / 60.0),
            )
        })
    }

    pub(super) fn remember(&mut self, context: &Context<'_>, jobs: u32) {
        if jobs == context.current_jobs {
            return;
        }
        let grows = jobs > context.current_jobs;
        if self.grew.is_some_and(|grew| grew != grows) {
            self.at.push_back(context.now);
            if self.at.len() > LENGTH_LIMIT {
                self.at.pop_front();
            }
        }
        self.grew = Some(grows);
    }

    /// Forgets what is older than the window before `at`, and takes what is later than `latest`, by a clock that was wrong, for
    /// a reversal at `at`.
    pub(super) fn bound(&mut self, latest: Timestamp, at: Timestamp, window_seconds: f64) {
        self.at.iter_mut().filter(|reversal| **reversal > latest).for_each(|reversal| *reversal = at);
        self.at.retain(|reversal| at.seconds_apart(*reversal) <= window_seconds);
    }
}
