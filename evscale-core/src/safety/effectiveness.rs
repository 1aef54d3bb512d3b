//! No growth while more jobs bring no more throughput, and growth that brought none is undone: the limit lies elsewhere.
//!
//! When a backlog begins to stand, the jobs that are ready and the events that they take per interval are written down.
//! Later in the same backlog, jobs that are so old that they must be ready are compared with that: if they grew by a share
//! `g` and the events taken by less than `0.15 g`, the pool is limited by something else. Where the jobs are busy (CPU of
//! 80 % and more, or unknown while the network carries less than it has) heavier events explain as much, so more growth must
//! have shown it. The pool then goes back to
//! the jobs before, and is led up again in small steps as long as they help; after one that does not, the next one
//! waits twice as long. The rule ends when the backlog is gone; for some hours the pool then grows beyond that limit by such
//! a step alone.

use super::network::Network;
use super::{Change, Context};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Queue at the end of an interval, as a share of the events taken in it, that is a standing backlog; and at least.
const BACKLOG_SHARE: f64 = 0.25;
const LEAST_BACKLOG: f64 = 10.0;
/// Part of the allowed wait that a queue may be long without being a backlog.
const PLANNED_SHARE: f64 = 0.75;
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
/// Service times after which it must show in what ends.
const SEASONED_EVENTS: f64 = 2.0;
/// Records that a throughput is the mean of.
const RECORDS: usize = 4;
/// Records without a backlog after which it is over.
const CALM_RECORDS: u32 = 3;
/// Rise of the throughput at the same jobs that ends the limit.
const RECOVERY: f64 = 1.25;
/// Growth of a trial, and the least in jobs.
const TRIAL: f64 = 0.15;
const TRIAL_JOBS: f64 = 1.0;
/// Time until a trial: the first time and at most, seconds.
const FIRST_RETRY_SECONDS: f64 = 1800.0;
const LONGEST_RETRY_SECONDS: f64 = 14_400.0;
/// Longest trial whose jobs do not come, in times after which they must be ready, where that is longer.
const LONGEST_TRIAL: f64 = 2.0;
/// Time for which the limit of a backlog that is gone is remembered, seconds.
const REMEMBERED_SECONDS: f64 = 14_400.0;
/// Largest part of the pool that goes back at once.
const MOST_BACK: f64 = 0.5;
/// Most numbers of jobs that are remembered at a time.
const LENGTH_LIMIT: usize = 64;

/// What a number of jobs takes per interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    jobs: f64,
    events: f64,
}

/// What is known of a pool and its events beside a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) jobs: f64,
    /// Ready jobs, mean over the interval.
    pub(super) ready: f64,
    pub(super) startup_seconds: f64,
    pub(super) service_seconds: f64,
    pub(super) sla_wait_seconds: f64,
    pub(super) interval_seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Effectiveness {
    /// Numbers of jobs of the last while, increasing: one that is followed by a lower one no longer matters.
    jobs: VecDeque<(Timestamp, f64)>,
    /// Events taken in the newest intervals of the backlog, newest first.
    taken: [f64; RECORDS],
    stood: u32,
    calm: u32,
    before: Option<Level>,
    limit: Option<Limit>,
    network: Network,
}

/// A number of jobs beyond which more brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Limit {
    since: Timestamp,
    /// The fewest jobs with the highest throughput.
    best: Level,
    /// What more jobs brought.
    more: Level,
    /// The last trial or its end, and the jobs that are allowed since.
    tried: Timestamp,
    jobs: f64,
    retry_seconds: f64,
    /// The jobs idle: the growth is undone. Else heavier events may explain it, and the pool only grows no further.
    idle: bool,
    /// When the backlog was gone.
    over: Option<Timestamp>,
}

