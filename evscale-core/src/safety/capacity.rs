//! No growth beyond what the host could get, for a while after it was refused jobs.

use super::{Change, Context};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Time after which more jobs are asked for again, seconds.
const RETRY_SECONDS: f64 = 600.0;

/// The last refusal, and the most jobs that the pool can have since.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Capacity(Option<(Timestamp, u32)>);

impl Capacity {
    /// Jobs were refused at `at`, so that the pool could have `most`.
    pub(super) fn refused(&mut self, at: Timestamp, most: u32) {
        self.0 = Some((at, most));
    }

    /// The pool has so many jobs.
    pub(super) fn observe(&mut self, jobs: f64) {
        if self.0.is_some_and(|(_, most)| jobs > f64::from(most)) {
            self.0 = None;
        }
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        let (at, most) = self.0?;
        let most = most.max(context.current_jobs);
        let recent = (0.0..RETRY_SECONDS).contains(&context.now.seconds_since(at));
        (recent && jobs > most).then(|| {
            (most, format!("the host could not get more at {at}; more is asked for after {RETRY_SECONDS} s"))
        })
    }
}
