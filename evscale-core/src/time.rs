//! Time as it comes in with the records: milliseconds since the Unix epoch, UTC.
//!
//! The core reads no clock, and believes none: any two instants may come in either order. What is asked of two of them is one of
//! four functions, so that no difference is taken for positive by oversight: [`Timestamp::elapsed_since`] where an earlier
//! instant is expected, [`Timestamp::seconds_apart`] where the order does not matter, [`Timestamp::seconds_since`] and
//! [`Timestamp::millis_since`] where the sign is looked at.

#![expect(clippy::disallowed_methods, reason = "the checked differences are made of them")]

use crate::error::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Milliseconds in one second.
pub const SECOND_MS: i64 = 1_000;
/// Milliseconds in one hour.
pub const HOUR_MS: i64 = 3_600 * SECOND_MS;
/// Milliseconds in one day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

const EARLIEST_MS: i64 = -2_208_988_800_000; // 1900-01-01T00:00:00Z
const LATEST_MS: i64 = 7_258_118_400_000; // 2200-01-01T00:00:00Z

/// An instant: milliseconds since 1970-01-01T00:00:00Z, between the years 1900 and 2200.
///
/// In JSON a timestamp is an RFC 3339 string; a number of epoch milliseconds is read as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The last instant that can be told.
    pub(crate) const LATEST: Self = Self(LATEST_MS - 1);

    /// An instant from epoch milliseconds.
    ///
    /// # Errors
    /// Before the year 1900 or after 2200.
    pub fn from_millis(millis: i64) -> Result<Self> {
        if (EARLIEST_MS..LATEST_MS).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(Error::argument(format!(
                "timestamp is {millis} ms since 1970, expected {EARLIEST_MS} to {} (years 1900 to 2200)",
                LATEST_MS - 1
            )))
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant moved by `seconds`, kept inside the representable years.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_millis(seconds.saturating_mul(SECOND_MS))
    }

    /// This instant moved by `millis`, kept inside the representable years.
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis).clamp(EARLIEST_MS, LATEST_MS - 1))
    }

    /// Returns the milliseconds from `earlier` to this instant; negative if `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Returns the seconds from `earlier` to this instant; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.millis_since(earlier) as f64 / SECOND_MS as f64
    }

    /// Returns the seconds from `earlier` to this instant; none if `earlier` is later, so that one of the two is wrong.
    pub fn elapsed_since(self, earlier: Self) -> Option<f64> {
        (self >= earlier).then(|| self.seconds_since(earlier))
    }

    /// Returns the seconds between two instants, whichever is earlier.
    pub fn seconds_apart(self, other: Self) -> f64 {
        self.seconds_since(other).abs()
    }
}

