//! The configuration of one pool: every setting, its default and its range.

mod check;

pub(crate) use check::INTERVAL_SECONDS;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A step down to a share of the pool looks back on this multiple of that share of the stabilization window, and on the
/// whole of it from two thirds of the pool on.
pub(crate) const LOOK_BACK: f64 = 1.5;

/// Longest configuration text that is read, bytes.
const JSON_LIMIT: usize = 64 * 1024;

/// What stale or missing records lead to, once they have been missing for `stale_fail_safe_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleAction {
    /// Keep the pool as it is.
    Hold,
    /// Raise the pool to `fail_safe_jobs`, if that is more.
    FailSafe,
}

/// Which changes are switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// Nothing is paused.
    #[default]
    Off,
    /// No change at all.
    All,
    /// No scale-down.
    Down,
    /// No scale-up.
    Up,
}

/// Settings of one pool. Unknown keys, impossible combinations and values out of range are refused.
///
/// Start from [`Config::default`] or [`Config::from_json`]; fields can be set directly, they are
/// checked when the autoscaler is built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Time between two metrics records, seconds; 10 to 3600.
    pub interval_seconds: u32,
    /// Time between two decisions, seconds; `interval_seconds` to 86400. Emergencies do not wait for it.
    pub decision_interval_seconds: u32,
    /// Fewest jobs, 0 to `max_jobs`.
    pub min_jobs: u32,
    /// Most jobs, 1 to 1,000,000.
    pub max_jobs: u32,
    /// Time from the request of a job until it takes events, seconds; 0 to 7200.
    pub job_startup_seconds: u32,
    /// Longest wait in the queue that meets the SLA, seconds; 0.001 to 86400.
    pub sla_wait_seconds: f64,
    /// Share of events that should meet the SLA, 0.5 to 0.99999. Stricter than 0.995 costs much more: what must never
    /// happen cannot be learned from a week, so the pool keeps a reserve near its highest load.
    pub sla_target: f64,
    /// Utilization that jobs can be planned with, 0.1 to 1.
    pub target_utilization: f64,
    /// Mean time a job works on one event, ms, for pools whose records do not tell; 1e-6 to 1e9.
    pub service_time_ms: Option<f64>,
    /// IANA time zone of the pool's users.
    pub time_zone: String,
    /// Dates that behave like a Sunday, such as `2026-12-25`; at most 1000.
    pub holidays: Vec<String>,

    /// Dead band: changes up to this share of the pool are not made, 0 to 0.5.
    pub tolerance: f64,
    /// Scale-down goes to the highest proposal of this window, seconds; 0 to 86400. A step down to less
    /// than two thirds of the pool looks back on less of it, in proportion, but on one decision at least.
    pub scale_down_stabilization_seconds: u32,
    /// Most jobs added by one decision, as a percentage of the pool, 1 to 10000; the larger of the two limits holds.
    pub max_step_up_percent: f64,
    /// Most jobs added by one decision, absolute, 1 to 1,000,000.
    pub max_step_up_jobs: u32,
    /// Most jobs removed by one decision, as a percentage of the pool, 1 to 100; the larger of the two limits holds.
    pub max_step_down_percent: f64,
    /// Most jobs removed by one decision, absolute, 1 to 1,000,000.
    pub max_step_down_jobs: u32,
    /// Time after a change in which the pool does not grow, seconds; 0 to 86400.
    pub cooldown_up_seconds: u32,
    /// Time after a change in which the pool does not shrink, seconds; 0 to 86400.
    pub cooldown_down_seconds: u32,
    /// Window in which reversals of direction are counted, seconds; 60 to 604800.
    pub flap_window_seconds: u32,
    /// Reversals in the window from which on the pool does not shrink, 1 to 1000.
    pub max_reversals: u32,
    /// Upper quantile that must fit into a smaller pool, 0.5 to 0.995.
    pub scale_down_quantile: f64,
    /// Most job-hours per day (UTC), 0.1 to 1e9; none by default.
    pub job_hours_per_day: Option<f64>,
    /// A newest record older than this is stale, seconds; at least `interval_seconds`, at most 86400.
    /// Three intervals by default.
    pub stale_after_seconds: Option<u32>,
    /// What stale records lead to in the end.
    pub stale_action: StaleAction,
    /// Age of the newest record from which `stale_action` applies, seconds; 0 to 604800.
    pub stale_fail_safe_seconds: u32,
    /// Jobs of a pool that nobody can see; the highest need of the last weeks by default.
    pub fail_safe_jobs: Option<u32>,
    /// Quantile of the forecast that the pool must be able to serve within a startup time, else it is
    /// an emergency; 0.5 to 0.995.
    pub emergency_quantile: f64,
    /// How far that quantile may exceed the pool's capacity, as a share of it, 0 to 10.
    pub emergency_tolerance: f64,
    /// Whether an emergency may raise the pool during a maintenance window.
    pub emergency_in_maintenance: bool,
    /// Which changes are switched off from the start.
    pub pause: Pause,
    /// Whether jobs that are busy may be told to leave at once, after their event; else only idle ones.
    pub drain_busy_jobs: bool,
    /// A call that takes longer by the host's clock opens the breakers of the networks that it asked, ms; 1 to 60000.
    pub latency_budget_ms: f64,
    /// Ed25519 key, 64 lower-case hexadecimal digits: other bundles than the one compiled into the library must be signed
    /// by it; none by default.
    pub bundle_public_key: Option<String>,
    /// Whether the networks act; without them the statistical experts and the analytic rule do.
    pub use_networks: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_seconds: 120,
            decision_interval_seconds: 360,
            min_jobs: 1,
            max_jobs: 100,
            job_startup_seconds: 180,
            sla_wait_seconds: 30.0,
            sla_target: 0.995,
            target_utilization: 0.95,
            service_time_ms: None,
            time_zone: "UTC".to_owned(),
            holidays: Vec::new(),
            tolerance: 0.05,
            scale_down_stabilization_seconds: 2400,
            max_step_up_percent: 100.0,
            max_step_up_jobs: 4,
            max_step_down_percent: 50.0,
            max_step_down_jobs: 2,
            cooldown_up_seconds: 0,
            cooldown_down_seconds: 300,
            flap_window_seconds: 7200,
            max_reversals: 6,
            scale_down_quantile: 0.9,
            job_hours_per_day: None,
            stale_after_seconds: None,
            stale_action: StaleAction::FailSafe,
            stale_fail_safe_seconds: 1800,
            fail_safe_jobs: None,
            emergency_quantile: 0.8,
            emergency_tolerance: 0.0,
            emergency_in_maintenance: true,
            pause: Pause::Off,
            drain_busy_jobs: false,
            latency_budget_ms: 1000.0,
            bundle_public_key: None,
            use_networks: true,
        }
    }
}

