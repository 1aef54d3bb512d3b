//! What runs a network: the only folder that knows the inference library.
//!
//! A [`Network`] is a checked ONNX file, compiled for one row or a batch of them; any number of threads may share it. Who
//! runs it does so through a [`Session`] of its own. A network sees `f32` tensors and nothing else, and the same
//! inputs give the same bits on one kind of processor, whatever was run before.

#[cfg(not(feature = "networks"))]
mod absent;
mod circuit_breaker;
#[cfg(feature = "networks")]
mod declared;
#[cfg(feature = "networks")]
mod limits;
#[cfg(feature = "networks")]
mod network;
#[cfg(feature = "networks")]
mod session;
mod spec;
#[cfg(test)]
#[cfg(feature = "networks")]
mod tests;
#[cfg(feature = "networks")]
mod work;

#[cfg(not(feature = "networks"))]
pub(crate) use absent::{Network, Session};
pub(crate) use circuit_breaker::{CircuitBreaker, CircuitState};
#[cfg(feature = "networks")]
pub(crate) use network::Network;
#[cfg(feature = "networks")]
pub(crate) use session::Session;
pub(crate) use spec::TensorSpec;

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest text of the inference library that is passed on, in characters: it may print whole graphs.
const MAX_DETAIL: usize = 300;

/// Runs `work` and turns a panic in it into its message.
///
/// What `work` was changing when it panicked must not be used again.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| brief(message(panic.as_ref())))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// The first line of what the inference library says, with all causes of an error, cut to a readable length.
fn brief(detail: impl Display) -> String {
    format!("{detail:#}").lines().next().unwrap_or_default().chars().take(MAX_DETAIL).collect()
}
