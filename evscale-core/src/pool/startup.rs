//! Startup time of jobs: configured, then learned from what the host acknowledges.

#![expect(clippy::disallowed_methods, reason = "times before the request are clamped")]

use super::outcome::ScalingOutcome;
use super::starting::StartingJobs;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest startup time, seconds: that of `job_startup_seconds`.
const LONGEST_SECONDS: f64 = 10_800.0;
/// Weight of an acknowledged startup time.
const WEIGHT: f64 = 0.2;
/// Told times in a row that are believed at once if they agree within a factor, and seconds.
const AGREEING: usize = 3;
const AGREEMENT: (f64, f64) = (1.5, 5.0);
/// Factor between the mean and times that agree on another one.
const FAR: f64 = 1.5;
/// Mean factor between two told times from which on they contradict each other, and teach nothing.
const CONTRADICTION: f64 = 3.0;
/// Most groups of starting jobs that are followed; more are joined.
const GROUP_LIMIT: usize = 64;

/// Startup time, and which jobs are still starting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Startup {
    configured_seconds: f64,
    seconds: f64,
    /// The last told times, newest first; NaN before there were as many.
    told: [f64; AGREEING],
    /// Mean logarithm of the factor between a told time and the one before.
    apart: f64,
    jobs: Option<u32>,
    groups: StartingJobs<Timestamp>,
}

impl Startup {
    pub(super) fn new(seconds: f64) -> Self {
        Self {
            configured_seconds: seconds,
            seconds,
            told: [f64::NAN; AGREEING],
            apart: 0.0,
            jobs: None,
            groups: StartingJobs::default(),
        }
    }

    /// Takes the time of pools like it until the host tells its own.
    pub(super) fn begin_like(&mut self, seconds: f64) {
        self.seconds = seconds;
    }

    /// Begins anew with another configured time.
    pub(super) fn reconfigure(&mut self, seconds: f64) {
        if seconds != self.configured_seconds {
            let Self { jobs, groups, .. } = self.clone();
            *self = Self { jobs, groups, ..Self::new(seconds) };
        }
    }

    /// Forgets which jobs are starting.
    pub(super) fn rewind(&mut self) {
        self.groups = StartingJobs::default();
    }

    /// Time from the request of a job until it takes events, seconds: the mean of the told times, and the configured one
    /// while they contradict each other.
    pub(super) fn seconds(&self) -> f64 {
        if self.apart > CONTRADICTION.ln() { self.configured_seconds } else { self.seconds }
    }

    /// Jobs that are not ready at `now`.
    pub(super) fn starting(&self, now: Timestamp) -> f64 {
        f64::from(self.groups.count(|since| now.elapsed_since(since).is_none_or(|age| age < self.seconds())))
    }

    /// Follows the pool's size: growth is starting since it was recommended, if that was lately, and shrinkage takes starting
    /// jobs first. Returns the mean number of ready jobs of the interval that ends at `at`; the record
    /// before is `elapsed` seconds old, which is more than an interval after a gap.
    pub(super) fn observe(
        &mut self,
        at: Timestamp,
        jobs: Option<u32>,
        recommended: Option<Timestamp>,
        [elapsed, interval_seconds]: [f64; 2],
    ) -> f64 {
        let Some(jobs) = jobs else { return 0.0 };
        let before = self.jobs.replace(jobs).unwrap_or(jobs);
        if jobs > before {
            // jobs that take time may have been asked for late in a gap; others are there
            let apart = if self.seconds() > 0.0 { interval_seconds } else { elapsed };
            let prompt = 0.0..=apart + 0.5 * interval_seconds;
            let since = recommended.filter(|since| prompt.contains(&at.seconds_since(*since))).unwrap_or(at);
            self.groups.add(since, jobs - before);
            if self.groups.groups() > GROUP_LIMIT {
                self.groups.join_closest(|older, younger| younger.seconds_apart(older));
            }
        }
        self.groups.leave(before.saturating_sub(jobs));
        let seconds = self.seconds();
        let missing = self.groups.sum(|since| {
            let ready_for = (at.seconds_since(since) - seconds).clamp(0.0, interval_seconds);
            1.0 - ready_for / interval_seconds
        });
        self.groups.take_ready(|since| at.elapsed_since(since).is_some_and(|age| age >= seconds));
        (f64::from(jobs) - missing).max(0.0)
    }

