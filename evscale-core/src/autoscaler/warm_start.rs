//! What a pool takes over from pools like it once its own records tell its level.

use crate::metrics::Course;
use crate::policy::Prior;
use serde::{Deserialize, Serialize};

/// What waits for the level of the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WarmStart {
    /// Of their load.
    pub(super) course: Option<Course>,
    /// What the candidates cost in them.
    pub(super) prior: Option<Prior>,
}
