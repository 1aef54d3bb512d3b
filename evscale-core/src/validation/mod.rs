//! Can a record be trusted? A verdict per record: accepted, repaired (and what), or rejected (and why).
//!
//! A broken field is not a broken record: it becomes unknown, and the rest is used. Only the time of a
//! record can make it useless as a whole.

mod agreement;
mod cadence;
mod clock;
mod fields;
mod first_records;
mod freshness;
mod quality;
mod recurrence;
mod running_totals;
mod stuck;

pub(crate) use freshness::{Newest, anomalous, issue_at};
pub(crate) use quality::Issue;
pub use quality::{AllowedActions, DataQuality};
pub(crate) use stuck::Movement;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::names::named;
use crate::time::Timestamp;
use agreement::Agreement;
use cadence::Cadence;
use clock::{Clock, Place};
use fields::{Repairs, absurd_queue, absurd_rise, check_fields, plausible_service};
use first_records::FirstRecords;
use recurrence::{Recurrences, Subject};
use running_totals::RunningTotals;
use serde::{Deserialize, Serialize};

/// Intervals since the record before from which on others are lost: nothing is known of what waited at the begin of this one.
const LOST_INTERVALS: f64 = 1.75;
/// Time in which the highest count that is known halves: a batch may come once a month.
const HIGHEST_HALF_LIFE_SECONDS: f64 = 30.0 * 86_400.0;
/// Usable records in a row after a blackout until the pool may shrink again.
const RETURNING_RECORDS: u32 = 3;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Used as it is.
    Accepted,
    /// Used without the fields that make no sense.
    Repaired,
    /// Not used; the state is as before.
    Rejected,
}

named! { Verdict, "verdict": Accepted = "accepted", Repaired = "repaired", Rejected = "rejected" }

/// What is remembered of the records before, to judge the next one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Expectation {
    clock: Clock,
    cadence: Cadence,
    recurrences: Recurrences,
    /// Bits of the fields that have ever been within their range.
    sensible: u32,
    /// Events that waited at the begin of the next interval.
    pub(crate) queued: Option<f64>,
    /// Highest count of arrivals known, as it fades.
    highest_events: f64,
    /// Counts far beyond it, and queues.
    other_events: Agreement,
    other_queue: Agreement,
    /// Jobs of the newest record that told them.
    pub(crate) jobs: Option<f64>,
    service_ms: Option<f64>,
    /// Service times far from the usual one.
    other_service: Agreement,
    first: FirstRecords,
    totals: RunningTotals,
    movement: Movement,
    /// Usable records that the pool must still see after a blackout.
    returning: u32,
}

/// A record without the values that make no sense in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    pub(crate) record: Metrics,
    /// What was set to unknown, and why.
    pub(crate) repairs: Vec<String>,
    pub(crate) issue: Option<Issue>,
    /// The clock went back: what was known of later times is void.
    pub(crate) rewound: bool,
    /// What was learned from the records before is void.
    pub(crate) anew: bool,
}

/// Why a record was rejected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rejected {
    pub(crate) issue: Issue,
    /// Whether it speaks against the data that the pool has.
    pub(crate) holds: bool,
}

