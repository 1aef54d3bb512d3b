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

/// Returns the issue at `now` of data whose newest record is of `newest`, and of which `on_newest` is the issue of that record
/// or of one that was rejected since.
pub(crate) fn issue_at(
    now: Timestamp,
    newest: Option<Timestamp>,
    on_newest: Option<&Issue>,
    restored: bool,
    config: &Config,
) -> Option<Issue> {
    let age = newest.map_or(f64::INFINITY, |at| now.seconds_since(at));
    if age > config.stale_seconds() {
        let blind = age >= f64::from(config.stale_fail_safe_seconds);
        let quality = if blind { DataQuality::Blackout } else { DataQuality::Missing };
        let mut reason = match newest {
            Some(_) => format!("the newest record is {:.0} min old", age / 60.0),
            None => "no usable record so far".to_owned(),
        };
        if let Some(rejected) = on_newest.filter(|issue| issue.quality.is_rejection()) {
            reason = format!("{reason}; the last one was rejected: {}", rejected.reason);
        }
        return Some(Issue::new(quality, reason));
    }
    if restored {
        return Some(Issue::restored());
    }
    if age > config.stale_seconds() / 2.0 && on_newest.is_none() {
        let reason = format!("the newest record is {age:.0} s old, the next one should be there");
        return Some(Issue::new(DataQuality::Late, reason));
    }
    on_newest.cloned()
}
