//! Field by field: range, plausibility against the records before, and contradictions.

use super::recurrence::{Recurrences, Subject, place};
use super::{DataQuality, Expectation, Issue};
use crate::config::Config;
use crate::metrics::{FieldMut, LARGEST_COUNT, Metrics};
use crate::time::Timestamp;

/// Arrivals above this multiple of everything known are taken for a broken counter.
const ABSURD_RISE: f64 = 1000.0;
/// A service time beyond this factor of the usual one is taken for a broken measurement.
const ABSURD_SERVICE: f64 = 50.0;
/// Events that ended beyond this multiple of the most that ever came in an interval are a broken count, whatever waited.
const ABSURD_CATCHING_UP: f64 = 50.0;
const FEW_EVENTS: f64 = 1000.0;
/// Rounding and counting at different moments, as a share and in events.
const SLACK_SHARE: f64 = 0.05;
const SLACK_EVENTS: f64 = 10.0;
/// Fields that decisions can do without: a wrong one is taken out, and says nothing of the others.
const BESIDE: [&str; 9] = [
    "unprocessed_events_count",
    "memory_utilization_percent",
    "network_io_mbps",
    "error_rate_percent",
    "queue_capacity",
    "oldest_event_age_ms",
    "busy_jobs",
    "draining_jobs",
    "scheduled_events_count",
];
/// What many exporters write for a number that they do not know, whatever it counts.
const NOT_KNOWN: f64 = -1.0;
/// Longest mean wait of a record whose queue was empty before and after it, intervals.
const LONGEST_UNSEEN_WAIT_INTERVALS: f64 = 2.0;

/// Why a field was set to unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It says no more than an absent one.
    NotKnown,
    /// It lies out of its range, whatever the other fields and records say.
    OutOfRange,
    /// The other fields or the records before speak against it.
    Implausible,
    /// It counts from the start of a process.
    Total,
}

/// A field that was set to unknown.
#[derive(Debug)]
struct Repair {
    fault: Fault,
    quality: DataQuality,
    field: &'static str,
    text: String,
}

/// The fields of a record that were set to unknown.
#[derive(Debug)]
pub(super) struct Repairs {
    prefix: String,
    list: Vec<Repair>,
}

impl Repairs {
    pub(super) fn of(record: &Metrics) -> Self {
        Self { prefix: format!("metrics record at {}: ", record.timestamp), list: Vec::new() }
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.list.into_iter().map(|repair| repair.text).collect()
    }

    /// Returns the first issue that holds the pool: of a field that decisions use, and that has not been wrong for long.
    /// `sensible` has the bits of the fields that have ever been within their range.
    pub(super) fn issue(&self, at: Timestamp, sensible: u32, recurrences: &mut Recurrences) -> Option<Issue> {
        let mut first = None;
        let faulty = |repair: &&Repair| !matches!(repair.fault, Fault::NotKnown | Fault::Total);
        for repair in self.list.iter().filter(faulty) {
            let field = place(repair.field);
            let never = repair.fault == Fault::OutOfRange && sensible & bit(repair.field) == 0;
            let subject = if never { Subject::Unit(field) } else { Subject::Field(field) };
            let holds = recurrences.holds(subject, &repair.text, at);
            if holds && !BESIDE.contains(&repair.field) {
                first.get_or_insert_with(|| Issue::new(repair.quality, repair.text.clone()));
            }
        }
        first
    }

    /// Returns that counts are running totals, which holds nothing.
    pub(super) fn running_total(&self) -> Option<Issue> {
        let repair = self.list.iter().find(|repair| repair.fault == Fault::Total)?;
        Some(Issue::new(repair.quality, repair.text.clone()))
    }

