//! One pool of a fleet: what evscale_autoscaler has for its own.

use crate::autoscaler::config_of;
use crate::boundary::{Outcome, copy_out, copy_text, enter, json, required_text};
use crate::error::*;
use crate::fleet::{evscale_fleet, with_pools};
use crate::growing::{self, declared_size};
use crate::orders::{override_of, pause_of};
use crate::records::evscale_decision;
use crate::reports::nothing;
use evscale_core::{Alert, Decision, PoolMut, Timestamp};
use std::ffi::c_char;

/// Runs `work` on one pool of a handle.
pub(crate) fn with_pool<T>(
    fleet: *const evscale_fleet,
    key: *const c_char,
    work: impl FnOnce(&mut PoolMut<'_>) -> T,
) -> Result<T, Failure> {
    let key = required_text(key, "key")?;
    with_pools(fleet, |pools| Ok(pools.fleet.with_pool(key, work)?))
}

/// Like evscale_decide_at, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_decide_at(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    timestamp_ms: i64,
    decision: *mut evscale_decision,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let at = Timestamp::from_millis(timestamp_ms)?;
        decide(fleet, key, decision, |pool| pool.decide_at(at))
    })
}

pub(crate) fn decide(
    fleet: *const evscale_fleet,
    key: *const c_char,
    decision: *mut evscale_decision,
    make: impl FnOnce(&mut PoolMut<'_>) -> Decision,
) -> Outcome {
    let key = required_text(key, "key")?;
    declared_size(decision.cast_const())?;
    let made = with_pools(fleet, |pools| {
        let made = pools.fleet.with_pool(key, make)?;
        let out = evscale_decision::from(&made);
        pools.last.insert(key.to_owned(), made);
        Ok(out)
    })?;
    growing::write(decision, &made)
}

/// Like evscale_decision_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_decision_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let key = required_text(key, "key")?;
        let json = with_pools(fleet, |pools| {
            pools.fleet.with_pool(key, |_| ())?;
            pools.last.get(key).map(Decision::to_json).ok_or_else(|| nothing("decision"))
        })?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_explanation, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_explanation(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let key = required_text(key, "key")?;
        let text = with_pools(fleet, |pools| {
            pools.fleet.with_pool(key, |_| ())?;
            pools.last.get(key).map(|last| last.explanation.clone()).ok_or_else(|| nothing("decision"))
        })?;
        copy_text(text, buffer, capacity, needed)
    })
}

/// Like evscale_config_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_config_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(fleet, key, |scaler| scaler.config().to_json())?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_health_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_health_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(fleet, key, |scaler| scaler.health().to_json())?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_learned_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_learned_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(fleet, key, |scaler| scaler.learned().to_json())?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_report_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_report_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(fleet, key, |scaler| scaler.report().to_json())?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_alerts_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_alerts_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(fleet, key, |scaler| Alert::all_to_json(&scaler.alerts()))?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_silence, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_silence(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    alert: *const c_char,
    until_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let name = required_text(alert, "alert")?;
        let until = Timestamp::from_millis(until_ms)?;
        Ok(with_pool(fleet, key, |scaler| scaler.silence(name, Some(until)))??)
    })
}

/// The metrics that add up, summed over the pools that know them, as a JSON object by name. Pools that failed are left out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_sums_json(
    fleet: *mut evscale_fleet,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let sums = with_pools(fleet, |pools| Ok(pools.fleet.sums()))?;
        copy_text(serde_json::to_string(&sums).unwrap_or_default(), buffer, capacity, needed)
    })
}

/// Like evscale_snapshot, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_snapshot(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut u8,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let state = with_pool(fleet, key, |scaler| scaler.snapshot())?;
        copy_out(&state, buffer, capacity, needed)
    })
}

/// Like evscale_acknowledge_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_acknowledge_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    outcome_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let outcome = json(outcome_json, "outcome_json")?;
        with_pool(fleet, key, |scaler| scaler.acknowledge(&outcome))
    })
}

/// Like evscale_set_pause, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_set_pause(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    pause: i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let pause = pause_of(pause)?;
        with_pool(fleet, key, |scaler| scaler.set_pause(pause))
    })
}

/// Like evscale_set_override, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_set_override(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    order: i32,
    jobs: u32,
    until_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let manual = override_of(order, jobs, until_ms)?;
        Ok(with_pool(fleet, key, |scaler| scaler.set_override(Some(manual)))??)
    })
}

/// Like evscale_set_override_from, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_set_override_from(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    order: i32,
    jobs: u32,
    from_ms: i64,
    until_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let manual = override_of(order, jobs, until_ms)?.starting(Timestamp::from_millis(from_ms)?);
        Ok(with_pool(fleet, key, |scaler| scaler.set_override(Some(manual)))??)
    })
}

/// Like evscale_clear_override, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_clear_override(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || Ok(with_pool(fleet, key, |scaler| scaler.set_override(None))??))
}

/// Like evscale_reconfigure, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_reconfigure(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    config_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let config = config_of(config_json)?;
        with_pool(fleet, key, |scaler| scaler.reconfigure(config))??;
        Ok(())
    })
}