impl Config {
    /// Reads a configuration; absent keys have their default.
    ///
    /// # Errors
    /// Not JSON, longer than 64 KiB, an unknown key, a wrong type, a value out of its range, or values that contradict each other.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > JSON_LIMIT {
            return Err(Error::config(format!(
                "configuration is {} bytes long, expected at most {JSON_LIMIT}",
                text.len()
            )));
        }
        let config: Self = serde_json::from_str(text)
            .map_err(|problem| Error::config(format!("configuration: {problem}")))?;
        config.check()?;
        Ok(config)
    }

    /// The whole configuration as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Age from which the newest record counts as stale, seconds.
    pub fn stale_seconds(&self) -> f64 {
        f64::from(self.stale_after_seconds.unwrap_or(3 * self.interval_seconds))
    }

    /// Seconds that a step down to `share` of the pool looks back on: less for a deep one, as long as that is one decision.
    /// Small steps down are mostly noise that comes back; what falls to a third is a burst that has ended.
    /// `window` is the stabilization window, or what the pool's patience leaves of it.
    pub(crate) fn look_back_seconds(&self, window: f64, share: f64) -> f64 {
        let window = f64::from(self.scale_down_stabilization_seconds).min(window);
        let least = f64::from(self.decision_interval_seconds).min(window);
        (LOOK_BACK * share * window).clamp(least, window)
    }

    /// Share of events that may miss the SLA.
    pub fn allowed_violation_share(&self) -> f64 {
        1.0 - self.sla_target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trip_and_defaults() {
        let config = Config::from_json(r#"{"max_jobs": 40, "sla_target": 0.99}"#).unwrap();
        assert_eq!((config.max_jobs, config.min_jobs), (40, 1));
        assert_eq!(Config::from_json(&config.to_json()).unwrap(), config);
    }

    #[test]
    fn refusals_name_the_key_the_value_and_the_range() {
        let refused = |json: &str, parts: &[&str]| {
            let message = Config::from_json(json).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{json}: {message}");
            }
        };
        refused(r#"{"max_job": 4}"#, &["max_job", "max_jobs"]);
        refused(r#"{"sla_target": 1.5}"#, &["sla_target", "1.5", "0.5 to 0.99999"]);
        refused(r#"{"min_jobs": 9, "max_jobs": 4}"#, &["min_jobs", "9", "max_jobs", "4"]);
        refused(r#"{"decision_interval_seconds": 60}"#, &["decision_interval_seconds", "60", "120"]);
        refused(r#"{"time_zone": "Nowhere/Else"}"#, &["time_zone", "Nowhere/Else"]);
        refused(r#"{"holidays": ["25.12.2026"]}"#, &["holidays", "25.12.2026"]);
        refused(r#"{"interval_seconds": "two"}"#, &["two"]);
        refused("{", &["configuration"]);
        refused(&format!("{{\"time_zone\": \"{}\"}}", "x".repeat(70_000)), &["65536"]);
    }
}
