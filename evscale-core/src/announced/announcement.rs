//! What a host says of a time that comes, checked and in words.

#![expect(clippy::disallowed_methods, reason = "an end is after its start, which is checked first")]

use crate::config::{Config, MULTIPLIERS};
use crate::error::{Error, Result};
use crate::metrics::LARGEST_COUNT;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest announcement, and how far ahead one may end, days.
const LONGEST_DAYS: f64 = 400.0;
const DAY_SECONDS: f64 = 86_400.0;

/// What is said of the time of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announced {
    /// So many times the load that is expected otherwise.
    Multiplier(f64),
    /// So many events arrive in all, spread evenly over the time.
    Events(f64),
    /// At least so many jobs are ready.
    MinJobs(u32),
}

/// An event that the host knows of before the records show it: a sale, a batch, a broadcast.
///
/// ```
/// use evscale_core::{Announced, Announcement, Timestamp};
/// let [start, end]: [Timestamp; 2] = ["2026-01-05T18:00:00Z".parse()?, "2026-01-05T19:00:00Z".parse()?];
/// let sale = Announcement::new(start, end, Announced::Multiplier(3.0));
/// assert_eq!(sale.to_string(), "3 times the usual load from 2026-01-05T18:00:00Z until 2026-01-05T19:00:00Z");
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Announcement {
    /// The event begins at this time. What it needs is ready by then.
    pub start: Timestamp,
    /// It ends at this time.
    pub end: Timestamp,
    /// What is said of it.
    pub what: Announced,
}

impl Announcement {
    /// Returns an announcement.
    pub fn new(start: Timestamp, end: Timestamp, what: Announced) -> Self {
        Self { start, end, what }
    }

    /// Checks that the announcement can be true of a pool whose newest record is of `newest`.
    ///
    /// # Errors
    /// It ends before it starts, lies in the past or too far ahead, or says a number out of its range.
    pub(super) fn check(&self, config: &Config, newest: Option<Timestamp>) -> Result<()> {
        let Self { start, end, .. } = self;
        if end <= start {
            return Err(Error::argument(format!(
                "the announcement of {self} ends at {end}, expected later than its start"
            )));
        }
        if let Some(newest) = newest {
            if start < &newest {
                return Err(Error::argument(format!(
                    "the announcement of {self} starts before the newest record, which is of {newest}; expected that time \
                     or later, as the records show what was before"
                )));
            }
            if end.seconds_since(newest) > LONGEST_DAYS * DAY_SECONDS {
                return Err(Error::argument(format!(
                    "the announcement of {self} ends more than {LONGEST_DAYS} days after the newest record, which is of \
                     {newest}; announce it later"
                )));
            }
        }
        if self.seconds() > LONGEST_DAYS * DAY_SECONDS {
            return Err(Error::argument(format!(
                "the announcement of {self} lasts longer than {LONGEST_DAYS} days"
            )));
        }
        self.what
            .check(config)
            .map_err(|problem| Error::argument(format!("the announcement of {self} {problem}")))
    }

    /// Length of its time, seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.end.seconds_since(self.start)
    }

    /// Reports whether both say the same kind of thing of one time.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let same = std::mem::discriminant(&self.what) == std::mem::discriminant(&other.what);
        same && self.start < other.end && other.start < self.end
    }

    /// Share of an interval of so many seconds that ends at `end` in which the announcement holds, 0 to 1.
    pub(super) fn share_of(&self, end: Timestamp, seconds: f64) -> f64 {
        let begin = end.plus_millis((-1000.0 * seconds) as i64);
        let (from, to) = (self.start.max(begin), self.end.min(end));
        (to.seconds_since(from) / seconds).clamp(0.0, 1.0)
    }
}

impl Announced {
    /// Checks the number.
    ///
    /// # Errors
    /// Says why it cannot be, after the name of what it belongs to.
    pub(crate) fn check(self, config: &Config) -> std::result::Result<(), String> {
        let (low, high) = MULTIPLIERS;
        match self {
            Self::Multiplier(times) if !(low..=high).contains(&times) => {
                Err(format!("has the multiplier {times}, expected {low} to {high}"))
            }
            Self::Events(events) if !(0.0..=LARGEST_COUNT).contains(&events) => {
                Err(format!("has {events} events, expected 0 to {LARGEST_COUNT:e}"))
            }
            Self::MinJobs(jobs) if !(config.min_jobs..=config.max_jobs).contains(&jobs) => Err(format!(
                "asks for {jobs} jobs, expected `min_jobs`, which is {}, to `max_jobs`, which is {}",
                config.min_jobs, config.max_jobs
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiplier(times) => write!(f, "{times} times the usual load"),
            Self::Events(events) => write!(f, "{events} events"),
            Self::MinJobs(jobs) => write!(f, "at least {jobs} jobs"),
        }
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} until {}", self.what, self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let config = Config { min_jobs: 5, max_jobs: 60, ..Config::default() };
        let refused = |start, end, what| {
            let announcement = Announcement::new(at(start), at(end), what);
            announcement.check(&config, Some(at(100))).err().map(|problem| problem.to_string())
        };
        let times = Announced::Multiplier;
        for good in [times(3.0), times(0.01), times(100.0), Announced::Events(0.0), Announced::MinJobs(60)] {
            assert_eq!(refused(100, 200, good), None, "{good}");
        }
        for (start, end, what, told) in [
            (99, 200, times(3.0), "starts before the newest record, which is of 1970-01-01T00:01:40Z"),
            (200, 200, times(3.0), "expected later than its start"),
            (200, 201 + 400 * 86_400, times(3.0), "400 days"),
            (200, 300, times(f64::NAN), "multiplier NaN, expected 0.01 to 100"),
            (200, 300, times(101.0), "multiplier 101, expected 0.01 to 100"),
            (200, 300, Announced::Events(-1.0), "-1 events, expected 0 to 1e15"),
            (
                200,
                300,
                Announced::MinJobs(61),
                "61 jobs, expected `min_jobs`, which is 5, to `max_jobs`, which is 60",
            ),
        ] {
            let message = refused(start, end, what).unwrap_or_default();
            assert!(message.contains(told), "{what}: {message}");
        }
    }

    #[test]
    fn a_part_of_an_interval_counts_as_a_part() {
        let sale = Announcement::new(at(100), at(160), Announced::Multiplier(2.0));
        let shares = [60, 100, 130, 160, 190, 220].map(|end| sale.share_of(at(end), 60.0));
        assert_eq!(shares, [0.0, 0.0, 0.5, 1.0, 0.5, 0.0]);
    }
}
