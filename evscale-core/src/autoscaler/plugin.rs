//! A host's own forecaster and policy, in the places of the networks.
//!
//! They get no more trust than the networks. A forecaster is one expert among the simple ones, weighed by its recent
//! quantile loss and calibrated. A policy is evaluated on a shadow pool and acts while it does no worse there than the best
//! rule; what it proposes passes every safety rule. An error, or an answer that makes no sense, counts as a failure of the
//! network whose place it takes: the next source of the fallback chain acts, and the decision says why.

use crate::error::{Error, Result};
use crate::features::{ForecasterInput, HORIZON_MINUTES, HORIZONS, LEVELS, PolicyState};
use crate::forecaster::{ForecastSource, Quantiles};
use crate::inference::caught;
use crate::metrics::{History, LARGEST_COUNT};
use crate::policy::{PolicySource, Source};
use crate::text::readable;
use crate::time::Timestamp;
use std::fmt;

/// Most jobs that a policy may ask for.
const MOST_JOBS: f64 = 1e9;
/// Most characters of a host's text that enter decisions and state; what a binding has cut, with its note, is within.
const LONGEST_TEXT: usize = 500;

/// What a forecaster is shown.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// Arrivals per interval of up to a week, oldest first; NaN where they are unknown. Never empty.
    pub counts: Vec<f64>,
    /// End of the newest interval.
    pub end: Timestamp,
    /// Length of an interval, seconds.
    pub interval_seconds: f64,
}

/// Why a forecaster or policy of the host's own has no answer: whatever `?` makes of an error, or a text by `into()`.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// A forecaster of the host's own; [`Autoscaler::use_forecaster`](crate::Autoscaler::use_forecaster).
///
/// ```
/// use evscale_core::{Autoscaler, Config, HORIZON_MINUTES, HostError, HostForecaster, QUANTILE_LEVELS, Series};
/// /// As it was, a little more or less.
/// struct Last;
/// impl HostForecaster for Last {
///     fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
///         let last = series.counts.iter().rev().find(|count| count.is_finite()).ok_or("no count is known")?;
///         let row: Vec<f64> = QUANTILE_LEVELS.iter().map(|level| last * (0.5 + level)).collect();
///         Ok(vec![row; HORIZON_MINUTES.len()])
///     }
/// }
/// Autoscaler::builder(Config::default()).build()?.use_forecaster(Box::new(Last))?;
/// # Ok::<(), evscale_core::Error>(())
/// ```
pub trait HostForecaster: Send {
    /// Quantiles of the arrivals of single intervals, events: a row per horizon of [`HORIZON_MINUTES`], a cell per level of
    /// [`QUANTILE_LEVELS`](crate::QUANTILE_LEVELS), 0 to 1e15, never decreasing within a row. The interval of a row ends
    /// [`lead_steps`](crate::features::lead_steps) intervals after `series.end`.
    ///
    /// Asked at every record. The same series should give the same answer: snapshots know nothing of a forecaster's state.
    ///
    /// # Errors
    /// Any error; its text is shown to the user.
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError>;
}

/// A policy of the host's own; [`Autoscaler::use_policy`](crate::Autoscaler::use_policy).
///
/// ```
/// use evscale_core::features::PolicyState;
/// use evscale_core::{Autoscaler, Config, HostError, HostPolicy};
/// struct FifthMore;
/// impl HostPolicy for FifthMore {
///     fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
///         Ok(1.2 * state.near_need[0])
///     }
/// }
/// Autoscaler::builder(Config::default()).build()?.use_policy(Box::new(FifthMore))?;
/// # Ok::<(), evscale_core::Error>(())
/// ```
pub trait HostPolicy: Send {
    /// Jobs that the pool should have, 0 to 1e9, before the safety rules.
    ///
    /// Asked for the real pool when a decision is made, and at records for its shadow pool, whose states it is shown in the
    /// same way: it must not take two calls for two moments of one pool.
    ///
    /// # Errors
    /// Any error; its text is shown to the user.
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError>;
}

/// A host's forecaster in the place of the network.
pub(crate) struct OwnForecaster(pub(crate) Box<dyn HostForecaster>);

/// A host's policy in the place of the network.
pub(crate) struct OwnPolicy(pub(crate) Box<dyn HostPolicy>);

impl fmt::Debug for OwnForecaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnForecaster")
    }
}

impl fmt::Debug for OwnPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnPolicy")
    }
}

impl ForecastSource for OwnForecaster {
    fn quantiles(&mut self, history: &History, input: &ForecasterInput) -> Result<Quantiles> {
        let newest = history.newest_slot();
        let series = Series {
            counts: (newest + 1 - history.len() as i64..=newest).map(|slot| history.at(slot)).collect(),
            end: history.end_of(newest),
            interval_seconds: history.interval_seconds(),
        };
        let rows = caught(|| self.0.forecast(&series))
            .unwrap_or_else(|panic| Err(format!("it panicked: {panic}").into()))
            .map_err(|why| refused("forecaster", why))?;
        if rows.len() != HORIZONS || rows.iter().any(|row| row.len() != LEVELS) {
            let (count, length) = (rows.len(), rows.first().map_or(0, Vec::len));
            return Err(refused(
                "forecaster",
                format!("the answer is {count} rows of {length}, expected {HORIZONS} of {LEVELS}"),
            ));
        }
        let mut answer = [[0.0; LEVELS]; HORIZONS];
        for ((row, minutes), cells) in rows.iter().zip(HORIZON_MINUTES).zip(&mut answer) {
            if let Some(value) = row.iter().find(|value| !(0.0..=LARGEST_COUNT).contains(*value)) {
                return Err(refused(
                    "forecaster",
                    format!("a quantile of {minutes} minutes is {value}, expected 0 to 1e15"),
                ));
            }
            if row.windows(2).any(|pair| matches!(pair, [low, high] if low > high)) {
                return Err(refused("forecaster", format!("quantiles of {minutes} minutes decrease")));
            }
            for (cell, value) in cells.iter_mut().zip(row) {
                *cell = input.to_z(*value) as f32;
            }
        }
        Ok(answer)
    }

    fn sees_history(&self) -> bool {
        true
    }
}

impl PolicySource for OwnPolicy {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64> {
        let jobs = caught(|| self.0.jobs(state))
            .unwrap_or_else(|panic| Err(format!("it panicked: {panic}").into()))
            .map_err(|why| refused("policy", why))?;
        if !(0.0..=MOST_JOBS).contains(&jobs) {
            return Err(refused("policy", format!("the answer is {jobs} jobs, expected 0 to 1e9")));
        }
        Ok(jobs)
    }

    fn source(&self) -> Source {
        Source::HostPolicy
    }
}

fn refused(whose: &str, why: impl fmt::Display) -> Error {
    Error::inference(format!("the host's own {whose}: {}", readable(&why.to_string(), LONGEST_TEXT)))
}
