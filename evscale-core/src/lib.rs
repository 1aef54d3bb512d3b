//! An embeddable predictive autoscaler for pools of jobs that process events: queue consumers, stream processors, replicas.
//!
//! Hand an [`Autoscaler`] one [`Metrics`] record per interval. It forecasts the arrivals, and its [`Decision`]s say how many jobs
//! the pool should have and why, within safety rules that nothing bypasses. There is no service, no training and no GPU: the
//! networks are in the library.
//!
//! ```
//! use evscale_core::{Autoscaler, Config, Metrics, Timestamp};
//! let mut scaler = Autoscaler::builder(Config::default()).build()?;
//! let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
//! let record = Metrics::builder(start, 3400.0, 12.0).average_processing_duration_ms(400.0).build();
//! let seen = scaler.observe(&record)?;
//! assert!(seen.decision_due);
//! let decision = scaler.decide();
//! println!("{:?} jobs: {}", decision.recommended_jobs, decision.explanation);
//! # Ok::<(), evscale_core::Error>(())
//! ```
//!
//! # The loop
//!
//! 1. **Observe.** [`Autoscaler::observe`] takes what was measured in an interval: arrivals and jobs, and whatever else is known. A
//!    record that makes no sense is no error: the [`Observation`] says what became of it. A [`Meter`] makes records of raw
//!    counters and gauges.
//! 2. **Decide.** When the observation says that a decision is due, or by a timer of yours, [`Autoscaler::decide`] returns one;
//!    [`Autoscaler::decide_at`] takes the time from you, for when the records have stopped.
//! 3. **Act.** Bring the pool to [`Decision::recommended_jobs`]. None means: leave it alone.
//! 4. **Acknowledge.** [`Autoscaler::acknowledge`] takes what really happened, from which startup times and limits are learned.
//!    It may be late or missing.
//! 5. **Snapshot.** [`Autoscaler::snapshot`] is the whole state in some kilobytes; [`AutoscalerBuilder::restore`] goes on from it.
//!
//! What you know ahead goes into [`Autoscaler::announce`] and the schedule of the [`Config`]; a person's orders into
//! [`Autoscaler::set_override`] and [`Autoscaler::set_pause`]. [`Autoscaler::health`], [`Autoscaler::report`] and
//! [`Autoscaler::alerts`] say how the pool is doing, [`Autoscaler::learned`] what it counts on. A [`Fleet`] has many pools and one
//! set of networks. [`backtest`] tells whether it would have worked on a history of yours, beside the rules that people
//! use today. [`Forecaster`] forecasts a series that has no pool. [`HostForecaster`] and [`HostPolicy`] take yours in the places of
//! the networks. The folder `examples` has a small program for each of these.
//!
//! # Features
//!
//! On by default:
//!
//! - `networks`: runs the forecasting and the policy network, and what a host puts in their places. Without it `use_networks` must be
//!   false: the statistical experts and the analytic rule decide, and the inference library, nine tenths of a build, is not compiled.
//! - `bundled-models`: the trained networks, 0.6 MB in every program. Without it models come from [`ModelBundle::from_files`].
//! - `simulate`: the simulated pool, generated workloads, published rules and [`backtest`]. Without it no random number generator is
//!   compiled.
//!
//! Off by default; none of them changes a decision:
//!
//! - `prometheus`: reports and alerts as OpenMetrics text (`Autoscaler::openmetrics`, `Fleet::openmetrics`), for a scrape endpoint of
//!   your own. It adds the crate `prometheus-client`.
//! - `tracing`: spans around observing and deciding, and events for records that were not used as they came, decisions and
//!   alerts. It adds the crate `tracing`.
//! - `training`: the environment in which the policy is trained, and the networks without the pool around them. For
//!   who trains models; it may change with any version.
//!
//! # Threads and async
//!
//! A pool is plain data: it starts no thread, holds no lock and waits for nothing. [`Autoscaler`] is `Send`: one task owns it, or a
//! mutex does. An `observe` with its `decide` takes a third of a millisecond, so that an async task may call them as they are. A
//! [`Fleet`] works on the caller's thread, or on as many as [`Fleet::set_threads`] allows; a tick of hundreds of pools takes
//! long enough to go to `spawn_blocking`. The first load of the models takes some 50 ms: do it at the start, and before a `fork`.
//!
//! # Determinism
//!
//! The same records under the same configuration give the same decisions, bit for bit, on one kind of processor, also across a
//! snapshot. The crate reads no clock, file or environment, and draws random numbers only where a seed is given
//! ([`simulate`]). Time zones come from data in the crate.
//!
//! # Errors and panics
//!
//! Every fallible call returns an [`Error`] with a stable [`ErrorKind`] and a message that names the thing, the value and what
//! was expected. A call that fails leaves the state as it was. The library has no panic of its own; one of the
//! inference library, or of a forecaster or policy of yours, is caught and counts as its failure, for which the program
//! must unwind (not `panic = "abort"`).
//!
//! # Cost of a build
//!
//! The inference library, `tract`, is most of a first build: some ten minutes of processor time in release mode, once. Build with
//! optimization, or at least the dependencies: without, a tick takes twenty times as long.
//!
//! ```toml
//! [profile.dev.package."*"]
//! opt-level = 3
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod announced;
mod autoscaler;
pub mod bundle;
#[doc(hidden)]
pub mod calendar;
mod classes;
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
mod names;
mod policy;
mod pool;
mod quantiles;
mod safety;
#[cfg(feature = "simulate")]
pub mod simulate;
#[doc(hidden)]
pub mod text;
pub mod time;
mod traced;
mod validation;

