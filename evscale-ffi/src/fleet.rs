//! Many pools by key: life, and records in batches.

use crate::autoscaler::config_of;
use crate::boundary::{Outcome, bytes, enter, null, required_mut, required_text, slice};
use crate::bundle::{bundle_of, evscale_bundle};
use crate::error::*;
use crate::growing::Array;
use crate::guarded::Guarded;
use crate::records::*;
use evscale_core::{Decision, Fleet, Metrics, Observation};
use std::collections::BTreeMap;
use std::ffi::c_char;

/// Many pools by key that share one bundle's networks: less memory than an autoscaler for each, and the same decisions.
/// Threads: as for evscale_autoscaler; to use several threads, make a fleet for each.
pub struct evscale_fleet(pub(crate) Guarded<Pools>);

/// The pools, and the last decision of each.
pub(crate) struct Pools {
    pub(crate) fleet: Fleet,
    pub(crate) last: BTreeMap<String, Decision>,
}

/// Most records of one call.
const MOST_RECORDS: usize = 1_000_000;

/// Makes a fleet without pools. A bundle of NULL is the models inside the library. `fleet` gets it; free it with
/// evscale_fleet_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_new(
    bundle: *const evscale_bundle,
    fleet: *mut *mut evscale_fleet,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(fleet, "fleet")?;
        let pools = Pools { fleet: Fleet::new(&bundle_of(bundle)?), last: BTreeMap::new() };
        *out = Box::into_raw(Box::new(evscale_fleet(Guarded::new("fleet", pools))));
        Ok(())
    })
}

/// Frees a fleet with its pools. NULL does nothing; nor does a fleet that another thread's call is using.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_free(fleet: *mut evscale_fleet) {
    // SAFETY: NULL or valid by the contract of the function.
    if unsafe { fleet.as_ref() }.is_some_and(|handle| handle.0.close()) {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(fleet) });
    }
}

/// Runs `work` on the pools of a handle.
pub(crate) fn with_pools<T>(
    handle: *const evscale_fleet,
    work: impl FnOnce(&mut Pools) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // SAFETY: NULL or valid by the contract of the callers.
    unsafe { handle.as_ref() }.ok_or_else(|| null("fleet"))?.0.run(work)
}

/// Adds a pool under a key of its own, with a configuration in JSON (NULL: the defaults).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_add(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    config_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (key, config) = (required_text(key, "key")?, config_of(config_json)?);
        with_pools(fleet, |pools| Ok(pools.fleet.add(key, config)?))
    })
}

/// Adds a pool that goes on from a snapshot of evscale_fleet_snapshot or evscale_snapshot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_restore(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    config_json: *const c_char,
    snapshot: *const u8,
    length: usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (key, config) = (required_text(key, "key")?, config_of(config_json)?);
        let state = bytes(snapshot, length, "snapshot")?;
        with_pools(fleet, |pools| Ok(pools.fleet.restore(key, config, state)?))
    })
}

/// Removes a pool; EVSCALE_UNKNOWN_POOL if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_remove(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let key = required_text(key, "key")?;
        with_pools(fleet, |pools| {
            pools.last.remove(key);
            if pools.fleet.remove(key) {
                return Ok(());
            }
            Err(Failure::new(EVSCALE_UNKNOWN_POOL, format!("the fleet has no pool `{key}`")))
        })
    })
}

/// Tells the number of pools in `count`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_count(
    fleet: *mut evscale_fleet,
    count: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(count, "count")?;
        *out = with_pools(fleet, |pools| Ok(pools.fleet.len()))?;
        Ok(())
    })
}

/// Takes `count` records, record i for the pool `keys[i]` (those of one pool in their order), then decides for each of
/// these pools: a new decision where it is due or there is an emergency, else the standing one.
///
/// `records`, `observations` and `decisions` are arrays of `count` structs; in each, the `struct_size` of the first
/// struct is that of all. Entry i of `observations` tells what became of record i, entry i of `decisions` has the
/// decision of its pool, entry i of `statuses` the status of record i; each of the three arrays may be NULL.
/// Arguments that make no sense refuse the whole call, and nothing is taken. A pool that is not there or failed does not
/// disturb another: the others' entries are filled, its own are left alone, and the call returns its status.
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
        let keys = keys.iter().map(|key| required_text(*key, "keys")).collect::<Result<Vec<_>, Failure>>()?;
        let Some(records) = Array::optional(records.cast_mut(), count)? else {
            return if count == 0 { Ok(()) } else { Err(null("records")) };
        };
        let records = records.read_all()?.into_iter().map(evscale_metrics::to_core);
        let records = records.collect::<Result<Vec<_>, Failure>>()?;
        let answers = Answers {
            observations: Array::optional(observations, count)?,
            decisions: Array::optional(decisions, count)?,
            statuses: (!statuses.is_null()).then_some(statuses),
        };
        with_pools(fleet, |pools| tick(pools, &keys, records, &answers))
    })
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

fn tick(pools: &mut Pools, keys: &[&str], records: Vec<Metrics>, answers: &Answers) -> Outcome {
    let records = keys.iter().map(|key| (*key).to_owned()).zip(records).collect();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for tick in pools.fleet.tick(records).into_iter().flatten() {
        let decision = (&tick.decision).into();
        told.insert(tick.key.clone(), Told { observations: tick.observations.into_iter(), decision });
        pools.last.insert(tick.key, tick.decision);
    }
    let mut first_failure = Ok(());
    for (index, key) in keys.iter().enumerate() {
        let status = match told.get_mut(*key) {
            Some(pool) => {
                if let (Some(out), Some(seen)) = (&answers.observations, pool.observations.next()) {
                    out.write(index, &(&seen).into());
                }
                if let Some(out) = &answers.decisions {
                    out.write(index, &pool.decision);
                }
                EVSCALE_OK
            }
            None => {
                let failure = why_silent(&mut pools.fleet, key);
                let code = failure.code;
                first_failure = first_failure.and(Err(failure));
                code
            }
        };
        if let Some(out) = answers.statuses {
            // SAFETY: the caller hands `count` writable statuses.
            unsafe { out.add(index).write(status) };
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
