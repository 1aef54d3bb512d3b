//! An embeddable predictive autoscaler for pools of jobs that process events.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
pub mod metrics;
pub mod time;
mod inference;
pub mod bundle;
pub mod simulate;

pub use error::{Error, ErrorKind, Result};
