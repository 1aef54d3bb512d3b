//! Field by field: range, plausibility against the records before, and contradictions.

use super::{DataQuality, Expectation, Issue};
use crate::config::Config;
use crate::metrics::{LARGEST_COUNT, Metrics};

/// Arrivals above this multiple of everything known are taken for a broken counter.
const ABSURD_RISE: f64 = 1000.0;
/// A service time beyond this factor of the usual one is taken for a broken measurement.
const ABSURD_SERVICE: f64 = 50.0;
/// Rounding and counting at different moments, as a share and in events.
const SLACK_SHARE: f64 = 0.05;
const SLACK_EVENTS: f64 = 10.0;
/// Longest mean wait of a record whose queue was empty before and after it, intervals.
const LONGEST_UNSEEN_WAIT_INTERVALS: f64 = 2.0;

/// What was set to unknown, and why.
#[derive(Default)]
pub(super) struct Repairs {
    texts: Vec<String>,
    /// Verdict that the first of them leads to.
    first: DataQuality,
    prefix: String,
}

impl Repairs {
    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }

    /// The verdict on the record, if anything was repaired.
    pub(super) fn first(&self) -> Option<Issue> {
        self.texts.first().map(|text| Issue::new(self.first, text.clone()))
    }

    fn note(&mut self, quality: DataQuality, key: &str, value: f64, expected: &str) {
        if self.texts.is_empty() {
            self.first = quality;
        }
        self.texts.push(format!("{}`{key}` is {value}, expected {expected}; taken as unknown", self.prefix));
    }

    fn out_of_range(&mut self, key: &str, value: f64, expected: &str) {
        let reset = value < 0.0 && key.ends_with("_count");
        let quality = if reset { DataQuality::CounterReset } else { DataQuality::Broken };
        self.note(quality, key, value, expected);
    }
}

/// Sets every field that makes no sense to unknown.
pub(super) fn check_fields(
    record: &mut Metrics,
    before: &Expectation,
    config: &Config,
    repairs: &mut Repairs,
) {
    repairs.prefix = format!("metrics record at {}: ", record.timestamp);
    ranges(record, config, repairs);
    plausibility(record, before, repairs);
    contradictions(record, before, config, repairs);
}

fn ranges(record: &mut Metrics, config: &Config, repairs: &mut Repairs) {
    let most_jobs = 10.0 * f64::from(config.max_jobs) + 1000.0;
    required(&mut record.logged_events_count, "logged_events_count", LARGEST_COUNT, repairs);
    required(&mut record.current_job_count, "current_job_count", most_jobs, repairs);
    let fields: [(&mut Option<f64>, &str, f64, f64); 10] = [
        (&mut record.processed_events_count, "processed_events_count", 0.0, LARGEST_COUNT),
        (&mut record.queued_events_count, "queued_events_count", 0.0, LARGEST_COUNT),
        (&mut record.unprocessed_events_count, "unprocessed_events_count", 0.0, LARGEST_COUNT),
        (&mut record.average_processing_duration_ms, "average_processing_duration_ms", 0.0, 1e10),
        (&mut record.cpu_utilization_percent, "cpu_utilization_percent", 0.0, 105.0),
        (&mut record.memory_utilization_percent, "memory_utilization_percent", 0.0, 105.0),
        (&mut record.average_queue_wait_time_ms, "average_queue_wait_time_ms", 0.0, 1e12),
        (&mut record.sla_violations_count, "sla_violations_count", 0.0, LARGEST_COUNT),
        (&mut record.error_rate_percent, "error_rate_percent", 0.0, 100.0),
        (&mut record.expected_traffic_multiplier, "expected_traffic_multiplier", 0.01, 100.0),
    ];
    for (field, key, low, high) in fields {
        if let Some(value) = *field
            && !(low..=high).contains(&value)
        {
            repairs.out_of_range(key, value, &format!("{low} to {high:e}"));
            *field = None;
        }
    }
    if record.network_io_mbps.is_some_and(|v| !v.is_finite() || v < 0.0) {
        repairs.out_of_range("network_io_mbps", record.network_io_mbps.unwrap_or(f64::NAN), "at least 0");
        record.network_io_mbps = None;
    }
}

