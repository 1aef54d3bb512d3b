//! What a record says of each class of events.

use crate::boundary::required_text;
use crate::error::{EVSCALE_INVALID_ARGUMENT, EVSCALE_OK, Failure};
use crate::growing::{self, Array, Growing};
use evscale_core::ClassCounts;
use std::collections::BTreeMap;
use std::ffi::c_char;

/// Most classes of one record: more than a configuration may have.
const MOST: usize = 64;

/// Counts of one class of events in one interval. Initialise it with evscale_class_counts_init(&counts, sizeof counts): everything
/// unknown. A count that is not known is NaN; counts are of this interval alone, not running totals. Threads: plain data, read during
/// the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_class_counts {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// Name of the class in `classes` of the configuration, UTF-8.
    pub name: *const c_char,
    /// Zero.
    pub reserved: usize,
    /// Events of the class that arrived in the interval.
    pub logged_events_count: f64,
    /// Events of the class whose processing ended in the interval.
    pub processed_events_count: f64,
    /// Events of the class that wait at the end of the interval.
    pub queued_events_count: f64,
    /// Events of the class taken from the queue in the interval that had waited longer than its SLA allows.
    pub sla_violations_count: f64,
}

// SAFETY: repr(C), `struct_size` first, pointers, integers and floats without padding (`abi/layout.txt` pins it).
unsafe impl Growing for evscale_class_counts {
    const NAME: &'static str = "evscale_class_counts";
    const FIRST_VERSION: u64 = size_of::<Self>() as u64;
    const ABSENT: Self = Self {
        struct_size: size_of::<Self>() as u64,
        name: std::ptr::null(),
        reserved: 0,
        logged_events_count: f64::NAN,
        processed_events_count: f64::NAN,
        queued_events_count: f64::NAN,
        sla_violations_count: f64::NAN,
    };
}

/// Sets every count of a class to unknown and its name to NULL, and its `struct_size` to the one given: `sizeof(evscale_class_counts)`.
/// Writes no more than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_class_counts_init(
    counts: *mut evscale_class_counts,
    struct_size: usize,
) -> i32 {
    growing::init(counts, struct_size).map_or_else(|failure| failure.code, |()| EVSCALE_OK)
}

/// Returns the counts of a record as the core knows them.
pub(crate) fn to_core(
    first: *const evscale_class_counts,
    count: usize,
) -> Result<BTreeMap<String, ClassCounts>, Failure> {
    let refused = |message: String| Failure::new(EVSCALE_INVALID_ARGUMENT, message);
    if count > MOST {
        return Err(refused(format!("`class_count` of evscale_metrics is {count}, expected at most {MOST}")));
    }
    if count > 0 && first.is_null() {
        return Err(refused(format!("`classes` of evscale_metrics is NULL, expected {count} entries")));
    }
    let mut classes = BTreeMap::new();
    let Some(array) = Array::optional(first.cast_mut(), count)? else { return Ok(classes) };
    let number = |value: f64| (!value.is_nan()).then_some(value);
    for counts in array.read_all()? {
        let name = required_text(counts.name, "name of evscale_class_counts")?;
        if counts.reserved != 0 {
            return Err(refused(format!(
                "`reserved` of evscale_class_counts is {}, expected 0",
                counts.reserved
            )));
        }
        let known = ClassCounts {
            logged_events_count: number(counts.logged_events_count),
            processed_events_count: number(counts.processed_events_count),
            queued_events_count: number(counts.queued_events_count),
            sla_violations_count: number(counts.sla_violations_count),
        };
        if classes.insert(name.to_owned(), known).is_some() {
            return Err(refused(format!(
                "`classes` of evscale_metrics has \"{name}\" twice, expected each class once"
            )));
        }
    }
    Ok(classes)
}
