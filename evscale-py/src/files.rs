//! What the Python side of the package shares with the compiled one: files, and texts for terminals.

use crate::arguments::path;
use crate::door::{Door, door, reading_door};
use crate::errors::{os_error, refused};
use crate::text::{LONGEST_MESSAGE, readable};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Replaces a file atomically: at every moment, also if the power fails, it is the one before or the new one. The mode of
/// an existing file is kept.
///
/// Raises
/// ------
/// OSError
///     It cannot be written; the file before is whole.
/// ArgumentError
///     The path is that of a symbolic link, a folder, a pipe or a device.
#[pyfunction]
pub fn replace_file(py: Python<'_>, path: &Bound<'_, PyAny>, data: &[u8]) -> Door<()> {
    reading_door(py, || {
        let target = self::path(path)?;
        py.detach(|| evscale_files::replace(&target, data)).map_err(|problem| match &problem {
            evscale_files::Error::Failed { step, source, .. } => {
                os_error(source, &format!("cannot {step}: {source}"), &target)
            }
            _ => refused(py, &problem.to_string()),
        })
    })
}

/// Returns a text as it may be printed: what a terminal would obey, and what a reader would not see, as escapes;
/// a long one is cut.
#[pyfunction]
pub fn readable_text(py: Python<'_>, text: &Bound<'_, PyString>) -> Door<String> {
    door(py, || Ok(readable(&text.to_string_lossy(), LONGEST_MESSAGE)))
}