    fn total(&mut self, field: &'static str, value: f64, count: Option<f64>) {
        let used = count.map_or_else(
            || {
                "the record before is missing or the total has begun anew, so it is taken as unknown"
                    .to_owned()
            },
            |count| format!("the difference to the record before is used, which is {count}"),
        );
        let prefix = &self.prefix;
        let text = format!(
            "{prefix}`{field}` is {value}, a running total: {used}; send the events of the interval alone"
        );
        self.list.push(Repair { fault: Fault::Total, quality: DataQuality::RunningTotal, field, text });
    }

    fn note(&mut self, fault: Fault, quality: DataQuality, field: &'static str, value: f64, expected: &str) {
        let text = format!("{}`{field}` is {value}, expected {expected}; taken as unknown", self.prefix);
        self.list.push(Repair { fault, quality, field, text });
    }

    fn out_of_range(&mut self, field: &'static str, value: f64, expected: &str) {
        let reset = value < 0.0 && field.ends_with("_count");
        let quality = if reset { DataQuality::CounterReset } else { DataQuality::Broken };
        self.note(Fault::OutOfRange, quality, field, value, expected);
    }
}

/// Returns the bit of a field in a set of fields.
fn bit(field: &str) -> u32 {
    1u32.checked_shl(place(field).into()).unwrap_or(0)
}

/// Sets every field that makes no sense to unknown; returns the bits of those that lie within their range.
pub(super) fn check_fields(
    record: &mut Metrics,
    before: &Expectation,
    config: &Config,
    repairs: &mut Repairs,
) -> u32 {
    let sensible = ranges(record, config, repairs);
    running_totals(record, before, repairs);
    plausibility(record, before, repairs);
    contradictions(record, before, config, repairs);
    sensible
}

fn ranges(record: &mut Metrics, config: &Config, repairs: &mut Repairs) -> u32 {
    let most_jobs = 10.0 * f64::from(config.max_jobs) + 1000.0;
    let mut sensible = 0;
    for field in Metrics::FIELDS {
        let jobs = field.name == "current_job_count";
        let (low, high) = field.range.unwrap_or((0.0, if jobs { most_jobs } else { LARGEST_COUNT }));
        let within = |value: f64| (low..=high).contains(&value);
        let expected = || format!("{low} to {high:e}");
        match record.field_mut(field.name) {
            Some(FieldMut::Required(value)) if !within(*value) => {
                repairs.out_of_range(field.name, *value, &expected());
                *value = f64::NAN;
            }
            Some(FieldMut::Number(slot)) => match *slot {
                Some(NOT_KNOWN) if !within(NOT_KNOWN) => {
                    repairs.note(Fault::NotKnown, DataQuality::Broken, field.name, NOT_KNOWN, &expected());
                    *slot = None;
                }
                Some(value) if !within(value) => {
                    repairs.out_of_range(field.name, value, &expected());
                    *slot = None;
                }
                Some(_) => sensible |= bit(field.name),
                None => (),
            },
            Some(FieldMut::Required(_)) => sensible |= bit(field.name),
            Some(FieldMut::Flag(_)) | None => (),
        }
    }
    sensible
}

