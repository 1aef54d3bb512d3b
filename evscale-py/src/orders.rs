//! What a person orders, pauses, announces or changes: from Python's arguments.

use crate::arguments::items;
use crate::errors::refused;
use crate::plain;
use evscale_core::{Announced, Announcement, DueEvents, ManualOrder, ManualOverride, Pause, SettingChange};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Returns a pause by its name.
pub fn pause(py: Python<'_>, name: &str) -> PyResult<Pause> {
    serde_json::from_value(name.into())
        .map_err(|_| refused(py, &format!("pause is {name:?}, expected off, all, down or up")))
}

/// Returns an order of exactly so many jobs, at most or at least so many, or none.
pub fn order(
    py: Python<'_>,
    [fixed, cap, floor]: [Option<&Bound<'_, PyAny>>; 3],
    until: Option<&Bound<'_, PyAny>>,
    start: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<ManualOverride>> {
    let (order, until) = match (fixed, cap, floor, until) {
        (None, None, None, None) if start.is_none() => return Ok(None),
        (Some(jobs), None, None, Some(until)) => (ManualOrder::Fixed(plain::whole("fixed", jobs)?), until),
        (None, Some(jobs), None, Some(until)) => (ManualOrder::Cap(plain::whole("cap", jobs)?), until),
        (None, None, Some(jobs), Some(until)) => (ManualOrder::Floor(plain::whole("floor", jobs)?), until),
        _ => {
            let told = "an order is one of `fixed`, `cap` and `floor` with `until`, expected these or nothing, which takes it back";
            return Err(refused(py, told));
        }
    };
    let order = ManualOverride::new(order, plain::timestamp("until", until)?);
    Ok(Some(match start {
        Some(start) => order.starting(plain::timestamp("start", start)?),
        None => order,
    }))
}

/// Returns an announcement of exactly one thing.
pub fn announcement(
    py: Python<'_>,
    [start, end]: [&Bound<'_, PyAny>; 2],
    said: [Option<&Bound<'_, PyAny>>; 3],
) -> PyResult<Announcement> {
    let what = match said {
        [Some(times), None, None] => Announced::Multiplier(plain::number("multiplier", times)?),
        [None, Some(events), None] => Announced::Events(plain::number("events", events)?),
        [None, None, Some(jobs)] => Announced::MinJobs(plain::whole("min_jobs", jobs)?),
        _ => {
            let told = "an announcement says several things or nothing, expected one of `multiplier`, `events` and `min_jobs`";
            return Err(refused(py, told));
        }
    };
    Ok(Announcement::new(plain::timestamp("start", start)?, plain::timestamp("end", end)?, what))
}

/// Most moments that are read; the core takes fewer.
const MOST_DUE: usize = 65_536;

/// Returns what falls due, each of its time and its number of events.
pub fn due(given: &Bound<'_, PyAny>) -> PyResult<Vec<DueEvents>> {
    let one = |given: &Bound<'_, PyAny>| {
        let pair = items("due", given, 2)?;
        let [at, events] = pair.as_slice() else {
            return Err(refused(
                given.py(),
                "an entry of `due` is one value, expected its time and its events",
            ));
        };
        Ok(DueEvents { at: plain::timestamp("due", at)?, events: plain::number("events", events)? })
    };
    items("due", given, MOST_DUE)?.iter().map(one).collect()
}

/// Returns settings by name, each with its value before and now.
pub fn changed<'py>(py: Python<'py>, changes: &[SettingChange]) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for change in changes {
        let values = [&change.before, &change.after].map(|value| plain::loads(py, &value.to_string()));
        let [before, after] = values;
        out.set_item(change.name, (before?, after?))?;
    }
    Ok(out)
}
