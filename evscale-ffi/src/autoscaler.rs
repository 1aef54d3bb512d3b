//! The autoscaler of one pool: its life, its records, its decisions.

use crate::boundary::{Outcome, bytes, enter, json, null, required_mut, text};
use crate::bundle::{bundle_of, evscale_bundle};
use crate::error::*;
use crate::exclusive::Exclusive;
use crate::growing::{self, declared_size};
use crate::records::*;
use evscale_core::{Autoscaler, Config, Decision, Metrics, Observation, Timestamp};
use std::ffi::c_char;

/// The autoscaler of one pool. Threads: it may move between them, one call at a time; a call that comes while another one
/// runs is refused with EVSCALE_BUSY and does nothing. Two autoscalers share nothing that is locked.
pub struct evscale_autoscaler(pub(crate) Exclusive<Pool>);

/// A pool, and the last that it said.
pub(crate) struct Pool {
    pub(crate) scaler: Autoscaler,
    pub(crate) seen: Option<Observation>,
    pub(crate) last: Option<Decision>,
}

/// The configuration in JSON; the defaults for NULL.
pub(crate) fn config_of(json: *const c_char) -> Result<Config, Failure> {
    Ok(text(json, "config_json")?.map_or_else(|| Ok(Config::default()), Config::from_json)?)
}

fn hand_over(scaler: Autoscaler, out: &mut *mut evscale_autoscaler) {
    let pool = Pool { scaler, seen: None, last: None };
    *out = Box::into_raw(Box::new(evscale_autoscaler(Exclusive::new("autoscaler", pool))));
}

/// Makes an autoscaler from a configuration in JSON (NULL: the defaults) and a bundle (NULL: the models inside the
/// library). `autoscaler` gets it; free it with evscale_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_new(
    config_json: *const c_char,
    bundle: *const evscale_bundle,
    autoscaler: *mut *mut evscale_autoscaler,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(autoscaler, "autoscaler")?;
        let scaler = Autoscaler::builder(config_of(config_json)?).bundle(bundle_of(bundle)?).build()?;
        hand_over(scaler, out);
        Ok(())
    })
}

/// Makes an autoscaler that goes on from a snapshot of evscale_snapshot or evscale_fleet_snapshot. Until a fresh record
/// tells the number of jobs no decision has a recommendation. Settings that differ from those at the snapshot win, as by
/// evscale_reconfigure. Fails with EVSCALE_INVALID_SNAPSHOT if the snapshot is damaged, foreign, or of another format. Otherwise
/// like evscale_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_restore(
    config_json: *const c_char,
    bundle: *const evscale_bundle,
    snapshot: *const u8,
    length: usize,
    autoscaler: *mut *mut evscale_autoscaler,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(autoscaler, "autoscaler")?;
        let state = bytes(snapshot, length, "snapshot")?;
        hand_over(Autoscaler::restore(config_of(config_json)?, bundle_of(bundle)?, state)?, out);
        Ok(())
    })
}

/// Goes on under another configuration in JSON (NULL: the defaults). What it says wins over what was learned; what was learned
/// stays where it still means something, so that records of another interval go on with the history resampled. The next
/// evscale_decide makes a new decision, which tells the settings that differ. Fails if the configuration is refused, or asks for
/// networks that the autoscaler was made without; then nothing changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_reconfigure(
    autoscaler: *mut evscale_autoscaler,
    config_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let config = config_of(config_json)?;
        with_pool(autoscaler, |pool| Ok(pool.scaler.reconfigure(config)?))?;
        Ok(())
    })
}

/// Frees an autoscaler. NULL does nothing; EVSCALE_BUSY, and nothing is freed, while another thread's call is using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_free(autoscaler: *mut evscale_autoscaler) -> i32 {
    // SAFETY: NULL or a handle of this library, by the contract of the function.
    unsafe { free(autoscaler, |handle| handle.0.close()) }
}

