//! Configuration, models and the autoscaler.

use crate::answers::{Decision, Forecast, Observation};
use crate::door::{guarded, refused};
use crate::record;
use evscale_core::{Pause, ScalingOutcome};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::PathBuf;

fn dumps(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.py().import("json")?.call_method1("dumps", (value,))?.extract()
}

/// Settings of one pool, as keyword arguments; None is the default.
#[pyclass(frozen, module = "evscale", name = "Config")]
pub struct Config(pub evscale_core::Config);

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let given = PyDict::new(py);
        if let Some(settings) = settings {
            for (key, value) in settings.iter() {
                if !value.is_none() {
                    given.set_item(key, value)?;
                }
            }
        }
        let text = dumps(given.as_any())?;
        guarded(py, || evscale_core::Config::from_json(&text)).map(Self)
    }
    /// All settings as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.0.to_json(),))
    }
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.get_item(name).map_err(|_| {
            pyo3::exceptions::PyAttributeError::new_err(format!("the configuration has no setting `{name}`"))
        })
    }
    fn __repr__(&self) -> String {
        format!("Config({})", self.0.to_json())
    }
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyAny>)> {
        Ok(((), self.to_dict(py)?))
    }
}

/// A forecaster and a policy network, checked and shared.
#[pyclass(frozen, module = "evscale", name = "ModelBundle")]
pub struct ModelBundle(pub evscale_core::ModelBundle);

#[pymethods]
impl ModelBundle {
    /// The models inside the package.
    #[staticmethod]
    fn bundled(py: Python<'_>) -> PyResult<Self> {
        guarded(py, evscale_core::ModelBundle::bundled).map(Self)
    }
    /// A bundle from a folder with manifest.json, forecaster.onnx and policy.onnx.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = |name: &str| Ok::<_, PyErr>(std::fs::read(path.join(name))?);
        let (manifest, forecaster, policy) =
            (read("manifest.json")?, read("forecaster.onnx")?, read("policy.onnx")?);
        guarded(py, || evscale_core::ModelBundle::from_files(&manifest, &forecaster, &policy)).map(Self)
    }
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }
    #[getter]
    fn version(&self) -> &str {
        self.0.version()
    }
    /// The manifest as plain values.
    #[getter]
    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.0.manifest_json(),))
    }
    fn __repr__(&self) -> String {
        format!("ModelBundle({} {})", self.0.name(), self.0.version())
    }
}

/// Forecasts the arrivals of one pool and decides on its number of jobs.
#[pyclass(module = "evscale", name = "Autoscaler")]
pub struct Autoscaler(evscale_core::Autoscaler);

#[pymethods]
impl Autoscaler {
    #[new]
    #[pyo3(signature = (config=None, bundle=None))]
    fn new(py: Python<'_>, config: Option<&Config>, bundle: Option<&ModelBundle>) -> PyResult<Self> {
        let config = config.map(|config| config.0.clone()).unwrap_or_default();
        let bundle = bundle.map(|bundle| bundle.0.clone());
        guarded(py, || {
            let builder = evscale_core::Autoscaler::builder(config);
            match bundle {
                Some(bundle) => builder.bundle(bundle).build(),
                None => builder.build(),
            }
        })
        .map(Self)
    }
    /// Takes the record of one interval: a dict, or its fields as keyword arguments.
    #[pyo3(signature = (record=None, **fields))]
    fn observe(
        &mut self,
        py: Python<'_>,
        record: Option<&Bound<'_, PyDict>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Observation> {
        let given = record.or(fields).ok_or_else(|| refused(py, "observe got no metrics record"))?;
        let metrics = record::metrics(given)?;
        let scaler = &mut self.0;
        guarded(py, || scaler.observe(&metrics)).map(Observation)
    }
    /// The forecast at the newest record.
    fn forecast(&self) -> Forecast {
        Forecast(self.0.forecast())
    }
    /// The decision at the time of the newest record: new if it is due or there is an emergency, else the standing one.
    fn decide(&mut self, py: Python<'_>) -> PyResult<Decision> {
        let scaler = &mut self.0;
        guarded(py, || Ok(scaler.decide())).map(Decision)
    }
    /// The decision at a time that may be later than the newest record.
    fn decide_at(&mut self, py: Python<'_>, timestamp: &Bound<'_, PyAny>) -> PyResult<Decision> {
        let at = record::timestamp(timestamp)?;
        let scaler = &mut self.0;
        guarded(py, || Ok(scaler.decide_at(at))).map(Decision)
    }
    /// The whole state of the pool.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let scaler = &self.0;
        Ok(PyBytes::new(py, &guarded(py, || Ok(scaler.snapshot()))?))
    }
    /// An autoscaler that goes on from a snapshot.
    #[staticmethod]
    #[pyo3(signature = (config, snapshot, bundle=None))]
    fn restore(
        py: Python<'_>,
        config: &Config,
        snapshot: &[u8],
        bundle: Option<&ModelBundle>,
    ) -> PyResult<Self> {
        let (config, bundle) = (config.0.clone(), bundle.map(|bundle| bundle.0.clone()));
        guarded(py, || {
            let bundle = bundle.map_or_else(evscale_core::ModelBundle::bundled, Ok)?;
            evscale_core::Autoscaler::restore(config, bundle, snapshot)
        })
        .map(Self)
    }
    /// Tells what the host really did: a dict with timestamp, started, ready, startup_seconds, refused.
    fn acknowledge(&mut self, py: Python<'_>, outcome: &Bound<'_, PyDict>) -> PyResult<()> {
        let text = dumps(outcome.as_any())?;
        let outcome: ScalingOutcome =
            serde_json::from_str(&text).map_err(|problem| refused(py, &format!("outcome: {problem}")))?;
        self.0.acknowledge(&outcome);
        Ok(())
    }
    /// Switches changes off: "off" (nothing is paused), "all", "down" or "up".
    fn set_pause(&mut self, py: Python<'_>, pause: &str) -> PyResult<()> {
        let pause: Pause = serde_json::from_value(pause.into())
            .map_err(|_| refused(py, &format!("pause is {pause:?}, expected off, all, down or up")))?;
        self.0.set_pause(pause);
        Ok(())
    }
    /// The configuration.
    #[getter]
    fn config(&self) -> Config {
        Config(self.0.config().clone())
    }
}
