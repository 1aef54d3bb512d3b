//! Model files: load, check, share.

mod forked;
mod manifest;
mod signature;
#[cfg(test)]
mod tests;

pub use signature::{KEY_BYTES, SIGNATURE_BYTES, public_key, sign, verify};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::features::{self, Expected, NetworkContract};
use crate::inference::Network;
use forked::{Loads, MadeOnce};
use manifest::{Manifest, Part};
use sha2::{Digest, Sha256};
use std::sync::Arc;

#[cfg(feature = "bundled-models")]
const BUNDLED_MANIFEST: &[u8] = include_bytes!("../../models/manifest.json");
#[cfg(feature = "bundled-models")]
const BUNDLED_FORECASTER: &[u8] = include_bytes!("../../models/forecaster.onnx");
#[cfg(feature = "bundled-models")]
const BUNDLED_POLICY: &[u8] = include_bytes!("../../models/policy.onnx");

/// Rows of a batch of forecasts; larger ones gain nothing.
pub(crate) const BATCH: usize = 16;

static BUNDLED: MadeOnce<Result<ModelBundle>> = MadeOnce::new();
static LOADS: Loads = Loads::new();

/// A forecaster and a policy network with their manifest: immutable, checked when it was loaded, and
/// shared by any number of pools and threads. Cloning is cheap.
///
/// The checksums in the manifest find damage, not malice: they travel with the files. Load bundles from
/// places that you trust, as you would load a library, or have them signed.
#[derive(Clone, Debug)]
pub struct ModelBundle(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    manifest: Manifest,
    manifest_json: String,
    forecaster: Network,
    forecaster_in_batches: MadeOnce<Result<Network>>,
    policy: Network,
    digest: u64,
    /// Public key whose signature was verified.
    signed_by: Option<[u8; KEY_BYTES]>,
}

impl From<Parts> for ModelBundle {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Parts {
    fn read(
        manifest_json: &[u8],
        forecaster_onnx: &[u8],
        policy_onnx: &[u8],
        expected: &Expected,
    ) -> Result<Self> {
        let manifest = Manifest::parse(manifest_json)?;
        let (forecaster, policy) = LOADS.run(|| {
            let forecaster = network(&manifest.forecaster, forecaster_onnx, &expected.forecaster)?;
            Ok((forecaster, network(&manifest.policy, policy_onnx, &expected.policy)?))
        })?;
        let digest = digest_of(manifest_json);
        let manifest_json = str::from_utf8(manifest_json)
            .map_err(|error| Error::bundle(format!("manifest: {error}")))?
            .to_owned();
        Ok(Self {
            manifest,
            manifest_json,
            forecaster,
            forecaster_in_batches: MadeOnce::new(),
            policy,
            digest,
            signed_by: None,
        })
    }
}

impl ModelBundle {
    /// The models compiled into the library, loaded once per process.
    ///
    /// # Errors
    /// They were made for other features than this library computes, or are not there: the crate was built without its feature
    /// `bundled-models`.
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy): this process was forked while another thread was in the first load of
    /// any models, or in any load where `RUST_BACKTRACE` is set. Load before you fork.
    pub fn bundled() -> Result<Self> {
        #[cfg(feature = "bundled-models")]
        let load = || Self::from_files(BUNDLED_MANIFEST, BUNDLED_FORECASTER, BUNDLED_POLICY);
        #[cfg(not(feature = "bundled-models"))]
        let load = || {
            Err(Error::bundle(
                "this build has no models; build evscale-core with its feature `bundled-models`, load a bundle, or set \
                 `use_networks` to false",
            ))
        };
        BUNDLED.get_or_make(load)?.clone()
    }

    /// Names and contents of the files compiled into the library: a place to start from for training.
    #[cfg(feature = "bundled-models")]
    pub fn bundled_files() -> [(&'static str, &'static [u8]); 3] {
        [
            ("manifest.json", BUNDLED_MANIFEST),
            ("forecaster.onnx", BUNDLED_FORECASTER),
            ("policy.onnx", BUNDLED_POLICY),
        ]
    }

    /// A bundle from the contents of `manifest.json`, `forecaster.onnx` and `policy.onnx`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidBundle`](crate::ErrorKind::InvalidBundle): a file is too large, damaged, of another
    /// format version, or made for other features, horizons, quantile levels or actions than this build has.
    pub fn from_files(manifest_json: &[u8], forecaster_onnx: &[u8], policy_onnx: &[u8]) -> Result<Self> {
        Parts::read(manifest_json, forecaster_onnx, policy_onnx, &features::contract()).map(Self::from)
    }

