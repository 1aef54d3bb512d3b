//! The structs of the hot path: fixed layout, no implicit padding, `struct_size` first.

use crate::class_counts::{self, evscale_class_counts};
use crate::error::{EVSCALE_INVALID_ARGUMENT, EVSCALE_OK, Failure};
use crate::growing::{self, Growing};
use evscale_core::{Action, Decision, Metrics, Observation, Source, Timestamp, Verdict};

/// The record was taken as it is.
pub const EVSCALE_VERDICT_ACCEPTED: i32 = 0;
/// The record was taken with some fields as unknown.
pub const EVSCALE_VERDICT_REPAIRED: i32 = 1;
/// Nothing was taken.
pub const EVSCALE_VERDICT_REJECTED: i32 = 2;

/// Fewer jobs.
pub const EVSCALE_ACTION_SCALE_DOWN: i32 = -1;
/// No change.
pub const EVSCALE_ACTION_HOLD: i32 = 0;
/// More jobs.
pub const EVSCALE_ACTION_SCALE_UP: i32 = 1;

/// The policy network proposed.
pub const EVSCALE_SOURCE_POLICY_NETWORK: i32 = 0;
/// The analytic rule proposed.
pub const EVSCALE_SOURCE_ANALYTIC_RULE: i32 = 1;
/// The reactive rule proposed.
pub const EVSCALE_SOURCE_REACTIVE_RULE: i32 = 2;
/// Nobody could propose: the pool stays as it is.
pub const EVSCALE_SOURCE_HOLD: i32 = 3;

/// What was measured in one interval. Initialise it with evscale_metrics_init(&record, sizeof record): everything
/// unknown. Required are `timestamp_ms`, in milliseconds since 1970-01-01T00:00:00Z, and `logged_events_count` and
/// `current_job_count`, NaN where they could not be measured. A number that is not known is NaN; a flag is 1 for yes, 0 for
/// no, -1 where it is not known. Counts are of this interval alone, not running totals. Threads: plain data, read during
/// the call only, and what `classes` points to alike.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_metrics {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// End of the interval.
    pub timestamp_ms: i64,
    /// Events that arrived in the interval.
    pub logged_events_count: f64,
    /// Jobs that exist at the end of the interval, ready ones and starting ones.
    pub current_job_count: f64,
    /// Events whose processing ended in the interval.
    pub processed_events_count: f64,
    /// Events waiting at the end of the interval.
    pub queued_events_count: f64,
    /// Events that arrived in the interval and wait at its end.
    pub unprocessed_events_count: f64,
    /// Mean time a job works on one event, ms.
    pub average_processing_duration_ms: f64,
    /// Mean busy share of the ready jobs, 0 to 100 %.
    pub cpu_utilization_percent: f64,
    /// Mean memory use of the jobs, 0 to 100 %.
    pub memory_utilization_percent: f64,
    /// Network traffic of the pool, Mbit/s.
    pub network_io_mbps: f64,
    /// Mean wait in the queue of the events taken from it in the interval, ms.
    pub average_queue_wait_time_ms: f64,
    /// Events taken from the queue in the interval that had waited longer than the SLA allows.
    pub sla_violations_count: f64,
    /// Share of events that failed, 0 to 100 %.
    pub error_rate_percent: f64,
    /// Traffic that the host expects in the coming intervals over the usual one: 1 is as usual.
    pub expected_traffic_multiplier: f64,
    /// Business hours, by the host's own calendar.
    pub is_business_hours: i32,
    /// Peak hours, by the host's own calendar.
    pub is_peak_hours: i32,
    /// Maintenance is under way; the pool is to be left alone.
    pub is_maintenance_window: i32,
    /// A deploy is in progress; jobs restart, and service times say little.
    pub is_deploy_in_progress: i32,
    /// Events that were lost in the interval because the queue was full; not among those that arrived.
    pub dropped_events_count: f64,
    /// Events that the queue can hold.
    pub queue_capacity: f64,
    /// Age of the oldest event that waits at the end of the interval, ms.
    pub oldest_event_age_ms: f64,
    /// Jobs that work on an event, mean over the interval; they count instead of the CPU utilization.
    pub busy_jobs: f64,
    /// Jobs among those that exist which take no more events, because they leave.
    pub draining_jobs: f64,
    /// Events among those that wait which are not due yet: delayed or scheduled messages. They need no job before.
    pub scheduled_events_count: f64,
    /// Counts of each class of events, an array of `class_count`; NULL where the configuration has no classes, or they are not known.
    pub classes: *const evscale_class_counts,
    /// Entries of `classes`, at most 64.
    pub class_count: usize,
}

