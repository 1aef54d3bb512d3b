//! Time as it comes in with the records: milliseconds since the Unix epoch, UTC.
//!
//! The core reads no clock.

use crate::error::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

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

    /// Seconds from `earlier` to this instant; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / SECOND_MS as f64
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
    fn refuses_a_local_time_and_a_far_year() {
        let naive = "2026-01-05T11:02:00".parse::<Timestamp>().unwrap_err();
        assert!(naive.to_string().contains("RFC 3339"), "{naive}");
        assert!(Timestamp::from_millis(i64::MAX).is_err());
    }
}
