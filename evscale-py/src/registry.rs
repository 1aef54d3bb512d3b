//! Registries of model bundles.

use crate::arguments::{Text, path};
use crate::door::{Door, reading_door};
use crate::errors::{error, os_error, refused};
use crate::models::{ModelBundle, files_of, key_bytes};
use crate::notebook::table;
use crate::plain::{instant, loads, object, whole};
use evscale_core::bundle::KEY_BYTES;
use evscale_files::{RegistryError, Stages};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Versions of model bundles in a folder: the champion, the candidates, and what was done when and why. Needs no server;
/// several processes may use one at once, and a killed one leaves nothing half.
///
/// Parameters
/// ----------
/// path
///     The folder.
/// create
///     Make the registry if the folder is empty or not there.
///
/// Raises
/// ------
/// ArgumentError
///     The folder holds no registry; in the methods, what makes no sense as the registry stands.
/// BundleError
///     In the methods: a file of the registry is damaged.
///
/// Examples
/// --------
/// >>> import tempfile
/// >>> from evscale import Registry
/// >>> with tempfile.TemporaryDirectory() as folder:
/// ...     registry = Registry(folder, create=True)
/// ...     registry.versions(), registry.stages()["champion"], registry.champion().name
/// ([], None, 'evscale-bundled')
#[pyclass(frozen, module = "evscale", name = "Registry")]
pub struct Registry(evscale_files::Registry);

/// Opens a registry.
pub fn opened(py: Python<'_>, root: &Path) -> PyResult<Registry> {
    detached(py, || evscale_files::Registry::open(root)).map(Registry)
}

/// Returns the champion of a registry: the bundled models before the first promotion.
pub fn champion(py: Python<'_>, registry: &Registry, key: Option<[u8; KEY_BYTES]>) -> PyResult<ModelBundle> {
    match detached(py, || registry.0.stages())?.champion {
        Some(version) => loaded(py, registry, version, key),
        None => ModelBundle::compiled_in(py),
    }
}

fn loaded(
    py: Python<'_>,
    registry: &Registry,
    version: u32,
    key: Option<[u8; KEY_BYTES]>,
) -> PyResult<ModelBundle> {
    ModelBundle::checked(py, detached(py, || registry.0.files(version))?, key)
}

/// Runs a call on the folder without the interpreter's lock.
fn detached<T: Send>(py: Python<'_>, call: impl FnOnce() -> Result<T, RegistryError> + Send) -> PyResult<T> {
    py.detach(call).map_err(|problem| match &problem {
        RegistryError::Failed { path, step, source } => {
            os_error(source, &format!("cannot {step}: {source}"), path)
        }
        RegistryError::Damaged(words) => error(py, "invalid_bundle", words),
        _ => refused(py, &problem.to_string()),
    })
}

fn python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).map_err(|problem| refused(py, &problem.to_string()))?;
    loads(py, &text)
}

fn key_of(py: Python<'_>, key: Option<Text>) -> PyResult<Option<[u8; KEY_BYTES]>> {
    key.map(|key| key_bytes(py, "public_key", &key.0)).transpose()
}

impl Registry {
    fn step(
        &self,
        py: Python<'_>,
        now: Option<&Bound<'_, PyAny>>,
        make: impl FnOnce(&evscale_files::Registry, i64) -> Result<Stages, RegistryError> + Send,
    ) -> PyResult<Option<u32>> {
        let at_ms = instant(py, now)?.as_millis();
        Ok(detached(py, || make(&self.0, at_ms))?.champion)
    }
}

