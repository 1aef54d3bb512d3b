//! Versions of model bundles in a folder that any volume can hold, without a server.
//!
//! ```text
//! versions/0001/manifest.json, forecaster.onnx, policy.onnx, manifest.sig (if signed), card.json (written last)
//! stages.json    champion, champions before, pin, history
//! lock           locked by the one writer
//! ```
//!
//! A version exists once its card does, and never changes. The stages are replaced atomically. Readers take no lock. Times
//! are the caller's.

mod card;
mod difference;
mod error;
mod folder;
mod sealed;
mod stages;

pub use card::{BundleFiles, Card, FileSum};
pub use difference::{Change, Difference};
pub use error::RegistryError;
pub use stages::{Pin, Stages, Step, StepKind};

use crate::replace;
use card::{FORECASTER, FORMAT, MANIFEST, POLICY, SIGNATURE};
use folder::{CARD, Locked, STAGES, VERSIONS, numbers, read_at_most, version_folder};
use sealed::{sealed, unsealed};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of a file of a bundle, of a card, and of the stages.
const MOST_BUNDLE_BYTES: u64 = 64 << 20;
const MOST_CARD_BYTES: u64 = 1 << 20;
const MOST_STAGES_BYTES: u64 = 16 << 20;
/// Most characters of a reason.
const LONGEST_REASON: usize = 1000;

type Result<T> = std::result::Result<T, RegistryError>;

/// What [`Registry::verify`] found of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The version.
    pub version: u32,
    /// What is wrong with it; none if every file is as it was written.
    pub problem: Option<String>,
    /// A killed writer left it without a card: it is no version, and [`Registry::prune`] removes it.
    pub unfinished: bool,
}

/// A folder with versions of bundles.
#[derive(Clone, Debug)]
pub struct Registry {
    root: PathBuf,
}

impl Registry {
    /// Opens the registry in `root`.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if there is none.
    pub fn open(root: &Path) -> Result<Self> {
        if root.join(VERSIONS).is_dir() {
            return Ok(Self { root: root.to_owned() });
        }
        Err(RegistryError::Refused(format!(
            "`{}` is no registry, expected a folder with the folder `{VERSIONS}`; `evscale retrain` and `evscale models add` \
             make one",
            root.display()
        )))
    }

    /// Opens the registry in `root`, made if the folder is empty or not there.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if the folder holds other things.
    pub fn create(root: &Path) -> Result<Self> {
        if let Ok(opened) = Self::open(root) {
            return Ok(opened);
        }
        fs::create_dir_all(root).map_err(RegistryError::at(root, "make it"))?;
        let mut entries = fs::read_dir(root).map_err(RegistryError::at(root, "list it"))?;
        if let Some(Ok(other)) =
            entries.find(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != VERSIONS))
        {
            return Err(RegistryError::Refused(format!(
                "`{}` holds `{}` and is no registry, expected an empty folder or one that is not there",
                root.display(),
                other.file_name().display()
            )));
        }
        let versions = root.join(VERSIONS);
        fs::create_dir_all(&versions).map_err(RegistryError::at(&versions, "make it"))?;
        crate::flush_folder(&versions).map_err(RegistryError::at(root, "flush it to the disk"))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the numbers of the versions, the oldest first.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn versions(&self) -> Result<Vec<u32>> {
        let has_card = |number: &u32| self.file(*number, CARD).exists();
        Ok(numbers(&self.root)?.into_iter().filter(has_card).collect())
    }

    /// Returns the card of a version.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if there is no such version, [`RegistryError::Damaged`].
    pub fn card(&self, version: u32) -> Result<Card> {
        let Some(card) = unsealed::<Card>(&self.file(version, CARD), MOST_CARD_BYTES)? else {
            let known: Vec<String> = self.versions()?.iter().rev().take(10).map(u32::to_string).collect();
            let known = if known.is_empty() { "there are none yet".to_owned() } else { known.join(", ") };
            let root = self.root.display();
            return Err(RegistryError::Refused(format!(
                "`{root}` has no version {version}, expected one of its versions, newest first: {known}"
            )));
        };
        card.checked(version)
    }

