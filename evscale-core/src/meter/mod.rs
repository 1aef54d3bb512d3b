//! From a host's raw signals to one record per interval.

mod counts;
mod gauges;
mod launches;
mod open;
mod totals;

pub use open::Estimate;
pub use totals::Totals;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::pool::ScalingOutcome;
use crate::time::Timestamp;
use counts::{Counts, Seen};
use launches::Launches;
use open::Open;
use std::sync::{Mutex, MutexGuard, PoisonError};
use totals::Sources;

/// Counts what happens in a pool and hands out one [`Metrics`] record per interval.
///
/// The host counts events as they come and end, or tells running totals, and calls [`Meter::tick`] as often as it likes: every
/// second, or some times per interval. A tick returns the records of the intervals that have ended since the last one: none, one,
/// or many after a stall. Records end on whole multiples of `interval_seconds` since 1970, so that the records of several
/// processes have the same times. Counts are whole and none is lost: what was counted between two ticks is spread evenly over the
/// time between them.
///
/// A meter is shared by any number of threads; a call that counts holds its lock for less than a microsecond. It reads no clock.
///
/// ```
/// use evscale_core::{Autoscaler, Config, Meter, Timestamp};
/// let config = Config::default();
/// let mut scaler = Autoscaler::builder(config.clone()).build()?;
/// let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
/// let meter = Meter::new(&config, start)?;
/// for second in 1..=120 {
///     meter.arrived(25);
///     meter.finished(Some(0.4), Some(0.1), 25);
///     for record in meter.tick(start.plus_seconds(second), 12.0, Some(3.0), None) {
///         assert_eq!(record.logged_events_count, 3000.0);
///         scaler.observe(&record)?;
///     }
/// }
/// assert_eq!(scaler.decide().current_jobs, Some(12));
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Meter(Mutex<State>);

#[derive(Debug)]
struct State {
    sla_wait_seconds: f64,
    /// What was counted since the last tick.
    fresh: Counts,
    seen: Seen,
    sources: Sources,
    open: Open,
    launches: Launches,
}

impl Meter {
    /// Returns a meter for a pool; it measures from `now` on. The interval that has begun before is told if at least half of it
    /// is measured, its counts scaled to the whole.
    ///
    /// # Errors
    /// The configuration is refused.
    pub fn new(config: &Config, now: Timestamp) -> Result<Self> {
        config.check()?;
        Ok(Self(Mutex::new(State {
            sla_wait_seconds: config.sla_wait_seconds,
            fresh: Counts::default(),
            seen: Seen::default(),
            sources: Sources::default(),
            open: Open::new(config, now),
            launches: Launches::new(config),
        })))
    }

    /// Counts events that have arrived, once each: a retry is no arrival.
    pub fn arrived(&self, events: u64) {
        let mut state = self.state();
        state.seen.arrived = true;
        state.fresh.arrived += events as f64;
    }

    /// Counts events whose processing has ended, well or not: each kept a job for `seconds`, after it `waited` so many seconds in
    /// the queue. None, or what is no time, is not known.
    pub fn finished(&self, seconds: Option<f64>, waited: Option<f64>, events: u64) {
        let state = &mut *self.state();
        let events = events as f64;
        state.seen.finished = true;
        state.fresh.finished += events;
        if let Some(seconds) = time(seconds) {
            state.seen.timed = true;
            state.fresh.timed += events;
            state.fresh.busy_seconds += events * seconds;
        }
        if let Some(waited) = time(waited) {
            state.seen.late = true;
            state.fresh.waits += events;
            state.fresh.waited_seconds += events * waited;
            state.fresh.late += if waited > state.sla_wait_seconds { events } else { 0.0 };
        }
    }

    /// Says that so many of the finished events failed.
    pub fn failed(&self, events: u64) {
        let mut state = self.state();
        state.seen.failed = true;
        state.fresh.failed += events as f64;
    }

    /// Takes running totals in the place of single events, such as the counters of a broker or a worker, as often as the host
    /// likes. `source` names whose they are; the totals of several sources add up. The first ones of a source are what it begins
    /// with; a total that is smaller than before has been reset, and counts from zero.
    ///
    /// # Errors
    /// A total is no count, or there are more than 10,000 sources; then nothing is taken.
    pub fn totals(&self, source: &str, totals: &Totals) -> Result<()> {
        totals.check()?;
        let state = &mut *self.state();
        state.sources.take(source, totals, state.open.last(), &mut state.seen, &mut state.fresh)
    }

    /// Notes that jobs were asked for.
    pub fn started(&self, now: Timestamp, jobs: u32) {
        self.state().launches.started(now, jobs);
    }

    /// Notes that jobs have become ready, those first that were asked for first; the time between is measured.
    pub fn ready(&self, now: Timestamp, jobs: u32) {
        self.state().launches.ready(now, jobs);
    }

    /// Notes that jobs that were asked for could not be had.
    pub fn refused(&self, jobs: u32) {
        self.state().launches.refused(jobs);
    }

    /// Notes that jobs have finished their work and left.
    pub fn drained(&self, jobs: u32) {
        self.state().launches.drained(jobs);
    }

    /// Returns the records of the intervals that have ended, oldest first. `jobs` are there now, starting ones included; `queued`
    /// events wait now, `busy` jobs work now. What is not known is None, `jobs` NaN.
    ///
    /// A host that counts no arrivals but tells `queued` gets what was finished plus the growth of the queue. One that counts
    /// nothing but tells `busy` gets what so many jobs finish in `service_time_ms` of the configuration. [`Meter::estimates`] names
    /// every such field.
    pub fn tick(&self, now: Timestamp, jobs: f64, queued: Option<f64>, busy: Option<f64>) -> Vec<Metrics> {
        let state = &mut *self.state();
        let resets = state.sources.resets();
        let fresh = std::mem::take(&mut state.fresh);
        state.open.tick(now, gauges::Gauges::new(jobs, queued, busy), fresh, &state.seen, resets)
    }

    /// Returns what the host did since the last call, for [`crate::Autoscaler::acknowledge`]; none if it did nothing.
    pub fn outcome(&self, now: Timestamp) -> Option<ScalingOutcome> {
        self.state().launches.outcome(now)
    }

    /// Returns the fields of the last records that are estimates, and of what.
    pub fn estimates(&self) -> Vec<Estimate> {
        self.state().open.estimates().to_vec()
    }

    /// Nothing that runs under the lock panics half way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time that can be added up; what runs backwards took none.
fn time(seconds: Option<f64>) -> Option<f64> {
    seconds.filter(|seconds| seconds.is_finite()).map(|seconds| seconds.max(0.0))
}

fn refused(what: &str, value: f64) -> Error {
    Error::argument(format!("`{what}` is {value}, expected a running total of 0 or more"))
}
