//! Bundles and autoscalers.

use crate::boundary::{bytes, copy_out, copy_text, enter, null, required, required_mut, text};
use crate::error::*;
use crate::records::*;
use evscale_core::{Autoscaler, Config, Decision, Metrics, ModelBundle, Pause, ScalingOutcome, Timestamp};
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A forecaster and a policy network, checked. Immutable: any number of threads may use it.
pub struct evscale_bundle(ModelBundle);

/// The autoscaler of one pool. It may move between threads, but one thread at a time may use it.
pub struct evscale_autoscaler {
    scaler: Autoscaler,
    last: Option<Decision>,
    poisoned: bool,
}

/// Version of the library, such as "0.1.0"; valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn evscale_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Loads a bundle from the contents of manifest.json, forecaster.onnx and policy.onnx.
///
/// # Safety
/// Each pointer is NULL or readable for its length; `bundle` and `error` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundle_load(
    manifest: *const u8,
    manifest_length: usize,
    forecaster: *const u8,
    forecaster_length: usize,
    policy: *const u8,
    policy_length: usize,
    bundle: *mut *mut evscale_bundle,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(bundle, "bundle")?;
        let loaded = ModelBundle::from_files(
            bytes(manifest, manifest_length, "manifest")?,
            bytes(forecaster, forecaster_length, "forecaster")?,
            bytes(policy, policy_length, "policy")?,
        )?;
        *out = Box::into_raw(Box::new(evscale_bundle(loaded)));
        Ok(())
    })
}

/// Frees a bundle; autoscalers made with it keep their share. NULL does nothing.
///
/// # Safety
/// `bundle` is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundle_free(bundle: *mut evscale_bundle) {
    if !bundle.is_null() {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(bundle) });
    }
}

fn config_of(json: *const c_char) -> Result<Config, Failure> {
    Ok(text(json, "config_json")?.map_or_else(|| Ok(Config::default()), Config::from_json)?)
}

fn bundle_of(bundle: *const evscale_bundle) -> Result<ModelBundle, Failure> {
    // SAFETY: NULL or a bundle of this library, by the contract of the callers.
    let given = unsafe { bundle.as_ref() };
    Ok(given.map_or_else(ModelBundle::bundled, |bundle| Ok(bundle.0.clone()))?)
}

fn hand_over(scaler: Autoscaler, out: &mut *mut evscale_autoscaler) {
    *out = Box::into_raw(Box::new(evscale_autoscaler { scaler, last: None, poisoned: false }));
}

/// Makes an autoscaler from a configuration in JSON (NULL: the defaults) and a bundle (NULL: the models inside the
/// library).
///
/// # Safety
/// `config_json` is NULL or a text that ends in NUL; `bundle` is NULL or valid; `autoscaler` and `error` are NULL or
/// writable.
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

/// Makes an autoscaler that goes on from a snapshot.
///
/// # Safety
/// As for evscale_new; `snapshot` is readable for `length` bytes.
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

/// Frees an autoscaler. NULL does nothing.
///
/// # Safety
/// `autoscaler` is NULL or came from this library and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_free(autoscaler: *mut evscale_autoscaler) {
    if !autoscaler.is_null() {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(autoscaler) });
    }
}

/// Runs `work` on a handle that has not failed inside; a panic poisons the handle.
fn with_handle<T>(
    handle: *mut evscale_autoscaler,
    work: impl FnOnce(&mut evscale_autoscaler) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let handle = required_mut(handle, "autoscaler")?;
    if handle.poisoned {
        return Err(Failure::new(EVSCALE_POISONED, "the autoscaler failed inside before; free it"));
    }
    catch_unwind(AssertUnwindSafe(|| work(handle))).unwrap_or_else(|_| {
        handle.poisoned = true;
        Err(Failure::new(EVSCALE_PANIC, "the library failed inside; the autoscaler must be freed"))
    })
}

/// Takes the record of one interval. What became of it is told in `observation`, which may be NULL: a late, repeated or
/// broken record is a verdict, not a failure.
///
/// # Safety
/// Pointers are NULL or valid; `observation` is NULL or writable with its `struct_size` set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_observe(
    autoscaler: *mut evscale_autoscaler,
    metrics: *const evscale_metrics,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        required(metrics.cast::<u64>(), "metrics")?;
        let record = read_struct(metrics)?.to_core()?;
        observe(autoscaler, &record, observation)
    })
}

