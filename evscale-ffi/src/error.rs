//! Status codes and the error object.

use evscale_core::ErrorKind;
use std::ffi::{CStr, CString, c_char};

/// Success.
pub const EVSCALE_OK: i32 = 0;
/// A required pointer or handle is NULL.
pub const EVSCALE_NULL_POINTER: i32 = 10;
/// A text is not UTF-8.
pub const EVSCALE_BAD_UTF8: i32 = 11;
/// `struct_size` is smaller than the first version of the struct, or absurd.
pub const EVSCALE_BAD_STRUCT_SIZE: i32 = 12;
/// Another argument or record is malformed.
pub const EVSCALE_INVALID_ARGUMENT: i32 = 13;
/// The buffer is too small; `needed` tells the size.
pub const EVSCALE_BUFFER_TOO_SMALL: i32 = 14;
/// The fleet has no pool with this key.
pub const EVSCALE_UNKNOWN_POOL: i32 = 15;
/// Nothing is known of it yet: no record, or no decision.
pub const EVSCALE_NOTHING_YET: i32 = 16;
/// The fleet has a pool with this key already.
pub const EVSCALE_POOL_EXISTS: i32 = 17;
/// The host's own callback stopped the call.
pub const EVSCALE_STOPPED: i32 = 18;
/// The configuration is refused.
pub const EVSCALE_INVALID_CONFIG: i32 = 20;
/// The bundle is refused.
pub const EVSCALE_INVALID_BUNDLE: i32 = 30;
/// The snapshot is refused.
pub const EVSCALE_INVALID_SNAPSHOT: i32 = 40;
/// A network failed.
pub const EVSCALE_INFERENCE: i32 = 50;
/// A file cannot be written.
pub const EVSCALE_IO: i32 = 51;
/// Internal error: a panic was caught.
pub const EVSCALE_PANIC: i32 = 60;
/// The handle (or, in a fleet, the pool) failed inside before; free it (remove it).
pub const EVSCALE_POISONED: i32 = 61;
/// Another call is using the handle, or, in a process that was forked meanwhile, was using it or was loading the models at
/// the fork; nothing was done.
pub const EVSCALE_BUSY: i32 = 62;

/// A failure's code and message. Threads: may move between them, one at a time.
pub struct evscale_error {
    pub(crate) code: i32,
    pub(crate) message: CString,
}

/// What went wrong, on its way to the caller.
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<evscale_core::Error> for Failure {
    fn from(problem: evscale_core::Error) -> Self {
        let code = match problem.kind() {
            ErrorKind::InvalidConfig => EVSCALE_INVALID_CONFIG,
            ErrorKind::InvalidBundle => EVSCALE_INVALID_BUNDLE,
            ErrorKind::InvalidSnapshot => EVSCALE_INVALID_SNAPSHOT,
            ErrorKind::Inference => EVSCALE_INFERENCE,
            ErrorKind::UnknownPool => EVSCALE_UNKNOWN_POOL,
            ErrorKind::PoolFailed => EVSCALE_POISONED,
            ErrorKind::Busy => EVSCALE_BUSY,
            _ => EVSCALE_INVALID_ARGUMENT,
        };
        Self::new(code, problem.to_string())
    }
}

/// Every status with its name, without the prefix, and what it means.
const STATUSES: [(i32, &CStr); 18] = [
    (EVSCALE_OK, c"OK: success"),
    (EVSCALE_NULL_POINTER, c"NULL_POINTER: a required pointer or handle is NULL"),
    (EVSCALE_BAD_UTF8, c"BAD_UTF8: a text is not UTF-8"),
    (
        EVSCALE_BAD_STRUCT_SIZE,
        c"BAD_STRUCT_SIZE: `struct_size` is smaller than the first version of the struct, or absurd",
    ),
    (EVSCALE_INVALID_ARGUMENT, c"INVALID_ARGUMENT: an argument or record is malformed"),
    (EVSCALE_BUFFER_TOO_SMALL, c"BUFFER_TOO_SMALL: the buffer is too small"),
    (EVSCALE_UNKNOWN_POOL, c"UNKNOWN_POOL: the fleet has no pool with this key"),
    (EVSCALE_NOTHING_YET, c"NOTHING_YET: there is no record or decision yet"),
    (EVSCALE_POOL_EXISTS, c"POOL_EXISTS: the fleet has a pool with this key already"),
    (EVSCALE_STOPPED, c"STOPPED: the host's own callback stopped the call"),
    (EVSCALE_INVALID_CONFIG, c"INVALID_CONFIG: the configuration is refused"),
    (EVSCALE_INVALID_BUNDLE, c"INVALID_BUNDLE: the bundle is refused"),
    (EVSCALE_INVALID_SNAPSHOT, c"INVALID_SNAPSHOT: the snapshot is refused"),
    (EVSCALE_INFERENCE, c"INFERENCE: a network failed"),
    (EVSCALE_IO, c"IO: a file cannot be written"),
    (EVSCALE_PANIC, c"PANIC: the library failed inside"),
    (EVSCALE_POISONED, c"POISONED: the handle or pool failed inside before"),
    (EVSCALE_BUSY, c"BUSY: another call is using the handle"),
];

/// Name (without EVSCALE_) and meaning of a status, such as "BUSY: another call is using the handle"; "unknown status" for another
/// number. Valid for ever. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn evscale_status_text(status: i32) -> *const c_char {
    STATUSES.iter().find(|(code, _)| *code == status).map_or(c"unknown status", |(_, text)| text).as_ptr()
}

/// Code of an error; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_error_code(error: *const evscale_error) -> i32 {
    // SAFETY: NULL or valid by the contract of the function.
    unsafe { error.as_ref() }.map_or(EVSCALE_OK, |error| error.code)
}

/// Message of an error, valid until it is freed; an empty text for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_error_message(error: *const evscale_error) -> *const c_char {
    // SAFETY: NULL or valid by the contract of the function.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// Frees an error. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_error_free(error: *mut evscale_error) {
    if !error.is_null() {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(error) });
    }
}
