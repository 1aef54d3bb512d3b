//! Can a record be trusted? A verdict per record: accepted, repaired (and what), or rejected (and why).
//!
//! A broken field is not a broken record: it becomes unknown, and the rest is used. Only the time of a
//! record can make it useless as a whole.

mod cadence;
mod fields;
mod first_records;
mod freshness;
mod out_of_range;
mod quality;
mod running_totals;
mod stuck;

pub(crate) use freshness::{anomalous, issue_at};
pub(crate) use quality::Issue;
pub use quality::{AllowedActions, DataQuality};
pub(crate) use stuck::Movement;

use crate::config::Config;
use crate::metrics::{LARGEST_COUNT, Metrics};
use crate::time::Timestamp;
use cadence::Cadence;
use fields::{Repairs, absurd_rise, check_fields, plausible_service};
use first_records::FirstRecords;
use out_of_range::OutOfRange;
use running_totals::RunningTotals;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A record further ahead of the last one than this is taken for a clock that jumped, until the next one agrees.
const LONGEST_GAP_SECONDS: f64 = 3.0 * 86_400.0;

/// Rejected records in a row that agree on another time, after which that time wins.
const AGREEING_TIMES: u32 = 3;
/// Epoch seconds of the years 2001 to 2286, read as milliseconds.
const EPOCH_SECONDS_MS: RangeInclusive<i64> = 1_000_000_000..=10_000_000_000;
/// Records in a row that agree on a service time which none of them would be believed alone.
const AGREEING_RECORDS: u32 = 5;

/// Usable records in a row after a blackout until the pool may shrink again.
const RETURNING_RECORDS: u32 = 3;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Used as it is.
    Accepted,
    /// Used without the fields that make no sense.
    Repaired,
    /// Not used; the state is as before.
    Rejected,
}

impl Verdict {
    /// The verdict in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Repaired => "repaired",
            Self::Rejected => "rejected",
        }
    }
}

/// What is remembered of the records before, to judge the next one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Expectation {
    /// Time of the newest record used.
    pub(crate) newest: Option<Timestamp>,
    /// Time of a record that was rejected because it lay far ahead.
    far_ahead: Option<Timestamp>,
    /// Events that waited at the end of the newest record.
    pub(crate) queued: Option<f64>,
    /// Highest count of arrivals known, fading.
    highest_events: f64,
    /// Jobs of the newest record that told them.
    pub(crate) jobs: Option<f64>,
    service_ms: Option<f64>,
    /// Service times in a row that were far from the usual one and near each other, and the last of them.
    other_service: (u32, f64),
    /// The same of arrivals far above everything known.
    other_events: (u32, f64),
    out_of_range: OutOfRange,
    first: FirstRecords,
    totals: RunningTotals,
    movement: Movement,
    /// Usable records that the pool must still see after a blackout.
    returning: u32,
    /// Time of the last record that was rejected, and how many in a row agree with it.
    rejected: Option<(Timestamp, u32)>,
    /// Records in a row that were rejected for a time that is not that of the newest one.
    unusable: u32,
    cadence: Cadence,
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

impl Expectation {
    /// Judges a record; remembers only what later judgements need.
    ///
    /// # Errors
    /// The record is rejected: why.
    pub(crate) fn check(&mut self, record: &Metrics, config: &Config) -> Result<Checked, Issue> {
        if let Some(issue) = self.epoch_seconds(record.timestamp, config) {
            self.unusable = self.unusable.saturating_add(1);
            self.agrees_with_rejected(record.timestamp, config);
            return Err(issue);
        }
        let cadence = self.cadence.observe(record.timestamp, config);
        let mut rewound = false;
        if let Some(issue) = self.bad_time(record.timestamp, config) {
            rewound = self.agrees_with_rejected(record.timestamp, config);
            if !rewound {
                let elsewhere = matches!(issue.quality, DataQuality::OutOfOrder | DataQuality::FarAhead);
                self.unusable = self.unusable.saturating_add(u32::from(elsewhere));
                return Err(cadence.unwrap_or(issue));
            }
            self.newest = None;
        }
        let mut record = record.clone();
        let mut repairs = Repairs::default();
        self.agree_on_service(&record);
        self.agree_on_events(&record);
        self.out_of_range.observe(&mut record);
        let disbelieved = self.first.observe(&record);
        let anew = self.totals.observe(&record, self.queued, config) || disbelieved.is_some();
        if anew {
            self.begin_anew();
        }
        check_fields(&mut record, self, config, &mut repairs);
        let repaired = repairs.first();
        let issue = self.judge(&record, repaired, config).or(cadence);
        let first = disbelieved
            .map(|why| Issue::new(DataQuality::Broken, format!("the first record is left out: {why}")));
        self.remember(&record);
        Ok(Checked { record, repairs: repairs.into_texts(), issue: issue.or(first), rewound, anew })
    }

