//! What can go wrong, with the path it is about.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that was not replaced.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The path is not that of a file that may be replaced.
    Refused {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with it, and what was expected.
        why: &'static str,
    },
    /// The operating system refused a step.
    Failed {
        /// The path as it was given.
        path: PathBuf,
        /// What was tried, as a verb.
        step: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn refused(path: &Path, why: &'static str) -> Self {
        Self::Refused { path: path.to_owned(), why }
    }

    /// Returns what makes an [`io::Error`] one of a step on `path`.
    pub(crate) fn at(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { path: path.to_owned(), step, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { path, why } => write!(out, "`{}` {why}", path.display()),
            Self::Failed { path, step, source } => {
                write!(out, "`{}` is not replaced, cannot {step}: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused { .. } => None,
            Self::Failed { source, .. } => Some(source),
        }
    }
}
