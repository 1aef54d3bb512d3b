//! Which time is right? Records come in order but for a few; a clock that was wrong is outvoted, ahead or behind.

#![expect(clippy::disallowed_methods, reason = "a record before the newest one is told by the sign")]

use super::{DataQuality, Issue};
use crate::config::Config;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A record further ahead of the newest one than this is believed once others agree.
const LONGEST_GAP_SECONDS: f64 = 3.0 * 86_400.0;
/// Records in a row that agree on another time, of which the last one is taken: that time wins.
const AGREEING: u32 = 3;
/// Intervals up to which a record may follow the one that it agrees with, or this time if it is longer.
const APART_INTERVALS: f64 = 3.0;
const APART_SECONDS: f64 = 3600.0;
/// A time so few intervals before the newest one has passed it before others could outvote it.
const PASSES_INTERVALS: f64 = 5.0;
/// Epoch seconds of the years 2001 to 2286, read as milliseconds.
const EPOCH_SECONDS_MS: RangeInclusive<i64> = 1_000_000_000..=10_000_000_000;
/// Distance of records that no epoch seconds have when they are read as milliseconds.
const OWN_CALENDAR_SECONDS: f64 = 5.0;

/// How the time of a record lies to those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// After the newest one.
    Next,
    /// Before the newest one, whose clock was wrong.
    Rewound,
}

/// The times of the records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Clock {
    newest: Option<Timestamp>,
    /// Last record that was rejected, and how many in a row agree with it.
    other: Option<(Timestamp, u32)>,
    /// Time in which every record was rejected, seconds.
    blind_seconds: f64,
}

impl Clock {
    /// Returns the time of the newest record that was used.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Returns the time in which every record was rejected: the distances of their own times, at most three intervals each, and
    /// one for each that does not move on.
    pub(super) fn blind_seconds(&self) -> f64 {
        self.blind_seconds
    }

    /// Places a record. `known` is one whose interval has the same count already: delivered again it says nothing of the
    /// clock.
    ///
    /// # Errors
    /// The record is rejected: why.
    pub(super) fn place(&mut self, at: Timestamp, known: bool, config: &Config) -> Result<Place, Issue> {
        let interval = f64::from(config.interval_seconds);
        let ahead = self.newest.map_or(interval, |newest| at.seconds_since(newest));
        let follows = (interval / 2.0..=LONGEST_GAP_SECONDS).contains(&ahead);
        let refused = match (self.newest, epoch_seconds(at)) {
            (Some(_), _) if follows => None,
            (_, Some(issue)) => Some(issue),
            (Some(newest), _) if ahead < interval / 2.0 => Some(not_newer(at, newest, ahead, interval)),
            (Some(_), _) => Some(far_ahead(at, ahead)),
            (None, None) => None,
        };
        let Some(refused) = refused else {
            self.take(at);
            return Ok(Place::Next);
        };
        if known {
            return Err(refused);
        }
        let run = self.agreeing(at, interval);
        let passes = self.newest.is_some() && (-PASSES_INTERVALS * interval..interval / 2.0).contains(&ahead);
        if run >= AGREEING && !passes {
            self.take(at);
            return Ok(if ahead > 0.0 { Place::Next } else { Place::Rewound });
        }
        Err(refused)
    }

    fn take(&mut self, at: Timestamp) {
        *self = Self { newest: Some(at), ..Self::default() };
    }

    /// Counts a rejected record; returns how many in a row agree with it.
    fn agreeing(&mut self, at: Timestamp, interval: f64) -> u32 {
        let longest = APART_SECONDS.max(APART_INTERVALS * interval);
        let shortest = if looks_like_seconds(at) { OWN_CALENDAR_SECONDS } else { f64::MIN_POSITIVE };
        let apart = |before: Timestamp| {
            at.elapsed_since(before).filter(|seconds| (shortest..=longest).contains(seconds))
        };
        let step = self.other.and_then(|(before, run)| Some((apart(before)?, run)));
        let run = step.map_or(1, |(_, run)| run.saturating_add(1));
        self.blind_seconds += step.map_or(interval, |(seconds, _)| seconds.min(APART_INTERVALS * interval));
        self.other = Some((at, run));
        run
    }
}

/// Reports whether a time would be one of our years if its milliseconds were seconds.
pub(super) fn looks_like_seconds(at: Timestamp) -> bool {
    EPOCH_SECONDS_MS.contains(&at.as_millis())
}

fn epoch_seconds(at: Timestamp) -> Option<Issue> {
    looks_like_seconds(at).then(|| {
        let reason = format!(
            "metrics record at {at}: `timestamp` is {} ms since 1970, which looks like seconds: multiply by 1000",
            at.as_millis()
        );
        Issue::new(DataQuality::OutOfOrder, reason)
    })
}