    /// Forgets what the records before said of usual values.
    fn begin_anew(&mut self) {
        (self.highest_events, self.service_ms, self.queued) = (0.0, None, None);
        (self.other_events, self.other_service) = ((0, 0.0), (0, 0.0));
    }

    /// Reports whether the arrivals of two records have agreed.
    pub(crate) fn arrivals_agreed(&self) -> bool {
        self.first.agreed()
    }

    /// Believes a service time that is far from the usual one once enough records in a row agree on it.
    fn agree_on_service(&mut self, record: &Metrics) {
        let (Some(told), Some(usual)) = (record.average_processing_duration_ms, self.service_ms) else {
            return;
        };
        if !plausible_service(told, usual) && told > 0.0 && told.is_finite() {
            let (count, last) = self.other_service;
            let agrees = (0.5..=2.0).contains(&(told / last));
            self.other_service = (if agrees { count + 1 } else { 1 }, told);
            if self.other_service.0 >= AGREEING_RECORDS {
                self.service_ms = Some(told);
            }
        } else {
            self.other_service = (0, 0.0);
        }
    }

    /// Believes arrivals far above everything known once enough records in a row agree on them, of which one is no higher
    /// than the one before: a running total is not.
    fn agree_on_events(&mut self, record: &Metrics) {
        let told = record.logged_events_count;
        if !(0.0..=LARGEST_COUNT).contains(&told) {
            return;
        }
        if !absurd_rise(told, self.highest_events) {
            self.other_events = (0, 0.0);
            return;
        }
        let (count, last) = self.other_events;
        let agrees = (0.5..=2.0).contains(&(told / last));
        self.other_events = (if agrees { count.saturating_add(1) } else { 1 }, told);
        if self.other_events.0 >= AGREEING_RECORDS && told <= last {
            self.highest_events = told;
        }
    }

    /// Names the fields that are out of range in every record.
    pub(crate) fn left_out(&self) -> Option<String> {
        self.out_of_range.detail(self.newest?)
    }

    /// The verdict on a record whose fields were checked.
    fn judge(&mut self, record: &Metrics, repaired: Option<Issue>, config: &Config) -> Option<Issue> {
        let gap = self.newest.map_or(0.0, |newest| record.timestamp.seconds_since(newest));
        let interval = f64::from(config.interval_seconds);
        let blackout = f64::from(config.stale_fail_safe_seconds).max(config.stale_seconds());
        self.returning = if gap > blackout { RETURNING_RECORDS } else { self.returning.saturating_sub(1) };
        let stuck = self.movement.observe(record);
        if repaired.is_some() {
            return repaired;
        }
        if let Some(reason) = stuck {
            return Some(Issue::new(DataQuality::Stuck, reason));
        }
        if record.is_deploy_in_progress == Some(true) {
            return Some(Issue::new(DataQuality::Deploy, "a deploy is in progress"));
        }
        if gap > config.stale_seconds().max(2.0 * interval) {
            let reason = format!("the records before this one are missing for {:.0} min", gap / 60.0);
            let quality = if gap > blackout { DataQuality::Returning } else { DataQuality::Gap };
            return Some(Issue::new(quality, reason));
        }
        (self.returning > 0).then(|| {
            let number = RETURNING_RECORDS - self.returning + 1;
            Issue::new(
                DataQuality::Returning,
                format!("record {number} of {RETURNING_RECORDS} after a blackout"),
            )
        })
    }

