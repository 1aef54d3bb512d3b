//! A snapshot to a file, in one piece or not at all.

use crate::boundary::{bytes, enter, required_text};
use crate::error::*;
use std::ffi::{OsString, c_char};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a snapshot (or any other bytes) to the file `path`: at every moment, also if the power fails, the file is the one
/// before or the new one. The bytes go to a file beside it (`.tmp` appended), are flushed to the disk, and take its place by
/// one rename. EVSCALE_IO if that fails; the file is whole even then. Each path is for one writer.
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
        replace(Path::new(path), content)
            .map_err(|problem| Failure::new(EVSCALE_IO, format!("`{path}` cannot be written: {problem}")))
    })
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut fresh = OsString::from(path);
    fresh.push(".tmp");
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
