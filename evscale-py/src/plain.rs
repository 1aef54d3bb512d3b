//! Plain Python values: numbers in, instants and JSON out and in.

use crate::door::refused;
use evscale_core::Timestamp;
use evscale_core::time::DAY_MS;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyTzInfo};
use serde_json::{Map, Number, Value};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Largest whole number that a float holds without gaps.
const WHOLE_LIMIT: f64 = 9_007_199_254_740_992.0;

/// What a message shows of a value: its repr, cut short.
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 60;
    let text = value.repr().map_or_else(|_| "an object without a repr".to_owned(), |text| text.to_string());
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map(|name| name.to_string()).unwrap_or_default()
}

/// A hash of what a value is as text; equal values have the same.
pub fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// None or a data frame's mark for a missing value; NaN is a number.
pub fn missing(value: &Bound<'_, PyAny>) -> bool {
    value.is_none() || type_name(value) == "NAType"
}

/// A number; numpy scalars too, no truth values and no text.
pub fn number(key: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(exact) = value.cast_exact::<PyFloat>() {
        return Ok(exact.value());
    }
    let is_other =
        value.extract::<bool>().is_ok() || value.hasattr("__array_interface__")? && !is_scalar(value)?;
    if !is_other && let Ok(number) = value.extract() {
        return Ok(number);
    }
    Err(refused(value.py(), &format!("`{key}` is {}, expected a number", shown(value))))
}

/// A numpy scalar that is a number, not a date and not an array.
fn is_scalar(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let kind: String = value.getattr("dtype")?.getattr("kind")?.extract()?;
    Ok(value.getattr("shape")?.cast::<PyTuple>()?.is_empty() && matches!(kind.as_str(), "i" | "u" | "f"))
}

/// A whole number of 0 to 4,294,967,295.
pub fn whole(key: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = number(key, value)?;
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        return Ok(number as u32);
    }
    Err(refused(value.py(), &format!("`{key}` is {number}, expected a whole number from 0 to {}", u32::MAX)))
}

/// A truth value; 0 and 1 as tables write it; NaN is unknown.
pub fn flag(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if let Ok(truth) = value.extract() {
        return Ok(Some(truth));
    }
    match number(key, value) {
        Ok(1.0) => Ok(Some(true)),
        Ok(0.0) => Ok(Some(false)),
        Ok(number) if number.is_nan() => Ok(None),
        _ => Err(refused(value.py(), &format!("`{key}` is {}, expected True or False", shown(value)))),
    }
}

/// An instant from an aware datetime, an RFC 3339 string, or epoch milliseconds.
pub fn timestamp(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let written = |problem: evscale_core::Error| refused(py, &problem.to_string());
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str()?.parse().map_err(written);
    }
    if let Ok(moment) = value.cast::<PyDateTime>() {
        if moment.call_method0("utcoffset")?.is_none() {
            return Err(refused(
                py,
                &format!(
                    "`{key}` is the naive datetime {}, expected an aware one: without a zone its meaning depends \
                     on the machine",
                    shown(value)
                ),
            ));
        }
        let seconds: f64 = moment.call_method0("timestamp")?.extract()?;
        return Timestamp::from_millis((seconds * 1e6).round() as i64 / 1000).map_err(written);
    }
    match number(key, value) {
        Ok(millis) if millis.is_finite() => Timestamp::from_millis(millis as i64).map_err(written),
        _ => Err(refused(
            py,
            &format!(
                "`{key}` is {}, expected an aware datetime, RFC 3339 text or epoch milliseconds",
                shown(value)
            ),
        )),
    }
}

/// An instant as an aware datetime in UTC.
pub fn datetime<'py>(py: Python<'py>, at: Timestamp) -> PyResult<Bound<'py, PyDateTime>> {
    let millis = at.as_millis();
    let (day, in_day) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS));
    let since = PyDelta::new(py, day as i32, (in_day / 1000) as i32, (in_day % 1000 * 1000) as i32, false)?;
    let epoch = PyDateTime::from_timestamp(py, 0.0, Some(&PyTzInfo::utc(py)?.to_owned()))?;
    Ok(epoch.add(since)?.cast_into()?)
}

/// JSON text as Python values.
pub fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

/// Keyword arguments as a JSON object; those that are None are left out.
pub fn object(settings: &Bound<'_, PyDict>) -> PyResult<Value> {
    let mut out = Map::new();
    for (key, value) in settings.iter() {
        if !value.is_none() {
            let json = json(&value).map_err(|_| {
                let key = key.str().map(|key| key.to_string()).unwrap_or_default();
                PyTypeError::new_err(format!(
                    "`{key}` is {}, expected a finite number, a text or a list",
                    shown(&value)
                ))
            })?;
            out.insert(key.cast::<PyString>()?.to_str()?.to_owned(), json);
        }
    }
    Ok(Value::Object(out))
}

/// A setting as JSON; a float without a fraction is a whole number, a date its ISO text.
fn json(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(truth) = value.extract() {
        return Ok(Value::Bool(truth));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Value::String(text.to_str()?.to_owned()));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return value.try_iter()?.map(|item| json(&item?)).collect::<PyResult<_>>().map(Value::Array);
    }
    if value.hasattr("isoformat")? {
        return Ok(Value::String(value.call_method0("isoformat")?.extract()?));
    }
    if value.is_instance_of::<PyInt>()
        && let Ok(whole) = value.extract::<i64>()
    {
        return Ok(Value::Number(whole.into()));
    }
    let number = number("setting", value)?;
    if number.fract() == 0.0 && number.abs() < WHOLE_LIMIT {
        return Ok(Value::Number((number as i64).into()));
    }
    Number::from_f64(number).map(Value::Number).ok_or_else(|| PyTypeError::new_err("not finite"))
}
