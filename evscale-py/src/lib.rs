//! The Python extension module: thin, no logic. Everything is in `evscale_core`.

mod answers;
mod autoscaler;
mod door;
mod forecaster;
mod record;
mod replay;
mod training;

use pyo3::prelude::*;

#[pymodule]
mod _evscale {
    #[pymodule_export]
    use super::answers::{Decision, Forecast, HorizonForecast, Observation};
    #[pymodule_export]
    use super::autoscaler::{Autoscaler, Config, ModelBundle};
    #[pymodule_export]
    use super::door::EvscaleError;
    #[pymodule_export]
    use super::forecaster::Forecaster;
    #[pymodule_export]
    use super::replay::{demo_workload, replay_workload};
    #[pymodule_export]
    use super::training::{
        ScalingVectorEnv, feature_contract, forecast_track, forecaster_samples, random_workload,
    };
}
