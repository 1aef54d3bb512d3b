//! Plain Python values: numbers in, instants and JSON out and in.

use crate::arguments::{Entry, entries, items, text};
use crate::door::ends_the_call;
use crate::errors::refused;
use evscale_core::Timestamp;
use evscale_core::time::DAY_MS;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList, PySlice, PyString, PyTuple, PyTzInfo,
};
use serde_json::{Map, Number, Value};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

/// Largest whole number that a float holds without gaps.
const WHOLE_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Most entries of a list in a setting, and how deep lists may be.
const MOST_ENTRIES: usize = 10_000;
const DEEPEST: usize = 4;

/// Returns what a message shows of a value: its repr, cut short.
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 60;
    let start = match value.cast_exact::<PyString>() {
        Ok(text) if text.len().is_ok_and(|length| length > LONGEST) => {
            text.get_item(slice(value.py(), LONGEST))
        }
        _ => Ok(value.clone()),
    };
    let Ok(text) = start.and_then(|start| start.repr()) else { return "a value without a repr".to_owned() };
    let text = text.to_string_lossy();
    if text.chars().count() <= LONGEST {
        return text.into_owned();
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}

fn slice(py: Python<'_>, length: usize) -> Bound<'_, PySlice> {
    PySlice::new(py, 0, isize::try_from(length).unwrap_or(isize::MAX), 1)
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map(|name| name.to_string()).unwrap_or_default()
}

/// Returns a hash of what a value is as text; equal values have the same.
pub fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Returns whether it is None or a data frame's mark for a missing value; NaN is a number.
pub fn missing(value: &Bound<'_, PyAny>) -> bool {
    value.is_none() || matches!(type_name(value).as_str(), "NAType" | "NaTType")
}

/// Separates exceptions that say that a value is unfit, which are none here, from those that end the call.
fn fit<T>(py: Python<'_>, tried: PyResult<T>) -> PyResult<Option<T>> {
    match tried {
        Ok(value) => Ok(Some(value)),
        Err(raised) if ends_the_call(py, &raised) => Err(raised),
        Err(_) => Ok(None),
    }
}

/// Returns a number; numpy scalars too, no truth values and no text.
pub fn number(key: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(exact) = value.cast_exact::<PyFloat>() {
        return Ok(exact.value());
    }
    let py = value.py();
    let is_other =
        value.extract::<bool>().is_ok() || value.hasattr("__array_interface__")? && !is_scalar(value)?;
    if !is_other && let Some(number) = fit(py, value.extract())? {
        return Ok(number);
    }
    Err(refused(py, &format!("`{key}` is {}, expected a number", shown(value))))
}

/// Returns a whole number within a range; floats without a fraction too.
pub fn integer(key: &str, value: &Bound<'_, PyAny>, range: RangeInclusive<i128>) -> PyResult<i128> {
    let py = value.py();
    let mut found = None;
    if value.extract::<bool>().is_err() {
        found = fit(py, value.extract::<i64>())?.map(i128::from);
        if found.is_none() {
            found = fit(py, value.extract::<u64>())?.map(i128::from);
        }
        if found.is_none() {
            let float = fit(py, number(key, value))?;
            found = float.filter(|number| number.fract() == 0.0).map(|number| number as i128);
        }
    }
    found.filter(|number| range.contains(number)).ok_or_else(|| {
        let (value, low, high) = (shown(value), range.start(), range.end());
        refused(py, &format!("`{key}` is {value}, expected a whole number from {low} to {high}"))
    })
}

/// Returns a whole number of 32 bits without a sign.
pub fn whole(key: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    integer(key, value, 0..=i128::from(u32::MAX)).map(|number| number as u32)
}

/// Returns a whole number of 64 bits without a sign.
pub fn unsigned(key: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    integer(key, value, 0..=i128::from(u64::MAX)).map(|number| number as u64)
}

/// Returns whether it is a numpy scalar that is a number, not a date and not an array.
fn is_scalar(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let kind: String = value.getattr("dtype")?.getattr("kind")?.extract()?;
    let shape = value.getattr("shape")?;
    Ok(shape.cast::<PyTuple>().is_ok_and(|shape| shape.is_empty())
        && matches!(kind.as_str(), "i" | "u" | "f"))
}

/// Returns a truth value; 0 and 1 as tables write it; NaN is unknown.
pub fn flag(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if let Ok(truth) = value.extract() {
        return Ok(Some(truth));
    }
    match fit(value.py(), number(key, value))? {
        Some(1.0) => Ok(Some(true)),
        Some(0.0) => Ok(Some(false)),
        Some(number) if number.is_nan() => Ok(None),
        _ => Err(refused(value.py(), &format!("`{key}` is {}, expected True or False", shown(value)))),
    }
}

/// Returns the instant of an aware datetime, an RFC 3339 string, or epoch milliseconds.
pub fn timestamp(key: &str, value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let written = |problem: evscale_core::Error| refused(py, &problem.to_string());
    if value.is_instance_of::<PyString>() {
        return text(value)?.parse().map_err(written);
    }
    if !missing(value)
        && let Ok(moment) = value.cast::<PyDateTime>()
    {
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
    match fit(py, number(key, value))? {
        Some(millis) if millis.is_finite() => Timestamp::from_millis(millis as i64).map_err(written),
        _ => Err(refused(
            py,
            &format!(
                "`{key}` is {}, expected an aware datetime, RFC 3339 text or epoch milliseconds",
                shown(value)
            ),
        )),
    }
}

/// Returns an instant as an aware datetime in UTC.
pub fn datetime<'py>(py: Python<'py>, at: Timestamp) -> PyResult<Bound<'py, PyDateTime>> {
    let millis = at.as_millis();
    let (day, in_day) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS));
    let since = PyDelta::new(py, day as i32, (in_day / 1000) as i32, (in_day % 1000 * 1000) as i32, false)?;
    let epoch = PyDateTime::from_timestamp(py, 0.0, Some(&PyTzInfo::utc(py)?.to_owned()))?;
    Ok(epoch.add(since)?.cast_into()?)
}

