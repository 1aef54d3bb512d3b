//! A forecaster without a pool of jobs.

use crate::autoscaler::{config_of, free};
use crate::boundary::{copy_text, enter, null, required_mut, slice, yes_or_no};
use crate::bundle::{bundle_of, evscale_bundle};
use crate::error::*;
use crate::exclusive::Exclusive;
use crate::reports::write_quantiles;
use evscale_core::{Forecaster, Timestamp};
use std::ffi::c_char;

/// A forecaster alone, for a series of counts without a pool of jobs. Threads: as for evscale_autoscaler.
pub struct evscale_forecaster(Exclusive<Forecaster>);

/// Most counts of one call.
const MOST_COUNTS: usize = 10_000_000;

/// Makes a forecaster for counts per `interval_seconds` (10 to 3600), the first of which begins at `start_ms` (milliseconds since
/// 1970). `use_network` is 1 for the network of `bundle` (NULL: the models inside the library) among the simple rules, 0 for these
/// alone. `forecaster` gets it; free it with evscale_forecaster_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecaster_new(
    interval_seconds: u32,
    start_ms: i64,
    use_network: i32,
    bundle: *const evscale_bundle,
    forecaster: *mut *mut evscale_forecaster,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(forecaster, "forecaster")?;
        let start = Timestamp::from_millis(start_ms)?;
        let made = if yes_or_no(use_network, "use_network")? {
            Forecaster::with_bundle(interval_seconds, start, &bundle_of(bundle)?)?
        } else {
            Forecaster::without_network(interval_seconds, start)?
        };
        hand_over(made, out);
        Ok(())
    })
}

/// Makes a forecaster under `interval_seconds`, time zone, holidays, `use_networks`, `bundle_public_key` and `bundle_min_serial` of a
/// configuration in JSON (NULL: the defaults); `bundle` may be NULL for the models inside the library. Fails with
/// EVSCALE_INVALID_BUNDLE if the models are not signed as the configuration asks for. Otherwise like evscale_forecaster_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecaster_for_config(
    config_json: *const c_char,
    start_ms: i64,
    bundle: *const evscale_bundle,
    forecaster: *mut *mut evscale_forecaster,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(forecaster, "forecaster")?;
        let (config, start) = (config_of(config_json)?, Timestamp::from_millis(start_ms)?);
        let bundle = if bundle.is_null() { None } else { Some(bundle_of(bundle)?) };
        hand_over(Forecaster::for_config(&config, start, bundle.as_ref())?, out);
        Ok(())
    })
}

fn hand_over(made: Forecaster, out: &mut *mut evscale_forecaster) {
    *out = Box::into_raw(Box::new(evscale_forecaster(Exclusive::new("forecaster", made))));
}

/// Frees a forecaster. NULL does nothing; EVSCALE_BUSY, and nothing is freed, while another thread's call is using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecaster_free(forecaster: *mut evscale_forecaster) -> i32 {
    // SAFETY: NULL or a handle of this library, by the contract of the function.
    unsafe { free(forecaster, |handle| handle.0.close()) }
}

fn with_forecaster<T>(
    handle: *const evscale_forecaster,
    work: impl FnOnce(&mut Forecaster) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // SAFETY: NULL or valid by the contract of the callers.
    unsafe { handle.as_ref() }.ok_or_else(|| null("forecaster"))?.0.run(work)
}

/// Takes the counts of the next `count` intervals, oldest first, each 0 to 1e15, or NaN where it is not known. A refused call takes
/// those before the one that is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecaster_observe(
    forecaster: *mut evscale_forecaster,
    counts: *const f64,
    count: usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let counts = slice(counts, count, MOST_COUNTS, "counts")?;
        with_forecaster(forecaster, |forecaster| {
            counts.iter().try_for_each(|events| Ok(forecaster.observe(*events)?))
        })
    })
}

/// The forecast at the end of the newest interval, as JSON like evscale_forecast_json.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecaster_json(
    forecaster: *mut evscale_forecaster,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_forecaster(forecaster, |forecaster| Ok(forecaster.forecast().to_json()))?;
        copy_text(json, buffer, capacity, needed)
    })
}

/// Quantiles of the forecast at the end of the newest interval, like evscale_forecast_quantiles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_forecaster_quantiles(
    forecaster: *mut evscale_forecaster,
    minutes: *const u32,
    minutes_count: usize,
    levels: *const f64,
    levels_count: usize,
    values: *mut f64,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        write_quantiles((minutes, minutes_count), (levels, levels_count), values, || {
            with_forecaster(forecaster, |forecaster| Ok(forecaster.forecast()))
        })
    })
}
