//! One pool, and what is held for it.

mod methods;

use crate::log::Rejections;
use crate::plugin;
use crate::turns::{Shared, locked};
use pyo3::prelude::*;
use std::sync::{Arc, RwLock};

/// Forecasts the arrivals of one pool and decides on its number of jobs. Threads may share it; they take turns. A child of
/// `fork` may go on with it if no other thread was inside a call; else it raises an EvscaleError of the kind "busy".
///
/// Parameters
/// ----------
/// config
///     Settings; the defaults without one.
/// bundle
///     Models; the bundled ones without.
/// forecaster
///     A callable of your own in the place of the network: it gets a `History` of up to a week and returns quantiles of
///     shape (12, 15), a row per minute of `HORIZON_MINUTES`, a column per level of `QUANTILE_LEVELS`.
/// policy
///     A callable of your own in the place of the network: it gets the state of the pool as a dict and returns jobs. An
///     exception, or an answer that makes no sense, is named in the decision, and the next source of the fallback chain acts.
///     `evscale.testing` checks both.
///
/// Examples
/// --------
/// >>> from evscale import Autoscaler, Config
/// >>> scaler = Autoscaler(Config(min_jobs=2, max_jobs=40))
/// >>> for minute in range(10, 40, 2):
/// ...     seen = scaler.observe(timestamp=f"2026-01-05T10:{minute}:00Z", logged_events_count=3000,
/// ...                           current_job_count=12, average_processing_duration_ms=400)
/// >>> seen.verdict, seen.decision_due
/// ('accepted', True)
/// >>> decision = scaler.decide()
/// >>> 2 <= decision.recommended_jobs <= 40
/// True
#[pyclass(frozen, weakref, module = "evscale", name = "Autoscaler")]
pub struct Autoscaler {
    pub state: Shared<evscale_core::Autoscaler>,
    /// That of `state`, for whoever asks while another thread is inside a call.
    config: RwLock<evscale_core::Config>,
    /// The host's own forecaster and policy, which `state` shares.
    callables: Vec<Arc<Py<PyAny>>>,
    /// Whether it was made with models that are not the bundled ones.
    has_own_bundle: bool,
    rejections: Rejections,
}

impl Autoscaler {
    pub fn around(
        py: Python<'_>,
        mut scaler: evscale_core::Autoscaler,
        has_own_bundle: bool,
        forecaster: Option<Py<PyAny>>,
        policy: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let callables = plugin::install(py, &mut scaler, forecaster, policy)?;
        let config = RwLock::new(scaler.config().clone());
        let rejections = Rejections::default();
        Ok(Self { config, state: Shared::new(scaler), callables, has_own_bundle, rejections })
    }

    /// Waits for nobody unless another thread is just changing the configuration.
    fn current_config(&self, py: Python<'_>) -> PyResult<evscale_core::Config> {
        match self.config.try_read() {
            Ok(config) => Ok(config.clone()),
            Err(_) => locked(py, &self.state, |scaler| Ok(scaler.config().clone())),
        }
    }
}
