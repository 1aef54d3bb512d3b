use pyo3::prelude::*;
mod training;

#[pymodule]
mod _evscale {
    #[pymodule_export]
    use super::training::{feature_contract, forecaster_samples};
}
