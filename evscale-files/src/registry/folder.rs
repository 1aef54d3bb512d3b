//! The folder of a registry: names, the lock, and reading with limits.

use super::error::RegistryError;
use crate::flush_folder;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

pub(super) const VERSIONS: &str = "versions";
pub(super) const CARD: &str = "card.json";
pub(super) const STAGES: &str = "stages.json";
const LOCK: &str = "lock";
/// Digits of a version's folder at least.
const DIGITS: usize = 4;

/// Returns the SHA-256 of `bytes`, 64 hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a regular file of at most `most` bytes; none if there is none.
pub(super) fn read_at_most(path: &Path, most: u64) -> Result<Option<Vec<u8>>, RegistryError> {
    let known = match fs::metadata(path) {
        Ok(known) => known,
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(RegistryError::at(path, "look at it")(problem)),
    };
    if !known.is_file() || known.len() > most {
        return Err(RegistryError::Damaged(format!(
            "`{}` is no file of at most {most} bytes, expected what the registry wrote",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(RegistryError::at(path, "open it"))?;
    opened.take(most).read_to_end(&mut bytes).map_err(RegistryError::at(path, "read it"))?;
    Ok(Some(bytes))
}

/// Returns the folder of a version, which may not be there.
pub(super) fn version_folder(root: &Path, version: u32) -> PathBuf {
    root.join(VERSIONS).join(format!("{version:0DIGITS$}"))
}

/// Returns the numbers of all folders of versions, unfinished ones included, in order.
pub(super) fn numbers(root: &Path) -> Result<Vec<u32>, RegistryError> {
    let folder = root.join(VERSIONS);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(RegistryError::at(&folder, "list it"))? {
        let entry = entry.map_err(RegistryError::at(&folder, "list it"))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|digits| digits.parse().ok());
        found.extend(number.filter(|number: &u32| name.as_os_str() == format!("{number:0DIGITS$}").as_str()));
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes the folder of the next version; no other process can have got the same one.
pub(super) fn next_folder(root: &Path) -> Result<(u32, PathBuf), RegistryError> {
    let mut number = numbers(root)?.last().map_or(1, |last| last.saturating_add(1));
    loop {
        let folder = version_folder(root, number);
        match fs::create_dir(&folder) {
            Ok(()) => {
                flush_folder(&folder).map_err(RegistryError::at(&folder, "flush its folder to the disk"))?;
                return Ok((number, folder));
            }
            Err(problem) if problem.kind() == ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
            Err(problem) => return Err(RegistryError::at(&folder, "make it")(problem)),
        }
    }
}

/// The lock of a registry, held by one writer at a time and given back by the operating system if that one is killed.
pub(super) struct Locked {
    _file: File,
}

impl Locked {
    /// Waits for the other writers.
    pub(super) fn wait(root: &Path) -> Result<Self, RegistryError> {
        let path = root.join(LOCK);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(RegistryError::at(&path, "open it"))?;
        file.lock().map_err(RegistryError::at(&path, "lock it"))?;
        Ok(Self { _file: file })
    }
}

/// Removes what killed writers left beside the stages. Only for the holder of the lock.
pub(super) fn sweep(root: &Path) -> Result<(), RegistryError> {
    let entries = fs::read_dir(root).map_err(RegistryError::at(root, "list it"))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let left =
            name.to_str().is_some_and(|name| name.starts_with(".stages.json.") && name.ends_with(".tmp"));
        if left {
            let path = entry.path();
            fs::remove_file(&path).map_err(RegistryError::at(&path, "remove it"))?;
        }
    }
    Ok(())
}

/// Removes a version: its card first, so that half a version is none.
pub(super) fn remove_version(root: &Path, version: u32) -> Result<(), RegistryError> {
    let folder = version_folder(root, version);
    let card = folder.join(CARD);
    match fs::remove_file(&card) {
        Ok(()) => flush_folder(&card).map_err(RegistryError::at(&folder, "flush it to the disk"))?,
        Err(problem) if problem.kind() == ErrorKind::NotFound => {}
        Err(problem) => return Err(RegistryError::at(&card, "remove it")(problem)),
    }
    fs::remove_dir_all(&folder).map_err(RegistryError::at(&folder, "remove it"))
}
