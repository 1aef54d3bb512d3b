//! The one error type of the crate: opaque, with a stable [`ErrorKind`].

use crate::text::{LONGEST_MESSAGE, readable};
use std::fmt;

/// What went wrong, stable across versions. New kinds may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration value is unknown, out of range, or contradicts another one.
    InvalidConfig,
    /// A metrics record or a call argument is malformed.
    InvalidArgument,
    /// A model bundle is damaged, incomplete, foreign, or of an unknown format.
    InvalidBundle,
    /// A snapshot is damaged, foreign, or of an unknown format.
    InvalidSnapshot,
    /// A trace file cannot be read: a missing column, a bad line, no rows.
    InvalidTrace,
    /// A network failed to run, or answered with something that is not a number.
    Inference,
    /// A fleet has no pool with this key.
    UnknownPool,
    /// A pool of a fleet failed inside, now or before: its state cannot be trusted.
    PoolFailed,
    /// Another call is in the way, and will never end in this process: it was forked while another thread was inside.
    Busy,
}

impl ErrorKind {
    /// The kind's stable name in snake case, as the bindings show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidConfig => "invalid_config",
            Self::InvalidArgument => "invalid_argument",
            Self::InvalidBundle => "invalid_bundle",
            Self::InvalidSnapshot => "invalid_snapshot",
            Self::InvalidTrace => "invalid_trace",
            Self::Inference => "inference",
            Self::UnknownPool => "unknown_pool",
            Self::PoolFailed => "pool_failed",
            Self::Busy => "busy",
        }
    }
}

/// An error with a stable kind and a message that names the thing, the value and the allowed range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: readable(&message.to_string(), LONGEST_MESSAGE) }
    }

    pub(crate) fn config(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }

    pub(crate) fn argument(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    pub(crate) fn bundle(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidBundle, message)
    }

    pub(crate) fn snapshot(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidSnapshot, message)
    }

    pub(crate) fn trace(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidTrace, message)
    }

    pub(crate) fn inference(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Inference, message)
    }
}
