//! Events in the system: those that wait for a job, and those in service.
//!
//! Events that stay in the queue although jobs take others are not waiting for a job: they fail again and again, are
//! not due yet, or were lost to the counts. By Little's law the queue that events really go through is their throughput
//! times their wait; what stands beyond it for some records is no reason to have jobs.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Service time from which an event keeps its job busy beyond the next record, intervals.
const LONG_INTERVALS: f64 = 2.0;

/// Reports whether events keep their jobs busy beyond the next record.
pub(crate) fn is_long(service_seconds: f64, interval_seconds: f64) -> bool {
    service_seconds >= LONG_INTERVALS * interval_seconds
}

/// Multiple of the queue that the waits explain.
const EXPLAINED: f64 = 2.0;
/// Growth of a queue that is no standing still, as a share of what is taken.
const GROWS: f64 = 0.1;
/// Weight of a record in what stands.
const STANDS: f64 = 0.3;
/// Part of a job's event: a queue of less is taken as soon as it is seen.
const TAKEN_AT_ONCE: f64 = 0.25;
/// Busy share below which jobs would have taken what waits.
const IDLE_BELOW: f64 = 0.9;
/// Share of a backlog from counts alone that is left after an interval in which jobs were idle, and if nobody knows.
const LEFT_IDLE: f64 = 0.5;
const LEFT_UNKNOWN: f64 = 0.97;
/// Weight of the busy share in the events in service.
const ANCHOR: f64 = 0.2;

/// Part of the arrivals that ends in an interval in which events are taken, and part of an interval by which the oldest one
/// grows older if it is not.
const TAKEN: f64 = 0.5;
const ALL_OF_IT: f64 = 0.9;
/// Age of the oldest event up to which events are counted by it, and backlog from counts alone up to which it is believed while
/// jobs are not known to be busy, intervals.
const MOST_INTERVALS: f64 = 100.0;

/// Events in the system of one pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WorkInProgress {
    in_service: f64,
    queued: Option<f64>,
    derived: f64,
    standing: f64,
    /// Age of the oldest waiting event, and whether it stands for those behind it, seconds.
    oldest: Option<f64>,
    believed: bool,
}

/// What is known of the pool beside its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jobs {
    /// Ready and starting jobs.
    pub(super) all: f64,
    /// Ready jobs, mean over the interval.
    pub(super) ready: f64,
    pub(super) service_seconds: Option<f64>,
    /// Share of the busy time that the records see.
    pub(super) seen_share: f64,
    pub(super) interval_seconds: f64,
}

impl WorkInProgress {
    /// Events in service.
    pub(super) fn in_service(&self) -> f64 {
        self.in_service
    }

    /// Events that wait for a job.
    pub(super) fn waiting(&self) -> f64 {
        (self.queued.unwrap_or(self.derived) - self.standing).max(0.0)
    }

    /// Events that stay in the queue although jobs take others.
    pub(super) fn standing(&self) -> f64 {
        self.standing
    }

    /// Events in the queue at the newest record, if it says so.
    pub(super) fn queued(&self) -> Option<f64> {
        self.queued
    }

    /// Wait of the oldest event in the queue, seconds; none where it is unknown or a straggler.
    pub(super) fn oldest_wait(&self) -> Option<f64> {
        self.oldest.filter(|_| self.believed)
    }