/// Takes a record as JSON, with the field names of the documentation.
///
/// # Safety
/// As for evscale_observe; `record_json` is NULL or a text that ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_observe_json(
    autoscaler: *mut evscale_autoscaler,
    record_json: *const c_char,
    observation: *mut evscale_observation,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = text(record_json, "record_json")?.ok_or_else(|| null("record_json"))?;
        let record = serde_json::from_str(json).map_err(|problem| {
            Failure::new(EVSCALE_INVALID_ARGUMENT, format!("metrics record: {problem}"))
        })?;
        observe(autoscaler, &record, observation)
    })
}

/// Whatever is wrong with the arguments is found before the record is taken.
fn observe(
    autoscaler: *mut evscale_autoscaler,
    record: &Metrics,
    observation: *mut evscale_observation,
) -> Result<(), Failure> {
    if !observation.is_null() {
        declared_size(observation.cast_const())?;
    }
    let seen = with_handle(autoscaler, |handle| Ok(handle.scaler.observe(record)?))?;
    if observation.is_null() { Ok(()) } else { write_struct(observation, (&seen).into()) }
}

/// The decision at the time of the newest record: a new one if it is due or there is an emergency, else the standing
/// one.
///
/// # Safety
/// Pointers are NULL or valid; `decision` has its `struct_size` set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_decide(
    autoscaler: *mut evscale_autoscaler,
    decision: *mut evscale_decision,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || decide(autoscaler, decision, Autoscaler::decide))
}

/// The decision at a time (milliseconds since 1970) that may be later than the newest record.
///
/// # Safety
/// As for evscale_decide.
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
) -> Result<(), Failure> {
    required(decision.cast_const().cast::<u64>(), "decision")?;
    declared_size(decision.cast_const())?;
    let made = with_handle(autoscaler, |handle| {
        let made = make(&mut handle.scaler);
        let out = evscale_decision::from(&made);
        handle.last = Some(made);
        Ok(out)
    })?;
    write_struct(decision, made)
}

/// The last decision with everything that led to it, as JSON.
///
/// # Safety
/// `buffer` is NULL or writable for `capacity` bytes; `needed` and `error` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_decision_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_handle(autoscaler, |handle| {
            let last = handle.last.as_ref();
            last.map(Decision::to_json)
                .ok_or_else(|| Failure::new(EVSCALE_INVALID_ARGUMENT, "there is no decision yet"))
        })?;
        copy_text(&json, buffer, capacity, needed)
    })
}

/// The forecast at the newest record, as JSON.
///
/// # Safety
/// As for evscale_decision_json.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecast_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_handle(autoscaler, |handle| Ok(handle.scaler.forecast().to_json()))?;
        copy_text(&json, buffer, capacity, needed)
    })
}

/// The whole state of the pool.
///
/// # Safety
/// As for evscale_decision_json.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_snapshot(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut u8,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let state = with_handle(autoscaler, |handle| Ok(handle.scaler.snapshot()))?;
        copy_out(&state, buffer, capacity, needed)
    })
}

/// Tells what the host really did, as JSON: timestamp, started, ready, startup_seconds, refused.
///
/// # Safety
/// `outcome_json` is NULL or a text that ends in NUL; the others are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_acknowledge_json(
    autoscaler: *mut evscale_autoscaler,
    outcome_json: *const c_char,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = text(outcome_json, "outcome_json")?.ok_or_else(|| null("outcome_json"))?;
        let outcome: ScalingOutcome = serde_json::from_str(json)
            .map_err(|problem| Failure::new(EVSCALE_INVALID_ARGUMENT, format!("outcome: {problem}")))?;
        with_handle(autoscaler, |handle| {
            handle.scaler.acknowledge(&outcome);
            Ok(())
        })
    })
}

/// Switches changes off, from the next decision: 0 none, 1 all, 2 scaling down, 3 scaling up.
///
/// # Safety
/// Pointers are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_set_pause(
    autoscaler: *mut evscale_autoscaler,
    pause: i32,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let pause = match pause {
            0 => Pause::Off,
            1 => Pause::All,
            2 => Pause::Down,
            3 => Pause::Up,
            other => {
                return Err(Failure::new(
                    EVSCALE_INVALID_ARGUMENT,
                    format!("`pause` is {other}, expected 0 to 3"),
                ));
            }
        };
        with_handle(autoscaler, |handle| {
            handle.scaler.set_pause(pause);
            Ok(())
        })
    })
}
