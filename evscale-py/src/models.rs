//! Model bundles.

use crate::arguments::{Text, path};
use crate::door::{Door, door, reading_door};
use crate::errors::{os_error, refused};
use crate::notebook::table;
use crate::plain;
use crate::registry::{champion, opened};
use crate::turns::{contained, left_behind};
use evscale_core::bundle::{KEY_BYTES, public_key, sign};
use evscale_files::BundleFiles;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// A forecaster and a policy network, checked when loaded, shared by any number of pools and threads.
///
/// Examples
/// --------
/// >>> from evscale import ModelBundle
/// >>> ModelBundle.bundled().manifest["format_version"]
/// 1
#[pyclass(frozen, weakref, module = "evscale", name = "ModelBundle")]
pub struct ModelBundle(pub evscale_core::ModelBundle);

impl ModelBundle {
    /// The core's bundle; the bundled one if none is given.
    pub fn or_bundled(
        given: Option<&Self>,
    ) -> impl FnOnce() -> evscale_core::Result<evscale_core::ModelBundle> + Send {
        let given = given.map(|bundle| bundle.0.clone());
        || given.map_or_else(evscale_core::ModelBundle::bundled, Ok)
    }

    /// The models compiled into the library.
    pub fn compiled_in(py: Python<'_>) -> PyResult<Self> {
        contained(py, evscale_core::ModelBundle::bundled).map(Self)
    }

    /// The bundle of files, signed by `key` if there is one. Networks at the limits of what is loaded take seconds, in which
    /// Ctrl-C is heard.
    pub fn checked(py: Python<'_>, files: BundleFiles, key: Option<[u8; KEY_BYTES]>) -> PyResult<Self> {
        let BundleFiles { manifest, forecaster, policy, signature } = files;
        left_behind(py, move || match key {
            None => evscale_core::ModelBundle::from_files(&manifest, &forecaster, &policy),
            Some(key) => {
                let signature = signature.unwrap_or_default();
                evscale_core::ModelBundle::from_signed_files(
                    &manifest,
                    &forecaster,
                    &policy,
                    &signature,
                    &key,
                )
            }
        })
        .map(Self)
    }
}

/// A key written as 64 hexadecimal digits.
pub fn key_bytes(py: Python<'_>, name: &str, text: &str) -> PyResult<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    let digits = text.len() == 2 * KEY_BYTES && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    for (index, byte) in key.iter_mut().enumerate() {
        match text.get(2 * index..2 * index + 2).map(|pair| u8::from_str_radix(pair, 16)) {
            Some(Ok(value)) if digits => *byte = value,
            _ => return Err(refused(py, &format!("`{name}` is not a key, expected 64 hexadecimal digits"))),
        }
    }
    Ok(key)
}

/// The Ed25519 signature of the contents of manifest.json. `seed` is the secret, 64 hexadecimal digits.
#[pyfunction]
pub fn sign_manifest<'py>(py: Python<'py>, manifest: &[u8], seed: Text) -> Door<Bound<'py, PyBytes>> {
    door(py, || Ok(PyBytes::new(py, &sign(manifest, &key_bytes(py, "seed", &seed.0)?))))
}

/// The public key that belongs to a seed, both as 64 hexadecimal digits.
#[pyfunction]
pub fn public_key_of(py: Python<'_>, seed: Text) -> Door<String> {
    door(py, || {
        let key = public_key(&key_bytes(py, "seed", &seed.0)?);
        Ok(key.iter().map(|byte| format!("{byte:02x}")).collect())
    })
}

/// Most bytes of a file of a bundle that are read; the core's own limits are below.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// What a path begins with that names a registry.
const REGISTRY: &str = "registry:";

/// Returns the contents of a regular file. A pipe or device, which might never end, is refused without being opened.
fn contents(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    py.check_signals()?;
    let told = |problem: io::Error| os_error(&problem, &format!("cannot be read: {problem}"), path);
    let known = fs::metadata(path).map_err(told)?;
    let unfit = |how: String| refused(py, &format!("`{}` {how}", path.display()));
    if !known.is_file() {
        return Err(unfit("is no regular file, expected one of a bundle".to_owned()));
    }
    if known.len() > MOST_BYTES {
        return Err(unfit(format!("has {} bytes, expected at most {MOST_BYTES}", known.len())));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(told)?.take(MOST_BYTES).read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

/// Reads the files of a bundle in a folder; its signature if there must be one, or if there is one.
pub fn files_of(py: Python<'_>, folder: &Path, signed: bool) -> PyResult<BundleFiles> {
    let read = |name: &str| contents(py, &folder.join(name));
    Ok(BundleFiles {
        manifest: read("manifest.json")?,
        forecaster: read("forecaster.onnx")?,
        policy: read("policy.onnx")?,
        signature: (signed || folder.join("manifest.sig").exists())
            .then(|| read("manifest.sig"))
            .transpose()?,
    })
}

#[pymethods]
impl ModelBundle {
    /// The models inside the package.
    #[staticmethod]
    fn bundled(py: Python<'_>) -> Door<Self> {
        door(py, || Self::compiled_in(py))
    }
    /// Names and contents of the files of the bundled models.
    #[staticmethod]
    fn bundled_files() -> HashMap<&'static str, &'static [u8]> {
        evscale_core::ModelBundle::bundled_files().into()
    }
    /// A bundle from a folder with manifest.json, forecaster.onnx and policy.onnx, or the champion of a registry.
    ///
    /// Parameters
    /// ----------
    /// path
    ///     The folder, or ``registry:`` and the folder of a registry.
    /// public_key
    ///     Ed25519 key, 64 hexadecimal digits: the folder's manifest.sig must be a signature of it over manifest.json, whose
    ///     checksums bind the networks. `evscale bundle sign` makes it.
    ///
    /// Raises
    /// ------
    /// FileNotFoundError
    ///     A file is missing; other kinds of OSError if it cannot be read.
    /// BundleError
    ///     It is damaged, incomplete, of another format, or not signed by the key.
    #[staticmethod]
    #[pyo3(signature = (path, public_key=None))]
    fn load(py: Python<'_>, path: &Bound<'_, PyAny>, public_key: Option<Text>) -> Door<Self> {
        reading_door(py, || {
            let key = public_key.map(|key| key_bytes(py, "public_key", &key.0)).transpose()?;
            let path = self::path(path)?;
            if let Some(registry) = path.to_str().and_then(|text| text.strip_prefix(REGISTRY)) {
                return champion(py, &opened(py, Path::new(registry))?, key);
            }
            Self::checked(py, files_of(py, &path, key.is_some())?, key)
        })
    }
    /// Name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }
    /// Version.
    #[getter]
    fn version(&self) -> &str {
        self.0.version()
    }
    /// The manifest as plain values.
    #[getter]
    fn manifest<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || plain::loads(py, self.0.manifest_json()))
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "bundle_html")
    }
    fn __repr__(&self) -> String {
        format!("ModelBundle({} {})", self.0.name(), self.0.version())
    }
}
