//! Many pools by key: life, and records in batches.

use crate::autoscaler::{config_of, free};
use crate::boundary::{Outcome, bytes, copy_text, enter, null, required_mut, required_text, text};
use crate::bundle::{bundle_of, evscale_bundle};
use crate::error::*;
use crate::exclusive::Exclusive;
use evscale_core::{Decision, Fleet, Observation, SharedBudget};
use std::collections::BTreeMap;
use std::ffi::c_char;

/// Many pools by key that share one bundle's networks: less memory than an autoscaler for each, and the same decisions.
/// Threads: as for evscale_autoscaler; evscale_fleet_set_threads lets a tick use several.
pub struct evscale_fleet(pub(crate) Exclusive<Pools>);

/// The pools, and the last observation and decision of each.
pub(crate) struct Pools {
    pub(crate) fleet: Fleet,
    pub(crate) seen: BTreeMap<String, Observation>,
    pub(crate) last: BTreeMap<String, Decision>,
}

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
        let pools =
            Pools { fleet: Fleet::new(&bundle_of(bundle)?), seen: BTreeMap::new(), last: BTreeMap::new() };
        *out = Box::into_raw(Box::new(evscale_fleet(Exclusive::new("fleet", pools))));
        Ok(())
    })
}

/// Frees a fleet with its pools. NULL does nothing; EVSCALE_BUSY, and nothing is freed, while another thread's call is using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_free(fleet: *mut evscale_fleet) -> i32 {
    // SAFETY: NULL or a handle of this library, by the contract of the function.
    unsafe { free(fleet, |handle| handle.0.close()) }
}

/// Runs `work` on the pools of a handle.
pub(crate) fn with_pools<T>(
    handle: *const evscale_fleet,
    work: impl FnOnce(&mut Pools) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // SAFETY: NULL or valid by the contract of the callers.
    unsafe { handle.as_ref() }.ok_or_else(|| null("fleet"))?.0.run(work)
}

fn is_new(pools: &Pools, key: &str) -> Outcome {
    if pools.fleet.contains(key) {
        return Err(Failure::new(EVSCALE_POOL_EXISTS, format!("pool `{key}` is in the fleet already")));
    }
    Ok(())
}

/// Sets how many threads a tick may use, the caller's included: 1 to 1024, 1 at the start. The others live during evscale_fleet_tick
/// only. Decisions do not depend on it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_set_threads(
    fleet: *mut evscale_fleet,
    threads: usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || with_pools(fleet, |pools| Ok(pools.fleet.set_threads(threads)?)))
}

/// Sets what all pools may have together: `{"jobs": 500}`, or `{"cost_per_hour": 120.5}` by the price of a job-hour of each pool (one
/// without a price counts 1). NULL takes it back.
///
/// Whenever the pools ask for more, every pool with a record decides in that evscale_fleet_tick, and it is divided among them: each
/// keeps what its safety rules keep, and the rest goes where a job prevents most late events of the time ahead for its price, each
/// weighed with `priority` and `late_event_price` of its pool (without a price, with the time that an event keeps a job busy; give
/// all pools of a fleet one, or none). The trail of a decision and the health of its pool tell what the pool gave, as `shared_budget`.
/// A pool that decides alone gets what the others leave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_set_budget(
    fleet: *mut evscale_fleet,
    budget_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let budget = text(budget_json, "budget_json")?.map(SharedBudget::from_json).transpose()?;
        with_pools(fleet, |pools| Ok(pools.fleet.set_budget(budget)?))
    })
}

/// What became of the budget in the last tick, as JSON: `budget`, what the pools have of it (`held`) and would have without it
/// (`wanted`), `pools_that_gave_way`, and why it is `exceeded`, if it is. `null` without a budget.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_budget_json(
    fleet: *mut evscale_fleet,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let status = with_pools(fleet, |pools| Ok(pools.fleet.budget_status()))?;
        let json = status.map_or_else(|| "null".to_owned(), |status| status.to_json());
        copy_text(json, buffer, capacity, needed)
    })
}

/// Adds a pool under a key of its own (any text; EVSCALE_POOL_EXISTS if another pool has it), with a configuration in JSON
/// (NULL: the defaults).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_add(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    config_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (key, config) = (required_text(key, "key")?, config_of(config_json)?);
        with_pools(fleet, |pools| {
            is_new(pools, key)?;
            Ok(pools.fleet.add(key, config)?)
        })
    })
}

/// Adds a pool without history that begins with what other pools have learned, whose keys `like_json` has: `["eu-west", "us-east"]`.
/// Their startup and service time (the middle one), the weights and widths of their forecasts and the rule that leads in most of
/// them are there at once; once an hour of its own records tells its level, the course of their load at that level follows, and
/// half a day of what the candidates cost in them. Counts, accounts, orders, announcements and alarms stay theirs. What is
/// configured wins, its own records correct all of it, and its next decisions tell it. EVSCALE_POOL_EXISTS if another pool has the
/// key, EVSCALE_POOL_FAILED if one of those failed inside.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_add_like(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    config_json: *const c_char,
    like_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (key, config) = (required_text(key, "key")?, config_of(config_json)?);
        let like = required_text(like_json, "like_json")?;
        let like: Vec<String> = serde_json::from_str(like).map_err(|problem| {
            let message = format!("`like_json` is {like}, expected keys such as [\"eu-west\"]: {problem}");
            Failure::new(EVSCALE_INVALID_ARGUMENT, message)
        })?;
        let like: Vec<&str> = like.iter().map(String::as_str).collect();
        with_pools(fleet, |pools| {
            is_new(pools, key)?;
            Ok(pools.fleet.add_like(key, config, &like)?)
        })
    })
}

/// Adds a pool that goes on from a snapshot of evscale_fleet_snapshot or evscale_snapshot, like evscale_restore. EVSCALE_POOL_EXISTS
/// if another pool has the key.
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
        with_pools(fleet, |pools| {
            is_new(pools, key)?;
            Ok(pools.fleet.restore(key, config, state)?)
        })
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
            pools.seen.remove(key);
            if pools.fleet.remove(key) {
                return Ok(());
            }
            Err(Failure::new(EVSCALE_UNKNOWN_POOL, format!("the fleet has no pool `{key}`")))
        })
    })
}

/// Tells whether there is a pool with this key: `found` gets 1 or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_has(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    found: *mut i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (key, out) = (required_text(key, "key")?, required_mut(found, "found")?);
        *out = with_pools(fleet, |pools| Ok(i32::from(pools.fleet.contains(key))))?;
        Ok(())
    })
}

/// The keys of all pools in their order, as a JSON list of texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_keys_json(
    fleet: *mut evscale_fleet,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let keys = with_pools(fleet, |pools| {
            let keys: Vec<&str> = pools.fleet.keys().collect();
            Ok(serde_json::to_string(&keys).unwrap_or_default())
        })?;
        copy_text(keys, buffer, capacity, needed)
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
