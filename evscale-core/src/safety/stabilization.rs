//! A scale-down goes to the highest proposal of the last `scale_down_stabilization_seconds`.

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
        let window = f64::from(context.config.scale_down_stabilization_seconds);
        while self.0.front().is_some_and(|(at, _)| context.now.seconds_since(*at) > window) {
            self.0.pop_front();
        }
    }

    pub(super) fn rule(&self, context: &Context<'_>, jobs: u32) -> Change {
        if jobs >= context.current_jobs {
            return None;
        }
        let (_, highest) = self.0.front()?;
        let kept = (*highest).min(context.current_jobs);
        (kept > jobs).then(|| {
            let minutes = f64::from(context.config.scale_down_stabilization_seconds) / 60.0;
            (kept, format!("the highest proposal of the last {minutes} min was {highest}"))
        })
    }
}
