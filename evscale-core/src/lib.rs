//! An embeddable predictive autoscaler for pools of jobs that process events.
//!
//! Hand an [`Autoscaler`] one [`Metrics`] record per interval; it forecasts the arrivals, and its
//! [`Decision`]s say how many jobs the pool should have, within safety rules that nothing bypasses, and why.
//!
//! ```
//! use evscale_core::{Autoscaler, Config, Metrics, Timestamp};
//! let mut scaler = Autoscaler::builder(Config::default()).build()?;
//! let mut record = Metrics::new("2026-01-05T10:02:00Z".parse()?, 3400.0, 12.0);
//! record.average_processing_duration_ms = Some(400.0);
//! let seen = scaler.observe(&record)?;
//! assert!(seen.decision_due);
//! let decision = scaler.decide();
//! println!("{:?} jobs: {}", decision.recommended_jobs, decision.explanation);
//! # Ok::<(), evscale_core::Error>(())
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod announced;
mod autoscaler;
pub mod bundle;
pub mod calendar;
mod config;
#[cfg(test)]
mod conformance;
mod decision;
mod error;
pub mod features;
mod fleet;
mod forecaster;
mod indicators;
mod inference;
mod lifecycle;
mod meter;
pub mod metrics;
mod monitor;
mod policy;
mod pool;
mod quantiles;
mod safety;
pub mod simulate;
pub mod text;
pub mod time;
mod traced;
mod validation;

pub use announced::{Announced, Announcement, AnnouncementStatus};
pub use autoscaler::{
    Autoscaler, AutoscalerBuilder, BareNetworks, Challenger, HostForecaster, HostPolicy, Observation, Series,
};
pub use bundle::ModelBundle;
pub use config::{Config, Mode, Pause, ScheduleEntry, Setting, SettingChange, StaleAction};
pub use decision::{Action, Decision, Drain, PlanStep, Reasoning};
pub use error::{Error, ErrorKind, Result};
pub use features::HORIZON_MINUTES;
pub use fleet::{BudgetStatus, Fleet, PoolMut, PoolTick, SharedBudget};
pub use forecaster::{Burst, Forecast, Forecaster, HorizonForecast};
pub use indicators::{
    Alert, AlertRule, AlertState, BreakerState, CircuitBreakers, ComparisonStatus, DayPicture, DriftKind,
    Drifted, LifecycleEvent, LifecycleEventKind, LifecycleStatus, MetricInfo, Report, Severity, Side,
    Threshold,
};
#[cfg(feature = "prometheus")]
pub use indicators::{PoolSample, openmetrics};
pub use meter::{Estimate, Meter, Totals};
pub use metrics::Metrics;
pub use monitor::{Health, HealthStatus};
pub use policy::Source;
pub use pool::ScalingOutcome;
pub use quantiles::QUANTILE_LEVELS;
pub use safety::{ManualOrder, ManualOverride, Rule, TrailEntry};
pub use simulate::{Backtest, backtest};
pub use time::Timestamp;
pub use validation::{AllowedActions, DataQuality, Verdict};