/// Returns `now`, or what the machine's clock says if it is not given.
pub fn instant(py: Python<'_>, now: Option<&Bound<'_, PyAny>>) -> PyResult<Timestamp> {
    if let Some(now) = now {
        return timestamp("now", now);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        .map_err(|problem| refused(py, &format!("the machine's clock: {problem}")))
}

/// Returns JSON text as Python values.
pub fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

/// Returns keyword arguments as a JSON object; those that are None are left out.
pub fn object(py: Python<'_>, settings: Vec<Entry<'_>>) -> PyResult<Value> {
    let mut out = Map::new();
    for (key, value) in settings {
        if value.is_none() {
            continue;
        }
        let key = text(&key)?;
        let Some(json) = fit(py, json(&value, DEEPEST))? else {
            let message =
                format!("`{key}` is {}, expected a finite number, a text, a list or a dict", shown(&value));
            return Err(refused(py, &message));
        };
        out.insert(key, json);
    }
    Ok(Value::Object(out))
}

/// Returns a setting as JSON; a float without a fraction is a whole number, a date its ISO text.
fn json(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if let Ok(truth) = value.extract() {
        return Ok(Value::Bool(truth));
    }
    if value.is_instance_of::<PyString>() {
        return text(value).map(Value::String);
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let depth = depth.checked_sub(1).ok_or_else(|| PyTypeError::new_err("too deep"))?;
        let entries = items("setting", value, MOST_ENTRIES)?;
        return entries.iter().map(|entry| json(entry, depth)).collect::<PyResult<_>>().map(Value::Array);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        let depth = depth.checked_sub(1).ok_or_else(|| PyTypeError::new_err("too deep"))?;
        let mut out = Map::new();
        for (key, value) in
            entries("setting", dict.as_any(), MOST_ENTRIES)?.into_iter().filter(|(_, value)| !value.is_none())
        {
            out.insert(text(&key)?, json(&value, depth)?);
        }
        return Ok(Value::Object(out));
    }
    if value.hasattr("isoformat")? {
        return text(&value.call_method0("isoformat")?).map(Value::String);
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

/// Returns a length of time in days.
pub fn days(given: &Bound<'_, PyAny>) -> PyResult<f64> {
    let days = number("warm_days", given)?;
    if days.is_finite() && days >= 0.0 {
        return Ok(days);
    }
    Err(refused(given.py(), &format!("`warm_days` is {days}, expected 0 or more")))
}