fn required(value: &mut f64, key: &str, high: f64, repairs: &mut Repairs) {
    if !(0.0..=high).contains(value) {
        repairs.out_of_range(key, *value, &format!("0 to {high:e}"));
        *value = f64::NAN;
    }
}

fn plausibility(record: &mut Metrics, before: &Expectation, repairs: &mut Repairs) {
    let most = ABSURD_RISE * before.highest_events + 1e6;
    if before.highest_events > 0.0 && record.logged_events_count > most {
        repairs.note(
            DataQuality::Broken,
            "logged_events_count",
            record.logged_events_count,
            &format!("at most {ABSURD_RISE} times the {} seen so far", before.highest_events),
        );
        record.logged_events_count = f64::NAN;
    }
    if let (Some(value), Some(usual)) = (record.average_processing_duration_ms, before.service_ms)
        && !plausible_service(value, usual)
        && value > 0.0
    {
        repairs.note(
            DataQuality::Broken,
            "average_processing_duration_ms",
            value,
            &format!("within a factor of {ABSURD_SERVICE} of the usual {usual:.3}"),
        );
        record.average_processing_duration_ms = None;
    }
}

/// Reports whether a service time is near enough to the usual one to be believed at once.
pub(super) fn plausible_service(value: f64, usual: f64) -> bool {
    usual <= 0.0 || (usual / ABSURD_SERVICE..=usual * ABSURD_SERVICE).contains(&value)
}

fn contradictions(record: &mut Metrics, before: &Expectation, config: &Config, repairs: &mut Repairs) {
    let arrived = record.logged_events_count;
    let slack = |count: f64| count * (1.0 + SLACK_SHARE) + SLACK_EVENTS;
    if let (Some(queued), Some(processed)) = (record.queued_events_count, record.processed_events_count) {
        // everything that arrived was processed or waits
        if arrived.is_finite() && arrived > 10.0 * slack(processed + queued) + 1000.0 {
            repairs.note(
                DataQuality::Contradictory,
                "logged_events_count",
                arrived,
                "what was processed or waits, about",
            );
            record.logged_events_count = f64::NAN;
        }
    }
    let arrived = record.logged_events_count;
    if let Some(waiting) = before.queued
        && arrived.is_finite()
    {
        let existed = slack(waiting + arrived);
        // each job may have had an event in service
        let served = slack(waiting + arrived + before.jobs.unwrap_or(0.0));
        if let Some(processed) = record.processed_events_count.filter(|count| *count > served) {
            repairs.note(
                DataQuality::Contradictory,
                "processed_events_count",
                processed,
                &format!("at most {served:.0}, which existed"),
            );
            record.processed_events_count = None;
        }
        if let Some(queued) = record.queued_events_count.filter(|count| *count > existed) {
            repairs.note(
                DataQuality::Contradictory,
                "queued_events_count",
                queued,
                &format!("at most {existed:.0}, which existed"),
            );
            record.queued_events_count = None;
        }
    }
    if let (Some(wait), Some(0.0), Some(0.0)) =
        (record.average_queue_wait_time_ms, before.queued, record.queued_events_count)
        && wait > LONGEST_UNSEEN_WAIT_INTERVALS * 1000.0 * f64::from(config.interval_seconds)
    {
        repairs.note(
            DataQuality::Contradictory,
            "average_queue_wait_time_ms",
            wait,
            "at most an interval, as nothing waited",
        );
        record.average_queue_wait_time_ms = None;
    }
    if let (Some(violations), Some(processed)) = (record.sla_violations_count, record.processed_events_count)
        && violations > slack(processed)
    {
        repairs.note(
            DataQuality::Contradictory,
            "sla_violations_count",
            violations,
            &format!("at most the {processed} processed"),
        );
        record.sla_violations_count = None;
    }
}