/// What became of a record. Set `struct_size` before the call. Threads: plain data, written during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_observation {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// How unusual the record is, 0 to 1.
    pub anomaly_score: f64,
    /// One of EVSCALE_VERDICT_*.
    pub verdict: i32,
    /// 1 if evscale_decide will make a new decision.
    pub decision_due: i32,
    /// 1 if it will do so because of a predicted or real breach of the SLA.
    pub emergency: i32,
    /// Zero.
    pub reserved: i32,
}

/// A decision. Set `struct_size` before the call, and look at `has_recommendation` before `recommended_jobs` is carried
/// out. evscale_decision_json has everything. Threads: plain data, written during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_decision {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// The next decision is due then, milliseconds since 1970-01-01T00:00:00Z.
    pub valid_until_ms: i64,
    /// How far the decision can be trusted, 0 to 1.
    pub confidence: f64,
    /// Jobs the pool should have, ready and starting. Without a recommendation `current_jobs`.
    pub recommended_jobs: u32,
    /// Jobs it had when this was decided; after evscale_restore those of the time before, 0 before a record told them.
    pub current_jobs: u32,
    /// What was proposed before the safety rules; 0 where nobody knows enough to propose.
    pub proposed_jobs: u32,
    /// One of EVSCALE_ACTION_*.
    pub action: i32,
    /// Who proposed: one of EVSCALE_SOURCE_*.
    pub source: i32,
    /// 1 if decided because of a predicted or real breach of the SLA.
    pub emergency: i32,
    /// 1 if there is a number to carry out. 0 while nobody knows how many jobs the pool has, before a record told it and
    /// after evscale_restore until one tells it again: leave the pool as it is.
    pub has_recommendation: i32,
    /// Zero.
    pub reserved: i32,
}

impl evscale_metrics {
    pub(crate) const UNKNOWN: Self = Self {
        struct_size: size_of::<Self>() as u64,
        timestamp_ms: 0,
        logged_events_count: f64::NAN,
        current_job_count: f64::NAN,
        processed_events_count: f64::NAN,
        queued_events_count: f64::NAN,
        unprocessed_events_count: f64::NAN,
        average_processing_duration_ms: f64::NAN,
        cpu_utilization_percent: f64::NAN,
        memory_utilization_percent: f64::NAN,
        network_io_mbps: f64::NAN,
        average_queue_wait_time_ms: f64::NAN,
        sla_violations_count: f64::NAN,
        error_rate_percent: f64::NAN,
        expected_traffic_multiplier: f64::NAN,
        is_business_hours: -1,
        is_peak_hours: -1,
        is_maintenance_window: -1,
        is_deploy_in_progress: -1,
        dropped_events_count: f64::NAN,
        queue_capacity: f64::NAN,
        oldest_event_age_ms: f64::NAN,
        busy_jobs: f64::NAN,
        draining_jobs: f64::NAN,
        scheduled_events_count: f64::NAN,
        classes: std::ptr::null(),
        class_count: 0,
    };

