//! One pool of a fleet: single records, what it forecasts, and the states of all.

use crate::boundary::{Outcome, copy_text, enter, json, required_mut, required_text};
use crate::error::*;
use crate::fleet::{evscale_fleet, with_pools};
use crate::fleet_pools::{decide, with_pool};
use crate::growing::{self, declared_size};
use crate::meter::evscale_meter;
use crate::orders::latency_of;
use crate::records::*;
use crate::reports::{metric_of, nothing, write_quantiles};
use evscale_core::{Metrics, Observation, PoolMut, Timestamp};
use std::ffi::{CString, c_char, c_void};

/// Like evscale_observe, for one pool: without a decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_observe(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    metrics: *const evscale_metrics,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let record = growing::read(metrics)?.to_core()?;
        take(fleet, key, observation, |pool| pool.observe(&record))
    })
}

/// Like evscale_observe_json, for one pool: without a decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_observe_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    record_json: *const c_char,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let record: Metrics = json(record_json, "record_json")?;
        take(fleet, key, observation, |pool| pool.observe(&record))
    })
}

/// Like evscale_backfill, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_backfill(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    metrics: *const evscale_metrics,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let record = growing::read(metrics)?.to_core()?;
        take(fleet, key, observation, |pool| pool.backfill(&record))
    })
}

fn take(
    fleet: *const evscale_fleet,
    key: *const c_char,
    observation: *mut evscale_observation,
    how: impl FnOnce(&mut PoolMut<'_>) -> evscale_core::Result<Observation>,
) -> Outcome {
    let key = required_text(key, "key")?;
    if !observation.is_null() {
        declared_size(observation.cast_const())?;
    }
    let seen = with_pools(fleet, |pools| {
        let seen = pools.fleet.with_pool(key, how)??;
        let out = evscale_observation::from(&seen);
        pools.seen.insert(key.to_owned(), seen);
        Ok(out)
    })?;
    if observation.is_null() { Ok(()) } else { growing::write(observation, &seen) }
}

/// Like evscale_decide, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_decide(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    decision: *mut evscale_decision,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || decide(fleet, key, decision, |pool| pool.decide()))
}

/// Like evscale_observation_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_observation_json(
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
            pools.seen.get(key).map(Observation::to_json).ok_or_else(|| nothing("record"))
        })?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_forecast_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_forecast_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(fleet, key, |pool| pool.forecast().to_json())?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Like evscale_forecast_quantiles, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_forecast_quantiles(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    minutes: *const u32,
    minutes_count: usize,
    levels: *const f64,
    levels_count: usize,
    values: *mut f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        write_quantiles((minutes, minutes_count), (levels, levels_count), values, || {
            with_pool(fleet, key, |pool| pool.forecast())
        })
    })
}

/// Like evscale_report_metric, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_report_metric(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    name: *const c_char,
    value: *mut f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (name, value) = (metric_of(name)?, required_mut(value, "value")?);
        *value = with_pool(fleet, key, |pool| pool.report())?.get(name).unwrap_or(f64::NAN);
        Ok(())
    })
}

/// Like evscale_report_latency, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_report_latency(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    milliseconds: f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let took = latency_of(milliseconds)?;
        with_pool(fleet, key, |pool| pool.report_latency(took))
    })
}

/// Like evscale_meter_acknowledge, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_meter_acknowledge(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    meter: *const evscale_meter,
    now_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    crate::meter::with_meter(meter, error, |meter| {
        let now = Timestamp::from_millis(now_ms)?;
        with_pool(fleet, key, |pool| {
            if let Some(outcome) = meter.outcome(now) {
                pool.acknowledge(&outcome);
            }
        })
    })
}

/// Reports and alerts of all pools as OpenMetrics text, like evscale_openmetrics, with their keys as the label `pool`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_openmetrics(
    fleet: *mut evscale_fleet,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let text = with_pools(fleet, |pools| Ok(pools.fleet.openmetrics()))?;
        copy_text(text, buffer, capacity, needed)
    })
}

/// Gets the snapshot of one pool, `length` bytes that are valid during the call. Returns 0 to go on; another number ends the walk with
/// EVSCALE_STOPPED. It must not unwind (throw, longjmp) out of the call, nor use the fleet.
pub type evscale_snapshot_callback = Option<
    unsafe extern "C" fn(context: *mut c_void, key: *const c_char, snapshot: *const u8, length: usize) -> i32,
>;

/// Hands the snapshots of all pools to a function, in the order of their keys; `context` is handed to it. Pools that failed are left
/// out, and so are keys with a NUL inside, which no text of C can hold.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_snapshots(
    fleet: *mut evscale_fleet,
    each: evscale_snapshot_callback,
    context: *mut c_void,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let each = each.ok_or_else(|| crate::boundary::null("each"))?;
        with_pools(fleet, |pools| {
            for (key, state) in pools.fleet.snapshots() {
                let Ok(name) = CString::new(key) else { continue };
                // SAFETY: the host's function gets the host's pointer, a text that ends in NUL, and readable bytes.
                let answer = unsafe { each(context, name.as_ptr(), state.as_ptr(), state.len()) };
                if answer != 0 {
                    let message = format!("`each` returned {answer} for pool `{key}`, expected 0 to go on");
                    return Err(Failure::new(EVSCALE_STOPPED, message));
                }
            }
            Ok(())
        })
    })
}
