//! What a registry refuses, finds damaged, or cannot do.

use crate::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A call on a registry that changed nothing, unless its words say so.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// The call makes no sense as the registry stands: what, and what to do.
    Refused(String),
    /// A file is not as it was written: which, and what to do.
    Damaged(String),
    /// The operating system refused a step.
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb.
        step: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
}

impl RegistryError {
    pub(super) fn at(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { path: path.to_owned(), step, source }
    }
}

impl From<Error> for RegistryError {
    fn from(problem: Error) -> Self {
        match problem {
            Error::Failed { path, step, source } => Self::Failed { path, step, source },
            refused @ Error::Refused { .. } => Self::Refused(refused.to_string()),
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(words) | Self::Damaged(words) => out.write_str(words),
            Self::Failed { path, step, source } => {
                write!(out, "`{}`: cannot {step}: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed { source, .. } => Some(source),
            Self::Refused(_) | Self::Damaged(_) => None,
        }
    }
}