pub use announced::{Announced, Announcement, AnnouncementStatus};
#[cfg(feature = "training")]
pub use autoscaler::BareNetworks;
pub use autoscaler::{
    Autoscaler, AutoscalerBuilder, Challenger, HostError, HostForecaster, HostPolicy, Learned, Observation,
    Series,
};
#[doc(inline)]
pub use bundle::ModelBundle;
pub use config::{
    Config, ConfigBuilder, Mode, Pause, ScheduleEntry, ServiceClass, Setting, SettingChange, StaleAction,
};
pub use decision::{Action, CostImpact, Decision, Drain, LoadTrend, PlanStep, Reasoning, SlaRisk};
pub use error::{Error, ErrorKind, Result};
#[doc(inline)]
pub use features::HORIZON_MINUTES;
pub use fleet::{BudgetClaim, BudgetDemand, BudgetStatus, Fleet, OpenTick, PoolMut, PoolTick, SharedBudget};
pub use forecaster::{Burst, DueEvents, Forecast, Forecaster, HorizonForecast};
pub use indicators::{
    Alert, AlertRule, AlertState, BreakerState, CircuitBreakers, ClassReport, ComparisonStatus, DayPicture,
    DriftKind, Drifted, LifecycleEvent, LifecycleEventKind, LifecycleStatus, MetricInfo, Report, Severity,
    Side, Threshold,
};
#[cfg(feature = "prometheus")]
pub use indicators::{PoolSample, openmetrics};
pub use meter::{Estimate, Meter, Totals};
#[doc(inline)]
pub use metrics::{ClassCounts, Metrics, MetricsBuilder};
pub use monitor::{Health, HealthStatus};
pub use policy::Source;
pub use pool::ScalingOutcome;
pub use quantiles::QUANTILE_LEVELS;
pub use safety::{ManualOrder, ManualOverride, Rule, TrailEntry};
#[cfg(feature = "simulate")]
#[doc(inline)]
pub use simulate::{Backtest, backtest};
#[doc(inline)]
pub use time::Timestamp;
pub use validation::{AllowedActions, DataQuality, Verdict};

/// The example of the crate's page in a registry.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
