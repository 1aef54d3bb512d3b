//! Many pools by key.

use crate::autoscaler;
use crate::config::Config;
use crate::decision::Decision;
use crate::door::{error, guarded, locked, refused};
use crate::forecast::Forecast;
use crate::models::ModelBundle;
use crate::observation::Observation;
use crate::plain::shown;
use crate::{plain, record};
use evscale_core::Metrics;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::sync::Mutex;

/// Autoscalers of many pools that share the networks of one bundle. Decisions equal those of single autoscalers, whatever
/// the number of threads. A pool that fails does not disturb another. Threads may share a fleet; they take turns.
///
/// >>> import evscale
/// >>> fleet = evscale.Fleet(threads=2)
/// >>> fleet.add("eu-west", evscale.Config(min_jobs=5))
/// >>> tick = fleet.tick({"eu-west": {"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400,
/// ...                                "current_job_count": 12, "average_processing_duration_ms": 400.0}})
/// >>> tick.observations["eu-west"][0].verdict
/// 'accepted'
/// >>> tick.decisions["eu-west"].recommended_jobs >= 5
/// True
#[pyclass(frozen, weakref, module = "evscale", name = "Fleet")]
pub struct Fleet(Mutex<evscale_core::Fleet>, HasOwnBundle);

/// Whether a fleet was made with models that are not the bundled ones.
type HasOwnBundle = bool;

/// What became of the records of a tick.
#[pyclass(frozen, weakref, module = "evscale", name = "FleetTick")]
pub struct FleetTick {
    decisions: Py<PyDict>,
    observations: Py<PyDict>,
    errors: Py<PyList>,
}

#[pymethods]
impl Fleet {
    #[new]
    #[pyo3(signature = (bundle=None, threads=1))]
    fn new(py: Python<'_>, bundle: Option<&ModelBundle>, threads: usize) -> PyResult<Self> {
        let has_bundle = bundle.is_some();
        let bundle = ModelBundle::or_bundled(bundle);
        guarded(py, || {
            let mut fleet = evscale_core::Fleet::new(&bundle()?);
            fleet.set_threads(threads)?;
            Ok(Self(Mutex::new(fleet), has_bundle))
        })
    }
    /// Adds a pool; its key must be free.
    #[pyo3(signature = (key, config=None))]
    fn add(&self, py: Python<'_>, key: &str, config: Option<&Config>) -> PyResult<()> {
        let config = config.map(|config| config.0.clone()).unwrap_or_default();
        locked(py, &self.0, |fleet| fleet.add(key, config))
    }
    /// Adds a pool that goes on from a snapshot of a fleet or of an autoscaler.
    fn restore(&self, py: Python<'_>, key: &str, config: &Config, data: &[u8]) -> PyResult<()> {
        let config = config.0.clone();
        locked(py, &self.0, |fleet| fleet.restore(key, config, data))
    }
    /// Removes a pool; says whether it was there.
    fn remove(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        locked(py, &self.0, |fleet| Ok(fleet.remove(key)))
    }
    /// Sets the number of threads that a tick may use, the caller's included: 1 to 1024.
    fn set_threads(&self, py: Python<'_>, threads: usize) -> PyResult<()> {
        locked(py, &self.0, |fleet| fleet.set_threads(threads))
    }
    /// Takes records of any pools, and decides for each of these pools: a dict of key to record, or pairs of key and record
    /// in any order (those of one pool oldest first). A malformed record refuses the whole tick.
    fn tick(&self, py: Python<'_>, records: &Bound<'_, PyAny>) -> PyResult<FleetTick> {
        let records = keyed(records)?;
        let answers = locked(py, &self.0, |fleet| Ok(fleet.tick(records)))?;
        let (decisions, observations) = (PyDict::new(py), PyDict::new(py));
        let errors = PyList::empty(py);
        for answer in answers {
            match answer {
                Ok(tick) => {
                    let seen: Vec<Observation> =
                        tick.observations.into_iter().map(Observation::from).collect();
                    observations.set_item(&tick.key, seen)?;
                    decisions.set_item(&tick.key, Decision(tick.decision))?;
                }
                Err(problem) => {
                    errors.append(error(py, problem.kind().as_str(), &problem.to_string()).into_value(py))?
                }
            }
        }
        Ok(FleetTick {
            decisions: decisions.unbind(),
            observations: observations.unbind(),
            errors: errors.unbind(),
        })
    }
    /// Takes one record of a pool, without a decision.
    fn observe(&self, py: Python<'_>, key: &str, record: &Bound<'_, PyAny>) -> PyResult<Observation> {
        let metrics = record::metrics(&record::as_dict("metrics record", record)?)?;
        locked(py, &self.0, |fleet| fleet.with_pool(key, |pool| pool.observe(&metrics))?)
            .map(Observation::from)
    }
    /// The forecast of a pool at its newest record.
    fn forecast(&self, py: Python<'_>, key: &str) -> PyResult<Forecast> {
        let ask = |pool: &mut evscale_core::Autoscaler| (pool.forecast(), pool.config().interval_seconds);
        let (forecast, interval) = locked(py, &self.0, |fleet| fleet.with_pool(key, ask))?;
        Ok(Forecast::of(forecast, interval))
    }
    /// The decision of a pool at the time of its newest record, or at a later time.
    #[pyo3(signature = (key, timestamp=None))]
    fn decide(&self, py: Python<'_>, key: &str, timestamp: Option<&Bound<'_, PyAny>>) -> PyResult<Decision> {
        let at = timestamp.map(|timestamp| plain::timestamp("timestamp", timestamp)).transpose()?;
        locked(py, &self.0, |fleet| {
            fleet.with_pool(key, |pool| match at {
                Some(at) => pool.decide_at(at),
                None => pool.decide(),
            })
        })
        .map(Decision)
    }
    /// Tells what the host really did with a pool.
    fn acknowledge(&self, py: Python<'_>, key: &str, outcome: &Bound<'_, PyAny>) -> PyResult<()> {
        let outcome = record::outcome(&record::as_dict("scaling outcome", outcome)?)?;
        locked(py, &self.0, |fleet| fleet.with_pool(key, |pool| pool.acknowledge(&outcome)))
    }
    /// Switches changes of a pool off: "off" (nothing is paused), "all", "down" or "up".
    fn set_pause(&self, py: Python<'_>, key: &str, pause: &str) -> PyResult<()> {
        let pause = autoscaler::pause(py, pause)?;
        locked(py, &self.0, |fleet| fleet.with_pool(key, |pool| pool.set_pause(pause)))
    }
    /// Orders exactly `fixed` jobs of a pool, or at most `cap`, until a time; without them the order is taken back.
    #[pyo3(signature = (key, fixed=None, cap=None, until=None))]
    fn set_override(
        &self,
        py: Python<'_>,
        key: &str,
        fixed: Option<u32>,
        cap: Option<u32>,
        until: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let manual = autoscaler::order(py, fixed, cap, until)?;
        locked(py, &self.0, |fleet| fleet.with_pool(key, |pool| pool.set_override(manual)))
    }
    /// Who acts for a pool, and what is known to be wrong.
    fn health<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        let text = locked(py, &self.0, |fleet| fleet.with_pool(key, |pool| pool.health().to_json()))?;
        plain::loads(py, &text)
    }
    /// The whole state of a pool; None if it is not there or failed.
    fn snapshot<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let data = locked(py, &self.0, |fleet| Ok(fleet.snapshot(key)))?;
        Ok(data.map(|data| PyBytes::new(py, &data)))
    }
    /// The states of all pools, by key.
    fn snapshots<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all: Vec<(String, Vec<u8>)> = locked(py, &self.0, |fleet| {
            Ok(fleet.snapshots().map(|(key, data)| (key.to_owned(), data)).collect())
        })?;
        let out = PyDict::new(py);
        for (key, data) in all {
            out.set_item(key, PyBytes::new(py, &data))?;
        }
        Ok(out)
    }
    /// Keys in their order.
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        locked(py, &self.0, |fleet| Ok(fleet.keys().map(str::to_owned).collect()))
    }
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        locked(py, &self.0, |fleet| Ok(fleet.len()))
    }
    fn __contains__(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        locked(py, &self.0, |fleet| Ok(fleet.contains(key)))
    }
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.1 {
            return Err(refused(
                py,
                "a Fleet with a bundle of its own is not picklable, expected its snapshots() and restore with it",
            ));
        }
        let pools: Vec<(String, Config, Vec<u8>)> = locked(py, &self.0, |fleet| {
            let states: Vec<(String, Vec<u8>)> =
                fleet.snapshots().map(|(key, data)| (key.to_owned(), data)).collect();
            let mut pools = Vec::with_capacity(states.len());
            for (key, data) in states {
                let config = Config(fleet.with_pool(&key, |pool| pool.config().clone())?);
                pools.push((key, config, data));
            }
            Ok(pools)
        })?;
        let list = PyList::empty(py);
        for (key, config, data) in pools {
            list.append((key, config, PyBytes::new(py, &data)))?;
        }
        let restore = py.import("evscale.snapshot")?.getattr("fleet_of")?;
        Ok((restore, (list,)).into_pyobject(py)?.into_any())
    }
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Fleet({} pools)", self.__len__(py)?))
    }
}

