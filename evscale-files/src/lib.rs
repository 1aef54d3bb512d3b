//! Replaces files atomically. The C and the Python door of evscale write through this crate; the core writes nothing.
//!
//! [`replace`] writes to a fresh file beside the target, flushes it to the disk, and renames it over the target: at every
//! moment, also if the power fails, the target is the old file or the new one.
//!
//! [`Registry`] keeps versions of model bundles in a folder with it.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beside;
mod error;
mod registry;

pub use error::Error;
pub use registry::{
    BundleFiles, Card, Change, Difference, FileSum, Pin, Registry, RegistryError, Stages, Step, StepKind,
    Verification,
};

use beside::Beside;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

/// Replaces the file `path` by one with `content`, or creates it.
///
/// The mode of an existing file is kept, and its owner where this process may give it; a new file has the mode that the
/// umask gives. A symbolic link at `path` is refused, as is whatever is no regular file: a link that somebody planted in a
/// folder that others can write to never leads the content to another file. Links in the folders of `path` are followed.
///
/// Several writers may replace the same file at once; the last rename counts. A writer that is killed can leave a
/// hidden file beside the target (a dot, its name, sixteen hexadecimal digits and `.tmp`), which nothing reads and which
/// may be removed.
///
/// # Errors
/// [`Error::Refused`] if `path` is a link, a folder or a device, or names no file; [`Error::Failed`] if the operating
/// system refuses a step. The old file is whole in both cases, and nothing is left beside it. If only the last step fails,
/// the flush of the folder, the new file is in place and may be lost when the power fails.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let old = replaceable(path)?;
    let fresh = Beside::create(path, old.is_none())?;
    fresh.write(content).map_err(Error::at(path, "write beside it"))?;
    if let Some(old) = &old {
        fresh.take_after(old).map_err(Error::at(path, "keep its mode"))?;
    }
    fresh.flush().map_err(Error::at(path, "flush to the disk"))?;
    fresh.rename_to(path).map_err(Error::at(path, "rename to it"))?;
    flush_folder(path).map_err(Error::at(path, "flush its folder to the disk"))
}

/// Returns what is known of the regular file at `path`; none if nothing is there.
fn replaceable(path: &Path) -> Result<Option<Metadata>, Error> {
    if path.file_name().is_none() {
        return Err(Error::refused(path, "names no file"));
    }
    let known = match fs::symlink_metadata(path) {
        Ok(known) => known,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(Error::at(path, "look at it")(problem)),
    };
    let kind = known.file_type();
    if kind.is_file() {
        Ok(Some(known))
    } else if kind.is_symlink() {
        Err(Error::refused(path, "is a symbolic link, expected a regular file; name the file it points to"))
    } else if kind.is_dir() {
        Err(Error::refused(path, "is a folder, expected a regular file"))
    } else {
        Err(Error::refused(path, "is a device, a pipe or a socket, expected a regular file"))
    }
}

/// Returns the folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the rename outlive a loss of power; where folders cannot be opened the file system sees to it.
fn flush_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder_of(path))?.sync_all() } else { Ok(()) }
}
