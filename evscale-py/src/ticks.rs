//! The records of a tick: read whole before any of them is taken, then taken in parts.

use crate::arguments::{Entry, Fields, MOST_RECORDS, entries, items, text};
use crate::errors::refused;
use crate::frame::named;
use crate::plain::shown;
use crate::record;
use crate::turns::Watch;
use evscale_core::{Metrics, PoolTick};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// Returns records with their keys, of a dict or of pairs. A refusal names the pool.
pub fn keyed(records: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Metrics)>> {
    let py = records.py();
    let unknown = || {
        let expected = "a dict of key to record or pairs of them";
        refused(py, &format!("records are {}, expected {expected}", shown(records)))
    };
    let pairs = if records.hasattr("items")? {
        entries("records", records, MOST_RECORDS)?
    } else if records.hasattr("__iter__")? {
        let pairs = items("records", records, MOST_RECORDS)?;
        pairs.into_iter().map(pair).collect::<Option<_>>().ok_or_else(unknown)?
    } else {
        return Err(unknown());
    };
    let mut out = Vec::with_capacity(pairs.len());
    for (key, record) in &pairs {
        let key = if key.is_instance_of::<PyString>() { text(key)? } else { return Err(unknown()) };
        let metrics = Fields::of("record", record).and_then(|fields| record::metrics(&fields));
        let metrics = metrics.map_err(|raised| named(py, raised, &format!("pool `{key}`")))?;
        out.push((key, metrics));
    }
    Ok(out)
}

fn pair<'py>(given: Bound<'py, PyAny>) -> Option<Entry<'py>> {
    given.cast_into::<PyTuple>().ok()?.extract().ok()
}

/// Ticks a fleet in parts of whole pools, each twice the one before as long as that is quick, so that Ctrl-C is heard
/// soon. Pools do not share state: the answers are those of one tick. Pools that share a budget decide in one.
pub fn tick(
    fleet: &mut evscale_core::Fleet,
    records: Vec<(String, Metrics)>,
) -> Vec<evscale_core::Result<PoolTick>> {
    const FIRST_PART: usize = 256;
    if fleet.budget().is_some() {
        return fleet.tick(records);
    }
    let mut pools = by_pool(records).into_iter().peekable();
    let (mut answers, mut size, mut watch) = (Vec::new(), FIRST_PART, Watch::new());
    while pools.peek().is_some() {
        let part = pools.by_ref().take(size).flatten().collect();
        answers.extend(fleet.tick(part));
        if !watch.is_due() {
            size *= 2;
        } else if Watch::hears_signal() {
            break;
        }
    }
    answers
}

/// Returns the records of each pool together, in their order.
fn by_pool(mut records: Vec<(String, Metrics)>) -> Vec<Vec<(String, Metrics)>> {
    records.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut pools: Vec<Vec<(String, Metrics)>> = Vec::new();
    for record in records {
        match pools.last_mut() {
            Some(pool) if pool.first().is_some_and(|(key, _)| *key == record.0) => pool.push(record),
            _ => pools.push(vec![record]),
        }
    }
    pools
}
