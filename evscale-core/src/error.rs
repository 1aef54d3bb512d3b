//! The one error type of the crate: opaque, with a stable [`ErrorKind`].

use crate::text::{LONGEST_MESSAGE, readable};
use std::fmt;
use std::sync::Arc;

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

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error with a stable kind and a message that names the thing, the value and the allowed range.
///
/// The message says it all; `source` has what lies under it, as far as another error does.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What another library says: its text alone, made readable, because it may quote a file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct Foreign(String);

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.message) == (other.kind, &other.message)
    }
}

impl Eq for Error {}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: readable(&message.to_string(), LONGEST_MESSAGE), source: None }
    }

    /// Returns the error with the one under it.
    pub(crate) fn because(self, source: Self) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// Returns the error with what another library said.
    pub(crate) fn because_of(self, source: &dyn fmt::Display) -> Self {
        Self { source: Some(Arc::new(Foreign(readable(&source.to_string(), LONGEST_MESSAGE)))), ..self }
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

    #[cfg(feature = "simulate")]
    pub(crate) fn trace(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidTrace, message)
    }

    pub(crate) fn inference(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Inference, message)
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;
    use std::error::Error;

    #[test]
    fn what_lies_under_an_error_is_its_source_and_cannot_command_a_terminal() {
        let refused = Config::from_json(r#"{"\u001b[2J": 1}"#).unwrap_err();
        let source = refused.source().expect("the JSON was refused").to_string();
        assert!(
            source.contains("unknown field") && source.contains("x1b") && !source.contains('\u{1b}'),
            "{source}"
        );
        assert!(refused.to_string().ends_with(&source), "{refused}: {source}");
        assert!(Config::from_json("[]").unwrap_err().source().is_none(), "nothing lies under it");
    }
}
