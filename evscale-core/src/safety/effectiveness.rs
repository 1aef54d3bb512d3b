//! No growth while more jobs bring no more throughput: the limit lies elsewhere.
//!
//! When a backlog begins to stand, the jobs that are ready and the events that they take per interval are written down.
//! Later in the same backlog, jobs that are so old that they must be ready are compared with that: if they grew by a share
//! `g` and the events taken by less than `0.15 g`, the pool is limited by something else. Where the jobs are busy (CPU of
//! 80 % and more, or unknown) heavier events explain as much, so more growth must have shown it. The rule ends when the
//! backlog is gone, when the throughput rises, and after half an hour, so that growth is tried again.

use super::{Change, Context};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Queue at the end of an interval, as a share of the events taken in it, that is a standing backlog; and at least.
const BACKLOG_SHARE: f64 = 0.25;
const LEAST_BACKLOG: f64 = 10.0;
/// Share of the additional jobs that must show in the throughput.
const LEAST_GAIN: f64 = 0.15;
/// Share above which additional jobs work as they should.
const GOOD_GAIN: f64 = 0.5;
/// CPU utilization from which jobs are busy themselves, percent.
const BUSY_PERCENT: f64 = 80.0;
/// Growth that proves it, for jobs that wait and for jobs that are busy.
const IDLE_GROWTH: f64 = 0.25;
const BUSY_GROWTH: f64 = 0.5;
/// Startup times and intervals after which a job must be ready.
const SEASONED: (f64, f64) = (3.0, 2.0);
/// Records that a throughput is the mean of.
const RECORDS: usize = 4;
/// Records without a backlog after which it is over.
const CALM_RECORDS: u32 = 3;
/// Rise of the throughput that ends the limit.
const RECOVERY: f64 = 1.25;
const RETRY_SECONDS: f64 = 1800.0;
/// Most numbers of jobs that are remembered at a time.
const LENGTH_LIMIT: usize = 64;

/// What a number of jobs takes per interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    jobs: f64,
    events: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Effectiveness {
    /// Numbers of jobs of the last while, increasing: one that is followed by a lower one no longer matters.
    jobs: VecDeque<(Timestamp, f64)>,
    /// Events taken in the newest intervals of the backlog, newest first.
    taken: [f64; RECORDS],
    stood: u32,
    calm: u32,
    last_taken: f64,
    before: Option<Level>,
    /// Since when, what was before, and what more jobs brought.
    limit: Option<(Timestamp, Level, Level)>,
}

impl Effectiveness {
    /// Learns from a checked record of a pool with so many jobs, of which so many are ready by what is known of their
    /// startup.
    pub(super) fn observe(&mut self, record: &Metrics, jobs: f64, ready: f64, startup: f64, interval: f64) {
        let at = record.timestamp;
        let seasoned = self.seasoned(at, jobs, SEASONED.0 * startup + SEASONED.1 * interval);
        let (Some(taken), Some(queued)) = (record.processed_events_count, record.queued_events_count) else {
            return;
        };
        let before = std::mem::replace(&mut self.last_taken, taken).max(taken);
        if queued < LEAST_BACKLOG.max(BACKLOG_SHARE * taken) {
            self.calm = self.calm.saturating_add(1);
            if self.calm >= CALM_RECORDS {
                (self.before, self.limit, self.stood) = (None, None, 0);
            }
            return;
        }
        self.calm = 0;
        self.stood = self.stood.saturating_add(1);
        self.taken.rotate_right(1);
        if let Some(newest) = self.taken.first_mut() {
            *newest = taken;
        }
        if self.before.is_none() {
            self.before = Some(Level { jobs: ready.max(1.0), events: before });
            self.stood = 0;
        }
        if self.stood as usize >= RECORDS {
            let events = self.taken.iter().sum::<f64>() / RECORDS as f64;
            self.judge(record, Level { jobs: seasoned, events });
        }
    }

    /// The lowest number of jobs of the last `seconds`: those that are still there have had that time to start.
    fn seasoned(&mut self, at: Timestamp, jobs: f64, seconds: f64) -> f64 {
        while self.jobs.back().is_some_and(|(_, later)| *later >= jobs) {
            self.jobs.pop_back();
        }
        if self.jobs.len() < LENGTH_LIMIT {
            self.jobs.push_back((at, jobs));
        }
        while self.jobs.len() > 1
            && self.jobs.get(1).is_some_and(|(next, _)| at.seconds_since(*next) >= seconds)
        {
            self.jobs.pop_front();
        }
        self.jobs.front().map_or(jobs, |(_, lowest)| *lowest)
    }

    fn judge(&mut self, record: &Metrics, now: Level) {
        if let Some((since, _, limit)) = self.limit {
            let over = record.timestamp.seconds_since(since) >= RETRY_SECONDS;
            if over || now.events > RECOVERY * limit.events {
                (self.limit, self.before, self.stood) = (None, Some(now), 0);
            }
            return;
        }
        let Some(before) = self.before else { return };
        let busy = record.cpu_utilization_percent.is_none_or(|percent| percent >= BUSY_PERCENT);
        let growth = now.jobs / before.jobs - 1.0;
        if growth < if busy { BUSY_GROWTH } else { IDLE_GROWTH } {
            return;
        }
        let gain = (now.events / before.events.max(1e-9) - 1.0) / growth;
        if gain < LEAST_GAIN {
            self.limit = Some((record.timestamp, before, now));
        } else if gain >= GOOD_GAIN {
            (self.before, self.stood) = (Some(now), 0);
        }
    }

    /// Why more jobs do not help; none if they do or nobody knows.
    pub(super) fn limit(&self) -> Option<String> {
        let (_, before, now) = self.limit?;
        Some(format!(
            "{:.0} jobs take {:.0} events per interval, {:.0} took {:.0}, while a backlog stands: the limit lies elsewhere",
            now.jobs, now.events, before.jobs, before.events
        ))
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        if jobs <= context.current_jobs {
            return None;
        }
        self.limit().map(|reason| (context.current_jobs, reason))
    }
}
