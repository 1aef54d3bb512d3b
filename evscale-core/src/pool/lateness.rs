//! Is the result as it was asked for? Events that are late for long, whatever the reason.
//!
//! Where events stay late although the pool has had what it is thought to need, the model of the pool is wrong: the need is
//! raised step by step until they are in time, and the correction fades over hours.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Time over which the share of late events is averaged, seconds, and in times to get a job, whichever is longer.
const AVERAGED: (f64, f64) = (900.0, 2.0);
/// Share of late events that is told: so many times the allowed one, and at least.
const TOLD: (f64, f64) = (4.0, 0.02);
/// Factor of a correction, its limit, and the times to get a job between two of them.
const STEP: f64 = 1.25;
const MOST: f64 = 8.0;
const STEP_STARTS: f64 = 2.0;
/// Time in which the logarithm of the correction halves, seconds.
const HALF_LIFE_SECONDS: f64 = 6.0 * 3600.0;

/// Late events of one pool, and what follows from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lateness {
    share: f64,
    since: Option<Timestamp>,
    waiting: f64,
    /// Seconds that events have been late although the pool was enough.
    unexplained_seconds: f64,
    correction_log: f64,
}

/// What an interval was like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) at: Timestamp,
    /// Share of late events, if it is known.
    pub(super) late_share: Option<f64>,
    pub(super) allowed_share: f64,
    /// Events that wait.
    pub(super) waiting: f64,
    /// All jobs are ready, and the last decision asked for no more.
    pub(super) enough: bool,
    pub(super) interval_seconds: f64,
    /// Time since the interval before, seconds.
    pub(super) elapsed_seconds: f64,
    /// Time to see an event and to get a job for it, seconds.
    pub(super) answer_seconds: f64,
}

impl Lateness {
    /// Returns the factor on the need, at least 1.
    pub(super) fn correction(&self) -> f64 {
        self.correction_log.exp()
    }

    /// Goes back to `at`: events are late since then.
    pub(super) fn rewind(&mut self, at: Timestamp) {
        self.since = self.since.map(|since| since.min(at));
    }

    /// Learns from a record.
    pub(super) fn observe(&mut self, seen: &Outcome) {
        let Some(late) = seen.late_share else { return };
        let weight = (seen.interval_seconds / AVERAGED.0.max(AVERAGED.1 * seen.answer_seconds)).min(1.0);
        self.share += weight * (late - self.share);
        let told = (TOLD.0 * seen.allowed_share).max(TOLD.1);
        self.since = match self.since {
            None if self.share > told => Some(seen.at),
            Some(since) if self.share > told / 2.0 => Some(since),
            _ => None,
        };
        let grows = seen.waiting >= self.waiting;
        self.waiting = seen.waiting;
        self.correction_log *= 0.5f64.powf(seen.elapsed_seconds / HALF_LIFE_SECONDS);
        if late <= told || !seen.enough {
            self.unexplained_seconds = 0.0;
            return;
        }
        if grows {
            self.unexplained_seconds += seen.interval_seconds;
        }
        if self.unexplained_seconds >= STEP_STARTS * seen.answer_seconds {
            self.unexplained_seconds = 0.0;
            self.correction_log = (self.correction_log + STEP.ln()).min(MOST.ln());
        }
    }

    /// Returns that events are late, since when, and how far the need was raised for it.
    pub(super) fn detail(&self, now: Timestamp) -> Option<String> {
        let since = self.since?;
        let raised = if self.correction_log > 0.05 {
            format!("; the need is raised by {:.0} %", 100.0 * (self.correction() - 1.0))
        } else {
            String::new()
        };
        Some(format!(
            "late: {:.1} % of the events are late, for {:.0} min{raised}",
            100.0 * self.share,
            now.elapsed_since(since).unwrap_or(0.0) / 60.0
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(records: i64, late: f64, enough: bool) -> Lateness {
        let mut lateness = Lateness::default();
        for record in 0..records {
            lateness.observe(&Outcome {
                at: Timestamp::EPOCH.plus_seconds(60 * record),
                late_share: Some(late),
                allowed_share: 0.005,
                waiting: 100.0,
                enough,
                interval_seconds: 60.0,
                elapsed_seconds: 60.0,
                answer_seconds: 120.0,
            });
        }
        lateness
    }

    #[test]
    fn late_events_of_a_pool_that_is_enough_raise_the_need_up_to_a_limit() {
        assert_eq!(run(100, 0.0, true).correction(), 1.0);
        assert_eq!(run(100, 0.5, false).correction(), 1.0, "the pool is being mended");
        let corrected = run(100, 0.5, true);
        assert!(corrected.correction() > 2.0 && run(10_000, 0.5, true).correction() <= MOST + 1e-9);
        let told = corrected.detail(Timestamp::EPOCH.plus_seconds(6000)).unwrap();
        assert!(told.contains("for 100 min") && told.contains("the need is raised"), "{told}");
        assert!(run(100, 0.004, true).detail(Timestamp::EPOCH).is_none(), "as allowed");
    }
}
