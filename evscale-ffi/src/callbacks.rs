//! A host's own forecaster and policy, as functions of the host.

use crate::autoscaler::{evscale_autoscaler, with_pool};
use crate::boundary::{enter, null};
use crate::error::*;
use evscale_core::features::PolicyState;
use evscale_core::{HORIZON_MINUTES, HostError, HostForecaster, HostPolicy, QUANTILE_LEVELS, Series};
use std::ffi::{CString, c_char, c_void};

/// Leads of a forecaster of the host's own: a row of its answer each, 2, 4, 6, 8, 12, 18, 24, 36, 48, 72, 120 and 180 minutes ahead.
pub const EVSCALE_HORIZONS: i32 = 12;
/// Levels of its quantiles: a column each, 0.005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99 and 0.995.
pub const EVSCALE_LEVELS: i32 = 15;

/// Forecasts: `counts` are the arrivals of up to a week, `count` intervals of `interval_seconds`, oldest first, NaN where they are
/// unknown; the newest ends at `end_ms`. Fills EVSCALE_HORIZONS rows of EVSCALE_LEVELS quantiles of the arrivals of a single
/// interval, 0 to 1e15, never decreasing within a row. Returns 0, or another number if it failed. The same counts should give the
/// same answer. It must not unwind (throw, longjmp) out of the call, nor use the handle that asks.
pub type evscale_forecast_callback = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        counts: *const f64,
        count: usize,
        end_ms: i64,
        interval_seconds: f64,
        quantiles: *mut f64,
    ) -> i32,
>;

/// Proposes jobs: `state_json` says what the policy network sees. Fills `jobs`, 0 to 1e9, before the safety rules. Returns 0, or
/// another number if it failed. It is asked for the pool and for its shadow pool alike, and must not take two calls for two
/// moments of one pool, nor unwind out of the call, nor use the handle that asks.
pub type evscale_policy_callback =
    Option<unsafe extern "C" fn(context: *mut c_void, state_json: *const c_char, jobs: *mut f64) -> i32>;

/// Frees what a callback was given as its context.
pub type evscale_release_callback = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// A pointer of the host's, which it allows to move between threads as the handle does.
struct Context {
    pointer: *mut c_void,
    release: evscale_release_callback,
}

// SAFETY: the header says that the context moves with its handle.
unsafe impl Send for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the host's function gets the host's pointer, once.
            unsafe { release(self.pointer) };
        }
    }
}

struct Forecasts {
    callback: unsafe extern "C" fn(*mut c_void, *const f64, usize, i64, f64, *mut f64) -> i32,
    context: Context,
}

struct Proposes {
    callback: unsafe extern "C" fn(*mut c_void, *const c_char, *mut f64) -> i32,
    context: Context,
}

impl HostForecaster for Forecasts {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        let mut answer = vec![f64::NAN; HORIZON_MINUTES.len() * QUANTILE_LEVELS.len()];
        // SAFETY: the host's function gets the host's pointer and arrays of the sizes that the header tells.
        let status = unsafe {
            (self.callback)(
                self.context.pointer,
                series.counts.as_ptr(),
                series.counts.len(),
                series.end.as_millis(),
                series.interval_seconds,
                answer.as_mut_ptr(),
            )
        };
        succeeded(status)?;
        Ok(answer.chunks(QUANTILE_LEVELS.len()).map(<[f64]>::to_vec).collect())
    }
}

impl HostPolicy for Proposes {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        let state = CString::new(state.to_json())?;
        let mut jobs = f64::NAN;
        // SAFETY: the host's function gets the host's pointer, a text that ends in NUL, and a number to write.
        let status = unsafe { (self.callback)(self.context.pointer, state.as_ptr(), &mut jobs) };
        succeeded(status)?;
        Ok(jobs)
    }
}

fn succeeded(status: i32) -> Result<(), String> {
    if status == 0 { Ok(()) } else { Err(format!("it returned {status}, expected 0")) }
}

/// Puts a forecaster of the host's own in the place of the network. It is one among the simple rules, weighed by its recent quantile
/// loss and calibrated; when it fails, the decision says so. `context` is handed to it, and to `release` (may be NULL) when the
/// handle is freed, another one takes its place, or this call fails. Fails with EVSCALE_INVALID_ARGUMENT if the configuration does
/// without networks. A snapshot knows nothing of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_use_forecaster(
    autoscaler: *mut evscale_autoscaler,
    forecast: evscale_forecast_callback,
    context: *mut c_void,
    release: evscale_release_callback,
    error: *mut *mut evscale_error,
) -> i32 {
    let context = Context { pointer: context, release };
    enter(error, || {
        let callback = forecast.ok_or_else(|| null("forecast"))?;
        let own = Box::new(Forecasts { callback, context });
        with_pool(autoscaler, |pool| Ok(pool.scaler.use_forecaster(own)?))
    })
}

/// Puts a policy of the host's own in the place of the network. It is evaluated in the shadow on the pool's load, and acts once it
/// does no worse there than the best rule; every safety rule holds. Otherwise like evscale_use_forecaster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_use_policy(
    autoscaler: *mut evscale_autoscaler,
    policy: evscale_policy_callback,
    context: *mut c_void,
    release: evscale_release_callback,
    error: *mut *mut evscale_error,
) -> i32 {
    let context = Context { pointer: context, release };
    enter(error, || {
        let callback = policy.ok_or_else(|| null("policy"))?;
        let own = Box::new(Proposes { callback, context });
        with_pool(autoscaler, |pool| Ok(pool.scaler.use_policy(own)?))
    })
}
