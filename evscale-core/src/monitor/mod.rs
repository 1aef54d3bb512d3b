//! Is it still good? The indicators and the health of a pool: values without input or output, fed by the pipeline.

mod comparison;
mod coverage;
mod health;
mod prediction;
mod retraining;
mod sight;
mod spending;
mod summary;
mod watch;

pub use health::{Health, HealthStatus};
pub(crate) use sight::Sight;
pub(crate) use watch::Monitor;
