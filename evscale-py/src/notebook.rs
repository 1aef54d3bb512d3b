//! What notebooks show of values: tables, which Python writes.

use crate::door::{Door, door};
use pyo3::prelude::*;

/// Returns what a function of `evscale.notebook` makes of a value.
pub fn table<'py, T>(value: &Bound<'py, T>, function: &str) -> Door<Bound<'py, PyAny>> {
    let py = value.py();
    door(py, || py.import("evscale.notebook")?.call_method1(function, (value.as_any(),)))
}