impl Timestamp {
    /// Returns the time from `earlier` to this instant; none if `earlier` is later, so that one of the two is wrong.
    pub fn duration_since(self, earlier: Self) -> Option<Duration> {
        u64::try_from(self.millis_since(earlier)).ok().map(Duration::from_millis)
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    /// Takes the time of a clock of the host, in whole milliseconds.
    ///
    /// ```
    /// use evscale_core::Timestamp;
    /// use std::time::{Duration, SystemTime};
    /// let now = Timestamp::try_from(SystemTime::now())?;
    /// assert_eq!((now + Duration::from_secs(90)).duration_since(now), Some(Duration::from_secs(90)));
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    fn try_from(time: SystemTime) -> Result<Self> {
        let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Self::from_millis(millis)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        let apart = Duration::from_millis(at.0.unsigned_abs());
        if at.0 < 0 { Self::UNIX_EPOCH - apart } else { Self::UNIX_EPOCH + apart }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Moves the instant, within the years that can be told.
    fn add(self, time: Duration) -> Self {
        self.plus_millis(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// Moves the instant back, within the years that can be told.
    fn sub(self, time: Duration) -> Self {
        self.plus_millis(i64::try_from(time.as_millis()).map_or(i64::MIN, |millis| -millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 with an offset or `Z`.
    fn from_str(text: &str) -> Result<Self> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| {
            Error::argument(format!(
                "timestamp is {text:?}, expected RFC 3339 with a zone, such as 2026-01-05T10:02:00Z"
            ))
        })?;
        Self::from_millis(instant.as_millisecond())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Millis(i64),
            Text(String),
        }
        let parsed = if deserializer.is_human_readable() {
            match Written::deserialize(deserializer)? {
                Written::Millis(millis) => Self::from_millis(millis),
                Written::Text(text) => text.parse(),
            }
        } else {
            Self::from_millis(i64::deserialize(deserializer)?)
        };
        parsed.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc3339() {
        let at: Timestamp = "2026-01-05T11:02:00+01:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-01-05T10:02:00Z");
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-01-05T10:02:00Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>("1767607320000").unwrap(), at);
    }

    #[test]
    fn a_difference_has_a_sign_and_each_question_says_what_it_makes_of_it() {
        let (early, late) = (Timestamp::EPOCH, Timestamp::EPOCH.plus_millis(1500));
        assert_eq!((late.millis_since(early), early.millis_since(late)), (1500, -1500));
        assert_eq!((late.seconds_since(early), early.seconds_since(late)), (1.5, -1.5));
        assert_eq!((late.elapsed_since(early), early.elapsed_since(late)), (Some(1.5), None));
        assert_eq!((late.seconds_apart(early), early.seconds_apart(late)), (1.5, 1.5));
        let (first, last) = (EARLIEST_MS, LATEST_MS - 1);
        let [first, last] = [first, last].map(|millis| Timestamp::from_millis(millis).unwrap());
        assert!(last.seconds_since(first) > 9e9 && first.seconds_since(last) < -9e9);
        assert_eq!((last.plus_seconds(i64::MAX), first.plus_millis(i64::MIN)), (last, first));
    }

    #[test]
    fn clocks_of_the_host_go_in_and_out_and_durations_stay_within_the_years() {
        for millis in [EARLIEST_MS, -1, 0, 1_767_607_320_001, LATEST_MS - 1] {
            let at = Timestamp::from_millis(millis).unwrap();
            assert_eq!(Timestamp::try_from(SystemTime::from(at)).unwrap(), at);
        }
        let (day, year) = (Duration::from_secs(86_400), Duration::from_secs(31_536_000));
        Timestamp::try_from(SystemTime::UNIX_EPOCH - 80 * year).unwrap_err();
        Timestamp::try_from(SystemTime::UNIX_EPOCH + 240 * year).unwrap_err();
        let at: Timestamp = "2026-01-05T10:02:00Z".parse().unwrap();
        assert_eq!((at + day - day, (at + day).to_string().as_str()), (at, "2026-01-06T10:02:00Z"));
        assert_eq!(((at + day).duration_since(at), at.duration_since(at + day)), (Some(day), None));
        assert_eq!((at + Duration::MAX, (at - Duration::MAX).as_millis()), (Timestamp::LATEST, EARLIEST_MS));
    }

    /// Lines of the library's code with a file and number, comments and tests aside.
    fn lines(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                lines(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for (number, line) in
                    code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
                {
                    found.push((format!("{}:{}", path.display(), number + 1), line.to_owned()));
                }
            }
        }
    }

    #[test]
    fn differences_of_instants_are_taken_here_alone() {
        let mut code = Vec::new();
        lines(std::path::Path::new("src"), &mut code);
        assert!(code.len() > 5000, "{} lines", code.len());
        for (place, line) in code.iter().filter(|(place, _)| !place.contains("src/time.rs")) {
            let mut subtrahends = line.split(" - ").skip(1).chain(line.split(" -= ").skip(1));
            let raw = line.contains("as_millis() -")
                || subtrahends.any(|part| {
                    let number = part.trim_start().starts_with(|first: char| first.is_ascii_digit());
                    part.replace("as_millis().rem_euclid", "time of day").contains("as_millis()") && !number
                });
            assert!(!raw, "{place}: subtract with `millis_since` or a sister: {line}");
        }
    }

    #[test]
    fn refuses_a_local_time_and_a_far_year() {
        let naive = "2026-01-05T11:02:00".parse::<Timestamp>().unwrap_err();
        assert!(naive.to_string().contains("RFC 3339"), "{naive}");
        assert!(Timestamp::from_millis(i64::MAX).is_err());
    }
}
