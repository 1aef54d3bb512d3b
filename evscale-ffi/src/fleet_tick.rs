//! Records of many pools in one call.

use crate::boundary::{Outcome, enter, null, required_text, slice};
use crate::error::*;
use crate::fleet::{Pools, evscale_fleet, with_pools};
use crate::growing::Array;
use crate::records::*;
use evscale_core::{Fleet, Metrics, Observation};
use std::collections::BTreeMap;
use std::ffi::c_char;

/// Most records of one call.
const MOST_RECORDS: usize = 1_000_000;

/// Takes `count` records (at most 1,000,000), record i for the pool `keys[i]` (those of one pool in their order), then decides for
/// each of these pools: a new decision where it is due or there is an emergency, else the standing one.
///
/// `records`, `observations` and `decisions` are arrays of `count` structs; in each, the `struct_size` of the first
/// struct is that of all. Entry i of `observations` tells what became of record i, entry i of `decisions` has the
/// decision of its pool, entry i of `statuses` the status of record i; each of the three arrays may be NULL.
/// Arrays that make no sense refuse the whole call, and nothing is taken. A record or key that is malformed, and a pool that is not
/// there or failed, do not disturb another: the others are taken and their entries filled, its own are left alone, and the call
/// returns the first such status, with index and key in the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_tick(
    fleet: *mut evscale_fleet,
    keys: *const *const c_char,
    records: *const evscale_metrics,
    count: usize,
    observations: *mut evscale_observation,
    decisions: *mut evscale_decision,
    statuses: *mut i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let keys = slice(keys, count, MOST_RECORDS, "keys")?;
        let Some(records) = Array::optional(records.cast_mut(), count)? else {
            return if count == 0 { with_pools(fleet, |_| Ok(())) } else { Err(null("records")) };
        };
        let records = records.read_all()?.into_iter().map(evscale_metrics::to_core);
        let entries = keys
            .iter()
            .zip(records)
            .map(|(key, record)| Entry { key: required_text(*key, "key"), record: record.map(Some) });
        let answers = Answers {
            observations: Array::optional(observations, count)?,
            decisions: Array::optional(decisions, count)?,
            statuses: (!statuses.is_null()).then_some(statuses),
        };
        let entries = entries.collect();
        with_pools(fleet, |pools| tick(pools, entries, &answers))
    })
}

/// A record of a tick, and whose it is; both may be malformed.
struct Entry<'a> {
    key: Result<&'a str, Failure>,
    /// None once the pool has it.
    record: Result<Option<Metrics>, Failure>,
}

/// Where the caller wants the answers of a tick.
struct Answers {
    observations: Option<Array<evscale_observation>>,
    decisions: Option<Array<evscale_decision>>,
    statuses: Option<*mut i32>,
}

/// What a pool said in a tick, record by record.
struct Told {
    observations: std::vec::IntoIter<Observation>,
    decision: evscale_decision,
}

fn tick(pools: &mut Pools, mut entries: Vec<Entry<'_>>, answers: &Answers) -> Outcome {
    let whole = entries.iter_mut().filter_map(|entry| match entry {
        Entry { key: Ok(key), record: Ok(record) } => Some(((*key).to_owned(), record.take()?)),
        _ => None,
    });
    let records = whole.collect();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for tick in pools.fleet.tick(records).into_iter().flatten() {
        let decision = (&tick.decision).into();
        if let Some(newest) = tick.observations.last() {
            pools.seen.insert(tick.key.clone(), newest.clone());
        }
        told.insert(tick.key.clone(), Told { observations: tick.observations.into_iter(), decision });
        pools.last.insert(tick.key, tick.decision);
    }
    let mut first_failure = Ok(());
    for (index, entry) in entries.into_iter().enumerate() {
        let outcome = match entry {
            Entry { key: Err(failure), .. } => Err(failure),
            Entry { key: Ok(key), record: Err(failure) } => {
                Err(Failure { message: format!("pool `{key}`: {}", failure.message), ..failure })
            }
            Entry { key: Ok(key), record: Ok(_) } => match told.get_mut(key) {
                Some(pool) => {
                    if let (Some(out), Some(seen)) = (&answers.observations, pool.observations.next()) {
                        out.write(index, &(&seen).into());
                    }
                    if let Some(out) = &answers.decisions {
                        out.write(index, &pool.decision);
                    }
                    Ok(())
                }
                None => Err(why_silent(&mut pools.fleet, key)),
            },
        };
        let status = outcome.as_ref().map_or_else(|failure| failure.code, |()| EVSCALE_OK);
        if let Some(out) = answers.statuses {
            // SAFETY: the caller hands `count` writable statuses.
            unsafe { out.add(index).write(status) };
        }
        if let (Ok(()), Err(failure)) = (&first_failure, outcome) {
            let message = format!("record {index}: {}", failure.message);
            first_failure = Err(Failure { message, ..failure });
        }
    }
    first_failure
}

/// Why a tick has nothing of a pool: it is not there, or it failed.
fn why_silent(fleet: &mut Fleet, key: &str) -> Failure {
    match fleet.with_pool(key, |_| ()) {
        Err(problem) => problem.into(),
        Ok(()) => Failure::new(EVSCALE_POISONED, format!("pool `{key}` did not answer")),
    }
}
