//! A snapshot to a file, in one piece or not at all.

use crate::boundary::{bytes, enter, required_text};
use crate::error::*;
use std::ffi::c_char;
use std::path::Path;

/// Writes a snapshot (or any other bytes) to the file `path`: at every moment, also if the power fails, the file is the one
/// before or the new one. The bytes go to a fresh file beside it, are flushed to the disk, and take its place by one rename.
/// The mode of an existing file is kept. EVSCALE_IO if it cannot be written, and if `path` is a symbolic link, a folder, a
/// pipe or a device; the file is whole even then. Several writers may save to one path; the last one counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_save(
    path: *const c_char,
    snapshot: *const u8,
    length: usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let path = required_text(path, "path")?;
        let content = bytes(snapshot, length, "snapshot")?;
        evscale_files::replace(Path::new(path), content)
            .map_err(|problem| Failure::new(EVSCALE_IO, problem.to_string()))
    })
}
