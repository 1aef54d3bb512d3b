//! What the age of the newest record, a restore or an unusual count mean for the trust in the data.

use super::{DataQuality, Issue};
use crate::config::Config;
use crate::time::Timestamp;

/// Anomaly score of the records from which the pool does not shrink.
const ANOMALOUS: f64 = 0.9;

/// Returns the issue of records that lie far from everything that was forecast.
pub(crate) fn anomalous(score: f64) -> Option<Issue> {
    (score >= ANOMALOUS).then(|| {
        Issue::new(
            DataQuality::Anomalous,
            format!("the newest records are unusual (anomaly score {score:.2})"),
        )
    })
}

/// What is known of the newest record when a decision is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest<'a> {
    /// Its time; none before the first one.
    pub(crate) at: Option<Timestamp>,
    /// Seconds in which every record after it was rejected.
    pub(crate) blind_seconds: f64,
    /// The issue that it has, or one that was rejected since.
    pub(crate) issue: Option<&'a Issue>,
    /// It is older than a restore of the state.
    pub(crate) restored: bool,
}

/// Returns the issue of the data at `now`. A `now` before the newest record makes no record old: one of the two clocks is wrong.
pub(crate) fn issue_at(now: Timestamp, newest: &Newest<'_>, config: &Config) -> Option<Issue> {
    let age = newest.at.map_or(f64::INFINITY, |at| now.elapsed_since(at).unwrap_or(0.0));
    let stale = config.stale_seconds();
    if age.max(newest.blind_seconds) > stale {
        let blind = age.max(newest.blind_seconds) >= f64::from(config.stale_fail_safe_seconds);
        let quality = if blind { DataQuality::Blackout } else { DataQuality::Missing };
        let reason = match (newest.at, newest.issue.filter(|_| newest.blind_seconds > 0.0)) {
            (Some(_), None) => format!("the newest record is {:.0} min old", age / 60.0),
            (Some(_), Some(rejected)) => {
                let minutes = age.max(newest.blind_seconds) / 60.0;
                format!("every record of {minutes:.0} min was rejected: {}", rejected.reason)
            }
            (None, None) => "no record so far".to_owned(),
            (None, Some(rejected)) => {
                format!("every record was rejected: {}", rejected.reason)
            }
        };
        return Some(Issue::new(quality, reason));
    }
    if newest.restored {
        return Some(Issue::restored());
    }
    let ahead = newest.at.and_then(|at| at.elapsed_since(now)).filter(|ahead| *ahead > stale);
    if let (Some(ahead), None) = (ahead, newest.issue) {
        let reason = format!("the decision is asked for {:.0} min before the newest record", ahead / 60.0);
        return Some(Issue::new(DataQuality::Ahead, reason));
    }
    if age > stale / 2.0 && newest.issue.is_none() {
        let reason = format!("the newest record is {age:.0} s old, the next one should be there");
        return Some(Issue::new(DataQuality::Late, reason));
    }
    newest.issue.cloned()
}
