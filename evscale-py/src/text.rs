//! How much of foreign text goes on.

pub use evscale_core::text::{LONGEST_MESSAGE, readable};

/// Most characters of a host's exception that enter a decision.
pub const LONGEST_REASON: usize = 300;
