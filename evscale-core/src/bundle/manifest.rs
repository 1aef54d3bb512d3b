//! `manifest.json`: what the network files are, and what they were made for.

use crate::error::{Error, Result};
use crate::features::{HORIZON_MINUTES, NetworkContract, POLICY_ACTIONS, QUANTILE_LEVELS};
use crate::inference::TensorSpec;
use crate::text::is_hidden;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// The format that this build reads.
const FORMAT_VERSION: u64 = 1;
/// Largest manifest that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Longest name, version and file name, in characters.
const MAX_NAME: usize = 100;
/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// Contents of a manifest, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(rename = "format_version")]
    _format_version: u64,
    /// Name of the bundle.
    pub(crate) name: String,
    /// Version of the bundle.
    pub(crate) version: String,
    /// Number that grows with every bundle that its maker signs; 0 where the manifest has none.
    #[serde(default)]
    pub(crate) serial: u32,
    /// The event-volume forecaster.
    pub(crate) forecaster: Part,
    /// The job-allocation policy.
    pub(crate) policy: Part,
    horizon_minutes: Vec<u32>,
    quantile_levels: Vec<f64>,
    actions: Vec<f64>,
    #[serde(rename = "training")]
    _training: Map<String, Value>,
    #[serde(rename = "results")]
    _results: Map<String, Value>,
}

/// One network file of a bundle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// File name, without a folder.
    pub(crate) file: String,
    sha256: String,
    feature_schema: String,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

impl Manifest {
    /// Reads a manifest and checks all that can be checked without the files.
    ///
    /// # Errors
    /// Over 1 MiB, damaged, of another format version, an unknown or missing key, or made for other
    /// horizons, quantile levels or actions than those of this build.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format_version: u64,
        }
        if json.len() > MAX_BYTES {
            return Err(Error::bundle(format!(
                "manifest has {} bytes, expected at most {MAX_BYTES}",
                json.len()
            )));
        }
        let broken =
            |problem: serde_json::Error| Error::bundle(format!("manifest: {problem}")).because_of(&problem);
        let Format { format_version } = serde_json::from_slice(json).map_err(broken)?;
        if format_version != FORMAT_VERSION {
            return Err(Error::bundle(format!(
                "manifest: `format_version` is {format_version}, expected {FORMAT_VERSION}, the one that this \
                 build reads"
            )));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(broken)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        check_name("name", &self.name)?;
        check_name("version", &self.version)?;
        self.forecaster.check_names()?;
        self.policy.check_names()?;
        check_equal("horizon_minutes", self.horizon_minutes.as_slice(), &HORIZON_MINUTES[..])?;
        check_equal("quantile_levels", self.quantile_levels.as_slice(), &QUANTILE_LEVELS[..])?;
        check_equal("actions", self.actions.as_slice(), &POLICY_ACTIONS[..])
    }
}

impl Part {
    /// Compares what the network was made for with what this build computes. The order of tensors is free.
    pub(super) fn check_contract(&self, contract: &NetworkContract) -> Result<()> {
        if self.feature_schema != contract.feature_schema {
            return Err(Error::bundle(format!(
                "{}: made for the feature schema {:?}, expected {:?}, the one that this build computes",
                self.file, self.feature_schema, contract.feature_schema
            )));
        }
        self.check_tensors("input", &self.inputs, &contract.inputs)?;
        self.check_tensors("output", &self.outputs, &contract.outputs)
    }

    /// Compares the file with its checksum.
    pub(super) fn check_contents(&self, bytes: &[u8]) -> Result<()> {
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found == self.sha256 {
            return Ok(());
        }
        Err(Error::bundle(format!("{}: `sha256` is {found}, expected {}", self.file, self.sha256)))
    }

    fn check_names(&self) -> Result<()> {
        check_name("file", &self.file)?;
        if self.file.contains(['/', '\\']) {
            return Err(Error::bundle(format!(
                "manifest: `file` is {:?}, expected a name without a folder",
                self.file
            )));
        }
        let digits = self.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || self.sha256.len() != SHA256_DIGITS {
            return Err(Error::bundle(format!(
                "{}: `sha256` in the manifest is {:?}, expected {SHA256_DIGITS} lower-case hexadecimal digits",
                self.file, self.sha256
            )));
        }
        Ok(())
    }

    fn check_tensors(&self, side: &str, found: &[TensorSpec], wanted: &[TensorSpec]) -> Result<()> {
        if found.len() == wanted.len() && wanted.iter().all(|spec| found.contains(spec)) {
            return Ok(());
        }
        let list =
            |specs: &[TensorSpec]| specs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Error::bundle(format!(
            "{}: {side}s in the manifest are {}, expected {}",
            self.file,
            list(found),
            list(wanted)
        )))
    }
}

fn check_name(key: &str, text: &str) -> Result<()> {
    let characters = text.chars().count();
    if (1..=MAX_NAME).contains(&characters) && !text.chars().any(is_hidden) {
        return Ok(());
    }
    Err(Error::bundle(format!(
        "manifest: `{key}` has {characters} characters, expected 1 to {MAX_NAME}, none of which is hidden"
    )))
}

fn check_equal<T: PartialEq + fmt::Debug>(key: &str, found: &[T], wanted: &[T]) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::bundle(format!("manifest: `{key}` is {found:?}, expected {wanted:?}")))
}
