//! A scale-down goes to the highest proposal of the last `scale_down_stabilization_seconds`, or of less for a deep one:
//! small steps down are mostly noise that comes back, and what falls to a third is a burst that has ended.

use super::{Change, Context};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most proposals kept; older ones of a longer window are merged into the oldest.
const LENGTH_LIMIT: usize = 64;

/// Proposals of the window, decreasing: one that is followed by a higher one no longer matters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Window(VecDeque<(Timestamp, u32)>);

impl Window {
    pub(super) fn remember(&mut self, context: &Context<'_>, proposed: u32) {
        while self.0.back().is_some_and(|(_, jobs)| *jobs <= proposed) {
            self.0.pop_back();
        }
        if self.0.len() < LENGTH_LIMIT {
            self.0.push_back((context.now, proposed));
        } else if let Some(last) = self.0.back_mut() {
            last.0 = context.now;
        }
    }

    /// Forgets what is older than the window before `at`, and takes what is later than `latest`, by a clock that was wrong, for
    /// a proposal at `at`.
    pub(super) fn bound(&mut self, latest: Timestamp, at: Timestamp, window_seconds: f64) {
        self.0.iter_mut().filter(|(proposal, _)| *proposal > latest).for_each(|(proposal, _)| *proposal = at);
        self.0.retain(|(proposal, _)| at.seconds_apart(*proposal) <= window_seconds);
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        if jobs >= context.current_jobs {
            return None;
        }
        let window = context
            .config
            .look_back_seconds(context.window_seconds, f64::from(jobs) / f64::from(context.current_jobs));
        let (_, highest) = self.0.iter().find(|(at, _)| context.now.seconds_apart(*at) <= window)?;
        let kept = (*highest).min(context.current_jobs);
        (kept > jobs).then(|| {
            (kept, format!("the highest proposal of the last {:.0} min was {highest}", window / 60.0))
        })
    }
}
