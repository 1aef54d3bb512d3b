//! Tables of metrics records: lists of dicts, dicts of columns, and data frames.

use crate::door::{error, refused};
use crate::plain::shown;
use crate::record;
use evscale_core::Metrics;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// The records of a table, oldest first. A refusal names the row, from 0.
pub fn records(frame: &Bound<'_, PyAny>) -> PyResult<Vec<Metrics>> {
    if let Ok(columns) = frame.cast::<PyDict>() {
        return of_columns(columns);
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
    let unknown = || {
        refused(
            frame.py(),
            &format!(
                "history is {}, expected a list of dicts, a dict of columns or a data frame",
                shown(frame)
            ),
        )
    };
    if rows.is_instance_of::<PyString>() {
        return Err(unknown());
    }
    let rows = rows.try_iter().map_err(|_| unknown())?;
    rows.enumerate().map(|(index, row)| one(index, &record::as_dict("record", &row?)?)).collect()
}

fn one(index: usize, row: &Bound<'_, PyDict>) -> PyResult<Metrics> {
    let py = row.py();
    record::metrics(row)
        .map_err(|problem| error(py, "invalid_argument", &format!("row {index}: {}", problem.value(py))))
}

/// Whether it is a numpy array of numbers or truth values, which is read faster as a list.
fn is_numeric_array(column: &Bound<'_, PyAny>) -> bool {
    let kind = || -> PyResult<String> { column.getattr("dtype")?.getattr("kind")?.extract() };
    column.hasattr("tolist").unwrap_or(false)
        && kind().is_ok_and(|kind| matches!(kind.as_str(), "b" | "i" | "u" | "f"))
}

fn of_columns(columns: &Bound<'_, PyDict>) -> PyResult<Vec<Metrics>> {
    let py = columns.py();
    let mut length = None;
    let mut all = Vec::with_capacity(columns.len());
    for (key, column) in columns.iter() {
        let column = if is_numeric_array(&column) { column.call_method0("tolist")? } else { column };
        let is_column = !column.is_instance_of::<PyString>() && column.hasattr("__len__")?;
        let (true, Ok(values)) = (is_column, column.try_iter()) else {
            return Err(refused(
                py,
                &format!("column {} is {}, expected a list or array", shown(&key), shown(&column)),
            ));
        };
        let rows = column.len()?;
        let first = *length.get_or_insert(rows);
        if rows != first {
            return Err(refused(
                py,
                &format!("column {} has {rows} rows, expected {first} as the first one", shown(&key)),
            ));
        }
        all.push((key, values));
    }
    let row = PyDict::new(py);
    let mut records = Vec::with_capacity(length.unwrap_or(0));
    for index in 0..length.unwrap_or(0) {
        for (key, values) in &mut all {
            match values.next() {
                Some(value) => row.set_item(&*key, value?)?,
                None => return Err(refused(py, &format!("column {} ends before its length", shown(key)))),
            }
        }
        records.push(one(index, &row)?);
    }
    Ok(records)
}
