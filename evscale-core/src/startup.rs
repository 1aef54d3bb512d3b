//! Startup time of jobs: configured, then learned from what the host acknowledges.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Weight of an acknowledged startup time.
const WEIGHT: f64 = 0.2;
/// Most groups of starting jobs that are followed.
const GROUP_LIMIT: usize = 64;

/// What the host really did after a decision, or since the last outcome that it told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScalingOutcome {
    /// When this was known.
    pub timestamp: Timestamp,
    /// Jobs that were started.
    #[serde(default)]
    pub started: u32,
    /// Jobs that became ready.
    #[serde(default)]
    pub ready: u32,
    /// Mean time from request to ready of those, seconds.
    #[serde(default)]
    pub startup_seconds: Option<f64>,
    /// Jobs that could not be had.
    #[serde(default)]
    pub refused: u32,
    /// Jobs that have finished their work and left.
    #[serde(default)]
    pub drained: u32,
}

impl ScalingOutcome {
    /// An outcome in which nothing happened; set what did.
    pub fn new(timestamp: Timestamp) -> Self {
        Self { timestamp, started: 0, ready: 0, startup_seconds: None, refused: 0, drained: 0 }
    }
}

/// Startup time, and which jobs are still starting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Startup {
    seconds: f64,
    jobs: Option<u32>,
    groups: VecDeque<(Timestamp, u32)>,
}

impl Startup {
    pub(crate) fn new(seconds: f64) -> Self {
        Self { seconds, jobs: None, groups: VecDeque::new() }
    }

    /// Time from the request of a job until it takes events, seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Jobs that are not ready at `now`.
    pub(crate) fn starting(&self, now: Timestamp) -> f64 {
        self.groups
            .iter()
            .filter(|(since, _)| now.seconds_since(*since) < self.seconds)
            .map(|(_, n)| f64::from(*n))
            .sum()
    }

    /// Follows the pool's size: growth is starting, shrinkage takes starting jobs first.
    pub(crate) fn observe(&mut self, at: Timestamp, jobs: Option<u32>) {
        let Some(jobs) = jobs else { return };
        let before = self.jobs.replace(jobs).unwrap_or(jobs);
        if jobs > before {
            self.groups.push_back((at, jobs - before));
            if self.groups.len() > GROUP_LIMIT {
                self.groups.pop_front();
            }
        }
        let mut gone = before.saturating_sub(jobs);
        while gone > 0
            && let Some((_, count)) = self.groups.back_mut()
        {
            let taken = gone.min(*count);
            *count -= taken;
            gone -= taken;
            if *count == 0 {
                self.groups.pop_back();
            }
        }
        while self.groups.front().is_some_and(|(since, _)| at.seconds_since(*since) >= self.seconds) {
            self.groups.pop_front();
        }
    }

    /// Learns from an outcome; a time that makes no sense is left out. Jobs that became ready sooner than expected are
    /// no longer starting, the oldest first.
    pub(crate) fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        if let Some(seconds) = outcome.startup_seconds.filter(|s| (0.0..=7200.0).contains(s))
            && outcome.ready > 0
        {
            self.seconds += WEIGHT * (seconds - self.seconds);
        }
        let mut ready = outcome.ready;
        while ready > 0
            && let Some((_, count)) = self.groups.front_mut()
        {
            let taken = ready.min(*count);
            *count -= taken;
            ready -= taken;
            if *count == 0 {
                self.groups.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000).unwrap()
    }

    #[test]
    fn growth_is_starting_until_the_startup_time_has_passed() {
        let mut startup = Startup::new(180.0);
        startup.observe(at(0), Some(5));
        assert_eq!(startup.starting(at(0)), 0.0, "what was there before is ready");
        startup.observe(at(120), Some(9));
        assert_eq!(startup.starting(at(120)), 4.0);
        startup.observe(at(240), Some(6));
        assert_eq!(startup.starting(at(240)), 1.0, "starting jobs leave first");
        assert_eq!(startup.starting(at(300)), 0.0);
    }

    #[test]
    fn acknowledged_times_are_learned_and_nonsense_is_not() {
        let mut startup = Startup::new(180.0);
        let outcome = |seconds| ScalingOutcome {
            started: 2,
            ready: 2,
            startup_seconds: Some(seconds),
            ..ScalingOutcome::new(at(0))
        };
        startup.acknowledge(&outcome(f64::NAN));
        startup.acknowledge(&outcome(-5.0));
        assert_eq!(startup.seconds(), 180.0);
        for _ in 0..40 {
            startup.acknowledge(&outcome(60.0));
        }
        assert!((startup.seconds() - 60.0).abs() < 1.0);
    }

    #[test]
    fn jobs_told_to_be_ready_are_no_longer_starting() {
        let mut startup = Startup::new(180.0);
        startup.observe(at(0), Some(5));
        startup.observe(at(120), Some(9));
        startup.acknowledge(&ScalingOutcome { ready: 3, ..ScalingOutcome::new(at(150)) });
        assert_eq!(startup.starting(at(150)), 1.0, "a part of them");
        startup.acknowledge(&ScalingOutcome { ready: 30, ..ScalingOutcome::new(at(160)) });
        assert_eq!(startup.starting(at(160)), 0.0, "more than were known");
    }
}
