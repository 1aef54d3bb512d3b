//! Models that are tried in the shadow, promoted, brought back, replaced and pinned.

use crate::autoscaler::{evscale_autoscaler, with_pool};
use crate::boundary::{Outcome, copy_text, enter, required_mut, text};
use crate::bundle::{bundle_of, evscale_bundle};
use crate::error::*;
use crate::fleet::{evscale_fleet, with_pools};
use crate::fleet_pools;
use crate::reports::nothing;
use evscale_core::{Autoscaler, LifecycleStatus, PoolMut};
use std::ffi::c_char;

/// Reason of what nobody gave a reason for.
const BY_HAND: &str = "asked for by hand";

fn reason_of<'a>(reason: *const c_char) -> Result<&'a str, Failure> {
    Ok(text(reason, "reason")?.unwrap_or(BY_HAND))
}

/// Runs other models in the shadow: they see every record, and no decision sees them. Once they have proven to be better on
/// this pool's load they are promoted, and those before them stay in the shadow, to come back if the promoted ones become worse.
/// Models that are no better are promoted in at most 1 of 1,000 trials. The bundle stays the caller's. After evscale_restore the
/// same models go on where they were once they are given again. Fails with EVSCALE_INVALID_ARGUMENT if the configuration does without
/// networks or the models are those that act, and with EVSCALE_INVALID_BUNDLE if they are not signed as it asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_challenge(
    autoscaler: *mut evscale_autoscaler,
    bundle: *const evscale_bundle,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let bundle = bundle_of(bundle)?;
        with_pool(autoscaler, |pool| Ok(pool.scaler.challenge(&bundle)?))
    })
}

/// Takes the models in the shadow away, a challenger or a predecessor. `ended` (may be NULL) gets 1 if there were any, else 0.
/// `reason` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_end_challenge(
    autoscaler: *mut evscale_autoscaler,
    reason: *const c_char,
    ended: *mut i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let reason = reason_of(reason)?;
        let there = with_pool(autoscaler, |pool| Ok(pool.scaler.end_challenge(reason)))?;
        told_ended(ended, there)
    })
}

/// Promotes the challenger without waiting for its proof. `reason` may be NULL. Fails with EVSCALE_INVALID_ARGUMENT if there is none,
/// or the models are pinned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_promote(
    autoscaler: *mut evscale_autoscaler,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || alone(autoscaler, reason, Autoscaler::promote))
}

/// Brings the predecessor back, with what it has learned in the shadow. `reason` may be NULL. Fails with EVSCALE_INVALID_ARGUMENT if
/// there is none, or the models are pinned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_roll_back(
    autoscaler: *mut evscale_autoscaler,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || alone(autoscaler, reason, Autoscaler::roll_back))
}

/// Lets other models act from now on, without a trial and without a pause: everything that was learned stays, and those before
/// them stay in the shadow. The bundle stays the caller's; `reason` may be NULL. Fails with EVSCALE_INVALID_ARGUMENT if the
/// configuration does without networks or the present models are pinned, and with EVSCALE_INVALID_BUNDLE if the new ones are not
/// signed as it asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_bundle(
    autoscaler: *mut evscale_autoscaler,
    bundle: *const evscale_bundle,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (bundle, reason) = (bundle_of(bundle)?, reason_of(reason)?);
        with_pool(autoscaler, |pool| Ok(pool.scaler.set_bundle(&bundle, reason)?))
    })
}

/// Forbids promotion and rollback, by hand and by themselves; NULL as `reason` allows them again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_pin_models(
    autoscaler: *mut evscale_autoscaler,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let reason = text(reason, "reason")?;
        with_pool(autoscaler, |pool| {
            pool.scaler.pin_models(reason);
            Ok(())
        })
    })
}

/// Which models act, which run beside them, how both compare, and what happened, as JSON. EVSCALE_NOTHING_YET while there was never
/// another one than at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_models_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let status = with_pool(autoscaler, |pool| told(pool.scaler.models()))?;
        copy_text(status, buffer, capacity, needed)
    })
}

fn told(status: Option<LifecycleStatus>) -> Result<String, Failure> {
    status.map(|status| status.to_json()).ok_or_else(|| nothing("second bundle of models"))
}

/// Runs other models in the shadow in a share of the pools, 0 to 1: those that are in it by the hash of key and models, so that a
/// larger share has those of a smaller one. Pools whose configuration refuses the models are left out. `started` (may be NULL) gets
/// the number of pools in which they run from now on. Fails with EVSCALE_INVALID_ARGUMENT if `share` is not 0 to 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_challenge(
    fleet: *mut evscale_fleet,
    bundle: *const evscale_bundle,
    share: f64,
    started: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let bundle = bundle_of(bundle)?;
        count(started, with_pools(fleet, |pools| Ok(pools.fleet.challenge(&bundle, share)?))?.len())
    })
}

/// Lets other models act in a share of the pools, 0 to 1, without a trial. Pools that rolled these models back before, or whose models
/// are pinned, are left out. `changed` (may be NULL) gets the number of pools in which they act from now on; `reason` may be NULL. Fails with EVSCALE_INVALID_ARGUMENT if `share`
/// is not 0 to 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_roll_out(
    fleet: *mut evscale_fleet,
    bundle: *const evscale_bundle,
    share: f64,
    reason: *const c_char,
    changed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let (bundle, reason) = (bundle_of(bundle)?, reason_of(reason)?);
        count(changed, with_pools(fleet, |pools| Ok(pools.fleet.roll_out(&bundle, share, reason)?))?.len())
    })
}

fn alone(
    autoscaler: *mut evscale_autoscaler,
    reason: *const c_char,
    change: impl FnOnce(&mut Autoscaler, &str) -> evscale_core::Result<()>,
) -> Outcome {
    let reason = reason_of(reason)?;
    with_pool(autoscaler, |pool| Ok(change(&mut pool.scaler, reason)?))
}

fn in_fleet(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    reason: *const c_char,
    change: impl FnOnce(&mut PoolMut<'_>, &str) -> evscale_core::Result<()>,
) -> Outcome {
    let reason = reason_of(reason)?;
    Ok(fleet_pools::with_pool(fleet, key, |pool| change(pool, reason))??)
}

fn told_ended(out: *mut i32, there: bool) -> Outcome {
    if !out.is_null() {
        *required_mut(out, "ended")? = there.into();
    }
    Ok(())
}

fn count(out: *mut usize, pools: usize) -> Outcome {
    if !out.is_null() {
        *required_mut(out, "count")? = pools;
    }
    Ok(())
}

/// Like evscale_end_challenge, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_end_challenge(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    reason: *const c_char,
    ended: *mut i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let reason = reason_of(reason)?;
        let there = fleet_pools::with_pool(fleet, key, |pool| pool.end_challenge(reason))?;
        told_ended(ended, there)
    })
}

/// Like evscale_promote, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_promote(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || in_fleet(fleet, key, reason, |pool, why| pool.promote(why)))
}

/// Like evscale_roll_back, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_roll_back(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || in_fleet(fleet, key, reason, |pool, why| pool.roll_back(why)))
}

/// Like evscale_pin_models, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_pin_models(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    reason: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let reason = text(reason, "reason")?;
        fleet_pools::with_pool(fleet, key, |pool| pool.pin_models(reason))
    })
}

/// Like evscale_models_json, for one pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_fleet_models_json(
    fleet: *mut evscale_fleet,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let status = told(fleet_pools::with_pool(fleet, key, |pool| pool.models())?)?;
        copy_text(status, buffer, capacity, needed)
    })
}
