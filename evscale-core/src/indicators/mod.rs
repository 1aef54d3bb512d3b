//! What is measured of a pool, and when it is alarming: the list of metrics, their windows, drift, what is told of the models, and the
//! table of alerts.

mod alerts;
mod classes;
mod drift;
mod latency;
mod models;
#[cfg(feature = "prometheus")]
mod openmetrics;
mod picture;
mod report;
mod rules;
mod windows;

pub(crate) use alerts::Alerts;
pub use alerts::{Alert, AlertState};
pub use classes::ClassReport;
pub use drift::DriftKind;
pub(crate) use drift::{DayEnd, Drift};
pub(crate) use latency::Latency;
pub use models::{ComparisonStatus, LifecycleEvent, LifecycleEventKind, LifecycleStatus};
#[cfg(feature = "prometheus")]
pub use openmetrics::{PoolSample, openmetrics};
pub use picture::DayPicture;
pub(crate) use picture::{Picture, Point};
pub use report::{BreakerState, CircuitBreakers, Drifted, MetricInfo, Report};
pub use rules::{AlertRule, Severity, Side, Threshold};
pub(crate) use windows::{BLOCK_MS, FewSums, Sum, Window, Windows};
