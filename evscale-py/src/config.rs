//! The configuration of one pool.

use crate::door::{error, guarded};
use crate::plain;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Settings of one pool, as keyword arguments; None is the default.
#[pyclass(frozen, module = "evscale", name = "Config")]
pub struct Config(pub evscale_core::Config);

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let Some(settings) = settings else { return Ok(Self(evscale_core::Config::default())) };
        let given = plain::object(settings)
            .map_err(|problem| error(py, "invalid_config", &problem.value(py).to_string()))?;
        let text = given.to_string();
        guarded(py, || evscale_core::Config::from_json(&text)).map(Self)
    }
    /// All settings as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(plain::loads(py, &self.0.to_json())?.cast_into()?)
    }
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?
            .get_item(name)?
            .ok_or_else(|| PyAttributeError::new_err(format!("the configuration has no setting `{name}`")))
    }
    fn __dir__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let names = py.get_type::<Self>().dir()?;
        for key in self.to_dict(py)?.keys() {
            names.append(key)?;
        }
        Ok(names)
    }
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let usual = Self(evscale_core::Config::default()).to_dict(py)?;
        let mut changed = Vec::new();
        for (key, value) in self.to_dict(py)? {
            if !usual.get_item(&key)?.is_some_and(|other| other.eq(&value).unwrap_or(false)) {
                changed.push(format!("{}={}", key.str()?, value.repr()?));
            }
        }
        Ok(format!("Config({})", changed.join(", ")))
    }
    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((), Bound<'py, PyDict>)> {
        Ok(((), self.to_dict(py)?))
    }
}
