//! No growth beyond what the host can get: after a refusal less is asked for, half-way between what the pool has and what
//! was refused (bisection), until that is known to a job. The limit is forgotten after a while.

use super::{Change, Context};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Time after which a refused number is asked for again: the first time and at most, seconds.
const FIRST_RETRY_SECONDS: f64 = 600.0;
const LONGEST_RETRY_SECONDS: f64 = 3600.0;

/// The last refusal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Refusal {
    at: Timestamp,
    /// Jobs that the pool could have nevertheless.
    granted: u32,
    /// Fewest jobs that were refused.
    refused: u32,
    retry_seconds: f64,
}

/// What the host can get.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Capacity(Option<Refusal>);

impl Capacity {
    /// Learns that of `asked` jobs only `granted` could be had at `at`.
    pub(super) fn refused(&mut self, at: Timestamp, asked: u32, granted: u32) {
        let last = self.0.filter(|last| at.seconds_apart(last.at) < 2.0 * LONGEST_RETRY_SECONDS);
        let retry_seconds = match last {
            Some(last) if asked >= last.refused => (2.0 * last.retry_seconds).min(LONGEST_RETRY_SECONDS),
            Some(last) => last.retry_seconds,
            None => FIRST_RETRY_SECONDS,
        };
        self.0 = Some(Refusal { at, granted, refused: asked.max(granted + 1), retry_seconds });
    }

    /// Learns the jobs of the pool.
    pub(super) fn observe(&mut self, jobs: f64) {
        if let Some(refusal) = &mut self.0 {
            refusal.granted = refusal.granted.max(jobs as u32);
            if jobs >= f64::from(refusal.refused) {
                self.0 = None;
            }
        }
    }

    /// Returns the limit of the host that is known at `now`.
    pub(super) fn limit(&self, now: Timestamp) -> Option<String> {
        let Refusal { at, granted, refused, retry_seconds } = self.0?;
        let age = now.elapsed_since(at).unwrap_or(0.0);
        (age < 2.0 * retry_seconds).then(|| {
            format!("the host refused {refused} jobs {:.0} min ago and could get {granted}", age / 60.0)
        })
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        let Refusal { at, granted, refused, retry_seconds } = self.0?;
        let granted = granted.max(context.current_jobs);
        let most = granted + refused.saturating_sub(granted) / 2;
        let recent = context.now.elapsed_since(at).is_some_and(|age| age < retry_seconds);
        (recent && jobs > most).then(|| {
            (
                most,
                format!(
                    "the host refused {refused} at {at}; as many are asked for after {retry_seconds:.0} s"
                ),
            )
        })
    }
}