fn not_newer(at: Timestamp, newest: Timestamp, ahead: f64, interval: f64) -> Issue {
    let quality = if ahead > -interval / 2.0 { DataQuality::Repeated } else { DataQuality::OutOfOrder };
    let found = if ahead > 0.0 {
        format!("{ahead:.0} s after the newest one, sooner than expected")
    } else {
        format!("not newer than the newest one, which is of {newest}")
    };
    Issue::new(quality, format!("metrics record at {at}: {found}; `interval_seconds` is {interval}"))
}

fn far_ahead(at: Timestamp, ahead: f64) -> Issue {
    let reason = format!(
        "metrics record at {at}: {:.1} days after the newest one, expected at most {:.0}; it will be believed when the next {} agree",
        ahead / 86_400.0,
        LONGEST_GAP_SECONDS / 86_400.0,
        AGREEING - 1
    );
    Issue::new(DataQuality::FarAhead, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_767_600_000_000).unwrap().plus_seconds(seconds)
    }

    /// Places of records at these seconds after an hour of right ones; the last of these is at 0.
    fn places(times: impl IntoIterator<Item = i64>) -> Vec<Option<Place>> {
        let (mut clock, config) = (Clock::default(), Config::default());
        for step in -30..=0 {
            assert_eq!(clock.place(at(120 * step), false, &config).unwrap(), Place::Next);
        }
        times.into_iter().map(|seconds| clock.place(at(seconds), false, &config).ok()).collect()
    }

    #[test]
    fn three_records_that_agree_win_however_far_away_they_are() {
        use Place::{Next, Rewound};
        for far in [4, 365, 20_000] {
            let far = far * 86_400;
            let ahead = places([far, far + 130, far + 350]);
            assert_eq!(ahead, [None, None, Some(Next)], "small gaps and jitter");
            assert_eq!(places([-far, 120 - far, 240 - far]), [None, None, Some(Rewound)]);
        }
        assert_eq!(places([-7200, -7080, -6960, -6840]), [None, None, Some(Rewound), Some(Next)]);
        assert_eq!(places([-9000, -8100, -7200]), [None, None, Some(Rewound)], "records every 15 min");
    }

    #[test]
    fn what_does_not_agree_or_ends_at_once_wins_nothing() {
        assert_eq!(places([-7200, -7200, -7200, -7320, -7440]), [None; 5], "not later than the one before");
        assert_eq!(places([9_000_000, -7200, 9_000_120, -7080, 9_000_240]), [None; 5]);
        assert_eq!(places([-7200, 120, -7200, 240]), [None, Some(Place::Next), None, Some(Place::Next)]);
        assert_eq!(places([-480, -360, -240, -120, 0]), [None; 5], "it passes the newest one");
    }

    #[test]
    fn a_record_that_is_delivered_again_says_nothing_of_the_clock() {
        let (mut clock, config) = (Clock::default(), Config::default());
        for step in 0..60 {
            assert!(clock.place(at(120 * step), false, &config).is_ok());
        }
        for step in 0..60 {
            assert!(clock.place(at(120 * step), true, &config).is_err());
        }
        assert_eq!((clock.newest(), clock.blind_seconds()), (Some(at(120 * 59)), 0.0));
    }

    #[test]
    fn rejected_records_are_time_without_records() {
        let blind = |times: &[i64]| {
            let (mut clock, config) = (Clock::default(), Config::default());
            clock.place(at(0), false, &config).unwrap();
            times.iter().for_each(|seconds| assert!(clock.place(at(*seconds), false, &config).is_err()));
            clock.blind_seconds()
        };
        assert_eq!(blind(&[0; 20]), 2400.0, "a clock that stands still");
        assert_eq!(blind(&[15, 30, 45]), 150.0);
        assert_eq!(blind(&[-86_400, 9_000_000, -86_400, 9_000_000]), 480.0);
    }

    #[test]
    fn epoch_seconds_are_named_from_the_first_record_on_and_another_calendar_is_not() {
        let (mut clock, config) = (Clock::default(), Config::default());
        for seconds in 0..20 {
            let read = Timestamp::from_millis(1_767_607_320 + 120 * seconds).unwrap();
            let issue = clock.place(read, false, &config).unwrap_err();
            assert!(issue.reason.contains("multiply by 1000"), "{issue:?}");
        }
        let from_zero = |first: i64| {
            let mut clock = Clock::default();
            (0..10_000)
                .filter(|step| {
                    let at = Timestamp::EPOCH.plus_seconds(first + 120 * step);
                    clock.place(at, false, &config).is_err()
                })
                .count()
        };
        assert_eq!((from_zero(0), from_zero(2_000_000)), (0, 2), "a simulation that begins in 1970");
    }
}