    /// Learns from a checked record; returns whether events waited for a job during the whole interval.
    pub(super) fn observe(&mut self, record: &Metrics, jobs: &Jobs) -> bool {
        let before = self.queued;
        let waited = self.waiting();
        let arrived = record.logged_events_count - record.dropped_events_count.unwrap_or(0.0);
        let done = record.processed_events_count;
        let busy_share =
            record.cpu_utilization_percent.map(|percent| (percent / 100.0 / jobs.seen_share).min(1.0));
        match (record.queued_events_count, done) {
            (Some(queued), _) => {
                self.queued = Some(queued);
                self.derived = queued;
            }
            (None, Some(done)) if arrived.is_finite() => {
                self.queued = None;
                let left = match busy_share {
                    Some(share) if share >= IDLE_BELOW => 1.0,
                    Some(_) => LEFT_IDLE,
                    None => LEFT_UNKNOWN,
                };
                let believed =
                    if left < 1.0 && done > 0.0 { MOST_INTERVALS * arrived.max(done) } else { f64::INFINITY };
                self.derived = ((self.derived + arrived - done) * left).clamp(0.0, believed);
            }
            _ => self.derived *= LEFT_UNKNOWN,
        }
        let by_age = self.follow_age(record, jobs.interval_seconds);
        let left = record.unprocessed_events_count.unwrap_or(0.0).max(by_age);
        if record.queued_events_count.is_none() && left > self.queued.unwrap_or(self.derived) {
            (self.queued, self.derived) = (None, left);
        }
        self.stand(record, before, busy_share, jobs.interval_seconds);
        let started = match (before, self.queued) {
            (Some(before), Some(queued)) if arrived.is_finite() => {
                Some((arrived - (queued - before)).max(0.0))
            }
            _ => None,
        };
        self.serve(started, record, busy_share, jobs);
        let at_once = jobs.ready * TAKEN_AT_ONCE;
        jobs.ready > 0.0
            && waited.min(self.waiting()) > at_once
            && self.explained(record, waited.min(self.waiting()), busy_share, jobs.interval_seconds)
    }

    /// Returns the events that wait by the age of the oldest one: in a queue that is worked off in order, all that came since. An
    /// event that grows older while others are taken is a straggler, behind which nothing waits.
    fn follow_age(&mut self, record: &Metrics, interval: f64) -> f64 {
        let before = self.oldest;
        self.oldest = record.oldest_event_age_ms.map(|ms| ms / 1000.0);
        let (Some(age), Some(before)) = (self.oldest, before) else {
            self.believed = false;
            return 0.0;
        };
        let arrived = record.logged_events_count;
        let taken = record.processed_events_count.is_none_or(|done| done >= TAKEN * arrived);
        self.believed = arrived > 0.0 && !(taken && age >= before + ALL_OF_IT * interval);
        if self.believed { arrived * (age / interval).min(MOST_INTERVALS) } else { 0.0 }
    }

    /// Whether jobs were busy, or events did wait: by Little's law the queue is the throughput times the wait.
    fn explained(&self, record: &Metrics, queue: f64, busy_share: Option<f64>, interval: f64) -> bool {
        if busy_share.is_some_and(|share| share >= IDLE_BELOW) {
            return true;
        }
        match (self.queued, record.average_queue_wait_time_ms, record.processed_events_count) {
            (Some(_), Some(wait), Some(done)) => EXPLAINED * done * wait / 1000.0 / interval >= queue,
            (Some(_), ..) => busy_share.is_none(),
            (None, ..) => false,
        }
    }

    fn stand(&mut self, record: &Metrics, before: Option<f64>, busy_share: Option<f64>, interval: f64) {
        let (Some(before), Some(queued)) = (before, self.queued) else {
            self.standing = 0.0;
            return;
        };
        let least = before.min(queued);
        let grows = record.processed_events_count.is_some_and(|done| queued > before + GROWS * done);
        let explained = match (record.average_queue_wait_time_ms, record.processed_events_count) {
            (Some(wait), Some(done)) if done > 0.0 => EXPLAINED * done * wait / 1000.0 / interval,
            (_, Some(done)) if done > 0.0 && busy_share.is_some_and(|share| share < IDLE_BELOW) => 0.0,
            _ => f64::INFINITY,
        };
        // waits follow a queue that grows later
        let explained = if grows { f64::INFINITY } else { explained };
        let stands = (least - explained - 1.0).max(0.0);
        let weight = if stands > self.standing { STANDS } else { 1.0 };
        self.standing = (self.standing + weight * (stands - self.standing)).min(queued);
    }

