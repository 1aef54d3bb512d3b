//! What will come: quantiles of the arrivals per horizon.
//!
//! The network is one expert among few simple ones. `aggregation` weighs them by their recent quantile loss, per
//! pool and horizon; `calibration` corrects the mixture so that its levels hold.

mod aggregation;
mod anomaly;
mod calibration;
mod days;
mod due_events;
mod ensemble;
mod experts;
mod forecast;
mod horizon;
mod months;
mod network;
mod standalone;

pub use days::Burst;
pub(crate) use days::Days;
pub use due_events::DueEvents;
pub(crate) use ensemble::Ensemble;
pub(crate) use forecast::FEW_EVENTS;
pub use forecast::{Forecast, HorizonForecast};
pub(crate) use months::Months;
pub(crate) use network::{ForecastSource, ForecasterBatch, ForecasterNetwork, Precomputed, Quantiles};
pub use standalone::Forecaster;

// Indices of levels in `QUANTILE_LEVELS`: the median and the ends of the central 80 % and 60 % intervals.
const LOW_80: usize = 3;
const LOW_60: usize = 4;
const MEDIAN: usize = 7;
const HIGH_60: usize = 10;
const HIGH_80: usize = 11;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
