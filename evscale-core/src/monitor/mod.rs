//! Is it still good? Metrics, drift, alerts and health of a pool: values without input or output, fed by the pipeline.

mod alerts;
mod comparison;
mod coverage;
mod drift;
mod health;
mod latency;
mod picture;
mod prediction;
mod report;
mod rules;
mod watch;
mod windows;

pub use alerts::{Alert, AlertState};
pub use drift::DriftKind;
pub use health::{Health, HealthStatus};
pub use picture::DayPicture;
pub use report::{BreakerState, CircuitBreakers, Drifted, MetricInfo, Report};
pub use rules::{AlertRule, Severity, Side, Threshold};
pub(crate) use watch::{Monitor, Sight};
