//! How long do jobs take from the request until they are ready?

use crate::config::Config;
use crate::pool::ScalingOutcome;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// Requests that are remembered.
const MOST_REQUESTS: usize = 1000;
/// For how long they are remembered at least: jobs of older ones never came.
const FORGET_SECONDS: f64 = 7200.0;
/// The same, in startup times.
const FORGET_STARTUPS: f64 = 2.0;

/// Requests for jobs that are not ready yet, and what happened since it was told.
#[derive(Debug)]
pub(super) struct Launches {
    forget_seconds: f64,
    /// When jobs were asked for, and how many of them are not ready; oldest first.
    requests: VecDeque<(Timestamp, u32)>,
    untold: Untold,
}

/// Jobs to which something happened that nobody was told yet.
#[derive(Debug, Default)]
struct Untold {
    started: u32,
    ready: u32,
    refused: u32,
    drained: u32,
    /// Jobs whose startup was measured, and the sum of these times.
    measured: f64,
    startup_seconds: f64,
}

impl Launches {
    pub(super) fn new(config: &Config) -> Self {
        let startup = FORGET_STARTUPS * f64::from(config.job_startup_seconds);
        Self {
            forget_seconds: startup.max(FORGET_SECONDS),
            requests: VecDeque::new(),
            untold: Untold::default(),
        }
    }

    pub(super) fn started(&mut self, now: Timestamp, jobs: u32) {
        if jobs == 0 {
            return;
        }
        self.untold.started = self.untold.started.saturating_add(jobs);
        // jobs that are told one by one are one request
        if let Some((_, waiting)) = self.requests.back_mut().filter(|(at, _)| *at == now) {
            *waiting = waiting.saturating_add(jobs);
            return;
        }
        if self.requests.len() >= MOST_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back((now, jobs));
    }

    pub(super) fn ready(&mut self, now: Timestamp, jobs: u32) {
        self.untold.ready = self.untold.ready.saturating_add(jobs);
        self.forget(now);
        for (at, jobs) in self.oldest(jobs) {
            if let Some(seconds) = now.elapsed_since(at) {
                self.untold.measured += f64::from(jobs);
                self.untold.startup_seconds += f64::from(jobs) * seconds;
            }
        }
    }

    pub(super) fn refused(&mut self, jobs: u32) {
        self.untold.refused = self.untold.refused.saturating_add(jobs);
        self.oldest(jobs);
    }

    pub(super) fn drained(&mut self, jobs: u32) {
        self.untold.drained = self.untold.drained.saturating_add(jobs);
    }

    fn forget(&mut self, now: Timestamp) {
        self.requests.retain(|(at, _)| now.seconds_apart(*at) <= self.forget_seconds);
    }

    /// Takes jobs out of the oldest requests.
    fn oldest(&mut self, mut jobs: u32) -> Vec<(Timestamp, u32)> {
        let mut taken = Vec::new();
        while jobs > 0
            && let Some((at, waiting)) = self.requests.front_mut()
        {
            let part = jobs.min(*waiting);
            taken.push((*at, part));
            jobs -= part;
            *waiting -= part;
            if *waiting == 0 {
                self.requests.pop_front();
            }
        }
        taken
    }

    /// Returns what happened since the last call; none if nothing did.
    pub(super) fn outcome(&mut self, now: Timestamp) -> Option<ScalingOutcome> {
        let told = std::mem::take(&mut self.untold);
        if [told.started, told.ready, told.refused, told.drained] == [0; 4] {
            return None;
        }
        let mut outcome = ScalingOutcome::new(now);
        outcome.started = told.started;
        outcome.ready = told.ready;
        outcome.refused = told.refused;
        outcome.drained = told.drained;
        outcome.startup_seconds = (told.measured > 0.0).then(|| told.startup_seconds / told.measured);
        Some(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    #[test]
    fn the_first_asked_for_are_the_first_ready() {
        let mut launches = Launches::new(&Config::default());
        launches.started(at(0), 2);
        launches.started(at(60), 3);
        launches.ready(at(100), 3);
        let outcome = launches.outcome(at(100)).unwrap();
        assert_eq!((outcome.started, outcome.ready), (5, 3));
        assert_eq!(outcome.startup_seconds, Some((100.0 + 100.0 + 40.0) / 3.0));
        launches.refused(1);
        assert_eq!(launches.requests, [(at(60), 1)]);
        assert_eq!(launches.outcome(at(101)).unwrap().refused, 1);
        assert!(launches.outcome(at(102)).is_none());
    }

    #[test]
    fn jobs_that_are_told_one_by_one_are_all_measured() {
        let mut launches = Launches::new(&Config::default());
        launches.started(at(0), 10);
        (0..3000).for_each(|_| launches.started(at(60), 1));
        launches.ready(at(100), 10);
        assert_eq!(launches.outcome(at(100)).unwrap().startup_seconds, Some(100.0));
        launches.ready(at(120), 3000);
        assert_eq!(launches.outcome(at(120)).unwrap().startup_seconds, Some(60.0));
    }

    #[test]
    fn jobs_that_never_came_and_clocks_that_went_back_measure_nothing() {
        let mut launches = Launches::new(&Config::default());
        launches.started(at(0), 1);
        launches.started(at(9000), 1);
        launches.ready(at(9030), 1);
        assert_eq!(launches.outcome(at(9030)).unwrap().startup_seconds, Some(30.0));
        launches.started(at(9100), 1);
        launches.ready(at(9090), 1);
        let outcome = launches.outcome(at(9090)).unwrap();
        assert_eq!((outcome.ready, outcome.startup_seconds), (1, None));
    }

    #[test]
    fn jobs_that_take_hours_are_measured_where_that_is_usual() {
        let startup = |configured: u32| {
            let config = Config::builder().job_startup_seconds(configured).build().unwrap();
            let mut launches = Launches::new(&config);
            launches.started(at(0), 1);
            launches.ready(at(10_000), 1);
            launches.outcome(at(10_000)).unwrap().startup_seconds
        };
        assert_eq!((startup(180), startup(9000)), (None, Some(10_000.0)));
    }
}
