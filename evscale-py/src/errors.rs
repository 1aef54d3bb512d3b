//! The exceptions that evscale raises.

use crate::text::{LONGEST_MESSAGE, readable};
use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::path::Path;

create_exception!(
    evscale,
    EvscaleError,
    PyValueError,
    "What evscale refuses or cannot do; `kind` is stable: invalid_config, invalid_argument, invalid_bundle, \
     invalid_snapshot, invalid_trace, inference, unknown_pool, pool_failed, busy or panic."
);
create_exception!(
    evscale,
    ConfigError,
    EvscaleError,
    "A setting is unknown, out of range, or contradicts another."
);
create_exception!(evscale, ArgumentError, EvscaleError, "A metrics record or an argument is malformed.");
create_exception!(
    evscale,
    BundleError,
    EvscaleError,
    "A model bundle is damaged, incomplete, or of another format."
);
create_exception!(
    evscale,
    SnapshotError,
    EvscaleError,
    "A snapshot is damaged, foreign, or of another format."
);
create_exception!(evscale, InferenceError, EvscaleError, "A network failed to run.");

/// Returns an `EvscaleError` of the class that belongs to its kind, with a message that is fit for a terminal.
pub fn error(py: Python<'_>, kind: &str, message: &str) -> PyErr {
    let message = readable(message, LONGEST_MESSAGE);
    let raised = match kind {
        "invalid_config" => ConfigError::new_err(message),
        "invalid_argument" => ArgumentError::new_err(message),
        "invalid_bundle" => BundleError::new_err(message),
        "invalid_snapshot" => SnapshotError::new_err(message),
        "inference" => InferenceError::new_err(message),
        _ => EvscaleError::new_err(message),
    };
    match raised.value(py).setattr("kind", kind) {
        Ok(()) => raised,
        Err(problem) => problem,
    }
}

/// Returns the error of a refused argument.
pub fn refused(py: Python<'_>, message: &str) -> PyErr {
    error(py, "invalid_argument", message)
}

/// Returns the `OSError`, of the class that belongs to its number, of what the operating system refused.
pub fn os_error(problem: &std::io::Error, message: &str, path: &Path) -> PyErr {
    match problem.raw_os_error() {
        // no file has so long a name
        Some(number) if path.as_os_str().len() > LONGEST_MESSAGE => {
            let name = readable(&path.to_string_lossy(), LONGEST_MESSAGE);
            PyOSError::new_err((number, readable(message, LONGEST_MESSAGE), name))
        }
        Some(number) => {
            PyOSError::new_err((number, readable(message, LONGEST_MESSAGE), path.as_os_str().to_owned()))
        }
        None => PyOSError::new_err(readable(message, LONGEST_MESSAGE)),
    }
}
