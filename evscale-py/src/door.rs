//! The one door from Python into Rust: detaches from the interpreter, catches panics, maps errors.

use evscale_core::Result;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

create_exception!(
    evscale,
    EvscaleError,
    PyValueError,
    "What evscale refuses or cannot do; `kind` is stable: invalid_config, invalid_argument, invalid_bundle, \
     invalid_snapshot, invalid_trace, inference, unknown_pool, pool_failed or panic."
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

const BROKEN: &str = "evscale failed inside; the object must not be used any more";

/// Runs `work` without the interpreter's lock.
pub fn guarded<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(problem)) => Err(error(py, problem.kind().as_str(), &problem.to_string())),
        Err(_) => Err(error(py, "panic", BROKEN)),
    }
}

thread_local! {
    /// Whether this thread is in a call of Rust that called Python back.
    static CALLED_BACK: Cell<bool> = const { Cell::new(false) };
    /// What ended a call back and is no failure of it, such as Ctrl-C.
    static STOPPED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Calls Python from inside [`locked`]; an exception as text. What is no `Exception`, such as Ctrl-C, `locked` raises.
pub fn call_back<T>(work: impl FnOnce(Python<'_>) -> PyResult<T>) -> std::result::Result<T, String> {
    CALLED_BACK.set(true);
    let answer = Python::attach(|py| {
        work(py).map_err(|problem| {
            let text = problem.to_string();
            if !problem.is_instance_of::<PyException>(py) {
                STOPPED.set(Some(problem));
            }
            text
        })
    });
    CALLED_BACK.set(false);
    answer
}

/// Runs `work` on shared state, one thread at a time. State in which something panicked stays refused.
pub fn locked<S: Send, T: Send>(
    py: Python<'_>,
    state: &Mutex<S>,
    work: impl FnOnce(&mut S) -> Result<T> + Send,
) -> PyResult<T> {
    if CALLED_BACK.get() {
        return Err(refused(
            py,
            "a forecaster or policy that a pool asks cannot use a pool or a forecaster itself",
        ));
    }
    let answer = guarded(py, || match state.lock() {
        Ok(mut state) => work(&mut state).map(Some),
        Err(_) => Ok(None),
    })?;
    if let Some(stopped) = STOPPED.take() {
        return Err(stopped);
    }
    answer.ok_or_else(|| error(py, "panic", BROKEN))
}

/// An `EvscaleError` of the class that belongs to its kind.
pub fn error(py: Python<'_>, kind: &str, message: &str) -> PyErr {
    let message = message.to_owned();
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

/// A refused argument.
pub fn refused(py: Python<'_>, message: &str) -> PyErr {
    error(py, "invalid_argument", message)
}
