//! The configuration of one pool: every setting, its default and its range.

mod check;
mod classes;
mod job_numbers;
mod range;
mod schedule;
mod settings;

pub(crate) use check::INTERVAL_SECONDS;
pub(crate) use classes::LONGEST_CLASS_NAME;
pub use classes::ServiceClass;
pub(crate) use job_numbers::{JobNumbers, whole_jobs};
pub use schedule::ScheduleEntry;
pub(crate) use schedule::{MULTIPLIERS, Occurrence, Timetable};
pub use settings::{Config, ConfigBuilder, Setting, SettingChange};

use crate::error::{Error, Result};
use crate::names::named;
use serde::{Deserialize, Serialize};

/// A step down to a share of the pool looks back on this multiple of that share of the stabilization window, and on the
/// whole of it from two thirds of the pool on.
pub(crate) const LOOK_BACK: f64 = 1.5;

/// Longest configuration text that is read, bytes.
const JSON_LIMIT: usize = 64 * 1024;

/// What stale or missing records lead to, once they have been missing for `stale_fail_safe_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleAction {
    /// Keep the pool as it is.
    Hold,
    /// Raise the pool to `fail_safe_jobs`, if that is more.
    FailSafe,
}

/// Whether the host carries decisions out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The host carries decisions out.
    #[default]
    Act,
    /// The pool is scaled otherwise, and decisions are advice: nothing is learned from changes that were recommended and not
    /// made, a host that does nothing is no fault, and the report says what the advice would have brought.
    Advise,
}

/// Which changes are switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

named! { StaleAction, "`stale_action`": Hold = "hold", FailSafe = "fail_safe" }
named! { Mode, "`mode`": Act = "act", Advise = "advise" }
named! { Pause, "`pause`": Off = "off", All = "all", Down = "down", Up = "up" }

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
        // an array would be read as the settings in their order, which nobody promises
        if text.trim_start().starts_with('[') {
            return Err(Error::config("configuration is a JSON array, expected an object"));
        }
        let config: Self = serde_json::from_str(text)
            .map_err(|problem| Error::config(format!("configuration: {problem}")).because_of(&problem))?;
        config.check()?;
        Ok(config)
    }

    /// The whole configuration as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Age from which the newest record counts as stale, seconds.
    pub fn stale_seconds(&self) -> f64 {
        f64::from(self.stale_after_seconds.unwrap_or(self.interval_seconds.saturating_mul(3)))
    }

    /// Seconds that a step down to `share` of the pool looks back on: less for a deep one, as long as that is one decision.
    /// Small steps down are mostly noise that comes back; what falls to a third is a burst that has ended.
    /// `window` is the stabilization window, or what the pool's patience leaves of it.
    pub(crate) fn look_back_seconds(&self, window: f64, share: f64) -> f64 {
        let window = f64::from(self.scale_down_stabilization_seconds).min(window);
        let least = f64::from(self.decision_interval_seconds).min(window);
        (LOOK_BACK * share * window).clamp(least, window)
    }

    /// Returns the service time of an event of the smallest class, seconds; none where the pool has one kind.
    pub(crate) fn smallest_service_seconds(&self) -> Option<f64> {
        self.classes.iter().map(|class| class.service_time_seconds).min_by(f64::total_cmp)
    }

    /// Returns the service time that is declared for what the pool's records count: an event, or one of the smallest class.
    pub(crate) fn declared_service_ms(&self) -> Option<f64> {
        self.service_time_ms.or_else(|| self.smallest_service_seconds().map(|seconds| 1000.0 * seconds))
    }

    /// Places for events that a job has.
    pub(crate) fn places(&self) -> f64 {
        f64::from(self.events_per_job)
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
