//! Which jobs have to be ready because of what is stated of the time to come, and why.

use super::{Announced, Announcement, Announcements, Statement};
use crate::forecaster::DueEvents;
use crate::time::Timestamp;

/// Jobs that have to be ready because of a statement, and the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) jobs: u32,
    /// Jobs that are asked for by number.
    pub(crate) least: u32,
    pub(crate) detail: String,
}

impl Announcements {
    /// Returns the jobs that have to be ready `ahead_seconds` after `now`, of which the load that is stated needs `needed`.
    pub(crate) fn ready(&self, now: Timestamp, ahead_seconds: f64, needed: Option<u32>) -> Option<Ready> {
        let until = now.plus_millis((1000.0 * ahead_seconds) as i64);
        let mut ready: Option<Ready> = None;
        for Statement { said, weight, .. } in self.statements() {
            if said.end <= now || said.start > until {
                continue;
            }
            let (jobs, least) = match said.what {
                Announced::MinJobs(jobs) => (jobs, jobs),
                Announced::Multiplier(times) if times > 1.0 && weight > 0.0 => (needed.unwrap_or(0), 0),
                Announced::Events(_) if weight > 0.0 => (needed.unwrap_or(0), 0),
                _ => continue,
            };
            let most = ready.as_ref().map_or((0, 0), |ready| (ready.jobs, ready.least));
            if jobs > most.0 {
                ready = Some(Ready { jobs, least, detail: self.describe(&said) });
            }
            if let Some(ready) = &mut ready {
                ready.least = ready.least.max(least).max(most.1);
            }
        }
        self.ready_for_due((now, until), needed, ready)
    }

    /// Returns the same with the jobs for what falls due in the time.
    fn ready_for_due(
        &self,
        (now, until): (Timestamp, Timestamp),
        needed: Option<u32>,
        ready: Option<Ready>,
    ) -> Option<Ready> {
        let jobs = needed.unwrap_or(0);
        match self.largest_due(now, until).filter(|_| jobs > ready.as_ref().map_or(0, |ready| ready.jobs)) {
            Some(due) => {
                let least = ready.map_or(0, |ready| ready.least);
                Some(Ready { jobs, least, detail: due.to_string() })
            }
            None => ready,
        }
    }

    /// Returns what falls due within so many seconds after `now`, the most of it, in words.
    pub(crate) fn falls_due(&self, now: Timestamp, ahead_seconds: f64) -> Option<String> {
        let until = now.plus_millis((1000.0 * ahead_seconds) as i64);
        Some(self.largest_due(now, until)?.to_string())
    }

    fn largest_due(&self, now: Timestamp, until: Timestamp) -> Option<DueEvents> {
        let due = self.due.as_ref()?.ahead(now);
        due.into_iter().filter(|due| due.at <= until).max_by(|a, b| a.events.total_cmp(&b.events))
    }

    fn describe(&self, said: &Announcement) -> String {
        if self.coming().any(|entry| entry.announcement == *said) {
            format!("{said} is announced")
        } else if self.times.iter().any(|time| time.start == said.start && time.end == said.end) {
            format!("the schedule says {said}")
        } else {
            format!("`expected_traffic_multiplier` says {}", said.what)
        }
    }
}
