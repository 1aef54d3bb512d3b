//! From a host's raw signals to records.

use crate::autoscaler::{config_of, evscale_autoscaler, with_pool};
use crate::boundary::{Outcome, copy_text, enter, null, required_mut, text};
use crate::error::*;
use crate::growing::{self, Array, Growing};
use crate::records::evscale_metrics;
use evscale_core::{Meter, Metrics, ScalingOutcome, Timestamp, Totals};
use std::collections::VecDeque;
use std::ffi::c_char;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts what happens in a pool and hands out one record per interval. Threads: any number may use a meter at once; a call
/// that counts holds a lock for less than a microsecond. A child of a fork makes a meter of its own: if another thread was inside
/// a call at the fork, that of its parent is EVSCALE_BUSY.
pub struct evscale_meter {
    meter: Meter,
    /// Records that the caller had no room for.
    waiting: Mutex<VecDeque<Metrics>>,
    /// Number of the process in the upper half, and how many of its calls are inside in the lower.
    inside: AtomicU64,
}

/// Running totals of a source, such as a broker or a worker. Initialise it with evscale_totals_init(&totals, sizeof totals):
/// everything unknown, which is NaN. Threads: plain data, read during the call only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct evscale_totals {
    /// Size of this struct as the caller knows it, bytes.
    pub struct_size: u64,
    /// Events that have arrived.
    pub arrived: f64,
    /// Events whose processing has ended, well or not.
    pub finished: f64,
    /// Of those, how many failed.
    pub failed: f64,
    /// Seconds that the finished events kept their jobs.
    pub busy_seconds: f64,
    /// Seconds that the finished events had waited in the queue.
    pub waited_seconds: f64,
    /// Events that had waited longer than `sla_wait_seconds`.
    pub late: f64,
}

// SAFETY: repr(C), `struct_size` first, floats without padding (`abi/layout.txt` pins it).
unsafe impl Growing for evscale_totals {
    const NAME: &'static str = "evscale_totals";
    const FIRST_VERSION: u64 = 56;
    const ABSENT: Self = Self {
        struct_size: size_of::<Self>() as u64,
        arrived: f64::NAN,
        finished: f64::NAN,
        failed: f64::NAN,
        busy_seconds: f64::NAN,
        waited_seconds: f64::NAN,
        late: f64::NAN,
    };
}

fn known(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// A call that is inside a meter, until this is dropped.
struct Inside<'a>(&'a AtomicU64);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl evscale_meter {
    /// Enters a call. In a forked child, whoever was inside at the fork stays there, with a lock that is never given back.
    fn enter(&self) -> Result<Inside<'_>, Failure> {
        let this = u64::from(process::id()) << 32;
        let next = |inside: u64| {
            let (process, calls) = (inside & !u64::from(u32::MAX), inside & u64::from(u32::MAX));
            (process == this || calls == 0).then_some(this | (calls + 1))
        };
        match self.inside.fetch_update(Ordering::Acquire, Ordering::Relaxed, next) {
            Ok(_) => Ok(Inside(&self.inside)),
            Err(_) => Err(Failure::new(
                EVSCALE_BUSY,
                "this process was forked while another thread used the meter, expected a meter of its own",
            )),
        }
    }

    pub(crate) fn outcome(&self, now: Timestamp) -> Option<ScalingOutcome> {
        self.meter.outcome(now)
    }
}

/// Runs `work` on a meter.
pub(crate) fn with_meter(
    handle: *const evscale_meter,
    error: *mut *mut evscale_error,
    work: impl FnOnce(&evscale_meter) -> Outcome,
) -> i32 {
    enter(error, || {
        // SAFETY: NULL or valid by the contract of the callers.
        let meter = unsafe { handle.as_ref() }.ok_or_else(|| null("meter"))?;
        let _inside = meter.enter()?;
        work(meter)
    })
}

/// Makes a meter for a pool with a configuration in JSON (NULL: the defaults). It measures from `now_ms` (milliseconds since 1970)
/// on; the interval that has begun before is told if at least half of it is measured, its counts scaled to the whole. `meter` gets
/// it; free it with evscale_meter_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_new(
    config_json: *const c_char,
    now_ms: i64,
    meter: *mut *mut evscale_meter,
    error: *mut *mut evscale_error,
) -> i32 {
    enter(error, || {
        let out = required_mut(meter, "meter")?;
        let meter = Meter::new(&config_of(config_json)?, Timestamp::from_millis(now_ms)?)?;
        *out = Box::into_raw(Box::new(evscale_meter {
            meter,
            waiting: Mutex::default(),
            inside: AtomicU64::new(0),
        }));
        Ok(())
    })
}

/// Frees a meter that no other thread uses any more. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_free(meter: *mut evscale_meter) {
    if !meter.is_null() {
        // SAFETY: made by Box::into_raw in this library, not freed before.
        drop(unsafe { Box::from_raw(meter) });
    }
}

/// Counts events that have arrived, once each: a retry is no arrival.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_arrived(
    meter: *const evscale_meter,
    events: u64,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.arrived(events);
        Ok(())
    })
}

/// Counts events whose processing has ended, well or not: each kept a job for `seconds`, after it `waited_seconds` in the queue;
/// NaN is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_finished(
    meter: *const evscale_meter,
    seconds: f64,
    waited_seconds: f64,
    events: u64,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.finished(known(seconds), known(waited_seconds), events);
        Ok(())
    })
}

