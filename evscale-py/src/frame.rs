//! Tables of metrics records: lists of dicts, dicts of columns, and data frames.

use crate::arguments::{Entry, Fields, MOST_FIELDS, MOST_ROWS, entries, items, text};
use crate::errors::{error, refused};
use crate::plain::shown;
use crate::record;
use evscale_core::Metrics;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// Rows that are read between two looks for a signal such as Ctrl-C.
const CHUNK: usize = 1024;

/// Returns the records of a table, oldest first. A refusal names the row, from 0.
pub fn records(frame: &Bound<'_, PyAny>) -> PyResult<Vec<Metrics>> {
    if frame.is_instance_of::<PyDict>() {
        return of_columns(frame.py(), &entries("history", frame, MOST_FIELDS)?);
    }
    let rows = if frame.hasattr("to_dicts")? {
        frame.call_method0("to_dicts")? // polars
    } else if frame.hasattr("to_pylist")? {
        frame.call_method0("to_pylist")? // pyarrow
    } else if frame.hasattr("to_dict")? {
        frame.call_method1("to_dict", ("records",))? // pandas
    } else {
        frame.clone()
    };
    if rows.is_instance_of::<PyString>() || !rows.hasattr("__iter__")? {
        let expected = "a list of dicts, a dict of columns or a data frame";
        return Err(refused(frame.py(), &format!("history is {}, expected {expected}", shown(frame))));
    }
    let rows = items("history", &rows, MOST_ROWS)?;
    let mut records = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        records.push(one(frame.py(), index, Fields::of("record", row))?);
    }
    Ok(records)
}

fn one(py: Python<'_>, index: usize, row: PyResult<Fields<'_>>) -> PyResult<Metrics> {
    if index % CHUNK == CHUNK - 1 {
        py.check_signals()?;
    }
    record::metrics(&row?).map_err(|raised| named(py, raised, &format!("row {index}")))
}

/// Returns a refusal that says what it is about; whatever else was raised stays as it is.
pub fn named(py: Python<'_>, raised: PyErr, whose: &str) -> PyErr {
    if !raised.is_instance_of::<crate::errors::EvscaleError>(py) {
        return raised;
    }
    error(py, "invalid_argument", &format!("{whose}: {}", raised.value(py)))
}

/// Whether it is a numpy array of numbers or truth values, which is read faster as a list.
fn is_numeric_array(column: &Bound<'_, PyAny>) -> PyResult<bool> {
    if !(column.hasattr("tolist")? && column.hasattr("dtype")?) {
        return Ok(false);
    }
    let kind = column.getattr("dtype")?;
    let kind = if kind.hasattr("kind")? { kind.getattr("kind")?.extract::<String>().ok() } else { None };
    Ok(kind.is_some_and(|kind| matches!(kind.as_str(), "b" | "i" | "u" | "f")))
}

fn of_columns(py: Python<'_>, given: &[Entry<'_>]) -> PyResult<Vec<Metrics>> {
    let mut columns = Vec::with_capacity(given.len());
    for (key, column) in given {
        let name = text(key).map_err(|_| {
            refused(py, &format!("history has a column {}, expected text as a name", shown(key)))
        })?;
        columns.push((name, values(key, column)?));
    }
    let Some((_, first)) = columns.first() else { return Ok(Vec::new()) };
    let length = first.len();
    for (name, values) in &columns {
        if values.len() != length {
            let rows = values.len();
            let message = format!("column '{name}' has {rows} rows, expected {length} as the first one");
            return Err(refused(py, &message));
        }
    }
    let row = |index: usize| {
        let cells =
            columns.iter().filter_map(|(name, values)| Some((name.clone(), values.get(index)?.clone())));
        Fields::new(py, record::RECORD, cells.collect())
    };
    (0..length).map(|index| one(py, index, Ok(row(index)))).collect()
}

fn values<'py>(key: &Bound<'py, PyAny>, column: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let is_column =
        !column.is_instance_of::<PyString>() && column.hasattr("__len__")? && column.hasattr("__iter__")?;
    if !is_column {
        let message = format!("column {} is {}, expected a list or array", shown(key), shown(column));
        return Err(refused(key.py(), &message));
    }
    let plain = if is_numeric_array(column)? { column.call_method0("tolist")? } else { column.clone() };
    items("column", &plain, MOST_ROWS)
}
