//! Long work tells Python how far it is, and is ended by an exception of the callback or by Ctrl-C.

use crate::door::Refusal;
use crate::turns::Watch;
use pyo3::prelude::*;

/// A callback that gets (done, all) about a hundred times, and the first exception.
pub struct Progress {
    callback: Option<Py<PyAny>>,
    failure: Option<PyErr>,
    watch: Watch,
}

impl Progress {
    pub fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, failure: None, watch: Watch::new() }
    }

    /// Returns whether the work should go on.
    pub fn tell(&mut self, done: usize, all: usize) -> bool {
        let tells = done.is_multiple_of((all / 100).max(1)) || done == all;
        if self.failure.is_none() && (self.watch.is_due() || tells) {
            self.failure = Python::attach(|py| {
                py.check_signals().err().or_else(|| {
                    let callback = self.callback.as_ref().filter(|_| tells)?;
                    callback.call1(py, (done, all)).err()
                })
            });
        }
        self.failure.is_none()
    }

    /// Passes on the exception that ended the work, if there was one.
    pub fn finish(self) -> Result<(), Refusal> {
        self.failure.map_or(Ok(()), |raised| Err(Refusal::of_host(raised)))
    }
}
