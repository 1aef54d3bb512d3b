//! One metrics record per interval.

use super::class_counts::{ClassCounts, LARGEST_COUNT};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A field of a record as it is documented.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Field {
    /// Name, and key in JSON.
    pub name: &'static str,
    /// Meaning and unit.
    pub description: &'static str,
    /// Smallest and largest number that makes sense; none for flags, times and where the configuration says it.
    pub range: Option<(f64, f64)>,
    /// Whether every record has it.
    pub required: bool,
}

/// A field of a record to be set.
#[derive(Debug)]
pub enum FieldMut<'a> {
    /// A required number; NaN is unknown.
    Required(&'a mut f64),
    /// A number.
    Number(&'a mut Option<f64>),
    /// A flag.
    Flag(&'a mut Option<bool>),
}

/// Declares the fields: meaning, name, and the range of the numbers.
macro_rules! record {
    (
        time { #[doc = $time_doc:literal] $time:ident; }
        required { $(#[doc = $required_doc:literal] $required:ident;)* }
        numbers { $(#[doc = $number_doc:literal] $number:ident: $low:literal to $high:expr;)* }
        flags { $(#[doc = $flag_doc:literal] $flag:ident;)* }
    ) => {
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
            #[doc = $time_doc]
            pub $time: Timestamp,
            $(
                #[doc = $required_doc]
                #[serde(deserialize_with = "number_or_unknown")]
                pub $required: f64,
            )*
            $(
                #[doc = $number_doc]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $number: Option<f64>,
            )*
            $(
                #[doc = $flag_doc]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $flag: Option<bool>,
            )*
            /// Counts of each class of events that are due, by its name in the setting `classes`. Where they are known they count, and
            /// those of the record do not.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            pub classes: BTreeMap<String, ClassCounts>,
        }

        /// Builds a [`Metrics`] record, field by field.
        ///
        /// ```
        /// use evscale_core::{Metrics, Timestamp};
        /// let record = Metrics::builder(Timestamp::EPOCH, 3400.0, 12.0).queued_events_count(80.0).build();
        /// assert_eq!(record.queued_events_count, Some(80.0));
        /// ```
        #[derive(Clone, Debug)]
        #[must_use]
        pub struct MetricsBuilder(Metrics);

        impl MetricsBuilder {
            $(
                #[doc = $number_doc]
                pub fn $number(mut self, $number: f64) -> Self {
                    self.0.$number = Some($number);
                    self
                }
            )*
            $(
                #[doc = $flag_doc]
                pub fn $flag(mut self, $flag: bool) -> Self {
                    self.0.$flag = Some($flag);
                    self
                }
            )*

            /// Returns the record; what makes no sense in it is found when it is observed.
            pub fn build(self) -> Metrics {
                self.0
            }
        }

        impl Metrics {
            /// Returns a builder of a record with the three required fields.
            pub fn builder(
                timestamp: Timestamp,
                logged_events_count: f64,
                current_job_count: f64,
            ) -> MetricsBuilder {
                MetricsBuilder(Self::new(timestamp, logged_events_count, current_job_count))
            }

            /// Every field as it is documented, in their order.
            pub const FIELDS: &[Field] = &[
                Field { name: stringify!($time), description: $time_doc.trim_ascii(), range: None, required: true },
                $(Field {
                    name: stringify!($required), description: $required_doc.trim_ascii(), range: None, required: true,
                },)*
                $(Field {
                    name: stringify!($number),
                    description: $number_doc.trim_ascii(),
                    range: Some(($low, $high)),
                    required: false,
                },)*
                $(Field {
                    name: stringify!($flag), description: $flag_doc.trim_ascii(), range: None, required: false,
                },)*
            ];

            /// Returns a record with the three required fields; set the others as far as they are known.
            pub fn new(timestamp: Timestamp, logged_events_count: f64, current_job_count: f64) -> Self {
                Self {
                    timestamp,
                    logged_events_count,
                    current_job_count,
                    $($number: None,)*
                    $($flag: None,)*
                    classes: BTreeMap::new(),
                }
            }

            /// Returns the events that came, those included that were lost because the queue was full.
            pub(crate) fn demand(&self) -> f64 {
                self.logged_events_count + self.dropped_events_count.unwrap_or(0.0)
            }

            /// Returns a field by its name, all but the `timestamp`; none of another name.
            pub fn field_mut(&mut self, name: &str) -> Option<FieldMut<'_>> {
                match name {
                    $(stringify!($required) => Some(FieldMut::Required(&mut self.$required)),)*
                    $(stringify!($number) => Some(FieldMut::Number(&mut self.$number)),)*
                    $(stringify!($flag) => Some(FieldMut::Flag(&mut self.$flag)),)*
                    _ => None,
                }
            }
        }
    };
}

record! {
    time {
        /// End of the interval.
        timestamp;
    }
    required {
        /// Events that arrived in the interval.
        logged_events_count;
        /// Jobs that exist at the end of the interval, ready ones and starting ones.
        current_job_count;
    }
    numbers {
        /// Events whose processing ended in the interval.
        processed_events_count: 0.0 to LARGEST_COUNT;
        /// Events waiting at the end of the interval.
        queued_events_count: 0.0 to LARGEST_COUNT;
        /// Events that arrived in the interval and wait at its end.
        unprocessed_events_count: 0.0 to LARGEST_COUNT;
        /// Mean time a job works on one event, ms.
        average_processing_duration_ms: 0.0 to 1e10;
        /// Mean busy share of the ready jobs, 0 to 100 %.
        cpu_utilization_percent: 0.0 to 105.0;
        /// Mean memory use of the jobs, 0 to 100 %.
        memory_utilization_percent: 0.0 to 105.0;
        /// Network traffic of the pool, Mbit/s.
        network_io_mbps: 0.0 to f64::MAX;
        /// Mean wait in the queue of the events taken from it in the interval, ms.
        average_queue_wait_time_ms: 0.0 to 1e12;
        /// Events taken from the queue in the interval that had waited longer than the SLA allows.
        sla_violations_count: 0.0 to LARGEST_COUNT;
        /// Share of events that failed, 0 to 100 %.
        error_rate_percent: 0.0 to 100.0;
        /// Traffic that the host expects in the coming intervals over the usual one: 1 is as usual.
        expected_traffic_multiplier: 0.01 to 100.0;
        /// Events that were lost in the interval because the queue was full; not among those that arrived.
        dropped_events_count: 0.0 to LARGEST_COUNT;
        /// Events that the queue can hold.
        queue_capacity: 1.0 to LARGEST_COUNT;
        /// Age of the oldest event that waits at the end of the interval, ms.
        oldest_event_age_ms: 0.0 to 1e12;
        /// Jobs that work on an event, mean over the interval; they count instead of the CPU utilization.
        busy_jobs: 0.0 to 1e7;
        /// Jobs among those that exist which take no more events, because they leave.
        draining_jobs: 0.0 to 1e7;
        /// Events among those that wait which are not due yet: delayed or scheduled messages. They need no job before.
        scheduled_events_count: 0.0 to LARGEST_COUNT;
    }
    flags {
        /// Business hours, by the host's own calendar.
        is_business_hours;
        /// Peak hours, by the host's own calendar.
        is_peak_hours;
        /// Maintenance is under way; the pool is to be left alone.
        is_maintenance_window;
        /// A deploy is in progress; jobs restart, and service times say little.
        is_deploy_in_progress;
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

    #[test]
    fn every_field_is_found_by_its_name_and_documented() {
        let mut record = Metrics::new(Timestamp::EPOCH, 1.0, 2.0);
        for field in Metrics::FIELDS.iter().skip(1) {
            match record.field_mut(field.name).unwrap() {
                FieldMut::Required(value) => assert!(field.required && *value > 0.0, "{field:?}"),
                FieldMut::Number(value) => *value = Some(field.range.unwrap().0),
                FieldMut::Flag(value) => *value = Some(true),
            }
            assert!(field.description.ends_with('.') && !field.description.starts_with(' '), "{field:?}");
        }
        assert!(record.field_mut("job_count").is_none());
        let json: serde_json::Map<String, serde_json::Value> =
            serde_json::from_value(serde_json::to_value(&record).unwrap()).unwrap();
        assert!(json.keys().all(|key| Metrics::FIELDS.iter().any(|field| field.name == key)));
        assert_eq!(json.len(), Metrics::FIELDS.len());
    }
}
