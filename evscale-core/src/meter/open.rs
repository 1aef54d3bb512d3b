//! The interval that is being measured, and the records of those that have ended.

#![expect(clippy::disallowed_methods, reason = "a clock that was set back is told by the sign")]

use super::counts::{Counts, Seen};
use super::gauges::{BusySeconds, Gauges};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::time::{SECOND_MS, Timestamp};
use serde::Serialize;

/// Time without a tick after which nothing is known of the intervals between: this, or so many intervals.
const LONGEST_STALL_MS: i64 = 3600 * SECOND_MS;
const LONGEST_STALL_INTERVALS: i64 = 4;
/// Share of an interval that must have been measured for a record.
const LEAST_MEASURED: f64 = 0.5;
/// Deviation of the measured time from an interval, as a share, up to which counts are taken as they are.
const AS_MEASURED: f64 = 0.02;
/// What an estimate of arrivals may lie below zero because two signals are read one after the other, as a share of what was
/// finished: the next estimate makes up for it. More is a queue that was emptied by hand.
const READ_APART: f64 = 0.1;
/// Looks at a gauge that make a mean worth its name.
const FEW_LOOKS: u32 = 10;

/// A field of the last records that was estimated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Its name in [`Metrics`].
    pub field: &'static str,
    /// What the estimate is made of.
    pub reason: String,
}

/// The interval that is being measured.
#[derive(Debug)]
pub(super) struct Open {
    interval_ms: i64,
    service_seconds: Option<f64>,
    end: Timestamp,
    /// Time of the interval that was measured, ms; a clock that was set back makes it more than the interval.
    measured_ms: i64,
    counts: Counts,
    busy: BusySeconds,
    /// Waiting events at the begin of the interval.
    queued_at_begin: Option<f64>,
    /// What the estimates of arrivals have yet to make up for.
    owed: f64,
    /// Time of the last tick, or when the meter was made.
    last: Timestamp,
    seen_last: Option<Gauges>,
    queue_told: bool,
    estimates: Vec<Estimate>,
}

impl Open {
    pub(super) fn new(config: &Config, now: Timestamp) -> Self {
        let interval_ms = i64::from(config.interval_seconds) * SECOND_MS;
        Self {
            interval_ms,
            service_seconds: config.service_time_ms.map(|milliseconds| milliseconds / 1000.0),
            end: end_after(now, interval_ms),
            measured_ms: 0,
            counts: Counts::default(),
            busy: BusySeconds::default(),
            queued_at_begin: None,
            owed: 0.0,
            last: now,
            seen_last: None,
            queue_told: false,
            estimates: Vec::new(),
        }
    }

    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    pub(super) fn estimates(&self) -> &[Estimate] {
        &self.estimates
    }

    /// Takes what was counted since the last tick; returns the records of the intervals that have ended.
    pub(super) fn tick(
        &mut self,
        now: Timestamp,
        gauges: Gauges,
        fresh: Counts,
        seen: &Seen,
        resets: Vec<String>,
    ) -> Vec<Metrics> {
        if now >= self.end || !resets.is_empty() {
            self.estimates.clear();
        }
        for reason in resets {
            self.estimate("logged_events_count", reason);
        }
        self.queue_told |= gauges.queued.is_some();
        let elapsed = now.millis_since(self.last);
        let stalled = elapsed > LONGEST_STALL_MS.max(LONGEST_STALL_INTERVALS * self.interval_ms);
        let records = if stalled {
            self.after_a_long_stall(now, elapsed, seen)
        } else if elapsed < 0 {
            self.set_back(now, fresh);
            Vec::new()
        } else {
            self.advance(now, elapsed, gauges, fresh, seen)
        };
        if self.seen_last.is_none() || stalled {
            self.queued_at_begin = gauges.queued;
        }
        self.last = now;
        self.seen_last = Some(gauges);
        records
    }

    fn advance(
        &mut self,
        now: Timestamp,
        elapsed: i64,
        gauges: Gauges,
        mut fresh: Counts,
        seen: &Seen,
    ) -> Vec<Metrics> {
        let mut records = Vec::new();
        let mut at = self.last;
        let before = self.seen_last;
        while self.end <= now {
            let (part, rest) = (self.end.millis_since(at), now.millis_since(at));
            self.measure(part, &gauges, fresh.share(part as f64 / rest.max(1) as f64));
            at = self.end;
            let share = at.millis_since(self.last) as f64 / elapsed.max(1) as f64;
            let queued =
                Gauges::queued_between(before.and_then(|before| before.queued), gauges.queued, share);
            let is_last = now.millis_since(at) < self.interval_ms;
            let jobs = if is_last { gauges.jobs } else { before.map_or(f64::NAN, |before| before.jobs) };
            let at_end = if is_last { gauges.queued } else { None };
            records.extend(self.close(jobs, at_end, queued, seen));
        }
        if records.len() > 1 {
            let reason = format!(
                "{:.0} s without a tick: what came in them is spread evenly over {} intervals",
                elapsed as f64 / SECOND_MS as f64,
                records.len()
            );
            self.estimate("logged_events_count", reason);
            self.estimate(
                "current_job_count",
                "of the last tick before, in all but the newest record".to_owned(),
            );
        }
        self.measure(now.millis_since(at), &gauges, fresh);
        records
    }

    fn measure(&mut self, milliseconds: i64, gauges: &Gauges, counts: Counts) {
        self.measured_ms += milliseconds;
        self.counts.add(counts);
        if milliseconds > 0 {
            self.busy.add(gauges, milliseconds as f64 / SECOND_MS as f64);
        }
    }