    /// The record as the core knows it.
    pub(crate) fn to_core(self) -> Result<Metrics, Failure> {
        let number = |value: f64| (!value.is_nan()).then_some(value);
        let at = Timestamp::from_millis(self.timestamp_ms)?;
        let mut record = Metrics::new(at, self.logged_events_count, self.current_job_count);
        record.processed_events_count = number(self.processed_events_count);
        record.queued_events_count = number(self.queued_events_count);
        record.unprocessed_events_count = number(self.unprocessed_events_count);
        record.average_processing_duration_ms = number(self.average_processing_duration_ms);
        record.cpu_utilization_percent = number(self.cpu_utilization_percent);
        record.memory_utilization_percent = number(self.memory_utilization_percent);
        record.network_io_mbps = number(self.network_io_mbps);
        record.average_queue_wait_time_ms = number(self.average_queue_wait_time_ms);
        record.sla_violations_count = number(self.sla_violations_count);
        record.error_rate_percent = number(self.error_rate_percent);
        record.expected_traffic_multiplier = number(self.expected_traffic_multiplier);
        record.dropped_events_count = number(self.dropped_events_count);
        record.queue_capacity = number(self.queue_capacity);
        record.oldest_event_age_ms = number(self.oldest_event_age_ms);
        record.busy_jobs = number(self.busy_jobs);
        record.draining_jobs = number(self.draining_jobs);
        record.scheduled_events_count = number(self.scheduled_events_count);
        record.is_business_hours = flag(self.is_business_hours, "is_business_hours")?;
        record.is_peak_hours = flag(self.is_peak_hours, "is_peak_hours")?;
        record.is_maintenance_window = flag(self.is_maintenance_window, "is_maintenance_window")?;
        record.is_deploy_in_progress = flag(self.is_deploy_in_progress, "is_deploy_in_progress")?;
        record.classes = class_counts::to_core(self.classes, self.class_count)?;
        Ok(record)
    }
}

fn flag(value: i32, name: &str) -> Result<Option<bool>, Failure> {
    match value {
        -1 => Ok(None),
        0 => Ok(Some(false)),
        1 => Ok(Some(true)),
        other => {
            let message = format!("`{name}` of evscale_metrics is {other}, expected -1, 0 or 1");
            Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message))
        }
    }
}

impl From<&Metrics> for evscale_metrics {
    fn from(record: &Metrics) -> Self {
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let flag = |value: Option<bool>| value.map_or(-1, i32::from);
        Self {
            struct_size: size_of::<Self>() as u64,
            timestamp_ms: record.timestamp.as_millis(),
            logged_events_count: record.logged_events_count,
            current_job_count: record.current_job_count,
            processed_events_count: number(record.processed_events_count),
            queued_events_count: number(record.queued_events_count),
            unprocessed_events_count: number(record.unprocessed_events_count),
            average_processing_duration_ms: number(record.average_processing_duration_ms),
            cpu_utilization_percent: number(record.cpu_utilization_percent),
            memory_utilization_percent: number(record.memory_utilization_percent),
            network_io_mbps: number(record.network_io_mbps),
            average_queue_wait_time_ms: number(record.average_queue_wait_time_ms),
            sla_violations_count: number(record.sla_violations_count),
            error_rate_percent: number(record.error_rate_percent),
            expected_traffic_multiplier: number(record.expected_traffic_multiplier),
            is_business_hours: flag(record.is_business_hours),
            is_peak_hours: flag(record.is_peak_hours),
            is_maintenance_window: flag(record.is_maintenance_window),
            is_deploy_in_progress: flag(record.is_deploy_in_progress),
            dropped_events_count: number(record.dropped_events_count),
            queue_capacity: number(record.queue_capacity),
            oldest_event_age_ms: number(record.oldest_event_age_ms),
            busy_jobs: number(record.busy_jobs),
            draining_jobs: number(record.draining_jobs),
            scheduled_events_count: number(record.scheduled_events_count),
            ..Self::UNKNOWN
        }
    }
}

