//! Is the result as it was asked for? Events that are late for long, whatever the reason.
//!
//! Where events stay late although the pool has had what it is thought to need, the model of the pool is wrong: the need is
//! raised step by step until they are in time, and the correction fades over hours. A few late events whose share a doubled
//! pool does not change are late for another reason: the need goes back to where it was, and is raised again for many more of
//! them, or after hours.

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
/// Factor of the correction by which a few late events must have become fewer, and the share of them that may be left.
const TRIED: f64 = 1.9;
const LEFT: f64 = 0.7;
/// Share of late events that is few: those of a pool that is far too small are nearly all until it is enough.
const FEW: f64 = 0.5;
/// Multiple of the late events that no jobs helped, for which the need is raised again.
const WORSE: f64 = 2.0;
/// Times in which the logarithm of the correction halves, and the late events that no jobs helped: seconds, and times to get a
/// job, whichever is longer, so that steps add up where they take hours.
const HALF_LIFE: (f64, f64) = (6.0 * 3600.0, 5.0);
const BEYOND_HELP: (f64, f64) = (24.0 * 3600.0, 20.0);

/// Late events of one pool, and what follows from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lateness {
    share: f64,
    since: Option<Timestamp>,
    waiting: f64,
    /// Seconds that events have been late although the pool was enough.
    unexplained_seconds: f64,
    correction_log: f64,
    /// Share of late events and correction when the need was raised first.
    trial: Option<(f64, f64)>,
    /// Share of late events that no jobs helped.
    beyond_help: f64,
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
        let left = |(seconds, answers): (f64, f64)| {
            0.5f64.powf(seen.elapsed_seconds / seconds.max(answers * seen.answer_seconds))
        };
        self.correction_log *= left(HALF_LIFE);
        self.beyond_help *= left(BEYOND_HELP);
        if self.since.is_none() {
            self.trial = None;
        }
        if late <= told || !seen.enough {
            self.unexplained_seconds = 0.0;
            return;
        }
        if grows {
            self.unexplained_seconds += seen.interval_seconds;
        }
        if self.unexplained_seconds >= STEP_STARTS * seen.answer_seconds {
            self.unexplained_seconds = 0.0;
            self.raise(late < FEW);
        }
    }

    /// Raises the need by a step, or takes the steps back that did not help.
    fn raise(&mut self, few: bool) {
        let (share, before) = *self.trial.get_or_insert((self.share, self.correction_log));
        let tried = self.correction_log - before >= TRIED.ln();
        if tried && few && self.share > LEFT * share {
            (self.correction_log, self.beyond_help, self.trial) = (before, self.share, None);
        }
        if self.share > WORSE * self.beyond_help {
            self.correction_log = (self.correction_log + STEP.ln()).min(MOST.ln());
        }
    }

    /// Returns that events are late, since when, and how far the need was raised for it.
    pub(super) fn detail(&self, now: Timestamp) -> Option<String> {
        let since = self.since?;
        let raised = if self.beyond_help > self.share / WORSE {
            "; twice the jobs did not help, the reason lies elsewhere".to_owned()
        } else if self.correction_log > 0.05 {
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
        run_where(120.0, records, late, enough)
    }

    /// The same where a job can be had in so many seconds.
    fn run_where(answer_seconds: f64, records: i64, late: f64, enough: bool) -> Lateness {
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
                answer_seconds,
            });
        }
        lateness
    }

    #[test]
    fn a_few_late_events_that_no_jobs_help_do_not_keep_the_need_raised() {
        let few = run(3000, 0.03, true);
        let mean =
            (1000..3000).step_by(50).map(|records| run(records, 0.03, true).correction()).sum::<f64>() / 40.0;
        assert!(mean < 1.4, "{mean}");
        let told = few.detail(Timestamp::EPOCH.plus_seconds(60 * 3000)).unwrap();
        assert!(told.contains("the reason lies elsewhere"), "{told}");
        assert!(run(300, 0.9, true).correction() > 7.0, "nearly all are late until the pool is enough");
    }

    #[test]
    fn late_events_of_a_pool_that_is_enough_raise_the_need_up_to_a_limit() {
        assert_eq!(run(100, 0.0, true).correction(), 1.0);
        assert_eq!(run(100, 0.5, false).correction(), 1.0, "the pool is being mended");
        let corrected = run(100, 0.6, true);
        assert!(corrected.correction() > 2.0 && run(10_000, 0.6, true).correction() <= MOST + 1e-9);
        let told = corrected.detail(Timestamp::EPOCH.plus_seconds(6000)).unwrap();
        assert!(told.contains("for 100 min") && told.contains("the need is raised"), "{told}");
        assert!(run(100, 0.004, true).detail(Timestamp::EPOCH).is_none(), "as allowed");
    }

    #[test]
    fn steps_add_up_where_each_takes_hours() {
        let answer = 3.0 * 3600.0;
        let steps = |count: i64| run_where(answer, count * 360 + 1, 0.6, true).correction();
        assert!(steps(1) < 1.3 && steps(30) > 2.2, "{} {}", steps(1), steps(30));
    }
}
