//! How long an issue has come again with every record. An issue holds the pool for a while: what every record of the last hours
//! has is no fault of a record, it is what this source sends, and a pool that may never shrink costs more than it protects.

use super::DataQuality;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Time and records after which an issue that came with all of them no longer holds the pool.
const LONGEST_SECONDS: f64 = 6.0 * 3600.0;
const LEAST_RECORDS: u32 = 12;
/// Records in a row without an issue after which the next one begins anew.
const FORGOTTEN_RECORDS: u32 = 3;

/// What an issue is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Subject {
    /// A field, by its place in [`Metrics::FIELDS`], that has never had a value within its range: another unit, or not measured.
    Unit(u8),
    /// A field that has.
    Field(u8),
    /// Records as a whole.
    Records(DataQuality),
}

/// Returns the place of a field in [`Metrics::FIELDS`].
pub(super) fn place(field: &str) -> u8 {
    Metrics::FIELDS.iter().position(|known| known.name == field).unwrap_or(0) as u8
}

/// An issue that came again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Recurrence {
    subject: Subject,
    since: Timestamp,
    last: Timestamp,
    records: u32,
    /// Records in a row without it.
    missed: u32,
    detail: String,
}

impl Recurrence {
    fn hours(&self) -> f64 {
        self.last.elapsed_since(self.since).unwrap_or(0.0) / 3600.0
    }

    fn lasts(&self) -> bool {
        let unit = matches!(self.subject, Subject::Unit(_));
        self.records >= LEAST_RECORDS && (unit || 3600.0 * self.hours() >= LONGEST_SECONDS)
    }

    fn tell(&self) -> String {
        let Self { records, detail, .. } = self;
        match self.subject {
            Subject::Unit(_) => {
                format!(
                    "unit: none of {records} records was within the range, the field is left out: {detail}"
                )
            }
            Subject::Field(_) => {
                format!(
                    "lasting: for {:.0} h, the field is left out and holds nothing: {detail}",
                    self.hours()
                )
            }
            Subject::Records(quality) => {
                format!(
                    "lasting: for {:.0} h, so it holds nothing: {}: {detail}",
                    self.hours(),
                    quality.as_str()
                )
            }
        }
    }
}

/// The issues of late.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recurrences(Vec<Recurrence>);

impl Recurrences {
    /// Begins with another record.
    pub(super) fn next(&mut self) {
        self.0.iter_mut().for_each(|issue| issue.missed = issue.missed.saturating_add(1));
        self.0.retain(|issue| issue.missed <= FORGOTTEN_RECORDS);
    }

    /// Counts an issue of the record of `at`; reports whether it holds the pool.
    pub(super) fn holds(&mut self, subject: Subject, detail: &str, at: Timestamp) -> bool {
        let goes_on = |issue: &&mut Recurrence| issue.subject == subject && at >= issue.last;
        if let Some(issue) = self.0.iter_mut().find(goes_on) {
            let again = issue.missed > 0;
            (issue.last, issue.missed) = (at, 0);
            issue.records = issue.records.saturating_add(u32::from(again));
            detail.clone_into(&mut issue.detail);
            return !issue.lasts();
        }
        self.0.retain(|issue| issue.subject != subject);
        self.0.push(Recurrence {
            subject,
            since: at,
            last: at,
            records: 1,
            missed: 0,
            detail: detail.to_owned(),
        });
        true
    }

    /// Returns what came for so long that it no longer holds the pool, in words.
    pub(super) fn lasting(&self) -> Option<String> {
        let lasting: Vec<String> =
            self.0.iter().filter(|issue| issue.lasts()).map(Recurrence::tell).collect();
        (!lasting.is_empty()).then(|| lasting.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of the first record of an interval that no longer holds the pool.
    fn held(subject: Subject, seconds: i64, comes: impl Fn(i64) -> bool) -> Option<i64> {
        let mut recurrences = Recurrences::default();
        (0..2000).find(|step| {
            recurrences.next();
            let at = Timestamp::EPOCH.plus_seconds(seconds * step);
            comes(*step) && !recurrences.holds(subject, "why", at)
        })
    }

    #[test]
    fn an_issue_holds_for_six_hours_and_twelve_records_and_a_unit_for_twelve_records() {
        let contradictory = Subject::Records(DataQuality::Contradictory);
        for (seconds, records) in [(15, 1440), (120, 180), (1800, 12), (3600, 11)] {
            assert_eq!(held(contradictory, seconds, |_| true), Some(records), "{seconds} s");
            assert_eq!(held(Subject::Unit(3), seconds, |_| true), Some(11), "{seconds} s");
        }
        assert!(held(contradictory, 120, |step| step % 4 != 3).is_some(), "a few good ones end nothing");
        assert_eq!(held(contradictory, 120, |step| step % 100 < 90), None, "ten good ones do");
        assert_eq!(held(contradictory, 120, |step| step % 5 == 0), None, "now and then");
    }

    #[test]
    fn what_lasts_is_told_until_it_ends_and_a_clock_that_went_back_begins_anew() {
        let (mut recurrences, gap) = (Recurrences::default(), Subject::Records(DataQuality::Gap));
        let at = |step: i64| Timestamp::EPOCH.plus_seconds(1200 * step);
        for step in 0..20 {
            recurrences.next();
            recurrences.holds(gap, "nothing for 20 min", at(step));
        }
        let told = recurrences.lasting().unwrap();
        assert!(told.contains("6 h") && told.contains("gap: nothing for 20 min"), "{told}");
        assert!(recurrences.holds(gap, "", at(5)), "earlier than the last one");
        assert_eq!(recurrences.lasting(), None);
        (0..4).for_each(|_| recurrences.next());
        assert_eq!(recurrences, Recurrences::default());
    }
}
