//! A snapshot to a file, written atomically.

#[cfg(unix)]
use crate::boundary::required_bytes;
use crate::boundary::{bytes, enter};
use crate::error::*;
use std::ffi::c_char;
use std::path::Path;

/// Writes a snapshot (or any other bytes) to the file `path`, which need not be UTF-8 where the system's paths are bytes: at every moment, also if the power fails, the file is the one
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
        let path = path_of(path)?;
        let content = bytes(snapshot, length, "snapshot")?;
        evscale_files::replace(path, content).map_err(|problem| Failure::new(EVSCALE_IO, problem.to_string()))
    })
}

/// A path of the caller: any bytes where the system has such paths, UTF-8 elsewhere.
#[cfg(unix)]
fn path_of<'a>(path: *const c_char) -> Result<&'a Path, Failure> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(required_bytes(path, "path")?)))
}

#[cfg(not(unix))]
fn path_of<'a>(path: *const c_char) -> Result<&'a Path, Failure> {
    Ok(Path::new(crate::boundary::required_text(path, "path")?))
}
