//! The boundary: panics and failures become a status and an error object; pointers become references.

use crate::error::*;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) type Outcome = Result<(), Failure>;

/// Runs the body of an exported function.
pub(crate) fn enter(error: *mut *mut evscale_error, body: impl FnOnce() -> Outcome) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(Failure::new(EVSCALE_PANIC, "the library failed inside")));
    let Err(failure) = outcome else { return EVSCALE_OK };
    if !error.is_null() {
        let message = CString::new(failure.message.replace('\0', "?")).unwrap_or_default();
        let object = Box::new(evscale_error { code: failure.code, message });
        // SAFETY: the caller hands NULL or a pointer to a pointer that may be written.
        unsafe { error.write(Box::into_raw(object)) };
    }
    failure.code
}

/// A required pointer to read from.
pub(crate) fn required<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    // SAFETY: the caller hands NULL or a valid pointer for the time of the call.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// A required pointer to write to.
pub(crate) fn required_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller hands NULL or a valid pointer that nobody else uses for the time of the call.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

pub(crate) fn null(name: &str) -> Failure {
    Failure::new(EVSCALE_NULL_POINTER, format!("`{name}` is NULL"))
}

/// A text; NULL is none.
pub(crate) fn text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller hands a text that ends in NUL.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map(Some).map_err(|_| Failure::new(EVSCALE_BAD_UTF8, format!("`{name}` is not UTF-8")))
}

/// Bytes.
pub(crate) fn bytes<'a>(pointer: *const u8, length: usize, name: &str) -> Result<&'a [u8], Failure> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller hands `length` readable bytes.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// Copies `content` to a caller's buffer with two-call sizing.
pub(crate) fn copy_out(content: &[u8], buffer: *mut u8, capacity: usize, needed: *mut usize) -> Outcome {
    if !needed.is_null() {
        // SAFETY: the caller hands NULL or a writable size.
        unsafe { needed.write(content.len()) };
    }
    if buffer.is_null() || capacity < content.len() {
        return Err(Failure::new(
            EVSCALE_BUFFER_TOO_SMALL,
            format!("the buffer has {capacity} bytes, expected at least {}", content.len()),
        ));
    }
    // SAFETY: the caller hands `capacity` writable bytes, and they are enough.
    unsafe { std::ptr::copy_nonoverlapping(content.as_ptr(), buffer, content.len()) };
    Ok(())
}

/// Copies a text with its final NUL.
pub(crate) fn copy_text(content: &str, buffer: *mut c_char, capacity: usize, needed: *mut usize) -> Outcome {
    let mut with_end = Vec::with_capacity(content.len() + 1);
    with_end.extend_from_slice(content.as_bytes());
    with_end.push(0);
    copy_out(&with_end, buffer.cast(), capacity, needed)
}
