//! Field by field: range, plausibility against the records before, and contradictions.

use super::running_totals::FIELDS;
use super::{DataQuality, Expectation, Issue};
use crate::config::Config;
use crate::metrics::{FieldMut, LARGEST_COUNT, Metrics};

/// Arrivals above this multiple of everything known are taken for a broken counter.
const ABSURD_RISE: f64 = 1000.0;
/// A service time beyond this factor of the usual one is taken for a broken measurement.
const ABSURD_SERVICE: f64 = 50.0;
/// Rounding and counting at different moments, as a share and in events.
const SLACK_SHARE: f64 = 0.05;
const SLACK_EVENTS: f64 = 10.0;
/// Fields that no decision uses: a wrong one is taken out, and says nothing of the others.
const UNUSED: [&str; 4] =
    ["unprocessed_events_count", "memory_utilization_percent", "network_io_mbps", "error_rate_percent"];
/// Longest mean wait of a record whose queue was empty before and after it, intervals.
const LONGEST_UNSEEN_WAIT_INTERVALS: f64 = 2.0;

/// What was set to unknown, and why.
#[derive(Default)]
pub(super) struct Repairs {
    texts: Vec<String>,
    /// The first of them that matters to a decision.
    first: Option<Issue>,
    prefix: String,
}

impl Repairs {
    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }

    /// Returns the issue of the record, if anything was repaired that matters to a decision.
    pub(super) fn first(&self) -> Option<Issue> {
        self.first.clone()
    }

    fn note(&mut self, quality: DataQuality, key: &str, value: f64, expected: &str) {
        let text = self.note_only(key, value, expected);
        if !UNUSED.contains(&key) {
            self.first.get_or_insert_with(|| Issue::new(quality, text));
        }
    }

    /// Notes a repair that says nothing of the rest of the record.
    fn note_only(&mut self, key: &str, value: f64, expected: &str) -> String {
        let text = format!("{}`{key}` is {value}, expected {expected}; taken as unknown", self.prefix);
        self.texts.push(text.clone());
        text
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
    ranges(record, before, config, repairs);
    running_totals(record, before, repairs);
    plausibility(record, before, repairs);
    contradictions(record, before, config, repairs);
}

fn ranges(record: &mut Metrics, before: &Expectation, config: &Config, repairs: &mut Repairs) {
    let most_jobs = 10.0 * f64::from(config.max_jobs) + 1000.0;
    required(&mut record.logged_events_count, "logged_events_count", LARGEST_COUNT, repairs);
    required(&mut record.current_job_count, "current_job_count", most_jobs, repairs);
    for field in Metrics::FIELDS {
        if let Some((low, high)) = field.range
            && let Some(FieldMut::Number(slot)) = record.field_mut(field.name)
            && let Some(value) = *slot
            && !(low..=high).contains(&value)
        {
            *slot = None;
            let expected = format!("{low} to {high:e}");
            if before.out_of_range.is_left_out(field.name, record.timestamp) {
                repairs.note_only(field.name, value, &expected);
            } else {
                repairs.out_of_range(field.name, value, &expected);
            }
        }
    }
}

fn running_totals(record: &mut Metrics, before: &Expectation, repairs: &mut Repairs) {
    for name in FIELDS.into_iter().filter(|name| before.totals.is_total(name)) {
        let told = match record.field_mut(name) {
            Some(FieldMut::Required(slot)) => std::mem::replace(slot, f64::NAN),
            Some(FieldMut::Number(slot)) => slot.take().unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        if told.is_finite() {
            let expected = "the events of the interval alone and not a running total: send the difference to the record before";
            repairs.note(DataQuality::RunningTotal, name, told, expected);
        }
    }
}

fn required(value: &mut f64, key: &str, high: f64, repairs: &mut Repairs) {
    if !(0.0..=high).contains(value) {
        repairs.out_of_range(key, *value, &format!("0 to {high:e}"));
        *value = f64::NAN;
    }
}

fn plausibility(record: &mut Metrics, before: &Expectation, repairs: &mut Repairs) {
    if absurd_rise(record.logged_events_count, before.highest_events) {
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

/// Reports whether arrivals are too far above the highest ones known to be believed at once.
pub(super) fn absurd_rise(events: f64, highest: f64) -> bool {
    highest > 0.0 && events > ABSURD_RISE * highest + 1e6
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