    /// Returns the time by the records: that of the newest one, and an interval for each record since then that was rejected
    /// for its time. A pool whose records are all rejected is as blind as one without records.
    pub(crate) fn now(&self, config: &Config) -> Option<Timestamp> {
        let blind_seconds = i64::from(config.interval_seconds).saturating_mul(i64::from(self.unusable));
        self.newest.map(|newest| newest.plus_seconds(blind_seconds))
    }

    /// Reports whether enough rejected records in a row agree on another time, which then wins.
    fn agrees_with_rejected(&mut self, at: Timestamp, config: &Config) -> bool {
        let apart = 0.5 * f64::from(config.interval_seconds)..=3.0 * f64::from(config.interval_seconds);
        let run = match self.rejected {
            Some((last, run)) if apart.contains(&at.seconds_since(last)) || self.cadence.is_steady() => {
                run.saturating_add(1)
            }
            _ => 1,
        };
        self.rejected = Some((at, run));
        run >= AGREEING_TIMES
    }

    /// Returns the issue of a time that is epoch seconds, read as milliseconds. A record that follows the newest one, or one
    /// that was rejected, by about an interval has its own calendar.
    fn epoch_seconds(&self, at: Timestamp, config: &Config) -> Option<Issue> {
        let least = f64::from(config.interval_seconds) / 2.0;
        let follows = |last: Option<Timestamp>| {
            last.is_some_and(|last| (least..=LONGEST_GAP_SECONDS).contains(&at.seconds_since(last)))
        };
        let seconds = EPOCH_SECONDS_MS.contains(&at.as_millis())
            && !follows(self.newest)
            && !follows(self.rejected.map(|(last, _)| last));
        seconds.then(|| {
            let reason = format!(
                "metrics record at {at}: the time looks like epoch seconds, expected milliseconds: multiply by 1000"
            );
            Issue::new(DataQuality::OutOfOrder, reason)
        })
    }

    fn bad_time(&mut self, at: Timestamp, config: &Config) -> Option<Issue> {
        let newest = self.newest?;
        let ahead = at.seconds_since(newest);
        let interval = f64::from(config.interval_seconds);
        if ahead < interval / 2.0 {
            let quality =
                if ahead > -interval / 2.0 { DataQuality::Repeated } else { DataQuality::OutOfOrder };
            let found = if ahead > 0.0 {
                format!("{ahead:.0} s after the newest one, sooner than expected")
            } else {
                format!("not newer than the newest one, which is of {newest}")
            };
            let reason =
                format!("metrics record at {at}: {found}; `interval_seconds` is {}", config.interval_seconds);
            return Some(Issue::new(quality, reason));
        }
        if ahead > LONGEST_GAP_SECONDS {
            let confirmed = self.far_ahead.is_some_and(|far| {
                let apart = at.seconds_since(far);
                apart > 0.0 && apart <= 2.0 * interval
            });
            if !confirmed {
                self.far_ahead = Some(at);
                let reason = format!(
                    "metrics record at {at}: {:.1} days after the newest one, expected at most {:.0}; it will be believed when the next one agrees",
                    ahead / 86_400.0,
                    LONGEST_GAP_SECONDS / 86_400.0
                );
                return Some(Issue::new(DataQuality::FarAhead, reason));
            }
        }
        None
    }

    fn remember(&mut self, record: &Metrics) {
        self.newest = Some(record.timestamp);
        self.far_ahead = None;
        self.rejected = None;
        self.unusable = 0;
        self.queued = record.queued_events_count;
        if record.logged_events_count.is_finite() {
            self.highest_events = record.logged_events_count.max(0.999 * self.highest_events);
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
