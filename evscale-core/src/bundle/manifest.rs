//! `manifest.json`: what the network files are, and what they were trained for.

use super::NetworkContract;
use crate::error::{Error, Result};
use crate::features::{HORIZON_MINUTES, POLICY_ACTIONS, QUANTILE_LEVELS};
use crate::inference::TensorSpec;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The format that this build reads.
const FORMAT_VERSION: u32 = 1;
/// Largest manifest that is read, bytes.
const MANIFEST_LIMIT: usize = 1024 * 1024;

/// Contents of a bundle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(rename = "format_version")]
    _format_version: u32,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) forecaster: Part,
    pub(crate) policy: Part,
    horizon_minutes: Vec<u32>,
    quantile_levels: Vec<f64>,
    actions: Vec<f64>,
    #[serde(rename = "training")]
    _training: Map<String, Value>,
    #[serde(rename = "results")]
    _results: Map<String, Value>,
}

/// One network file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) file: String,
    pub(crate) sha256: String,
    feature_schema: String,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

impl Manifest {
    /// Reads and checks a manifest.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format_version: u32,
        }
        if json.len() > MANIFEST_LIMIT {
            return Err(Error::bundle(format!(
                "manifest is {} bytes long, expected at most {MANIFEST_LIMIT}",
                json.len()
            )));
        }
        let broken = |problem: serde_json::Error| Error::bundle(format!("manifest: {problem}"));
        let Format { format_version } = serde_json::from_slice(json).map_err(broken)?;
        if format_version != FORMAT_VERSION {
            return Err(Error::bundle(format!(
                "manifest: `format_version` is {format_version}, expected {FORMAT_VERSION}"
            )));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(broken)?;
        let same = |key: &str, equal: bool, found: String, wanted: String| {
            if equal {
                Ok(())
            } else {
                Err(Error::bundle(format!("manifest: `{key}` is {found}, expected {wanted}")))
            }
        };
        same(
            "horizon_minutes",
            manifest.horizon_minutes == HORIZON_MINUTES,
            format!("{:?}", manifest.horizon_minutes),
            format!("{HORIZON_MINUTES:?}"),
        )?;
        same(
            "quantile_levels",
            manifest.quantile_levels == QUANTILE_LEVELS,
            format!("{:?}", manifest.quantile_levels),
            format!("{QUANTILE_LEVELS:?}"),
        )?;
        same(
            "actions",
            manifest.actions == POLICY_ACTIONS,
            format!("{:?}", manifest.actions),
            format!("{POLICY_ACTIONS:?}"),
        )?;
        Ok(manifest)
    }
}

impl Part {
    /// Compares what the network was trained for with what this build computes.
    pub(super) fn check(&self, contract: &NetworkContract) -> Result<()> {
        if self.feature_schema != contract.feature_schema {
            return Err(Error::bundle(format!(
                "`{}` was trained for the feature schema {}, expected {}",
                self.file, self.feature_schema, contract.feature_schema
            )));
        }
        for (found, wanted) in [(&self.inputs, &contract.inputs), (&self.outputs, &contract.outputs)] {
            if found != wanted {
                return Err(Error::bundle(format!(
                    "`{}` has the tensors {found:?} in the manifest, expected {wanted:?}",
                    self.file
                )));
            }
        }
        Ok(())
    }
}
