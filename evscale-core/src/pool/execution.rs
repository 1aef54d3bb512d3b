//! Whether the host carries out what is recommended.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Since when the pool has not had the recommended number of jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Execution {
    unmet: Option<Unmet>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unmet {
    since: Timestamp,
    jobs: u32,
    recommended: u32,
}

impl Execution {
    /// Compares the jobs of a record with the last recommendation.
    pub(super) fn observe(&mut self, at: Timestamp, jobs: Option<u32>, recommended: Option<u32>) {
        let (Some(jobs), Some(recommended)) = (jobs, recommended) else { return };
        if jobs == recommended {
            self.unmet = None;
            return;
        }
        let same_side = |before: &Unmet| {
            before.jobs == jobs && (before.recommended > before.jobs) == (recommended > jobs)
        };
        let since = self.unmet.as_ref().filter(|before| same_side(before)).map_or(at, |before| before.since);
        self.unmet = Some(Unmet { since, jobs, recommended });
    }

    /// The host is at work.
    pub(super) fn progress(&mut self) {
        self.unmet = None;
    }

    /// That nothing has happened for longer than `patience` seconds.
    pub(super) fn overdue(&self, now: Timestamp, patience: f64) -> Option<String> {
        let unmet = self.unmet.as_ref()?;
        now.elapsed_since(unmet.since).is_some_and(|unmet| unmet > patience).then(|| {
            format!(
                "execution: the pool has had {} jobs since {}, {} are recommended",
                unmet.jobs, unmet.since, unmet.recommended
            )
        })
    }
}
