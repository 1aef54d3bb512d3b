//! One metrics record per interval.

use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// Largest count per interval that is plausible; larger ones are not believed.
pub(crate) const LARGEST_COUNT: f64 = 1e15;

/// What a scheduler measured during one interval.
///
/// `timestamp`, `logged_events_count` and `current_job_count` are required; a required number that
/// is not known is NaN (`null` in JSON). Everything else may be missing, for good or for a while:
/// what is missing is derived or left unknown, never taken for zero. Counts are of this interval
/// alone, not running totals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Metrics {
    /// End of the interval.
    pub timestamp: Timestamp,
    /// Events that arrived in the interval.
    #[serde(deserialize_with = "number_or_unknown")]
    pub logged_events_count: f64,
    /// Jobs that exist at the end of the interval, ready ones and starting ones.
    #[serde(deserialize_with = "number_or_unknown")]
    pub current_job_count: f64,
    /// Events whose processing ended in the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_events_count: Option<f64>,
    /// Events waiting at the end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_events_count: Option<f64>,
    /// Events that arrived in the interval and wait at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprocessed_events_count: Option<f64>,
    /// Mean time a job works on one event, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_processing_duration_ms: Option<f64>,
    /// Mean busy share of the ready jobs, 0 to 100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_utilization_percent: Option<f64>,
    /// Mean memory use of the jobs, 0 to 100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_utilization_percent: Option<f64>,
    /// Network traffic of the pool, Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_io_mbps: Option<f64>,
    /// Mean wait in the queue of the events taken from it in the interval, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_queue_wait_time_ms: Option<f64>,
    /// Events taken from the queue in the interval that had waited longer than the SLA allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla_violations_count: Option<f64>,
    /// Share of events that failed, 0 to 100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate_percent: Option<f64>,
    /// The host says: business hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_business_hours: Option<bool>,
    /// The host says: peak hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_peak_hours: Option<bool>,
    /// The host says: maintenance is under way; the pool is to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_maintenance_window: Option<bool>,
    /// The host says: a deploy is in progress; jobs restart, and service times say little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_deploy_in_progress: Option<bool>,
    /// Traffic that the host expects in the coming intervals over the usual one: 1 is as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_traffic_multiplier: Option<f64>,
}

impl Metrics {
    /// A record with the three required fields; set the others as far as they are known.
    pub fn new(timestamp: Timestamp, logged_events_count: f64, current_job_count: f64) -> Self {
        Self {
            timestamp,
            logged_events_count,
            current_job_count,
            processed_events_count: None,
            queued_events_count: None,
            unprocessed_events_count: None,
            average_processing_duration_ms: None,
            cpu_utilization_percent: None,
            memory_utilization_percent: None,
            network_io_mbps: None,
            average_queue_wait_time_ms: None,
            sla_violations_count: None,
            error_rate_percent: None,
            is_business_hours: None,
            is_peak_hours: None,
            is_maintenance_window: None,
            is_deploy_in_progress: None,
            expected_traffic_multiplier: None,
        }
    }
}

/// A JSON number, or `null` for one that is not known.
fn number_or_unknown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_needs_three_fields_and_refuses_unknown_ones() {
        let short =
            r#"{"timestamp": "2026-01-05T10:02:00Z", "logged_events_count": 3400, "current_job_count": 12}"#;
        let record: Metrics = serde_json::from_str(short).unwrap();
        assert_eq!(record.logged_events_count, 3400.0);
        assert_eq!(record.queued_events_count, None);
        let missing = serde_json::from_str::<Metrics>(
            r#"{"timestamp": "2026-01-05T10:02:00Z", "current_job_count": 1}"#,
        );
        assert!(missing.unwrap_err().to_string().contains("logged_events_count"));
        let unknown = short.replace("current_job_count", "job_count");
        assert!(serde_json::from_str::<Metrics>(&unknown).unwrap_err().to_string().contains("job_count"));
    }

    #[test]
    fn null_is_unknown() {
        let text = r#"{"timestamp": 0, "logged_events_count": null, "current_job_count": 3, "queued_events_count": null}"#;
        let record: Metrics = serde_json::from_str(text).unwrap();
        assert!(record.logged_events_count.is_nan());
        assert_eq!(record.queued_events_count, None);
    }
}