    /// A bundle as of [`from_files`](Self::from_files), whose manifest is signed (Ed25519, see [`sign`]). The signature is
    /// verified before anything else is looked at.
    ///
    /// ```
    /// use evscale_core::ModelBundle;
    /// use evscale_core::bundle::{public_key, sign};
    /// let [(_, manifest), (_, forecaster), (_, policy)] = ModelBundle::bundled_files();
    /// let seed = [7; 32]; // the secret, of who makes the models
    /// let (signature, key) = (sign(manifest, &seed), public_key(&seed));
    /// ModelBundle::from_signed_files(manifest, forecaster, policy, &signature, &key)?;
    /// assert!(ModelBundle::from_signed_files(manifest, forecaster, policy, &signature, &[1; 32]).is_err());
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there, and a signature that is not one of this key over this manifest.
    pub fn from_signed_files(
        manifest_json: &[u8],
        forecaster_onnx: &[u8],
        policy_onnx: &[u8],
        signature: &[u8],
        public_key: &[u8; KEY_BYTES],
    ) -> Result<Self> {
        verify(manifest_json, signature, public_key)?;
        let parts = Parts::read(manifest_json, forecaster_onnx, policy_onnx, &features::contract())?;
        Ok(Parts { signed_by: Some(*public_key), ..parts }.into())
    }

    /// Returns the serial number from the manifest, by which an older bundle is told from a newer one; 0 where it has none.
    pub fn serial(&self) -> u32 {
        self.0.manifest.serial
    }

    /// Refuses a bundle that is neither compiled into the library nor signed by the configured key, if there is one, or that is
    /// older than the configuration allows.
    pub(crate) fn check_signer(&self, config: &Config) -> Result<()> {
        let Some(key) = &config.bundle_public_key else { return Ok(()) };
        let bundled = BUNDLED.get().and_then(|bundle| bundle.as_ref().ok());
        let signer = self.0.signed_by.map(|signer| signature::hex(&signer));
        if bundled.is_some_and(|bundled| Arc::ptr_eq(&bundled.0, &self.0)) {
            return Ok(());
        }
        if signer.as_ref() == Some(key) {
            return self.check_serial(config.bundle_min_serial);
        }
        Err(Error::bundle(format!(
            "bundle {:?} is signed by {}, expected {key}, the `bundle_public_key` of the configuration",
            self.name(),
            signer.as_deref().unwrap_or("nobody")
        )))
    }

    fn check_serial(&self, least: u32) -> Result<()> {
        if self.serial() >= least {
            return Ok(());
        }
        Err(Error::bundle(format!(
            "bundle {:?} has the serial number {}, expected at least {least}, the `bundle_min_serial` of the configuration; it is \
             an older one",
            self.name(),
            self.serial()
        )))
    }

    /// Name from the manifest.
    pub fn name(&self) -> &str {
        &self.0.manifest.name
    }

    /// Version from the manifest.
    pub fn version(&self) -> &str {
        &self.0.manifest.version
    }

    /// Name, version, and eight digits of what is in it: of two bundles that differ these differ.
    pub fn identity(&self) -> String {
        format!("{} {} #{:08x}", self.name(), self.version(), self.0.digest >> 32)
    }

    /// Tells bundles apart by what is in them.
    pub(crate) fn digest(&self) -> u64 {
        self.0.digest
    }

    /// The manifest as it was read.
    pub fn manifest_json(&self) -> &str {
        &self.0.manifest_json
    }

    /// The forecaster for batches of rows, compiled when it is first asked for.
    pub(crate) fn forecaster_in_batches(&self) -> Result<Network> {
        self.0.forecaster_in_batches.get_or_make(|| self.0.forecaster.in_batches(BATCH))?.clone()
    }

    pub(crate) fn forecaster(&self) -> &Network {
        &self.0.forecaster
    }

    pub(crate) fn policy(&self) -> &Network {
        &self.0.policy
    }
}

/// Returns the first bytes of the SHA-256; a manifest has the checksums of the files, so that it stands for all of a bundle.
pub(crate) fn digest_of(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes).iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte))
}

fn network(part: &Part, onnx: &[u8], contract: &NetworkContract) -> Result<Network> {
    part.check_contract(contract)?;
    part.check_contents(onnx)?;
    Network::load(&part.file, onnx, &contract.inputs, &contract.outputs)
}