/// Puts the counts of the interval in the place of running totals.
fn running_totals(record: &mut Metrics, before: &Expectation, repairs: &mut Repairs) {
    for (name, count) in before.totals.found() {
        let total = match record.field_mut(name) {
            Some(FieldMut::Required(slot)) => std::mem::replace(slot, count.unwrap_or(f64::NAN)),
            Some(FieldMut::Number(slot)) => std::mem::replace(slot, count).unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        if total.is_finite() {
            repairs.total(name, total, count);
        }
    }
}

fn plausibility(record: &mut Metrics, before: &Expectation, repairs: &mut Repairs) {
    if absurd_rise(record.logged_events_count, before.highest_events) {
        repairs.note(
            Fault::Implausible,
            DataQuality::Broken,
            "logged_events_count",
            record.logged_events_count,
            &format!("at most {ABSURD_RISE} times the {} seen so far", before.highest_events),
        );
        record.logged_events_count = f64::NAN;
    }
    if let Some(queued) = record.queued_events_count
        && absurd_queue(queued, before.queued, before.highest_events)
    {
        repairs.note(
            Fault::Implausible,
            DataQuality::Broken,
            "queued_events_count",
            queued,
            &format!("at most {ABSURD_RISE} times the {} that came or waited so far", before.highest_events),
        );
        record.queued_events_count = None;
    }
    if let (Some(value), Some(usual)) = (record.average_processing_duration_ms, before.service_ms)
        && !plausible_service(value, usual)
        && value > 0.0
    {
        repairs.note(
            Fault::Implausible,
            DataQuality::Broken,
            "average_processing_duration_ms",
            value,
            &format!("within a factor of {ABSURD_SERVICE} of the usual {usual:.3}"),
        );
        record.average_processing_duration_ms = None;
    }
}

/// Reports whether a count is beyond everything that was seen.
pub(super) fn absurd_rise(events: f64, highest: f64) -> bool {
    highest > 0.0 && events > ABSURD_RISE * highest + 1e6
}

/// Reports whether a queue is beyond everything that was seen to wait or to come.
pub(super) fn absurd_queue(queued: f64, before: Option<f64>, highest: f64) -> bool {
    absurd_rise(queued, highest.max(before.unwrap_or(0.0)))
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
                Fault::Implausible,
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
        // what is sent for later may be counted as arrived when it falls due
        let existed = slack(waiting + arrived + record.scheduled_events_count.unwrap_or(0.0));
        // each job may have had an event in service
        let served = slack(waiting + arrived + before.jobs.unwrap_or(0.0));
        if let Some(processed) = record.processed_events_count.filter(|count| *count > served) {
            repairs.note(
                Fault::Implausible,
                DataQuality::Contradictory,
                "processed_events_count",
                processed,
                &format!("at most {served:.0}, which existed"),
            );
            record.processed_events_count = None;
        }
        if let Some(queued) = record.queued_events_count.filter(|count| *count > existed) {
            repairs.note(
                Fault::Implausible,
                DataQuality::Contradictory,
                "queued_events_count",
                queued,
                &format!("at most {existed:.0}, which existed"),
            );
            record.queued_events_count = None;
        }
    } else {
        let most = ABSURD_CATCHING_UP * before.highest_events.max(arrived) + FEW_EVENTS;
        let known = before.highest_events > 0.0 || arrived.is_finite();
        if let Some(processed) = record.processed_events_count.filter(|count| known && *count > most) {
            let expected = format!("at most {most:.0}, {ABSURD_CATCHING_UP} times what ever came");
            repairs.note(
                Fault::Implausible,
                DataQuality::Contradictory,
                "processed_events_count",
                processed,
                &expected,
            );
            record.processed_events_count = None;
        }
    }
    if let Some(draining) = record.draining_jobs.filter(|draining| *draining > record.current_job_count) {
        let expected = format!("at most the {} jobs there are", record.current_job_count);
        repairs.note(Fault::Implausible, DataQuality::Contradictory, "draining_jobs", draining, &expected);
        record.draining_jobs = None;
    }
    if let (Some(scheduled), Some(queued)) = (record.scheduled_events_count, record.queued_events_count)
        && scheduled > slack(queued)
    {
        let expected = format!("at most the {queued} that wait, of which they are");
        let field = "scheduled_events_count";
        repairs.note(Fault::Implausible, DataQuality::Contradictory, field, scheduled, &expected);
        record.scheduled_events_count = None;
    }
    if let (Some(wait), Some(0.0), Some(0.0)) =
        (record.average_queue_wait_time_ms, before.queued, record.queued_events_count)
        && wait > LONGEST_UNSEEN_WAIT_INTERVALS * 1000.0 * f64::from(config.interval_seconds)
    {
        repairs.note(
            Fault::Implausible,
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
            Fault::Implausible,
            DataQuality::Contradictory,
            "sla_violations_count",
            violations,
            &format!("at most the {processed} processed"),
        );
        record.sla_violations_count = None;
    }
}
