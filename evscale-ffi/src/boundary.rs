//! The boundary: panics and failures become a status and an error object; pointers become references.

use crate::error::*;
use serde::de::DeserializeOwned;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) type Outcome = Result<(), Failure>;

/// Longest text that is read, bytes.
const MOST_TEXT: usize = 1024 * 1024;
/// Most bytes that are read from one pointer.
const MOST_BYTES: usize = 256 * 1024 * 1024;

unsafe extern "C" {
    fn strnlen(text: *const c_char, limit: usize) -> usize;
}

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

/// A required pointer to write to.
pub(crate) fn required_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller hands NULL or a valid pointer that nobody else uses for the time of the call.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

pub(crate) fn null(name: &str) -> Failure {
    Failure::new(EVSCALE_NULL_POINTER, format!("`{name}` is NULL"))
}

/// The bytes of a text; NULL is none.
fn text_bytes<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a [u8]>, Failure> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller hands a text that ends in NUL; nothing beyond the limit is looked at.
    let length = unsafe { strnlen(pointer, MOST_TEXT + 1) };
    if length > MOST_TEXT {
        let message = format!("`{name}` is longer than {MOST_TEXT} bytes");
        return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
    }
    // SAFETY: `length` bytes before the NUL.
    Ok(Some(unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) }))
}

/// A text; NULL is none.
pub(crate) fn text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>, Failure> {
    let text = text_bytes(pointer, name)?.map(std::str::from_utf8).transpose();
    text.map_err(|_| Failure::new(EVSCALE_BAD_UTF8, format!("`{name}` is not UTF-8")))
}

/// The bytes of a text that must be there.
#[cfg(unix)]
pub(crate) fn required_bytes<'a>(pointer: *const c_char, name: &str) -> Result<&'a [u8], Failure> {
    text_bytes(pointer, name)?.ok_or_else(|| null(name))
}

/// A text that must be there.
pub(crate) fn required_text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Failure> {
    text(pointer, name)?.ok_or_else(|| null(name))
}

/// A value that is handed as a JSON object.
pub(crate) fn json<T: DeserializeOwned>(pointer: *const c_char, name: &str) -> Result<T, Failure> {
    let text = required_text(pointer, name)?;
    let refused = |problem: String| Failure::new(EVSCALE_INVALID_ARGUMENT, format!("`{name}`: {problem}"));
    // an array would be read as the fields in their order, which nobody promises
    if text.trim_start().starts_with('[') {
        return Err(refused("an array, expected an object".to_owned()));
    }
    serde_json::from_str(text).map_err(|problem| refused(problem.to_string()))
}

/// A flag that must be known.
pub(crate) fn yes_or_no(value: i32, name: &str) -> Result<bool, Failure> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Failure::new(EVSCALE_INVALID_ARGUMENT, format!("`{name}` is {other}, expected 0 or 1"))),
    }
}

/// Bytes.
pub(crate) fn bytes<'a>(pointer: *const u8, length: usize, name: &str) -> Result<&'a [u8], Failure> {
    slice(pointer, length, MOST_BYTES, name)
}

/// An array of at most `most` elements; NULL only if it has none.
pub(crate) fn slice<'a, T>(
    pointer: *const T,
    count: usize,
    most: usize,
    name: &str,
) -> Result<&'a [T], Failure> {
    if count > most {
        let message = format!("`{name}` has the length {count}, expected at most {most}");
        return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
    }
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller hands `count` readable elements.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
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
pub(crate) fn copy_text(
    mut content: String,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> Outcome {
    content.push('\0');
    copy_out(content.as_bytes(), buffer.cast(), capacity, needed)
}