    fn serve(&mut self, started: Option<f64>, record: &Metrics, busy_share: Option<f64>, jobs: &Jobs) {
        let interval = jobs.interval_seconds;
        let measured = busy_share.map(|share| share * jobs.ready);
        let done = record.processed_events_count;
        let service = jobs.service_seconds;
        let short = service.is_some_and(|seconds| !is_long(seconds, interval));
        let now = match (done.zip(service), done.zip(started)) {
            (Some((done, seconds)), _) if short => done * seconds / interval,
            (_, Some((done, started))) => {
                let counted = self.in_service + started - done;
                let mean = (self.in_service + counted) / 2.0;
                counted + measured.map_or(0.0, |measured| ANCHOR * (measured - mean))
            }
            _ => measured.unwrap_or_else(|| {
                let kept = service.map_or(1.0, |seconds| (-interval / seconds).exp());
                let arrived =
                    if record.logged_events_count.is_finite() { record.logged_events_count } else { 0.0 };
                self.in_service * kept + arrived * (1.0 - kept)
            }),
        };
        self.in_service = now.clamp(0.0, jobs.all.max(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn record(arrived: f64, done: f64, queued: Option<f64>) -> Metrics {
        let mut record = Metrics::new(Timestamp::EPOCH, arrived, 5.0);
        record.processed_events_count = Some(done);
        record.queued_events_count = queued;
        record
    }

    fn jobs(service: f64) -> Jobs {
        Jobs { all: 5.0, ready: 5.0, service_seconds: Some(service), seen_share: 1.0, interval_seconds: 60.0 }
    }

    #[test]
    fn long_events_are_in_service_until_they_end() {
        let mut work = WorkInProgress::default();
        work.observe(&record(0.0, 0.0, Some(0.0)), &jobs(3600.0));
        work.observe(&record(4.0, 0.0, Some(1.0)), &jobs(3600.0));
        assert_eq!((work.in_service(), work.waiting()), (3.0, 1.0));
        work.observe(&record(0.0, 2.0, Some(0.0)), &jobs(3600.0));
        assert_eq!((work.in_service(), work.waiting()), (2.0, 0.0));
    }

    #[test]
    fn events_that_nobody_takes_are_not_waiting_for_a_job() {
        let mut work = WorkInProgress::default();
        let mut poison = record(60.0, 60.0, Some(2000.0));
        poison.average_queue_wait_time_ms = Some(100.0);
        let saturated = (0..30).filter(|_| work.observe(&poison, &jobs(2.0))).count();
        assert!(work.waiting() < 20.0 && work.standing() > 1900.0, "{work:?}");
        assert!(saturated == 0, "{saturated}");
        poison.queued_events_count = Some(10.0);
        work.observe(&poison, &jobs(2.0));
        assert!(work.standing() <= 10.0, "they are gone");
    }

    #[test]
    fn a_queue_that_is_worked_off_is_waiting_whatever_the_busy_share_says() {
        let mut work = WorkInProgress::default();
        let mut behind = record(60.0, 55.0, Some(500.0));
        behind.average_queue_wait_time_ms = Some(500_000.0);
        behind.cpu_utilization_percent = Some(12.0);
        let saturated = (0..10).filter(|_| work.observe(&behind, &jobs(2.0))).count();
        assert!(saturated >= 9 && work.waiting() > 490.0, "{work:?}");
    }

    #[test]
    fn counts_that_never_meet_are_forgotten_while_jobs_idle() {
        let mut work = WorkInProgress::default();
        let mut lossy = record(1000.0, 990.0, None);
        lossy.cpu_utilization_percent = Some(60.0);
        let saturated = (0..1000).filter(|_| work.observe(&lossy, &jobs(0.1))).count();
        assert!(work.waiting() <= 10.0 && saturated == 0, "{work:?}");
    }

    #[test]
    fn a_huge_queue_that_is_no_longer_told_is_forgotten_within_hours() {
        for busy_percent in [Some(20.0), None] {
            let mut work = WorkInProgress::default();
            work.observe(&record(1000.0, 1000.0, Some(1e12)), &jobs(0.1));
            let mut usual = record(1000.0, 1000.0, None);
            usual.cpu_utilization_percent = busy_percent;
            work.observe(&usual, &jobs(0.1));
            assert!(work.waiting() <= 1e5, "{work:?}");
        }
    }
}
