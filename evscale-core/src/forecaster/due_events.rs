//! Events of which it is known when jobs can take them.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Events that fall due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DueEvents {
    /// When jobs can take them.
    pub at: Timestamp,
    /// How many.
    pub events: f64,
}

impl fmt::Display for DueEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} events fall due at {}", self.events, self.at)
    }
}