    /// A clock that was set back: the time in between is not known. Up to one interval, the open interval takes longer; beyond, it
    /// becomes that of the new time. Its counts are scaled when it ends.
    fn set_back(&mut self, now: Timestamp, fresh: Counts) {
        self.counts.add(fresh);
        if self.end.millis_since(now) > 2 * self.interval_ms {
            self.end = end_after(now, self.interval_ms);
        }
    }

    /// Closes the interval that was open as far as it was measured, and begins anew; what came meanwhile is left out.
    fn after_a_long_stall(&mut self, now: Timestamp, elapsed: i64, seen: &Seen) -> Vec<Metrics> {
        let jobs = self.seen_last.map_or(f64::NAN, |before| before.jobs);
        let queued = self.seen_last.and_then(|before| before.queued);
        let record = self.close(jobs, queued, queued, seen);
        let hours = elapsed as f64 / (3600 * SECOND_MS) as f64;
        let reason = format!("{hours:.1} h without a tick: these intervals have no records");
        self.estimate("logged_events_count", reason);
        self.end = end_after(now, self.interval_ms);
        record.into_iter().collect()
    }

    /// Ends the open interval and begins the next one. `queued` wait at its end, for the record; `queued_then` for the arrivals.
    fn close(
        &mut self,
        jobs: f64,
        queued: Option<f64>,
        queued_then: Option<f64>,
        seen: &Seen,
    ) -> Option<Metrics> {
        let end = self.end;
        self.end = end.plus_millis(self.interval_ms);
        let measured = self.measured_ms as f64 / self.interval_ms as f64;
        let counts = self.counts.take_whole();
        let growth = queued_then.zip(self.queued_at_begin).map(|(then, begin)| then - begin);
        let busy = std::mem::take(&mut self.busy);
        self.measured_ms = 0;
        self.queued_at_begin = queued_then;
        if measured < LEAST_MEASURED {
            return None;
        }
        let scale = if (measured - 1.0).abs() > AS_MEASURED { 1.0 / measured } else { 1.0 };
        if scale != 1.0 {
            let seconds = measured * self.interval_ms as f64 / SECOND_MS as f64;
            self.estimate(
                "logged_events_count",
                format!("measured for {seconds:.0} s, scaled to the interval"),
            );
        }
        let scaled = |count: f64| (scale * count).round();
        let arrived = self.arrivals(&counts, growth, &busy, seen).map_or(f64::NAN, scaled);
        let mut record = Metrics::new(end, arrived, jobs);
        record.queued_events_count = queued;
        if seen.finished {
            record.processed_events_count = Some(scaled(counts.finished));
        }
        record.average_processing_duration_ms = self.duration_ms(&counts, &busy, seen);
        if counts.waits > 0.0 {
            record.average_queue_wait_time_ms = Some(1000.0 * counts.waited_seconds / counts.waits);
        }
        if seen.late {
            record.sla_violations_count = Some(scaled(counts.late));
        }
        if seen.failed && counts.finished > 0.0 {
            record.error_rate_percent = Some((100.0 * counts.failed / counts.finished).min(100.0));
        }
        record.busy_jobs = busy.mean();
        if busy.looks > 0 {
            let few = if busy.looks < FEW_LOOKS { ": tick more often" } else { "" };
            self.estimate("busy_jobs", format!("mean of {} looks at `busy`{few}", busy.looks));
        }
        Some(record)
    }

    /// Returns the arrivals that were counted, or what the other signals say of them.
    fn arrivals(
        &mut self,
        counts: &Counts,
        growth: Option<f64>,
        busy: &BusySeconds,
        seen: &Seen,
    ) -> Option<f64> {
        const FIELD: &str = "logged_events_count";
        if seen.arrived {
            return Some(counts.arrived);
        }
        let (finished, of) = match self.service_seconds {
            _ if seen.finished => (counts.finished, "what was finished"),
            Some(seconds) if busy.looks > 0 => {
                (busy.sum / seconds, "what the busy jobs finish in `service_time_ms`")
            }
            _ => {
                self.estimate(
                    FIELD,
                    "unknown: count `arrived`, or `finished`, or tell `busy` and set `service_time_ms`"
                        .to_owned(),
                );
                return None;
            }
        };
        let growth = match growth {
            Some(growth) => growth,
            None if self.queue_told => {
                self.estimate(FIELD, "unknown: `queued` is missing at an end of the interval".to_owned());
                return None;
            }
            None => 0.0,
        };
        let change = if self.queue_told { "the growth of the queue" } else { "a queue that is not told" };
        self.estimate(FIELD, format!("{of} and {change}"));
        let sum = finished + growth + self.owed;
        let whole = sum.max(0.0).round();
        self.owed = if sum < -READ_APART * finished { 0.0 } else { sum - whole };
        Some(whole)
    }

    /// Returns the mean time of an event, or what busy jobs and finished events say of it.
    fn duration_ms(&mut self, counts: &Counts, busy: &BusySeconds, seen: &Seen) -> Option<f64> {
        if seen.timed {
            return (counts.timed > 0.0).then(|| 1000.0 * counts.busy_seconds / counts.timed);
        }
        if busy.looks == 0 || counts.finished <= 0.0 || busy.sum <= 0.0 {
            return None;
        }
        self.estimate(
            "average_processing_duration_ms",
            "seconds of the busy jobs over what was finished".to_owned(),
        );
        Some(1000.0 * busy.sum / counts.finished)
    }

    fn estimate(&mut self, field: &'static str, reason: String) {
        let estimate = Estimate { field, reason };
        if !self.estimates.contains(&estimate) {
            self.estimates.push(estimate);
        }
    }
}

/// The first end of an interval after a time.
fn end_after(now: Timestamp, interval_ms: i64) -> Timestamp {
    now.plus_millis(interval_ms - now.as_millis().rem_euclid(interval_ms))
}