/// Frees what a handle holds, unless a call is using it.
///
/// # Safety
/// `handle` is NULL, or was made by Box::into_raw in this library and not freed before.
pub(crate) unsafe fn free<T>(handle: *mut T, close: impl FnOnce(&T) -> bool) -> i32 {
    // SAFETY: by the contract of this function.
    match unsafe { handle.as_ref() } {
        Some(content) if !close(content) => return EVSCALE_BUSY,
        // SAFETY: as above, and nobody uses it any more.
        Some(_) => drop(unsafe { Box::from_raw(handle) }),
        None => (),
    }
    EVSCALE_OK
}

/// Runs `work` on the pool of a handle.
pub(crate) fn with_pool<T>(
    handle: *const evscale_autoscaler,
    work: impl FnOnce(&mut Pool) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // SAFETY: NULL or valid by the contract of the callers.
    unsafe { handle.as_ref() }.ok_or_else(|| null("autoscaler"))?.0.run(work)
}

/// Takes the record of one interval. `observation` (may be NULL) tells what became of it: a late, repeated or broken
/// record is a verdict, not a failure. A refused call takes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_observe(
    autoscaler: *mut evscale_autoscaler,
    metrics: *const evscale_metrics,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || take(autoscaler, &growing::read(metrics)?.to_core()?, observation, Autoscaler::observe))
}

/// Takes a record as JSON (at most 1 MiB) with the field names of evscale_metrics, but `timestamp` (RFC 3339 or
/// milliseconds since 1970) and without `struct_size`; what is not known is absent or null. `classes` has the counts of each class of
/// events by its name, where the configuration has classes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_observe_json(
    autoscaler: *mut evscale_autoscaler,
    record_json: *const c_char,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || take(autoscaler, &json(record_json, "record_json")?, observation, Autoscaler::observe))
}

/// Takes a record from long ago into the history alone, some hundred times cheaper than evscale_observe: for the older
/// part of a long history. Nothing is forecast or learned from it. Otherwise like evscale_observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_backfill(
    autoscaler: *mut evscale_autoscaler,
    metrics: *const evscale_metrics,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || take(autoscaler, &growing::read(metrics)?.to_core()?, observation, Autoscaler::backfill))
}

/// Whatever is wrong with the arguments is found before the record is taken.
fn take(
    autoscaler: *mut evscale_autoscaler,
    record: &Metrics,
    observation: *mut evscale_observation,
    how: impl FnOnce(&mut Autoscaler, &Metrics) -> evscale_core::Result<Observation>,
) -> Outcome {
    if !observation.is_null() {
        declared_size(observation.cast_const())?;
    }
    let seen = with_pool(autoscaler, |pool| {
        let seen = how(&mut pool.scaler, record)?;
        let out = evscale_observation::from(&seen);
        pool.seen = Some(seen);
        Ok(out)
    })?;
    if observation.is_null() { Ok(()) } else { growing::write(observation, &seen) }
}

/// The decision at the time of the newest record: a new one if it is due or there is an emergency, else the standing
/// one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_decide(
    autoscaler: *mut evscale_autoscaler,
    decision: *mut evscale_decision,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || decide(autoscaler, decision, Autoscaler::decide))
}

/// The decision at a time (milliseconds since 1970) that may be later than the newest record: what to do when records
/// stay away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_decide_at(
    autoscaler: *mut evscale_autoscaler,
    timestamp_ms: i64,
    decision: *mut evscale_decision,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let at = Timestamp::from_millis(timestamp_ms)?;
        decide(autoscaler, decision, |scaler| scaler.decide_at(at))
    })
}

fn decide(
    autoscaler: *mut evscale_autoscaler,
    decision: *mut evscale_decision,
    make: impl FnOnce(&mut Autoscaler) -> Decision,
) -> Outcome {
    declared_size(decision.cast_const())?;
    let made = with_pool(autoscaler, |pool| {
        let made = make(&mut pool.scaler);
        let out = evscale_decision::from(&made);
        pool.last = Some(made);
        Ok(out)
    })?;
    growing::write(decision, &made)
}
