//! Verdict on the data, and what may be done on it.

use crate::names::named;
use serde::{Deserialize, Serialize};

/// Verdict on the data. Each verdict with what it is, and what may be done on it:
///
/// | verdict | the newest record | allowed |
/// |---|---|---|
/// | `good` | is complete, plausible, and follows the one before | everything |
/// | `repeated` | was followed by another one of the same interval | up only |
/// | `out_of_order` | was followed by an older one | up only |
/// | `far_ahead` | was followed by one more than 3 days ahead, which no other two confirm | up only |
/// | `broken` | has a value that is no number, out of range or absurd | up only |
/// | `counter_reset` | has a negative count | up only |
/// | `running_total` | has a count since the start of a process, by what else the records tell; its difference is used | everything |
/// | `contradictory` | contradicts itself or the one before: more processed than existed, long waits in an empty queue | up only |
/// | `stuck` | repeats a value that usually moves, for 2 hours and 12 records, while others move | up only |
/// | `anomalous` | is far from everything that was forecast, anomaly score 0.9 and more | up only |
/// | `deploy` | says that a deploy is in progress; service times are not learned from it | up only |
/// | `gap` | comes after more than `stale_after_seconds` without a record | up only |
/// | `cadence` | comes at another interval than `interval_seconds`, like the five before it | up only |
/// | `ahead` | is more than `stale_after_seconds` later than the decision's time | up only |
/// | `late` | is older than half of `stale_after_seconds`, by default 1.5 intervals | up only |
/// | `restored` | is older than the restore of a snapshot | hold |
/// | `missing` | is older than `stale_after_seconds`, or every one since was rejected for as long | hold |
/// | `blackout` | is older than `stale_fail_safe_seconds`, or as above | hold, or up to the fail-safe number (`stale_action`) |
/// | `returning` | is one of the first 3 after a blackout | up only |
///
/// A rejected record (the second to the fourth row) changes nothing else; the verdict ends with the next usable one. Three in a
/// row that agree on another time are right: the third is used. Of several verdicts the first that is found counts. A person's
/// order goes beyond all of them.
///
/// No issue lasts for ever. What comes with every record for 6 hours and 12 records (`repeated` to `gap`, and `late`) is what
/// this source sends: it is named by `health`, and holds nothing. A field that has never been within its range is left out
/// after 12 records, one that no decision uses holds nothing at all, and -1 of a field that cannot be negative is unknown.
/// `cadence` and `ahead` last as long as their cause, which a setting or a clock mends, and `missing` and `blackout` as long as
/// nothing can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DataQuality {
    /// Nothing is wrong.
    #[default]
    Good,
    /// The interval of the newest record was sent again.
    Repeated,
    /// An older record came after the newest one.
    OutOfOrder,
    /// A record lies far ahead of the newest one.
    FarAhead,
    /// A value is no number, out of range or absurd.
    Broken,
    /// A count is negative.
    CounterReset,
    /// A count is a running total.
    RunningTotal,
    /// The record contradicts itself or the one before.
    Contradictory,
    /// A value that usually moves stands still while others move.
    Stuck,
    /// The record is far from everything that was forecast.
    Anomalous,
    /// A deploy is in progress.
    Deploy,
    /// The records before the newest one are missing.
    Gap,
    /// Records keep coming at another interval than the configured one.
    Cadence,
    /// The time of the decision lies before the newest record.
    Ahead,
    /// The next record should be there.
    Late,
    /// No record since the state was restored.
    Restored,
    /// The newest record is stale.
    Missing,
    /// No record for so long that nothing is known of the pool.
    Blackout,
    /// The records have just come back after a blackout.
    Returning,
}

named! {
    DataQuality, "data quality":
    Good = "good",
    Repeated = "repeated",
    OutOfOrder = "out_of_order",
    FarAhead = "far_ahead",
    Broken = "broken",
    CounterReset = "counter_reset",
    RunningTotal = "running_total",
    Contradictory = "contradictory",
    Stuck = "stuck",
    Anomalous = "anomalous",
    Deploy = "deploy",
    Gap = "gap",
    Cadence = "cadence",
    Ahead = "ahead",
    Late = "late",
    Restored = "restored",
    Missing = "missing",
    Blackout = "blackout",
    Returning = "returning",
}

/// What may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowedActions {
    /// Growing and shrinking.
    #[default]
    All,
    /// Growing.
    UpOnly,
    /// No change, but for the fail-safe number of a blackout.
    Hold,
}

named! { AllowedActions, "allowed actions": All = "all", UpOnly = "up_only", Hold = "hold" }

impl DataQuality {
    /// What may be done on data of this quality.
    pub fn allowed(self) -> AllowedActions {
        match self {
            Self::Good | Self::RunningTotal => AllowedActions::All,
            Self::Restored | Self::Missing | Self::Blackout => AllowedActions::Hold,
            _ => AllowedActions::UpOnly,
        }
    }
}

/// A verdict other than good, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issue {
    pub(crate) quality: DataQuality,
    pub(crate) reason: String,
}

impl Issue {
    pub(crate) fn new(quality: DataQuality, reason: impl Into<String>) -> Self {
        Self { quality, reason: reason.into() }
    }

    /// Of a pool that was restored and has not seen a record since.
    pub(crate) fn restored() -> Self {
        Self::new(DataQuality::Restored, "no record since the state was restored")
    }

    /// The verdict and its reason.
    pub(crate) fn detail(&self) -> String {
        format!("{}: {}", self.quality.as_str(), self.reason)
    }
}
