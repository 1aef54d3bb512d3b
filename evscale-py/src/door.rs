//! The one door from Python into Rust: detaches from the interpreter, catches panics, maps errors.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

pyo3::create_exception!(
    evscale,
    EvscaleError,
    PyValueError,
    "What evscale refuses or cannot do; `kind` is stable: invalid_config, invalid_argument, invalid_bundle, \
     invalid_snapshot, invalid_trace, inference or panic."
);

/// Runs `work` without the interpreter's lock.
pub fn guarded<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> evscale_core::Result<T> + Send,
) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(problem)) => Err(error(py, problem.kind().as_str(), &problem.to_string())),
        Err(_) => Err(error(py, "panic", "evscale failed inside; the object must not be used any more")),
    }
}

/// An `EvscaleError` with its kind.
pub fn error(py: Python<'_>, kind: &str, message: &str) -> PyErr {
    let raised = EvscaleError::new_err(message.to_owned());
    match raised.value(py).setattr("kind", kind) {
        Ok(()) => raised,
        Err(problem) => problem,
    }
}

/// A refused argument.
pub fn refused(py: Python<'_>, message: &str) -> PyErr {
    error(py, "invalid_argument", message)
}