    /// Learns from an outcome; a time that makes no sense is left out. Jobs that became ready sooner than expected are
    /// no longer starting, the oldest first.
    pub(super) fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        if let Some(seconds) = outcome.startup_seconds.filter(|s| (0.0..=LONGEST_SECONDS).contains(s))
            && outcome.ready > 0
        {
            self.learn(seconds);
        }
        self.groups.become_ready(outcome.ready);
    }

    /// Learns a told time. Some in a row that agree on another one than the mean are right.
    fn learn(&mut self, seconds: f64) {
        let [before, ..] = self.told;
        self.told.rotate_right(1);
        if let Some(newest) = self.told.first_mut() {
            *newest = seconds;
        }
        if before.is_finite() {
            self.apart += WEIGHT * (((seconds + 1.0) / (before + 1.0)).ln().abs() - self.apart);
        }
        self.seconds += WEIGHT * (seconds - self.seconds);
        let least = self.told.iter().copied().fold(seconds, f64::min);
        let most = self.told.iter().copied().fold(seconds, f64::max);
        let agree =
            self.told.iter().all(|told| told.is_finite()) && most <= AGREEMENT.0 * least + AGREEMENT.1;
        if agree && !(least / FAR..=most * FAR).contains(&self.seconds) {
            self.seconds = self.told.iter().sum::<f64>() / AGREEING as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{abs_diff_eq, assert_abs_diff_eq};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000).unwrap()
    }

    #[test]
    fn growth_is_starting_until_the_startup_time_has_passed() {
        let mut startup = Startup::new(180.0);
        startup.observe(at(0), Some(5), None, [120.0; 2]);
        assert_eq!(startup.starting(at(0)), 0.0, "what was there before is ready");
        startup.observe(at(120), Some(9), None, [120.0; 2]);
        assert_eq!(startup.starting(at(120)), 4.0);
        startup.observe(at(240), Some(6), None, [120.0; 2]);
        assert_eq!(startup.starting(at(240)), 1.0, "starting jobs leave first");
        assert_eq!(startup.starting(at(300)), 0.0);
    }

    #[test]
    fn growth_in_more_steps_than_are_followed_is_starting_all_the_same() {
        let mut startup = Startup::new(10_800.0);
        startup.observe(at(0), Some(5), None, [120.0; 2]);
        for step in 1..=90i64 {
            startup.observe(at(120 * step), Some(5 + step as u32), None, [120.0; 2]);
        }
        assert_eq!(startup.starting(at(10_800)), 90.0, "the first one is ready two minutes later");
        let half = startup.starting(at(10_800 + 5400));
        assert!((45.0..=47.0).contains(&half), "{half}");
    }

    #[test]
    fn growth_in_a_gap_is_ready_after_it_where_jobs_need_no_time() {
        // four jobs more in a gap of five intervals of 120 s, recommended so many seconds before its end
        for (startup_seconds, before, ready) in [(0.0, 600, 9.0), (0.0, 1000, 5.0), (60.0, 600, 5.0)] {
            let mut startup = Startup::new(startup_seconds);
            startup.observe(at(0), Some(5), None, [120.0; 2]);
            let mean = startup.observe(at(600), Some(9), Some(at(600 - before)), [600.0, 120.0]);
            assert_eq!(mean, ready, "{startup_seconds} s, recommended {before} s before");
        }
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
        assert_abs_diff_eq!(startup.seconds(), 60.0, epsilon = 1.0);
    }

    #[test]
    fn every_time_that_can_be_configured_is_learned() {
        let mut settings = crate::config::Config::settings().into_iter();
        let setting = settings.find(|setting| setting.name == "job_startup_seconds").unwrap();
        let (_, longest) = setting.range.unwrap();
        let longest = longest.parse::<f64>().unwrap();
        let mut startup = Startup::new(180.0);
        for seconds in [longest, longest, longest, longest + 1.0] {
            startup.acknowledge(&ScalingOutcome {
                ready: 1,
                startup_seconds: Some(seconds),
                ..ScalingOutcome::new(at(0))
            });
        }
        assert_eq!(startup.seconds(), longest);
    }

    #[test]
    fn told_times_that_contradict_each_other_teach_nothing_and_agreeing_ones_are_believed_at_once() {
        let mut startup = Startup::new(60.0);
        let mut told = |seconds, count| {
            for _ in 0..count {
                startup.acknowledge(&ScalingOutcome {
                    ready: 1,
                    startup_seconds: Some(seconds),
                    ..ScalingOutcome::new(at(0))
                });
            }
            startup.seconds()
        };
        (0..20).for_each(|_| {
            told(7000.0, 1);
            told(1.0, 1);
        });
        assert_eq!(told(7000.0, 1), 60.0, "they contradict each other");
        assert!(abs_diff_eq!(told(90.0, 12), 90.0, epsilon = 1.0), "they have agreed for long enough");
        assert!(abs_diff_eq!(told(900.0, 3), 900.0, epsilon = 1.0), "another kind of machine");
        assert_abs_diff_eq!(told(900.0, 12), 900.0, epsilon = 1.0);
        assert!(told(20.0, 1) > 500.0, "one alone moves the mean");
    }

    #[test]
    fn jobs_told_to_be_ready_are_no_longer_starting() {
        let mut startup = Startup::new(180.0);
        startup.observe(at(0), Some(5), None, [120.0; 2]);
        startup.observe(at(120), Some(9), None, [120.0; 2]);
        startup.acknowledge(&ScalingOutcome { ready: 3, ..ScalingOutcome::new(at(150)) });
        assert_eq!(startup.starting(at(150)), 1.0, "a part of them");
        startup.acknowledge(&ScalingOutcome { ready: 30, ..ScalingOutcome::new(at(160)) });
        assert_eq!(startup.starting(at(160)), 0.0, "more than were known");
    }
}
