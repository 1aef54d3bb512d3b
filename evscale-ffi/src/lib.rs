//! C ABI of evscale: thin, no logic. The contract of the pointers is in the header's introduction (`cbindgen.toml`), and
//! where a function goes beyond it, in its own comment.
#![allow(
    non_camel_case_types,
    clippy::missing_safety_doc,
    clippy::too_many_arguments,
    reason = "names and parameters are those of C, and the header says what callers promise"
)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(not(test), warn(clippy::undocumented_unsafe_blocks))]

mod announcements;
mod autoscaler;
mod backtest;
mod boundary;
mod bundle;
mod callbacks;
mod class_counts;
mod configuration;
mod error;
mod exclusive;
mod fleet;
mod fleet_pools;
mod fleet_records;
mod fleet_tick;
mod forecaster;
mod growing;
mod lifecycle;
mod log;
mod meter;
mod orders;
mod records;
mod reference;
mod reports;
mod save;
#[cfg(test)]
mod tests;
mod version;

pub use announcements::*;
pub use autoscaler::*;
pub use backtest::*;
pub use bundle::*;
pub use callbacks::*;
pub use class_counts::*;
pub use configuration::*;
pub use error::*;
pub use fleet::*;
pub use fleet_pools::*;
pub use fleet_records::*;
pub use fleet_tick::*;
pub use forecaster::*;
pub use lifecycle::*;
pub use log::*;
pub use meter::*;
pub use orders::*;
pub use records::*;
pub use reference::*;
pub use reports::*;
pub use save::*;
pub use version::*;