#[pymethods]
impl FleetTick {
    #[new]
    fn new(decisions: Py<PyDict>, observations: Py<PyDict>, errors: Py<PyList>) -> Self {
        Self { decisions, observations, errors }
    }
    fn __getnewargs__(&self, py: Python<'_>) -> (Py<PyDict>, Py<PyDict>, Py<PyList>) {
        (self.decisions(py), self.observations(py), self.errors(py))
    }
    /// The decision of every pool that had a record, by key.
    #[getter]
    fn decisions(&self, py: Python<'_>) -> Py<PyDict> {
        self.decisions.clone_ref(py)
    }
    /// One observation per record of a pool, in their order, by key.
    #[getter]
    fn observations(&self, py: Python<'_>) -> Py<PyDict> {
        self.observations.clone_ref(py)
    }
    /// An EvscaleError for every record of an unknown pool and for every pool that failed inside.
    #[getter]
    fn errors(&self, py: Python<'_>) -> Py<PyList> {
        self.errors.clone_ref(py)
    }
    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "FleetTick({} decisions, {} errors)",
            self.decisions.bind(py).len(),
            self.errors.bind(py).len()
        )
    }
}

/// Records with their keys, of a dict or of pairs. A refusal names the pool.
fn keyed(records: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Metrics)>> {
    let py = records.py();
    let unknown = || {
        refused(
            py,
            &format!("records are {}, expected a dict of key to record or pairs of them", shown(records)),
        )
    };
    let pairs = if records.hasattr("items")? { records.call_method0("items")? } else { records.clone() };
    let mut out = Vec::new();
    for pair in pairs.try_iter().map_err(|_| unknown())? {
        let (key, record): (String, Bound<'_, PyAny>) = pair?.extract().map_err(|_| unknown())?;
        let metrics = record::as_dict("record", &record).and_then(|fields| record::metrics(&fields));
        let metrics = metrics.map_err(|problem| {
            error(py, "invalid_argument", &format!("pool `{key}`: {}", problem.value(py)))
        })?;
        out.push((key, metrics));
    }
    Ok(out)
}