impl Effectiveness {
    /// Learns from a checked record of a pool with so many jobs, of which so many are ready by what is known of their
    /// startup.
    pub(super) fn observe(&mut self, record: &Metrics, pool: &Served) {
        let at = record.timestamp;
        self.network.observe(record, pool.interval_seconds);
        let started = SEASONED.0 * pool.startup_seconds + SEASONED.1 * pool.interval_seconds;
        let seasoning = started + SEASONED_EVENTS * pool.service_seconds;
        let seasoned = self.seasoned(at, pool.jobs, seasoning);
        let (Some(taken), Some(queued)) = (record.processed_events_count, record.queued_events_count) else {
            return;
        };
        // failed work is no throughput
        let taken = taken * (1.0 - record.error_rate_percent.unwrap_or(0.0) / 100.0);
        let planned = PLANNED_SHARE * pool.sla_wait_seconds / pool.interval_seconds;
        if queued < LEAST_BACKLOG.max(BACKLOG_SHARE.max(planned) * taken) {
            self.calm = self.calm.saturating_add(1);
            if self.calm >= CALM_RECORDS {
                (self.before, self.stood) = (None, 0);
                self.limit = self.limit.filter(|limit| limit.idle && limit.remembered(at));
                if let Some(limit) = &mut self.limit {
                    limit.over.get_or_insert(at);
                }
            }
            return;
        }
        self.calm = 0;
        if let Some(limit) = &mut self.limit {
            limit.over = None;
        }
        self.stood = self.stood.saturating_add(1);
        self.taken.rotate_right(1);
        if let Some(newest) = self.taken.first_mut() {
            *newest = taken;
        }
        if self.before.is_none() {
            self.before = Some(Level { jobs: pool.ready.max(1.0), events: taken });
            self.stood = 0;
        }
        if self.stood as usize >= RECORDS {
            let events = self.taken.iter().sum::<f64>() / RECORDS as f64;
            self.judge(record, Level { jobs: seasoned, events }, seasoning);
        }
    }

    /// The lowest number of jobs of the last `seconds`: those that are still there have had that time to start.
    fn seasoned(&mut self, at: Timestamp, jobs: f64, seconds: f64) -> f64 {
        while self.jobs.back().is_some_and(|(_, later)| *later > jobs) {
            self.jobs.pop_back();
        }
        let stays = self.jobs.back().is_some_and(|(_, last)| *last == jobs);
        if !stays && self.jobs.len() < LENGTH_LIMIT {
            self.jobs.push_back((at, jobs));
        }
        while self.jobs.len() > 1
            && self
                .jobs
                .get(1)
                .is_some_and(|(next, _)| at.elapsed_since(*next).is_none_or(|age| age >= seconds))
        {
            self.jobs.pop_front();
        }
        self.jobs.front().map_or(jobs, |(_, lowest)| *lowest)
    }

    /// Compares the present with what was; a job shows in it after `seasoning` seconds.
    fn judge(&mut self, record: &Metrics, now: Level, seasoning: f64) {
        if let Some(limit) = &mut self.limit {
            let risen = now.jobs <= limit.best.jobs && now.events > RECOVERY * limit.best.events;
            let over = !limit.idle && record.timestamp.seconds_apart(limit.since) >= FIRST_RETRY_SECONDS;
            if risen || over || (!limit.idle && now.events > RECOVERY * limit.more.events) {
                (self.limit, self.before, self.stood) = (None, Some(now), 0);
            } else if limit.idle {
                limit.lead(record.timestamp, now, seasoning);
            }
            return;
        }
        let Some(before) = self.before else { return };
        let busy =
            record.cpu_utilization_percent.map_or(!self.network.full(), |percent| percent >= BUSY_PERCENT);
        let growth = now.jobs / before.jobs - 1.0;
        if growth < if busy { BUSY_GROWTH } else { IDLE_GROWTH } {
            return;
        }
        let gain = (now.events / before.events.max(1e-9) - 1.0) / growth;
        if gain < LEAST_GAIN {
            self.limit = Some(Limit {
                since: record.timestamp,
                best: before,
                more: now,
                tried: record.timestamp,
                jobs: before.jobs,
                retry_seconds: FIRST_RETRY_SECONDS,
                idle: !busy,
                over: None,
            });
        } else if gain >= GOOD_GAIN {
            (self.before, self.stood) = (Some(now), 0);
        }
    }

    /// Why more jobs do not help; none if they do or nobody knows.
    pub(super) fn limit(&self) -> Option<String> {
        let Limit { since, best, more, .. } = self.limit.filter(|limit| limit.over.is_none())?;
        Some(format!(
            "{:.0} jobs take {:.0} events per interval, {:.0} took {:.0}, while a backlog stands: the limit lies elsewhere{}, since {since}",
            more.jobs,
            more.events,
            best.jobs,
            best.events,
            if self.network.full() { " (the network carries what it has carried at most)" } else { "" }
        ))
    }

