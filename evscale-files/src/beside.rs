//! A fresh file beside the target, removed unless it takes the target's place.

use crate::{Error, folder_of};
use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Names that are tried before the folder counts as hostile.
const ATTEMPTS: usize = 16;
/// Bytes of the target's name that its neighbour's name repeats: names of 255 bytes have room for a neighbour.
const NAME_SHOWN: usize = 200;

pub(crate) struct Beside {
    file: File,
    path: PathBuf,
    renamed: Cell<bool>,
}

impl Beside {
    /// Creates a file with a name that nobody can know in advance. With `open_to_others` its mode is that of any new file;
    /// else its owner alone may read it, until it takes after the old one.
    pub(crate) fn create(target: &Path, open_to_others: bool) -> Result<Self, Error> {
        let names = std::iter::repeat_with(|| neighbour(target, random()));
        Self::create_as(names.take(ATTEMPTS), open_to_others)
            .map_err(Error::at(target, "create a file beside it"))
    }

    /// Creates the first of these files that does not exist. A link that has the name exists: it is not followed.
    fn create_as(names: impl Iterator<Item = PathBuf>, open_to_others: bool) -> io::Result<Self> {
        let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
        for path in names {
            match fresh(open_to_others).open(&path) {
                Ok(file) => return Ok(Self { file, path, renamed: Cell::new(false) }),
                Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => taken = problem,
                Err(problem) => return Err(problem),
            }
        }
        Err(taken)
    }

    pub(crate) fn write(&self, content: &[u8]) -> io::Result<()> {
        (&self.file).write_all(content)
    }

    /// Gives the file the mode of `old`, and its owner if this process may.
    pub(crate) fn take_after(&self, old: &Metadata) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            let mine = self.file.metadata()?;
            if (mine.uid(), mine.gid()) != (old.uid(), old.gid()) {
                // who may not give files away keeps what it made, as an editor does
                let _ = fchown(&self.file, Some(old.uid()), Some(old.gid()));
            }
        }
        self.file.set_permissions(old.permissions())
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    pub(crate) fn rename_to(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.renamed.set(true);
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.renamed.get() {
            // the failure that led here is told; that of the removal would hide it
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns a number that nobody can know in advance. A process that was forked goes on with the keys of its parent, as its siblings do,
/// which may have been killed beside their files: its own number is among what is hashed.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// Returns the options of a file that must not exist (`O_CREAT | O_EXCL`), so that no link is followed.
fn fresh(open_to_others: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if !open_to_others {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options
}

/// Returns the path `.NAME.number.tmp` in the folder of `target`.
fn neighbour(target: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(".");
    match target.file_name() {
        Some(own) if own.len() <= NAME_SHOWN => name.push(own),
        _ => name.push("evscale"),
    }
    name.push(format!(".{number:016x}.tmp"));
    folder_of(target).join(name)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_planted_link_is_passed_over() {
        let folder = std::env::temp_dir().join(format!("evscale-files-planted-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (victim, planted, free) = (folder.join("victim"), folder.join("planted"), folder.join("free"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &planted).unwrap();
        let fresh = Beside::create_as([planted.clone(), free.clone()].into_iter(), true).unwrap();
        fresh.write(b"state").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&free).unwrap(), "state");
        drop(fresh);
        assert!(!free.exists(), "what was not renamed is removed");
        let refused = Beside::create_as([planted].into_iter(), true).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn neighbours_of_long_names_have_a_name_that_fits() {
        let long = "x".repeat(255);
        let name = neighbour(Path::new(&long), 7).file_name().unwrap().to_owned();
        assert!(name.len() < 255, "{}", name.len());
        assert_ne!(neighbour(Path::new("pool"), 1), neighbour(Path::new("pool"), 2));
    }
}
