//! Models.

use crate::boundary::{bytes, enter, required_mut};
use crate::error::*;
use evscale_core::ModelBundle;

/// A forecaster and a policy network, checked. Threads: immutable, any number of them may use it.
pub struct evscale_bundle(ModelBundle);

/// Loads a bundle from the contents of manifest.json, forecaster.onnx and policy.onnx. `bundle` gets it; free it with
/// evscale_bundle_free. Fails with EVSCALE_INVALID_BUNDLE if a file is damaged or does not belong to the others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundle_load(
    manifest: *const u8,
    manifest_length: usize,
    forecaster: *const u8,
    forecaster_length: usize,
    policy: *const u8,
    policy_length: usize,
    bundle: *mut *mut evscale_bundle,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(bundle, "bundle")?;
        let loaded = ModelBundle::from_files(
            bytes(manifest, manifest_length, "manifest")?,
            bytes(forecaster, forecaster_length, "forecaster")?,
            bytes(policy, policy_length, "policy")?,
        )?;
        *out = Box::into_raw(Box::new(evscale_bundle(loaded)));
        Ok(())
    })
}

/// Frees a bundle; what was made with it keeps its share. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundle_free(bundle: *mut evscale_bundle) {
    if !bundle.is_null() {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(bundle) });
    }
}

/// The bundle that the caller hands; the models inside the library for NULL.
pub(crate) fn bundle_of(bundle: *const evscale_bundle) -> Result<ModelBundle, Failure> {
    // SAFETY: NULL or a bundle of this library, by the contract of the callers.
    let given = unsafe { bundle.as_ref() };
    Ok(given.map_or_else(ModelBundle::bundled, |bundle| Ok(bundle.0.clone()))?)
}
