//! Model files: load, check, share.

mod manifest;

pub(crate) use manifest::Manifest;

use crate::error::{Error, Result};
use crate::features;
use crate::inference::{Network, TensorSpec};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

static BUNDLED: OnceLock<Result<ModelBundle>> = OnceLock::new();

const BUNDLED_MANIFEST: &[u8] = include_bytes!("../../../models/onnx/manifest.json");
const BUNDLED_FORECASTER: &[u8] = include_bytes!("../../../models/onnx/forecaster.onnx");
const BUNDLED_POLICY: &[u8] = include_bytes!("../../../models/onnx/policy.onnx");

/// What a network must have been trained for.
#[derive(Clone, Debug)]
pub(crate) struct NetworkContract {
    pub(crate) feature_schema: String,
    pub(crate) inputs: Vec<TensorSpec>,
    pub(crate) outputs: Vec<TensorSpec>,
}

/// The contracts of both networks of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) forecaster: NetworkContract,
    pub(crate) policy: NetworkContract,
}

/// A forecaster and a policy network with their manifest: immutable, checked when it was loaded, and
/// shared by any number of pools and threads. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ModelBundle(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    manifest: Manifest,
    manifest_json: String,
    forecaster: Network,
    policy: Network,
}

impl ModelBundle {
    /// The models compiled into the library, loaded once per process.
    ///
    /// # Errors
    /// They were built for other features than this library computes.
    pub fn bundled() -> Result<Self> {
        BUNDLED
            .get_or_init(|| Self::from_files(BUNDLED_MANIFEST, BUNDLED_FORECASTER, BUNDLED_POLICY))
            .clone()
    }

    /// A bundle from the contents of `manifest.json`, `forecaster.onnx` and `policy.onnx`.
    ///
    /// # Errors
    /// A file is too large, damaged, of a newer format, or made for other features than this build computes.
    pub fn from_files(manifest_json: &[u8], forecaster_onnx: &[u8], policy_onnx: &[u8]) -> Result<Self> {
        let manifest = Manifest::parse(manifest_json)?;
        let expected = features::contract();
        let load = |part: &manifest::Part, onnx: &[u8], contract: &NetworkContract| {
            part.check(contract)?;
            let found = sha256(onnx);
            if found != part.sha256 {
                return Err(Error::bundle(format!(
                    "`{}` has the sha256 {found}, expected {}",
                    part.file, part.sha256
                )));
            }
            Network::load(&part.file, onnx, &contract.inputs, &contract.outputs)
        };
        Ok(Self(Arc::new(Parts {
            forecaster: load(&manifest.forecaster, forecaster_onnx, &expected.forecaster)?,
            policy: load(&manifest.policy, policy_onnx, &expected.policy)?,
            manifest_json: String::from_utf8_lossy(manifest_json).into_owned(),
            manifest,
        })))
    }

    /// Name from the manifest.
    pub fn name(&self) -> &str {
        &self.0.manifest.name
    }

    /// Version from the manifest.
    pub fn version(&self) -> &str {
        &self.0.manifest.version
    }

    /// The manifest as it was read.
    pub fn manifest_json(&self) -> &str {
        &self.0.manifest_json
    }

    pub(crate) fn forecaster(&self) -> &Network {
        &self.0.forecaster
    }

    pub(crate) fn policy(&self) -> &Network {
        &self.0.policy
    }
}

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(manifest: &[u8], forecaster: &[u8], policy: &[u8], parts: &[&str]) {
        let problem = ModelBundle::from_files(manifest, forecaster, policy).unwrap_err();
        assert_eq!(problem.kind(), crate::ErrorKind::InvalidBundle);
        for part in parts {
            assert!(problem.to_string().contains(part), "{problem}");
        }
    }

    fn edited(from: &str, to: &str) -> Vec<u8> {
        let text = String::from_utf8(BUNDLED_MANIFEST.to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    }

    #[test]
    fn the_bundled_models_load_once() {
        let bundle = ModelBundle::bundled().unwrap();
        assert!(Arc::ptr_eq(&bundle.0, &ModelBundle::bundled().unwrap().0));
        assert!(!bundle.name().is_empty() && !bundle.version().is_empty());
    }

    #[test]
    fn damaged_and_foreign_bundles_are_refused_with_what_is_wrong() {
        let (f, p) = (BUNDLED_FORECASTER, BUNDLED_POLICY);
        refused(&BUNDLED_MANIFEST[..40], f, p, &["manifest"]);
        refused(&edited("\"format_version\": 1", "\"format_version\": 9"), f, p, &["format_version", "9", "1"]);
        refused(&edited("\"name\"", "\"nom\""), f, p, &["nom"]);
        refused(&edited("\"quantiles\"", "\"quartiles\""), f, p, &["quartiles"]);
        let schema = features::contract().forecaster.feature_schema;
        refused(&edited(&schema, "0123456789abcdef"), f, p, &["0123456789abcdef", &schema]);
        refused(BUNDLED_MANIFEST, &f[..f.len() / 2], p, &["forecaster.onnx", "sha256"]);
        refused(BUNDLED_MANIFEST, f, f, &["policy.onnx", "sha256"]);
    }

    #[test]
    fn every_changed_byte_of_a_network_is_refused() {
        for i in 0..200 {
            let mut policy = BUNDLED_POLICY.to_vec();
            let position = i * policy.len() / 200;
            policy[position] ^= 1 << (i % 8);
            refused(BUNDLED_MANIFEST, BUNDLED_FORECASTER, &policy, &["sha256"]);
        }
    }
}
