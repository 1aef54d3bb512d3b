//! Configurations: what one says in full, and whether it is accepted.

use crate::autoscaler::{config_of, evscale_autoscaler, with_pool};
use crate::boundary::{copy_text, enter};
use crate::error::*;
use std::ffi::c_char;

/// Checks a configuration in JSON (NULL: the defaults) and writes the whole of it as JSON: every setting, those that it leaves out
/// with their defaults. evscale_settings_json describes them. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_config_complete_json(
    config_json: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || copy_text(config_of(config_json)?.to_json(), buffer, capacity, needed))
}

/// The configuration that an autoscaler works under, as JSON: every setting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_config_json(
    autoscaler: *mut evscale_autoscaler,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let json = with_pool(autoscaler, |pool| Ok(pool.scaler.config().to_json()))?;
        copy_text(json, buffer, capacity, needed)
    })
}
