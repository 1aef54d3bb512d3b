//! Models.

use crate::boundary::{bytes, copy_text, enter, required_mut, required_text};
use crate::error::*;
use evscale_core::ModelBundle;
use serde::Serialize;
use serde_json::Value;
use std::ffi::c_char;

const SIGNATURE_BYTES: usize = 64;
const KEY_BYTES: usize = 32;

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

/// Loads a bundle like evscale_bundle_load, whose manifest is signed: `signature` has the 64 bytes of an Ed25519 signature over
/// `manifest`, `public_key` the 32 bytes of the key that it is verified with, before anything else is looked at. `bundle_public_key`
/// of a configuration accepts no other bundle but the one inside the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundle_load_signed(
    manifest: *const u8,
    manifest_length: usize,
    forecaster: *const u8,
    forecaster_length: usize,
    policy: *const u8,
    policy_length: usize,
    signature: *const u8,
    public_key: *const u8,
    bundle: *mut *mut evscale_bundle,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(bundle, "bundle")?;
        let key = bytes(public_key, KEY_BYTES, "public_key")?;
        let key: &[u8; KEY_BYTES] = key
            .try_into()
            .map_err(|_| Failure::new(EVSCALE_INVALID_ARGUMENT, "`public_key` has no 32 bytes"))?;
        let loaded = ModelBundle::from_signed_files(
            bytes(manifest, manifest_length, "manifest")?,
            bytes(forecaster, forecaster_length, "forecaster")?,
            bytes(policy, policy_length, "policy")?,
            bytes(signature, SIGNATURE_BYTES, "signature")?,
            key,
        )?;
        *out = Box::into_raw(Box::new(evscale_bundle(loaded)));
        Ok(())
    })
}

/// What is told of a bundle.
#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    version: &'a str,
    manifest: Value,
}

/// Name, version and manifest of a bundle (NULL: the models inside the library), as a JSON object. That a bundle could be loaded says
/// that its files are whole and fit this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundle_json(
    bundle: *const evscale_bundle,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let bundle = bundle_of(bundle)?;
        let manifest = serde_json::from_str(bundle.manifest_json());
        let text = manifest.and_then(|manifest| {
            serde_json::to_string(&Told { name: bundle.name(), version: bundle.version(), manifest })
        });
        let text = text.map_err(|problem| Failure::new(EVSCALE_INVALID_BUNDLE, problem.to_string()))?;
        copy_text(text, buffer, capacity, needed)
    })
}

/// Tells where a file of the models inside the library is in memory: `name` is manifest.json, forecaster.onnx or policy.onnx.
/// `content` gets its bytes, valid for ever, `length` their number. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_bundled_file(
    name: *const c_char,
    content: *mut *const u8,
    length: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let name = required_text(name, "name")?;
        let (content, length) = (required_mut(content, "content")?, required_mut(length, "length")?);
        let files = ModelBundle::bundled_files();
        let (_, file) = files.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            let names = files.map(|(known, _)| known);
            let message = format!("`name` is {name:?}, expected one of {names:?}");
            Failure::new(EVSCALE_INVALID_ARGUMENT, message)
        })?;
        (*content, *length) = (file.as_ptr(), file.len());
        Ok(())
    })
}

/// Loads the models inside the library, which the first handle with networks does else; takes some 20 ms, and 96 KiB of stack. Call
/// it before you fork, or before a thread with a small stack uses the library. Any thread may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_preload(error: *mut *mut evscale_error) -> i32 {
    enter(error, || {
        ModelBundle::bundled()?;
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
