//! What a pool has learned, in numbers that a host may export or compare.

use super::Autoscaler;
use crate::time::Timestamp;
use serde::Serialize;

/// What a pool has learned and counts on at its newest record.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Learned {
    /// Time of the newest record that was used; none before the first one.
    pub newest_record: Option<Timestamp>,
    /// Jobs that decisions start from; none while nobody told them.
    pub jobs: Option<u32>,
    /// Of those, jobs that are not ready yet.
    pub starting_jobs: f64,
    /// Events that wait.
    pub waiting_events: f64,
    /// Mean time from the begin of an event to its end, ms; none before anything told.
    pub service_time_ms: Option<f64>,
    /// Time from the request of a job until it takes events, seconds.
    pub job_startup_seconds: f64,
    /// Violations of the last day over those that the SLA allows.
    pub error_budget_burn: f64,
    /// The candidate that leads in shadow evaluation, in words.
    pub rule: String,
    /// Whether the policy network, or what the host put in its place, does no worse there.
    pub policy_leads: bool,
}

impl Learned {
    /// The same as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Autoscaler {
    /// Returns what the pool has learned. None of it is needed to use the decisions.
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config, Metrics, Timestamp};
    /// let config = Config::builder().use_networks(false).job_startup_seconds(60).build()?;
    /// let mut scaler = Autoscaler::builder(config).build()?;
    /// let at = Timestamp::EPOCH.plus_seconds(120);
    /// scaler.observe(&Metrics::builder(at, 3000.0, 12.0).average_processing_duration_ms(400.0).build())?;
    /// let learned = scaler.learned();
    /// assert_eq!((learned.newest_record, learned.jobs, learned.job_startup_seconds), (Some(at), Some(12), 60.0));
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    pub fn learned(&self) -> Learned {
        let (pool, selection) = (&self.state.pool, &self.state.selection);
        Learned {
            newest_record: pool.newest(),
            jobs: pool.known_jobs(),
            starting_jobs: pool.starting_now(),
            waiting_events: pool.backlog_events(),
            service_time_ms: pool.service_seconds().map(|seconds| 1000.0 * seconds),
            job_startup_seconds: pool.startup_seconds(),
            error_budget_burn: pool.error_budget().burn(self.config.allowed_violation_share()),
            rule: selection.describe(),
            policy_leads: selection.network_acts(),
        }
    }
}
