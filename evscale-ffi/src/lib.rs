//! C ABI of evscale: thin, no logic. The contract is in the header's introduction (`cbindgen.toml`).
#![allow(non_camel_case_types)]

mod autoscaler;
mod boundary;
mod error;
mod records;

pub use autoscaler::*;
pub use error::*;
pub use records::*;
