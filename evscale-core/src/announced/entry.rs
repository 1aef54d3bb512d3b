//! One announcement, and the time in which the load shows it.

use super::announcement::{Announced, Announcement};
use super::truth::{Course, Outcome};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Events seldom begin and end when they should: as far as the load shows one, it began as much earlier and ends as much later,
/// seconds, and no more than its length.
pub(super) const UNPUNCTUAL_SECONDS: f64 = 3600.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: u32,
    pub(super) announcement: Announcement,
    pub(super) course: Course,
    pub(super) outcome: Option<Outcome>,
    pub(super) ended: bool,
    /// End of the newest interval whose arrivals showed it.
    pub(super) shown: Option<Timestamp>,
}

impl Entry {
    /// The announcement over the time in which the load shows it: as it was said, from an earlier begin, or for a while longer.
    pub(super) fn as_shown(&self) -> Announcement {
        let said = self.announcement;
        let Some(shown) = self.shown else { return said };
        let next = if shown < said.end { said.end } else { shown.plus_millis(1) };
        Announcement { start: said.start.min(shown), end: said.end.max(next), ..said }
    }

    /// Goes back to `at`, before the newest record: what was seen is void, and an end that is still to come has not been, unless the
    /// announcement was replaced since.
    pub(super) fn rewind(&mut self, at: Timestamp, replaced: bool) {
        (self.course, self.shown) = (Course::default(), None);
        if self.announcement.end > at && !replaced {
            (self.ended, self.outcome) = (false, None);
        }
    }

    /// The announcement over the time in which the load may show it. A number of jobs is punctual.
    pub(super) fn loosely(&self) -> Announcement {
        let said = self.announcement;
        if matches!(said.what, Announced::MinJobs(_)) {
            return said;
        }
        let slack = said.seconds().min(UNPUNCTUAL_SECONDS) as i64;
        Announcement { start: said.start.plus_seconds(-slack), end: said.end.plus_seconds(slack), ..said }
    }
}