/// Says that so many of the finished events failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_failed(
    meter: *const evscale_meter,
    events: u64,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.failed(events);
        Ok(())
    })
}

/// Takes running totals in the place of single events. `source` (NULL: the only one) names whose they are; the totals of several
/// sources add up. The first ones of a source are what it begins with; a total that is smaller than before has been reset, and
/// counts from zero. Fails if a total is negative or there are more than 10,000 sources; then nothing is taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_totals(
    meter: *const evscale_meter,
    source: *const c_char,
    totals: *const evscale_totals,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        let source = text(source, "source")?.unwrap_or_default();
        let raw = growing::read(totals)?;
        let mut totals = Totals::default();
        totals.arrived = known(raw.arrived);
        totals.finished = known(raw.finished);
        totals.failed = known(raw.failed);
        totals.busy_seconds = known(raw.busy_seconds);
        totals.waited_seconds = known(raw.waited_seconds);
        totals.late = known(raw.late);
        Ok(this.meter.totals(source, &totals)?)
    })
}

/// Sets every total to unknown, and `struct_size` to the one given: `sizeof(evscale_totals)`. Writes no more than that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_totals_init(totals: *mut evscale_totals, struct_size: usize) -> i32 {
    growing::init(totals, struct_size).map_or_else(|failure| failure.code, |()| EVSCALE_OK)
}

/// Notes that jobs were asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_started(
    meter: *const evscale_meter,
    now_ms: i64,
    jobs: u32,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.started(Timestamp::from_millis(now_ms)?, jobs);
        Ok(())
    })
}

/// Notes that jobs have become ready, those first that were asked for first; the time between is measured.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_ready(
    meter: *const evscale_meter,
    now_ms: i64,
    jobs: u32,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.ready(Timestamp::from_millis(now_ms)?, jobs);
        Ok(())
    })
}

/// Notes that jobs that were asked for could not be had.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_refused(
    meter: *const evscale_meter,
    jobs: u32,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.refused(jobs);
        Ok(())
    })
}

/// Notes that jobs have finished their work and left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_drained(
    meter: *const evscale_meter,
    jobs: u32,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        this.meter.drained(jobs);
        Ok(())
    })
}

/// Hands out the records of the intervals that have ended, oldest first: none, one, or many after a stall. Call it as often as you
/// like. `jobs` are there now, starting ones included; `queued` events wait now, `busy` jobs work now; NaN is not known.
/// `records` is an array of `capacity` records whose first one has its `struct_size` set. `count` gets the number of records that
/// there are; those beyond `capacity` are kept for the next call. A meter that is told no arrivals estimates them:
/// evscale_meter_estimates_json.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_tick(
    meter: *const evscale_meter,
    now_ms: i64,
    jobs: f64,
    queued: f64,
    busy: f64,
    records: *mut evscale_metrics,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        let now = Timestamp::from_millis(now_ms)?;
        let room = Array::optional(records, capacity)?;
        let count = required_mut(count, "count")?;
        let mut waiting = this.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(this.meter.tick(now, jobs, known(queued), known(busy)));
        *count = waiting.len();
        if let Some(room) = room {
            let most = capacity.min(waiting.len());
            for (index, record) in waiting.drain(..most).enumerate() {
                room.write(index, &evscale_metrics::from(&record));
            }
        }
        Ok(())
    })
}

/// Tells an autoscaler what the host did since the last call, with the measured startup time, as by evscale_acknowledge_json.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_acknowledge(
    meter: *const evscale_meter,
    now_ms: i64,
    autoscaler: *mut evscale_autoscaler,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        let now = Timestamp::from_millis(now_ms)?;
        with_pool(autoscaler, |pool| {
            if let Some(outcome) = this.outcome(now) {
                pool.scaler.acknowledge(&outcome);
            }
            Ok(())
        })
    })
}

/// Tells which fields of the last records are estimates, and of what: a JSON array of objects with `field` and `reason`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn evscale_meter_estimates_json(
    meter: *const evscale_meter,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    error: *mut *mut evscale_error,
) -> i32 {
    with_meter(meter, error, |this| {
        let text = serde_json::to_string(&this.meter.estimates()).unwrap_or_default();
        copy_text(text, buffer, capacity, needed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use evscale_core::Config;
    use std::ptr::{null, null_mut};

    #[test]
    fn a_child_is_refused_only_where_another_thread_was_inside_at_the_fork() {
        let parent = u64::from(process::id() + 1) << 32;
        let meter = evscale_meter {
            meter: Meter::new(&Config::default(), Timestamp::EPOCH).unwrap(),
            waiting: Mutex::default(),
            inside: AtomicU64::new(parent),
        };
        // SAFETY: the meter lives; NULL is allowed for the error.
        let arrived = || unsafe { evscale_meter_arrived(&raw const meter, 1, null_mut()) };
        assert_eq!((arrived(), arrived()), (EVSCALE_OK, EVSCALE_OK));
        let other_thread = meter.enter().ok();
        assert!(other_thread.is_some());
        assert_eq!(arrived(), EVSCALE_OK, "threads of the child itself");
        drop(other_thread);
        meter.inside.store(parent | 1, Ordering::Relaxed);
        assert_eq!((arrived(), arrived()), (EVSCALE_BUSY, EVSCALE_BUSY));
        // SAFETY: NULL is refused.
        assert_eq!(unsafe { evscale_meter_arrived(null(), 1, null_mut()) }, EVSCALE_NULL_POINTER);
    }
}
