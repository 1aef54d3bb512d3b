//! How each class of events of a pool is doing.

use serde::Serialize;

/// How a class of a pool is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassReport {
    /// Its name.
    pub name: String,
    /// Its events that wait; none where the newest record does not say them.
    pub waiting: Option<f64>,
    /// Its part of the pool's work in the last day, 0 to 1.
    pub work_share: f64,
    /// Share of its events of the last hour that were late.
    pub late_share_hour: f64,
    /// Late events of the last day over those that its target allows.
    pub error_budget_used_day: f64,
}