    pub(super) fn apply(&self, context: &Context<'_>, jobs: u32) -> Change {
        let limit = self.limit.filter(|limit| limit.remembered(context.now))?;
        let current = context.current_jobs;
        if let Some(over) = limit.over {
            let most = ((1.0 + TRIAL) * limit.best.jobs).ceil().max(f64::from(current)) as u32;
            let most = context.numbers().up(most);
            return (jobs > most).then(|| {
                (
                    most,
                    format!(
                        "more than {:.0} jobs brought no more while a backlog stood, until {over}",
                        limit.best.jobs
                    ),
                )
            });
        }
        if !limit.idle {
            return (jobs > current).then(|| Some((current, self.limit()?)))?;
        }
        let least = (f64::from(current) * MOST_BACK).ceil() as u32;
        let most = context.numbers().up((limit.jobs.ceil() as u32).max(least));
        (jobs > most).then(|| Some((most, self.limit()?)))?
    }
}

impl Limit {
    /// Whether there is a backlog, or was one not long ago.
    fn remembered(&self, now: Timestamp) -> bool {
        self.over.is_none_or(|over| now.seconds_apart(over) < REMEMBERED_SECONDS)
    }

    /// Leads the pool up in small steps while they help, and back when they do not.
    fn lead(&mut self, now: Timestamp, level: Level, seasoning: f64) {
        let waited = now.seconds_apart(self.tried);
        if self.jobs > self.best.jobs {
            if level.jobs < self.jobs.ceil() {
                // the trial goes on, unless the jobs of it never come
                if waited > self.retry_seconds.max(LONGEST_TRIAL * seasoning) {
                    (self.jobs, self.tried) = (self.best.jobs, now);
                }
                return;
            }
            let growth = level.jobs / self.best.jobs - 1.0;
            let gain = (level.events / self.best.events.max(1e-9) - 1.0) / growth.max(1e-9);
            if gain >= GOOD_GAIN {
                self.best = level;
                self.retry_seconds = FIRST_RETRY_SECONDS;
            } else {
                self.retry_seconds = (2.0 * self.retry_seconds).min(LONGEST_RETRY_SECONDS);
                self.jobs = self.best.jobs;
                self.tried = now;
                return;
            }
        } else if waited < self.retry_seconds {
            return;
        }
        self.jobs = (self.best.jobs * (1.0 + TRIAL)).max(self.best.jobs + TRIAL_JOBS);
        self.tried = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_start_slowly_have_the_time_to_show_that_they_help() {
        let mut rule = Effectiveness::default();
        let mut jobs = Vec::new();
        // a backlog stands all the time; a job takes 200 events per interval, all together `most`
        let mut tick = |wanted: f64, most: f64| {
            jobs.push(wanted);
            let ready = jobs.iter().rev().take(11).copied().fold(f64::INFINITY, f64::min);
            let mut record =
                Metrics::new(Timestamp::EPOCH.plus_seconds(120 * jobs.len() as i64), 3000.0, wanted);
            record.processed_events_count = Some(most.min(200.0 * ready));
            record.queued_events_count = Some(5000.0);
            record.cpu_utilization_percent = Some(50.0);
            let pool = Served {
                jobs: wanted,
                ready,
                startup_seconds: 1200.0,
                service_seconds: 0.6,
                sla_wait_seconds: 30.0,
                interval_seconds: 120.0,
            };
            rule.observe(&record, &pool);
            rule.limit.map(|limit| (limit.jobs, limit.best.jobs))
        };
        assert_eq!(tick(13.0, 2400.0), None);
        let found = (0..40).find_map(|_| tick(20.0, 2400.0));
        assert_eq!(found, Some((13.0, 13.0)), "20 jobs take what 13 took");
        // the bottleneck is gone, and 13 jobs take little more than they did: only a trial shows it
        let (mut allowed, mut helpful) = (13.0, 13.0);
        for _ in 0..60 {
            if let Some(limit) = tick(f64::ceil(allowed), f64::INFINITY) {
                (allowed, helpful) = limit;
            }
        }
        assert_eq!(helpful, 15.0);
    }
}