    /// Returns the stages.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`].
    pub fn stages(&self) -> Result<Stages> {
        unsealed::<Stages>(&self.root.join(STAGES), MOST_STAGES_BYTES)?
            .map_or_else(|| Ok(Stages::default()), Stages::checked)
    }

    /// Returns the files of a version, which are as its card says.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if there is no such version; [`RegistryError::Damaged`] names the file that is not as it was
    /// written.
    pub fn files(&self, version: u32) -> Result<BundleFiles> {
        let card = self.card(version)?;
        let read = |name: &str| -> Result<Vec<u8>> {
            let path = self.file(version, name);
            let expected = card.files.get(name).ok_or_else(|| {
                RegistryError::Damaged(format!(
                    "card of version {version} has no checksum of `{name}`; put a copy back"
                ))
            })?;
            let damaged = |how: String| {
                let shown = path.display();
                RegistryError::Damaged(format!(
                    "`{shown}` {how}; put a copy back, or roll back to another version"
                ))
            };
            let content =
                read_at_most(&path, MOST_BUNDLE_BYTES)?.ok_or_else(|| damaged("is missing".to_owned()))?;
            let found = FileSum::of(&content);
            if found != *expected {
                return Err(damaged(format!(
                    "has {} bytes and the checksum {}, expected {} and {}",
                    found.bytes, found.sha256, expected.bytes, expected.sha256
                )));
            }
            Ok(content)
        };
        Ok(BundleFiles {
            manifest: read(MANIFEST)?,
            forecaster: read(FORECASTER)?,
            policy: read(POLICY)?,
            signature: card.files.contains_key(SIGNATURE).then(|| read(SIGNATURE)).transpose()?,
        })
    }

    /// Adds a version and returns its card. The number is one more than the highest before. Whether the bundle loads is the
    /// caller's to check first.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if there is no such parent or a file is too large; the operating system's. A version that
    /// could not be written whole is none.
    pub fn add(
        &self,
        files: &BundleFiles,
        parent: Option<u32>,
        created_ms: i64,
        details: Map<String, Value>,
    ) -> Result<Card> {
        if let Some((name, content)) =
            files.named().find(|(_, content)| content.len() as u64 > MOST_BUNDLE_BYTES)
        {
            return Err(RegistryError::Refused(format!(
                "`{name}` has {} bytes, expected at most {MOST_BUNDLE_BYTES}",
                content.len()
            )));
        }
        let _locked = Locked::wait(&self.root)?;
        if let Some(parent) = parent {
            self.card(parent)?;
        }
        let mut card = Card {
            format_version: FORMAT,
            version: 0,
            parent,
            created_ms,
            details,
            files: files.named().map(|(name, content)| (name.to_owned(), FileSum::of(content))).collect(),
        };
        let length = sealed(&card)?.len() as u64 + 10;
        if length > MOST_CARD_BYTES {
            return Err(RegistryError::Refused(format!(
                "the card would have {length} bytes, expected at most {MOST_CARD_BYTES}; shorten the details"
            )));
        }
        let (version, folder) = folder::next_folder(&self.root)?;
        card.version = version;
        for (name, content) in files.named() {
            replace(&folder.join(name), content)?;
        }
        replace(&folder.join(CARD), &sealed(&card)?)?;
        Ok(card)
    }

    /// Makes a version the champion, once its files are found to be as they were written.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if there is no such version, if it is the champion already, or under a pin;
    /// [`RegistryError::Damaged`].
    pub fn promote(&self, version: u32, at_ms: i64, reason: &str) -> Result<Stages> {
        self.change(reason, |stages| {
            self.files(version)?;
            stages.promote(version, at_ms, reason)
        })
    }

    /// Makes the champion before the champion again; before the first one there are the bundled models.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if the bundled models are the champion, or under a pin; [`RegistryError::Damaged`] if the
    /// files of the champion before are.
    pub fn roll_back(&self, at_ms: i64, reason: &str) -> Result<Stages> {
        self.change(reason, |stages| {
            stages.roll_back(at_ms, reason)?;
            stages.champion.map_or(Ok(()), |version| self.files(version).map(drop))
        })
    }

    /// Forbids promotion and rollback.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if the champion is pinned already.
    pub fn pin(&self, at_ms: i64, reason: &str) -> Result<Stages> {
        self.change(reason, |stages| stages.pin(at_ms, reason))
    }

