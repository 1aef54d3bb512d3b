//! The Python extension module: thin, no logic. Everything is in `evscale_core`.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arguments;
mod autoscaler;
mod backtest;
mod config;
mod decision;
mod door;
mod environment;
mod errors;
mod files;
mod fleet;
mod forecast;
mod forecaster;
mod frame;
mod lifecycle;
mod log;
mod meter;
mod models;
mod notebook;
mod observation;
mod open_tick;
mod orders;
mod plain;
mod plugin;
mod progress;
mod record;
mod reference;
mod registry;
mod replay;
mod reports;
mod text;
mod ticks;
mod training;
mod turns;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

#[pymodule]
mod _evscale {
    use super::{Bound, PyModule, PyModuleMethods, PyResult, PyTuple};

    #[pymodule_export]
    use super::autoscaler::Autoscaler;
    #[pymodule_export]
    use super::backtest::backtest_history;
    #[pymodule_export]
    use super::config::Config;
    #[pymodule_export]
    use super::decision::Decision;
    #[pymodule_export]
    use super::environment::ScalingVectorEnv;
    #[pymodule_export]
    use super::errors::{
        ArgumentError, BundleError, ConfigError, EvscaleError, InferenceError, SnapshotError,
    };
    #[pymodule_export]
    use super::files::{readable_text, replace_file};
    #[pymodule_export]
    use super::fleet::{Fleet, FleetTick};
    #[pymodule_export]
    use super::forecast::{Forecast, HorizonForecast};
    #[pymodule_export]
    use super::forecaster::Forecaster;
    #[pymodule_export]
    use super::lifecycle::{FleetModels, PoolModels};
    #[pymodule_export]
    use super::meter::Meter;
    #[pymodule_export]
    use super::models::{ModelBundle, public_key_of, sign_manifest};
    #[pymodule_export]
    use super::observation::Observation;
    #[pymodule_export]
    use super::open_tick::{OpenTick, budget_holding, budget_status, budget_total, divide_budget};
    #[pymodule_export]
    use super::reference::{alert_rules, fields, metrics, settings};
    #[pymodule_export]
    use super::registry::Registry;
    #[pymodule_export]
    use super::replay::{demo_workload, replay_workload};
    #[pymodule_export]
    use super::training::{
        feature_contract, forecast_trace, forecaster_samples, horizon_steps, random_workload,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.add("HORIZON_MINUTES", PyTuple::new(py, evscale_core::HORIZON_MINUTES)?)?;
        module.add("QUANTILE_LEVELS", PyTuple::new(py, evscale_core::QUANTILE_LEVELS)?)?;
        module.add("RULES", super::reference::rules(py)?)
    }

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python looks for")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
