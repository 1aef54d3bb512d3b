//! Long work tells Python how far it is, and is ended by an exception of the callback or by Ctrl-C.

use pyo3::prelude::*;

/// A callback that gets (done, all) about a hundred times, and the first exception.
pub struct Progress {
    callback: Option<Py<PyAny>>,
    failure: Option<PyErr>,
}

impl Progress {
    pub fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, failure: None }
    }

    /// Whether the work should go on.
    pub fn tell(&mut self, done: usize, all: usize) -> bool {
        if self.failure.is_none() && (done.is_multiple_of((all / 100).max(1)) || done == all) {
            self.failure = Python::attach(|py| {
                py.check_signals().err().or_else(|| self.callback.as_ref()?.call1(py, (done, all)).err())
            });
        }
        self.failure.is_none()
    }

    /// The exception that ended the work, if there was one.
    pub fn finish(self) -> PyResult<()> {
        self.failure.map_or(Ok(()), Err)
    }
}
