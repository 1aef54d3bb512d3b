//! What is written of a version: where it comes from, what it was judged by, and the checksums of its files.

use super::error::RegistryError;
use super::folder::sha256;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Version of the format of cards and stages.
pub(super) const FORMAT: u32 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const FORECASTER: &str = "forecaster.onnx";
pub(super) const POLICY: &str = "policy.onnx";
pub(super) const SIGNATURE: &str = "manifest.sig";

/// The contents of the files of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFiles {
    /// `manifest.json`.
    pub manifest: Vec<u8>,
    /// `forecaster.onnx`.
    pub forecaster: Vec<u8>,
    /// `policy.onnx`.
    pub policy: Vec<u8>,
    /// `manifest.sig`, of a signed bundle.
    pub signature: Option<Vec<u8>>,
}

impl BundleFiles {
    /// Returns names and contents.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let three = [(MANIFEST, &self.manifest), (FORECASTER, &self.forecaster), (POLICY, &self.policy)];
        let signature = self.signature.as_ref().map(|signature| (SIGNATURE, signature));
        three.into_iter().chain(signature).map(|(name, content)| (name, content.as_slice()))
    }
}

/// Length and checksum of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

impl FileSum {
    pub(super) fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, sha256: sha256(content) }
    }
}

/// The card of a version. A version exists once its card does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Version of this format.
    pub format_version: u32,
    /// Number of the version.
    pub version: u32,
    /// Version that its training began with; none is the bundled models, or unknown.
    pub parent: Option<u32>,
    /// When it was made, epoch milliseconds.
    pub created_ms: i64,
    /// What its maker tells of it, such as data window and scores.
    pub details: Map<String, Value>,
    /// Its files by name.
    pub files: BTreeMap<String, FileSum>,
}

impl Card {
    /// Refuses a card of another format or of another version.
    pub(super) fn checked(self, version: u32) -> Result<Self, RegistryError> {
        if self.format_version != FORMAT {
            return Err(RegistryError::Damaged(format!(
                "card of version {version}: `format_version` is {}, expected {FORMAT}; update evscale",
                self.format_version
            )));
        }
        if self.version != version {
            return Err(RegistryError::Damaged(format!(
                "card of version {version}: `version` is {}; the folder was renamed or copied, give it back its name",
                self.version
            )));
        }
        Ok(self)
    }
}