#[pymethods]
impl Registry {
    #[new]
    #[pyo3(signature = (path, create=false))]
    fn new(py: Python<'_>, path: &Bound<'_, PyAny>, create: bool) -> Door<Self> {
        reading_door(py, || {
            let root = self::path(path)?;
            if create {
                detached(py, || evscale_files::Registry::create(&root)).map(Self)
            } else {
                opened(py, &root)
            }
        })
    }
    /// Numbers of the versions, the oldest first.
    fn versions(&self, py: Python<'_>) -> Door<Vec<u32>> {
        reading_door(py, || detached(py, || self.0.versions()))
    }
    /// The card of a version: `parent`, `created_ms`, `details`, and the checksums of its files.
    fn card<'py>(&self, py: Python<'py>, version: &Bound<'py, PyAny>) -> Door<Bound<'py, PyAny>> {
        reading_door(py, || {
            let version = whole("version", version)?;
            python(py, &detached(py, || self.0.card(version))?)
        })
    }
    /// The stages: `champion` (None: the bundled models), `earlier` champions, `pinned`, and the `history`.
    fn stages<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        reading_door(py, || python(py, &detached(py, || self.0.stages())?))
    }
    /// The bundle of the champion; the bundled models before the first promotion. Files that are not as they were written
    /// are refused, as is a bundle that `public_key` did not sign, if there is one.
    #[pyo3(signature = (public_key=None))]
    fn champion(&self, py: Python<'_>, public_key: Option<Text>) -> Door<ModelBundle> {
        reading_door(py, || champion(py, self, key_of(py, public_key)?))
    }
    /// The bundle of a version, checked as the champion is.
    #[pyo3(signature = (version, public_key=None))]
    fn load(
        &self,
        py: Python<'_>,
        version: &Bound<'_, PyAny>,
        public_key: Option<Text>,
    ) -> Door<ModelBundle> {
        reading_door(py, || loaded(py, self, whole("version", version)?, key_of(py, public_key)?))
    }
    /// Names and contents of the files of a version, as they were written; those of the bundled models for None.
    #[pyo3(signature = (version))]
    fn files<'py>(&self, py: Python<'py>, version: Option<&Bound<'py, PyAny>>) -> Door<Bound<'py, PyDict>> {
        reading_door(py, || {
            let out = PyDict::new(py);
            let Some(version) = version else {
                for (name, content) in evscale_core::ModelBundle::bundled_files() {
                    out.set_item(name, PyBytes::new(py, content))?;
                }
                return Ok(out);
            };
            let version = whole("version", version)?;
            for (name, content) in detached(py, || self.0.files(version))?.named() {
                out.set_item(name, PyBytes::new(py, content))?;
            }
            Ok(out)
        })
    }
    /// Adds the bundle in a folder as a candidate, if it loads, and returns its version.
    ///
    /// Parameters
    /// ----------
    /// path
    ///     The folder of the bundle; its manifest.sig is kept if it has one.
    /// parent
    ///     Version that its training began with.
    /// details
    ///     What the card shall tell of it, such as the data window and scores: texts, finite numbers, lists, dicts.
    /// now
    ///     When it was made; the machine's clock by default.
    #[pyo3(signature = (path, *, parent=None, details=None, now=None))]
    fn add(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        parent: Option<&Bound<'_, PyAny>>,
        details: Option<&Bound<'_, PyDict>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Door<u32> {
        reading_door(py, || {
            let parent = parent.map(|parent| whole("parent", parent)).transpose()?;
            let details = details.map_or(Ok(Value::Null), |given| object(py, given.iter().collect()))?;
            let details = if let Value::Object(details) = details { details } else { Map::new() };
            let created_ms = instant(py, now)?.as_millis();
            let files = files_of(py, &self::path(path)?, false)?;
            ModelBundle::checked(py, files.clone(), None)?;
            Ok(detached(py, || self.0.add(&files, parent, created_ms, details))?.version)
        })
    }
    /// Makes a version the champion, if its files are as they were written and load.
    #[pyo3(signature = (version, reason, *, now=None))]
    fn promote(
        &self,
        py: Python<'_>,
        version: &Bound<'_, PyAny>,
        reason: Text,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Door<()> {
        reading_door(py, || {
            let version = whole("version", version)?;
            loaded(py, self, version, None)?;
            self.step(py, now, |registry, at_ms| registry.promote(version, at_ms, &reason.0)).map(drop)
        })
    }
    /// Makes the champion before the champion again, and returns its version; None is the bundled models.
    #[pyo3(signature = (reason, *, now=None))]
    fn rollback(&self, py: Python<'_>, reason: Text, now: Option<&Bound<'_, PyAny>>) -> Door<Option<u32>> {
        reading_door(py, || self.step(py, now, |registry, at_ms| registry.roll_back(at_ms, &reason.0)))
    }
    /// Forbids promotion and rollback.
    #[pyo3(signature = (reason, *, now=None))]
    fn pin(&self, py: Python<'_>, reason: Text, now: Option<&Bound<'_, PyAny>>) -> Door<()> {
        reading_door(py, || self.step(py, now, |registry, at_ms| registry.pin(at_ms, &reason.0)).map(drop))
    }
    /// Allows promotion and rollback again.
    #[pyo3(signature = (reason, *, now=None))]
    fn unpin(&self, py: Python<'_>, reason: Text, now: Option<&Bound<'_, PyAny>>) -> Door<()> {
        reading_door(py, || self.step(py, now, |registry, at_ms| registry.unpin(at_ms, &reason.0)).map(drop))
    }
    /// Removes old versions and what killed processes left; returns the versions that were removed. The champion, its parent,
    /// the one that a rollback returns to, and the newest `keep` stay.
    #[pyo3(signature = (keep))]
    fn prune(&self, py: Python<'_>, keep: &Bound<'_, PyAny>) -> Door<Vec<u32>> {
        reading_door(py, || {
            let keep = whole("keep", keep)? as usize;
            detached(py, || self.0.prune(keep))
        })
    }
    /// Checks every version, or one: a list of dicts of `version`, `ok` and `problem`. Each file must be as it was written,
    /// and the bundle must load. A version without a card is no version yet, or never will be: it is `unfinished`.
    #[pyo3(signature = (version=None))]
    fn verify<'py>(&self, py: Python<'py>, version: Option<&Bound<'py, PyAny>>) -> Door<Bound<'py, PyAny>> {
        reading_door(py, || {
            let version = version.map(|version| whole("version", version)).transpose()?;
            let mut rows = Vec::new();
            for found in detached(py, || self.0.verify(version))? {
                py.check_signals()?;
                let problem = match found.problem {
                    None => {
                        loaded(py, self, found.version, None).err().map(|raised| raised.value(py).to_string())
                    }
                    told => told,
                };
                rows.push(json!({
                    "version": found.version, "ok": problem.is_none(), "unfinished": found.unfinished, "problem": problem,
                }));
            }
            python(py, &rows)
        })
    }
    /// What differs between two versions: `card` and `manifest`, each a list of dicts of `entry`, `before` and `after`.
    fn diff<'py>(
        &self,
        py: Python<'py>,
        before: &Bound<'py, PyAny>,
        after: &Bound<'py, PyAny>,
    ) -> Door<Bound<'py, PyAny>> {
        reading_door(py, || {
            let (before, after) = (whole("before", before)?, whole("after", after)?);
            python(py, &detached(py, || self.0.difference(before, after))?)
        })
    }
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> Door<Bound<'py, PyAny>> {
        table(slf, "registry_html")
    }
    fn __repr__(&self) -> String {
        format!("Registry({:?})", self.0.root().display().to_string())
    }
}
