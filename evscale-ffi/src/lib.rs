//! C ABI of evscale: thin, no logic. The contract of the pointers is in the header's introduction (`cbindgen.toml`), and
//! where a function goes beyond it, in its own comment.
#![allow(non_camel_case_types, clippy::missing_safety_doc, clippy::too_many_arguments)]

mod announcements;
mod autoscaler;
mod boundary;
mod bundle;
mod error;
mod fleet;
mod fleet_pools;
mod growing;
mod guarded;
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
pub use bundle::*;
pub use error::*;
pub use fleet::*;
pub use fleet_pools::*;
pub use meter::*;
pub use orders::*;
pub use records::*;
pub use reference::*;
pub use reports::*;
pub use save::*;
pub use version::*;