impl From<&Observation> for evscale_observation {
    fn from(seen: &Observation) -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            anomaly_score: seen.anomaly_score,
            verdict: match seen.verdict {
                Verdict::Accepted => EVSCALE_VERDICT_ACCEPTED,
                Verdict::Repaired => EVSCALE_VERDICT_REPAIRED,
                Verdict::Rejected => EVSCALE_VERDICT_REJECTED,
            },
            decision_due: i32::from(seen.decision_due),
            emergency: i32::from(seen.emergency),
            reserved: 0,
        }
    }
}

impl From<&Decision> for evscale_decision {
    fn from(decision: &Decision) -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            valid_until_ms: decision.valid_until.as_millis(),
            confidence: decision.confidence,
            recommended_jobs: decision.recommended_jobs.or(decision.current_jobs).unwrap_or(0),
            current_jobs: decision.current_jobs.unwrap_or(0),
            proposed_jobs: decision.proposed_jobs.unwrap_or(0),
            action: match decision.action {
                Action::ScaleUp => EVSCALE_ACTION_SCALE_UP,
                Action::Hold => EVSCALE_ACTION_HOLD,
                Action::ScaleDown => EVSCALE_ACTION_SCALE_DOWN,
            },
            source: match decision.source {
                Source::PolicyNetwork | Source::HostPolicy => EVSCALE_SOURCE_POLICY_NETWORK,
                Source::AnalyticRule => EVSCALE_SOURCE_ANALYTIC_RULE,
                Source::ReactiveRule => EVSCALE_SOURCE_REACTIVE_RULE,
                _ => EVSCALE_SOURCE_HOLD,
            },
            emergency: i32::from(decision.emergency),
            has_recommendation: i32::from(decision.recommended_jobs.is_some()),
            reserved: 0,
        }
    }
}

// SAFETY: repr(C), `struct_size` first, integers, floats and a pointer without padding (`abi/layout.txt` pins it).
unsafe impl Growing for evscale_metrics {
    const NAME: &'static str = "evscale_metrics";
    const FIRST_VERSION: u64 = 136;
    const ABSENT: Self = Self::UNKNOWN;
}

// SAFETY: as above.
unsafe impl Growing for evscale_observation {
    const NAME: &'static str = "evscale_observation";
    const FIRST_VERSION: u64 = 32;
    const ABSENT: Self = Self {
        struct_size: size_of::<Self>() as u64,
        anomaly_score: 0.0,
        verdict: 0,
        decision_due: 0,
        emergency: 0,
        reserved: 0,
    };
}

// SAFETY: as above.
unsafe impl Growing for evscale_decision {
    const NAME: &'static str = "evscale_decision";
    const FIRST_VERSION: u64 = 56;
    const ABSENT: Self = Self {
        struct_size: size_of::<Self>() as u64,
        valid_until_ms: 0,
        confidence: 0.0,
        recommended_jobs: 0,
        current_jobs: 0,
        proposed_jobs: 0,
        action: 0,
        source: 0,
        emergency: 0,
        has_recommendation: 0,
        reserved: 0,
    };
}

/// Sets every field of a record to unknown, and its `struct_size` to the one given: `sizeof(evscale_metrics)`.
/// Writes no more than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_metrics_init(metrics: *mut evscale_metrics, struct_size: usize) -> i32 {
    growing::init(metrics, struct_size).map_or_else(|failure| failure.code, |()| EVSCALE_OK)
}

/// Sets every field of an observation to zero, and its `struct_size` to the one given: `sizeof(evscale_observation)`. Writes no more
/// than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_observation_init(
    observation: *mut evscale_observation,
    struct_size: usize,
) -> i32 {
    growing::init(observation, struct_size).map_or_else(|failure| failure.code, |()| EVSCALE_OK)
}

/// Sets every field of a decision to zero, which has no recommendation, and its `struct_size` to the one given:
/// `sizeof(evscale_decision)`. Writes no more than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_decision_init(decision: *mut evscale_decision, struct_size: usize) -> i32 {
    growing::init(decision, struct_size).map_or_else(|failure| failure.code, |()| EVSCALE_OK)
}