impl Expectation {
    /// Returns the time of the newest record that was used.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.clock.newest()
    }

    /// Returns the seconds in which every record was rejected.
    pub(crate) fn blind_seconds(&self) -> f64 {
        self.clock.blind_seconds()
    }

    /// Returns the time by the records: that of the newest one that was used, and the time in which every one since was
    /// rejected. A pool whose records are all rejected is as blind as one without any.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        Some(self.newest()?.plus_millis((1000.0 * self.blind_seconds()) as i64))
    }

    /// Returns the issue unless it has come with every record for so long that it no longer holds the pool.
    pub(crate) fn unless_lasting(&mut self, issue: Issue) -> Option<Issue> {
        let at = self.newest().unwrap_or_default();
        self.recurrences.holds(Subject::Records(issue.quality), &issue.reason, at).then_some(issue)
    }

    /// Returns what has come for so long that it no longer holds the pool, in words.
    pub(crate) fn lasting_issues(&self) -> Option<String> {
        self.recurrences.lasting()
    }

    /// Goes on with records of an interval `ratio` times as long.
    pub(crate) fn rescale(&mut self, ratio: f64) {
        *self = Self {
            clock: self.clock.clone(),
            sensible: self.sensible,
            queued: self.queued,
            highest_events: ratio * self.highest_events,
            jobs: self.jobs,
            service_ms: self.service_ms,
            first: self.first.clone(),
            returning: self.returning,
            ..Self::default()
        };
    }

    /// Judges a record; remembers only what later judgements need. `known` is one whose interval has the same count already.
    ///
    /// # Errors
    /// The record is rejected: why.
    pub(crate) fn check(
        &mut self,
        record: &Metrics,
        known: bool,
        config: &Config,
    ) -> Result<Checked, Rejected> {
        let in_seconds = clock::looks_like_seconds(record.timestamp);
        let cadence = if in_seconds { None } else { self.cadence.observe(record.timestamp, config) };
        let (before, blind) = (self.newest(), self.blind_seconds());
        let place = self.clock.place(record.timestamp, known, config).map_err(|issue| {
            self.totals.pass(record);
            let issue = cadence.clone().unwrap_or(issue);
            let holds = !known && (cadence.is_some() || self.unless_lasting(issue.clone()).is_some());
            Rejected { issue, holds }
        })?;
        self.recurrences.next();
        let rewound = place == Place::Rewound;
        let gap = record.timestamp.elapsed_since(before.unwrap_or(record.timestamp)).unwrap_or(0.0);
        if rewound || gap > LOST_INTERVALS * f64::from(config.interval_seconds) {
            self.queued = None;
            self.totals.interrupt();
        }
        let mut record = record.clone();
        let mut repairs = Repairs::of(&record);
        self.agree(&record);
        let disbelieved = self.first.observe(&record);
        let anew = self.totals.observe(&record, self.queued, config) || disbelieved.is_some();
        if anew {
            self.begin_anew();
        }
        self.sensible |= check_fields(&mut record, self, config, &mut repairs);
        let repaired = repairs.issue(record.timestamp, self.sensible, &mut self.recurrences);
        let issue = self.judge(&mut record, repaired, cadence, (gap, blind), config);
        let first = disbelieved
            .map(|why| Issue::new(DataQuality::Broken, format!("the first record is left out: {why}")));
        self.remember(&record, gap);
        let issue = issue.or(first).or(repairs.running_total());
        Ok(Checked { record, repairs: repairs.into_texts(), issue, rewound, anew })
    }

    /// Forgets what the records before said of usual values.
    fn begin_anew(&mut self) {
        (self.highest_events, self.service_ms, self.queued) = (0.0, None, None);
        (self.other_events, self.other_service) = (Agreement::default(), Agreement::default());
        self.other_queue = Agreement::default();
    }

    /// Reports whether the arrivals of two records have agreed.
    pub(crate) fn arrivals_agreed(&self) -> bool {
        self.first.agreed()
    }

    /// Believes counts and service times that are far from the usual ones once enough records in a row agree on them.
    fn agree(&mut self, record: &Metrics) {
        let events = record.logged_events_count;
        if let Some(events) = self.other_events.next(events, absurd_rise(events, self.highest_events)) {
            self.highest_events = events;
        }
        let queued = record.queued_events_count.unwrap_or(f64::NAN);
        let far = absurd_queue(queued, self.queued, self.highest_events);
        if let Some(queued) = self.other_queue.next(queued, far) {
            self.queued = Some(queued);
        }
        let (Some(told), Some(usual)) = (record.average_processing_duration_ms, self.service_ms) else {
            return;
        };
        let far = told > 0.0 && !plausible_service(told, usual);
        if let Some(told) = self.other_service.next(told, far) {
            self.service_ms = Some(told);
        }
    }

    /// The verdict on a record whose fields were checked, `gap` seconds after the one before, `blind` of which brought records
    /// that could not be used.
    fn judge(
        &mut self,
        record: &mut Metrics,
        repaired: Option<Issue>,
        cadence: Option<Issue>,
        (gap, blind): (f64, f64),
        config: &Config,
    ) -> Option<Issue> {
        let interval = f64::from(config.interval_seconds);
        let blackout = f64::from(config.stale_fail_safe_seconds).max(config.stale_seconds());
        self.returning =
            if gap.max(blind) > blackout { RETURNING_RECORDS } else { self.returning.saturating_sub(1) };
        let stuck = self.movement.observe(record).map(|reason| Issue::new(DataQuality::Stuck, reason));
        let stuck = stuck.and_then(|issue| self.unless_lasting(issue));
        let deploy = self.deploy(record);
        let missing = (gap > config.stale_seconds().max(2.0 * interval)).then(|| {
            let reason = format!("the records before this one are missing for {:.0} min", gap / 60.0);
            Issue::new(if gap > blackout { DataQuality::Returning } else { DataQuality::Gap }, reason)
        });
        let missing = missing.and_then(|issue| self.unless_lasting(issue));
        let returning = (self.returning > 0 && gap <= blackout).then(|| {
            let number = RETURNING_RECORDS - self.returning + 1;
            Issue::new(
                DataQuality::Returning,
                format!("record {number} of {RETURNING_RECORDS} after a blackout"),
            )
        });
        repaired.or(stuck).or(deploy).or(cadence).or(missing).or(returning)
    }

    /// The issue of a deploy. A flag that is set for too long was forgotten: it is taken out.
    fn deploy(&mut self, record: &mut Metrics) -> Option<Issue> {
        if record.is_deploy_in_progress != Some(true) {
            return None;
        }
        let issue = self.unless_lasting(Issue::new(DataQuality::Deploy, "a deploy is in progress"));
        if issue.is_none() {
            record.is_deploy_in_progress = None;
        }
        issue
    }

    fn remember(&mut self, record: &Metrics, gap: f64) {
        self.queued = record.queued_events_count;
        if record.logged_events_count.is_finite() {
            let faded = self.highest_events * 0.5f64.powf(gap / HIGHEST_HALF_LIFE_SECONDS);
            self.highest_events = record.logged_events_count.max(faded);
        }
        if record.current_job_count.is_finite() {
            self.jobs = Some(record.current_job_count);
        }
        if let Some(service) = record.average_processing_duration_ms {
            self.service_ms = Some(self.service_ms.map_or(service, |last| last + 0.2 * (service - last)));
        }
    }
}

#[cfg(test)]
mod tests;
