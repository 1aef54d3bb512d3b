//! Model bundles.

use crate::door::guarded;
use crate::plain;
use pyo3::prelude::*;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

/// A forecaster and a policy network, checked when loaded, shared by any number of pools and threads.
///
/// Examples
/// --------
/// >>> from evscale import ModelBundle
/// >>> ModelBundle.bundled().manifest["format_version"]
/// 1
#[pyclass(frozen, module = "evscale", name = "ModelBundle")]
pub struct ModelBundle(pub evscale_core::ModelBundle);

impl ModelBundle {
    /// The core's bundle; the bundled one if none is given.
    pub fn or_bundled(
        given: Option<&Self>,
    ) -> impl FnOnce() -> evscale_core::Result<evscale_core::ModelBundle> + Send {
        let given = given.map(|bundle| bundle.0.clone());
        || given.map_or_else(evscale_core::ModelBundle::bundled, Ok)
    }
}

#[pymethods]
impl ModelBundle {
    /// The models inside the package.
    #[staticmethod]
    fn bundled(py: Python<'_>) -> PyResult<Self> {
        guarded(py, evscale_core::ModelBundle::bundled).map(Self)
    }
    /// Names and contents of the files of the bundled models.
    #[staticmethod]
    fn bundled_files() -> HashMap<&'static str, &'static [u8]> {
        evscale_core::ModelBundle::bundled_files().into()
    }
    /// A bundle from a folder with manifest.json, forecaster.onnx and policy.onnx.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = |name: &str| {
            let file = path.join(name);
            std::fs::read(&file)
                .map_err(|problem| io::Error::new(problem.kind(), format!("{}: {problem}", file.display())))
        };
        let (manifest, forecaster, policy) =
            (read("manifest.json")?, read("forecaster.onnx")?, read("policy.onnx")?);
        guarded(py, || evscale_core::ModelBundle::from_files(&manifest, &forecaster, &policy)).map(Self)
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
    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain::loads(py, self.0.manifest_json())
    }
    fn __repr__(&self) -> String {
        format!("ModelBundle({} {})", self.0.name(), self.0.version())
    }
}
