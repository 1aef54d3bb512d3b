//! The structs of the hot path: fixed layout, no implicit padding, `struct_size` first.

use crate::boundary::Outcome;
use crate::error::{EVSCALE_BAD_STRUCT_SIZE, Failure};
use evscale_core::{Action, Decision, Metrics, Observation, Source, Timestamp, Verdict};

/// Largest `struct_size` that is believed.
const LARGEST_STRUCT: u64 = 65_536;

/// What was measured in one interval. Initialise it with evscale_metrics_init: everything unknown. A number that is
/// not known is NaN, a flag that is not known is -1. Counts are of this interval alone, not running totals.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_metrics {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// End of the interval, milliseconds since 1970-01-01T00:00:00Z. Required.
    pub timestamp_ms: i64,
    /// Events that arrived. Required (NaN where it could not be measured).
    pub logged_events_count: f64,
    /// Jobs at the end of the interval, ready and starting. Required (NaN where it could not be measured).
    pub current_job_count: f64,
    /// Events whose processing ended.
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
    /// Mean wait in the queue of the events taken from it, ms.
    pub average_queue_wait_time_ms: f64,
    /// Events taken from the queue that had waited longer than the SLA allows.
    pub sla_violations_count: f64,
    /// Share of events that failed, 0 to 100 %.
    pub error_rate_percent: f64,
    /// Traffic expected of the coming intervals over the usual one; 1 is as usual.
    pub expected_traffic_multiplier: f64,
    /// Business hours: 1 yes, 0 no, -1 unknown.
    pub is_business_hours: i32,
    /// Peak hours: 1 yes, 0 no, -1 unknown.
    pub is_peak_hours: i32,
    /// Maintenance is under way: 1 yes, 0 no, -1 unknown.
    pub is_maintenance_window: i32,
    /// Zero.
    pub reserved: i32,
}

/// What became of a record. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_observation {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// How unusual the record is, 0 to 1.
    pub anomaly_score: f64,
    /// 0 accepted, 1 repaired (some fields taken as unknown), 2 rejected (nothing was taken).
    pub verdict: i32,
    /// 1 if evscale_decide will make a new decision.
    pub decision_due: i32,
    /// 1 if it will do so because of a predicted or real breach of the SLA.
    pub emergency: i32,
    /// Zero.
    pub reserved: i32,
}

/// A decision. Set `struct_size` before the call. evscale_decision_json has everything.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_decision {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// The next decision is due then, milliseconds since 1970-01-01T00:00:00Z.
    pub valid_until_ms: i64,
    /// How far the decision can be trusted, 0 to 1.
    pub confidence: f64,
    /// Jobs the pool should have, ready and starting.
    pub recommended_jobs: u32,
    /// Jobs it had when this was decided.
    pub current_jobs: u32,
    /// What was proposed before the safety rules.
    pub proposed_jobs: u32,
    /// 1 scale up, -1 scale down, 0 hold.
    pub action: i32,
    /// 0 policy network, 1 analytic rule, 2 reactive rule, 3 hold.
    pub source: i32,
    /// 1 if decided because of a predicted or real breach of the SLA.
    pub emergency: i32,
}

impl evscale_metrics {
    const UNKNOWN: Self = Self {
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
        reserved: 0,
    };

    /// The record as the core knows it.
    pub(crate) fn to_core(self) -> Result<Metrics, Failure> {
        let number = |value: f64| (!value.is_nan()).then_some(value);
        let flag = |value: i32| (value >= 0).then_some(value != 0);
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
        record.is_business_hours = flag(self.is_business_hours);
        record.is_peak_hours = flag(self.is_peak_hours);
        record.is_maintenance_window = flag(self.is_maintenance_window);
        Ok(record)
    }
}

impl From<&Observation> for evscale_observation {
    fn from(seen: &Observation) -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            anomaly_score: seen.anomaly_score,
            verdict: match seen.verdict {
                Verdict::Accepted => 0,
                Verdict::Repaired => 1,
                Verdict::Rejected => 2,
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
            recommended_jobs: decision.recommended_jobs,
            current_jobs: decision.current_jobs,
            proposed_jobs: decision.proposed_jobs,
            action: match decision.action {
                Action::ScaleUp => 1,
                Action::Hold => 0,
                Action::ScaleDown => -1,
            },
            source: match decision.source {
                Source::PolicyNetwork => 0,
                Source::AnalyticRule => 1,
                Source::ReactiveRule => 2,
                _ => 3,
            },
            emergency: i32::from(decision.emergency),
        }
    }
}

/// A struct of the first version of this ABI whose first field is its size.
pub(crate) trait Sized64: Copy {
    const FIRST_VERSION: u64;
    const NAME: &'static str;
}

impl Sized64 for evscale_metrics {
    const FIRST_VERSION: u64 = size_of::<Self>() as u64;
    const NAME: &'static str = "evscale_metrics";
}
impl Sized64 for evscale_observation {
    const FIRST_VERSION: u64 = size_of::<Self>() as u64;
    const NAME: &'static str = "evscale_observation";
}
impl Sized64 for evscale_decision {
    const FIRST_VERSION: u64 = size_of::<Self>() as u64;
    const NAME: &'static str = "evscale_decision";
}

/// Checks the size that the caller declares at the beginning of a struct.
pub(crate) fn declared_size<T: Sized64>(pointer: *const T) -> Result<u64, Failure> {
    // SAFETY: every struct of this ABI begins with a u64, and the caller hands a valid pointer.
    let size = unsafe { pointer.cast::<u64>().read() };
    if (T::FIRST_VERSION..=LARGEST_STRUCT).contains(&size) {
        return Ok(size);
    }
    Err(Failure::new(
        EVSCALE_BAD_STRUCT_SIZE,
        format!("`struct_size` of {} is {size}, expected {} to {LARGEST_STRUCT}", T::NAME, T::FIRST_VERSION),
    ))
}

/// Reads a caller's struct as far as this library knows it.
pub(crate) fn read_struct<T: Sized64>(pointer: *const T) -> Result<T, Failure> {
    declared_size(pointer)?;
    // SAFETY: at least as long as T, by its declared size.
    Ok(unsafe { pointer.read() })
}

/// Fills a caller's struct, and leaves its declared size and what lies beyond T alone.
pub(crate) fn write_struct<T: Sized64>(pointer: *mut T, value: T) -> Outcome {
    let size = declared_size(pointer.cast_const())?;
    // SAFETY: at least as long as T, by its declared size; the first field is a u64.
    unsafe {
        pointer.write(value);
        pointer.cast::<u64>().write(size);
    }
    Ok(())
}

/// Sets every field of a record to unknown, and its `struct_size`. NULL does nothing.
///
/// # Safety
/// `metrics` is NULL or points to a struct of this header's version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_metrics_init(metrics: *mut evscale_metrics) {
    if !metrics.is_null() {
        // SAFETY: writable by the contract of the function.
        unsafe { metrics.write(evscale_metrics::UNKNOWN) };
    }
}
