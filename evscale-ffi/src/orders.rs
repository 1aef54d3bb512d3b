//! What the host and its people tell an autoscaler.

use crate::autoscaler::{evscale_autoscaler, with_pool};
use crate::boundary::{Outcome, enter, json};
use crate::error::*;
use evscale_core::{Autoscaler, ManualOrder, ManualOverride, Pause, Timestamp};
use std::ffi::c_char;
use std::time::Duration;

/// Nothing is paused.
pub const EVSCALE_PAUSE_OFF: i32 = 0;
/// The pool stays as it is.
pub const EVSCALE_PAUSE_ALL: i32 = 1;
/// The pool does not shrink.
pub const EVSCALE_PAUSE_DOWN: i32 = 2;
/// The pool does not grow.
pub const EVSCALE_PAUSE_UP: i32 = 3;

/// Exactly so many jobs.
pub const EVSCALE_ORDER_FIXED: i32 = 0;
/// At most so many jobs.
pub const EVSCALE_ORDER_CAP: i32 = 1;
/// At least so many jobs.
pub const EVSCALE_ORDER_FLOOR: i32 = 2;

/// Longest time that a call can have taken, ms.
const MOST_MILLISECONDS: f64 = 86_400_000.0;

/// Tells what the host really did, as JSON (at most 1 MiB): timestamp (required), started, ready, startup_seconds,
/// refused, drained. The startup time, and what can be had, are learned from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_acknowledge_json(
    autoscaler: *mut evscale_autoscaler,
    outcome_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let outcome = json(outcome_json, "outcome_json")?;
        tell(autoscaler, |scaler| scaler.acknowledge(&outcome))
    })
}

/// Tells how long the last evscale_observe or evscale_decide took by the host's clock, ms, 0 to 86,400,000. Networks that took
/// longer than `latency_budget_ms` of the configuration are left alone for a while.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_report_latency(
    autoscaler: *mut evscale_autoscaler,
    milliseconds: f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let took = latency_of(milliseconds)?;
        tell(autoscaler, |scaler| scaler.report_latency(took))
    })
}

pub(crate) fn latency_of(milliseconds: f64) -> Result<Duration, Failure> {
    if !(0.0..=MOST_MILLISECONDS).contains(&milliseconds) {
        let message = format!(
            "`milliseconds` is {milliseconds:?}, expected 0 to {MOST_MILLISECONDS:?}, which is a day"
        );
        return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
    }
    Ok(Duration::from_secs_f64(milliseconds / 1000.0))
}

/// Switches changes off: one of EVSCALE_PAUSE_*. The next evscale_decide makes a new decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_pause(
    autoscaler: *mut evscale_autoscaler,
    pause: i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let pause = pause_of(pause)?;
        tell(autoscaler, |scaler| scaler.set_pause(pause))
    })
}

/// A person's order until `until_ms` (milliseconds since 1970): `order` is one of EVSCALE_ORDER_*. It goes beyond step limits,
/// cooldowns and the forecast floor; a pause, the budget and the bounds hold nevertheless. A later order takes the place of an
/// earlier one. The next evscale_decide makes a new decision, and so does the first one after the order ends, which tells
/// that. Fails with EVSCALE_INVALID_ARGUMENT if the order ends before the newest record, or asks for a number outside
/// `min_jobs` to `max_jobs`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_override(
    autoscaler: *mut evscale_autoscaler,
    order: i32,
    jobs: u32,
    until_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let manual = override_of(order, jobs, until_ms)?;
        with_pool(autoscaler, |pool| Ok(pool.scaler.set_override(Some(manual))?))
    })
}

/// Like evscale_set_override for an order that begins at `from_ms`, which may lie in the past. A decision is due then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_override_from(
    autoscaler: *mut evscale_autoscaler,
    order: i32,
    jobs: u32,
    from_ms: i64,
    until_ms: i64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let manual = override_of(order, jobs, until_ms)?.starting(Timestamp::from_millis(from_ms)?);
        with_pool(autoscaler, |pool| Ok(pool.scaler.set_override(Some(manual))?))
    })
}

/// Takes a person's order back. The next evscale_decide makes a new decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_clear_override(
    autoscaler: *mut evscale_autoscaler,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || with_pool(autoscaler, |pool| Ok(pool.scaler.set_override(None)?)))
}

fn tell(autoscaler: *mut evscale_autoscaler, work: impl FnOnce(&mut Autoscaler)) -> Outcome {
    with_pool(autoscaler, |pool| {
        work(&mut pool.scaler);
        Ok(())
    })
}

pub(crate) fn pause_of(pause: i32) -> Result<Pause, Failure> {
    match pause {
        EVSCALE_PAUSE_OFF => Ok(Pause::Off),
        EVSCALE_PAUSE_ALL => Ok(Pause::All),
        EVSCALE_PAUSE_DOWN => Ok(Pause::Down),
        EVSCALE_PAUSE_UP => Ok(Pause::Up),
        other => Err(Failure::new(EVSCALE_INVALID_ARGUMENT, format!("`pause` is {other}, expected 0 to 3"))),
    }
}

pub(crate) fn override_of(order: i32, jobs: u32, until_ms: i64) -> Result<ManualOverride, Failure> {
    let order = match order {
        EVSCALE_ORDER_FIXED => ManualOrder::Fixed(jobs),
        EVSCALE_ORDER_CAP => ManualOrder::Cap(jobs),
        EVSCALE_ORDER_FLOOR => ManualOrder::Floor(jobs),
        other => {
            return Err(Failure::new(
                EVSCALE_INVALID_ARGUMENT,
                format!("`order` is {other}, expected 0 to 2"),
            ));
        }
    };
    Ok(ManualOverride::new(order, Timestamp::from_millis(until_ms)?))
}
