//! The one door between Python and Rust. Every function and method runs inside [`door`] or [`reading_door`]: only these
//! make a [`Refusal`], and only a [`Refusal`] leaves.

use crate::errors::{EvscaleError, error};
use crate::text::{LONGEST_REASON, readable};
use pyo3::exceptions::{PyAttributeError, PyException, PyImportError, PyOSError, PyTypeError};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a call failed inside says.
pub const BROKEN: &str = "evscale failed inside; the object must not be used any more";

/// An exception that may leave: an `EvscaleError`, a `TypeError`, or what is no `Exception`, such as Ctrl-C.
pub struct Refusal(PyErr);

/// What a function or method of the module returns.
pub type Door<T> = Result<T, Refusal>;

impl From<Refusal> for PyErr {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

impl Refusal {
    /// Passes on an exception that the host's own callback raised to end the call.
    pub fn of_host(raised: PyErr) -> Self {
        Self(raised)
    }

    /// Refuses an attribute, as Python's protocol asks.
    pub fn of_attribute(message: String) -> Self {
        Self(PyAttributeError::new_err(message))
    }
}

/// Runs a call. A panic, and every exception that comes out of the host's objects while they are read, becomes an
/// `EvscaleError`, whose cause is that exception.
pub fn door<T>(py: Python<'_>, call: impl FnOnce() -> PyResult<T>) -> Door<T> {
    through(py, call, |_| false)
}

/// Runs a call that reads files or needs an optional library: `OSError` and `ImportError` pass as well.
pub fn reading_door<T>(py: Python<'_>, call: impl FnOnce() -> PyResult<T>) -> Door<T> {
    through(py, call, |raised| {
        raised.is_instance_of::<PyOSError>(py) || raised.is_instance_of::<PyImportError>(py)
    })
}

fn through<T>(
    py: Python<'_>,
    call: impl FnOnce() -> PyResult<T>,
    passes: impl FnOnce(&PyErr) -> bool,
) -> Door<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(raised)) if is_plain(py, &raised) || passes(&raised) => Err(Refusal(raised)),
        Ok(Err(raised)) => Err(Refusal(translated(py, raised))),
        Err(_) => Err(Refusal(error(py, "panic", BROKEN))),
    }
}

fn is_plain(py: Python<'_>, raised: &PyErr) -> bool {
    raised.is_instance_of::<EvscaleError>(py)
        || raised.is_instance_of::<PyTypeError>(py)
        || ends_the_call(py, raised)
}

/// Whether an exception is no `Exception`: Ctrl-C, the end of the interpreter or of a task. A panic is a failure.
pub fn ends_the_call(py: Python<'_>, raised: &PyErr) -> bool {
    !raised.is_instance_of::<PyException>(py) && !raised.is_instance_of::<PanicException>(py)
}

fn translated(py: Python<'_>, raised: PyErr) -> PyErr {
    if raised.is_instance_of::<PanicException>(py) {
        return error(py, "panic", BROKEN);
    }
    let answer =
        error(py, "invalid_argument", &format!("reading the arguments raised {}", told(py, &raised)));
    answer.set_cause(py, Some(raised));
    answer
}

/// Returns the class and the text of an exception, cut and fit for a terminal.
pub fn told(py: Python<'_>, raised: &PyErr) -> String {
    let class =
        raised.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let text = match raised.value(py).str() {
        Ok(text) => readable(&text.to_string_lossy(), LONGEST_REASON),
        Err(_) => "an exception without a text".to_owned(),
    };
    if text.is_empty() { class } else { format!("{class}: {text}") }
}
