//! What a decision asked for, and what the host did with it.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the host really did after a decision, or since the last outcome that it told.
///
/// ```
/// use evscale_core::{ScalingOutcome, Timestamp};
/// use std::time::Duration;
/// let outcome = ScalingOutcome::new(Timestamp::EPOCH).with_started(3).with_ready(2, Duration::from_secs(75));
/// assert_eq!((outcome.ready, outcome.startup_seconds), (2, Some(75.0)));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScalingOutcome {
    /// When this was known.
    pub timestamp: Timestamp,
    /// Jobs that were started.
    #[serde(default)]
    pub started: u32,
    /// Jobs that became ready.
    #[serde(default)]
    pub ready: u32,
    /// Mean time from request to ready of those, seconds, 0 to 10,800; another one is not learned from.
    #[serde(default)]
    pub startup_seconds: Option<f64>,
    /// Jobs that could not be had.
    #[serde(default)]
    pub refused: u32,
    /// Jobs that have finished their work and left.
    #[serde(default)]
    pub drained: u32,
}

impl ScalingOutcome {
    /// An outcome in which nothing happened; set what did.
    pub fn new(timestamp: Timestamp) -> Self {
        Self { timestamp, started: 0, ready: 0, startup_seconds: None, refused: 0, drained: 0 }
    }

    /// Says how many jobs were started.
    #[must_use]
    pub fn with_started(self, started: u32) -> Self {
        Self { started, ..self }
    }

    /// Says how many jobs became ready, and how long after their request on average.
    #[must_use]
    pub fn with_ready(self, ready: u32, startup: Duration) -> Self {
        Self { ready, startup_seconds: Some(startup.as_secs_f64()), ..self }
    }

    /// Says how many jobs could not be had.
    #[must_use]
    pub fn with_refused(self, refused: u32) -> Self {
        Self { refused, ..self }
    }

    /// Says how many jobs have finished their work and left.
    #[must_use]
    pub fn with_drained(self, drained: u32) -> Self {
        Self { drained, ..self }
    }
}

/// What a decision asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recommended {
    pub(crate) jobs: u32,
    pub(crate) at: Timestamp,
    /// No rule made less of the proposal.
    pub(crate) as_proposed: bool,
    /// Somebody or something other than the load made less of it.
    pub(crate) kept_small: bool,
}