    /// Allows promotion and rollback again.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if the champion is not pinned.
    pub fn unpin(&self, at_ms: i64, reason: &str) -> Result<Stages> {
        self.change(reason, |stages| stages.unpin(at_ms, reason))
    }

    /// Removes old versions, and what killed writers left; returns the versions that were removed. The champion, the one that
    /// a rollback returns to, the champion's parent and the newest `keep` versions stay.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] unless `keep` is at least 1.
    pub fn prune(&self, keep: usize) -> Result<Vec<u32>> {
        if keep == 0 {
            return Err(RegistryError::Refused("`keep` is 0, expected at least 1 version".to_owned()));
        }
        let _locked = Locked::wait(&self.root)?;
        let mut stages = self.stages()?;
        let versions = self.versions()?;
        let parent =
            stages.champion.map(|champion| self.card(champion)).transpose()?.and_then(|card| card.parent);
        let first_new =
            versions.len().checked_sub(keep).and_then(|index| versions.get(index)).copied().unwrap_or(0);
        let stays = |version: &u32| {
            let named = [stages.champion, stages.earlier.last().copied(), parent];
            *version >= first_new || named.contains(&Some(*version))
        };
        let (kept, removed): (Vec<u32>, Vec<u32>) = versions.iter().copied().partition(stays);
        if stages.earlier.iter().any(|version| !kept.contains(version)) {
            stages.earlier.retain(|version| kept.contains(version));
            self.write(&stages)?;
        }
        for version in numbers(&self.root)?.into_iter().filter(|number| !kept.contains(number)) {
            folder::remove_version(&self.root, version)?;
        }
        folder::sweep(&self.root)?;
        Ok(removed)
    }

    /// Compares every version, or one, with its card. Whether a bundle loads is the caller's to check.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`] if the stages are; [`RegistryError::Refused`] if there is no such version.
    pub fn verify(&self, version: Option<u32>) -> Result<Vec<Verification>> {
        self.stages()?;
        if let Some(version) = version
            && !version_folder(&self.root, version).is_dir()
        {
            self.card(version)?;
        }
        let wanted = version.map_or_else(|| numbers(&self.root), |version| Ok(vec![version]))?;
        Ok(wanted.into_iter().map(|version| self.verification(version)).collect())
    }

    /// Returns what differs between two versions.
    ///
    /// # Errors
    /// As of [`files`](Self::files).
    pub fn difference(&self, before: u32, after: u32) -> Result<Difference> {
        let value = |version: u32| -> Result<(Value, Value)> {
            let unreadable = |problem: serde_json::Error| {
                RegistryError::Damaged(format!("manifest of version {version} is no JSON: {problem}"))
            };
            let manifest = serde_json::from_slice(&self.files(version)?.manifest).map_err(unreadable)?;
            Ok((serde_json::to_value(self.card(version)?).map_err(unreadable)?, manifest))
        };
        let ((old_card, old_manifest), (new_card, new_manifest)) = (value(before)?, value(after)?);
        Ok(Difference {
            card: difference::changes(&old_card, &new_card),
            manifest: difference::changes(&old_manifest, &new_manifest),
        })
    }

    fn verification(&self, version: u32) -> Verification {
        let unfinished = !self.file(version, CARD).exists();
        let problem = if unfinished {
            Some("has no card: it is being written, or its writer was killed and prune removes it".to_owned())
        } else {
            self.files(version).err().map(|problem| problem.to_string())
        };
        Verification { version, problem, unfinished }
    }

    fn file(&self, version: u32, name: &str) -> PathBuf {
        version_folder(&self.root, version).join(name)
    }

    fn change(&self, reason: &str, make: impl FnOnce(&mut Stages) -> Result<()>) -> Result<Stages> {
        if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(RegistryError::Refused(format!(
                "`reason` has {} characters, expected 1 to {LONGEST_REASON}: a few words for whoever asks later",
                reason.trim().chars().count()
            )));
        }
        let _locked = Locked::wait(&self.root)?;
        let mut stages = self.stages()?;
        make(&mut stages)?;
        self.write(&stages)?;
        Ok(stages)
    }

    fn write(&self, stages: &Stages) -> Result<()> {
        Ok(replace(&self.root.join(STAGES), &sealed(stages)?)?)
    }
}
