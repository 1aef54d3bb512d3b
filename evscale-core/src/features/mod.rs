//! Scale-free features: what the networks see.
//!
//! Arrivals are shown as `z = ln(1 + 8 x / scale) - level_z`, where `scale` is the mean of the known
//! history and `level_z` the recent level in the same coordinate, so that three events an hour and
//! three million a second are the same problem.

mod contract;
mod forecaster_input;
mod local_days;
mod policy_input;
mod schema;
mod table;
mod window;

pub use crate::quantiles::{LEVELS, QUANTILE_LEVELS};
pub(crate) use contract::{Expected, NetworkContract};
pub use forecaster_input::lead_steps;
#[doc(hidden)]
pub use forecaster_input::{ForecasterInput, forecaster_input};
pub use policy_input::PolicyState;
#[doc(hidden)]
pub use policy_input::policy_input;
pub(crate) use schema::contract;
#[doc(hidden)]
pub use schema::{COARSE_BINS, FINE_STEPS, POLICY_ACTIONS, contract_json};
pub use schema::{HORIZON_MINUTES, HORIZONS};
#[doc(hidden)]
pub use table::{COARSE_CHANNELS, FINE_CHANNELS, FUTURE_FEATURES, POLICY_FEATURES, STATIC_FEATURES};
