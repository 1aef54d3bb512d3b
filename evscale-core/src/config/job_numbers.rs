//! The numbers of jobs that a pool can have: every whole number, the multiples of a step, or those of a list.

use super::Config;
use crate::error::{Error, Result};
use std::fmt;

/// Longest list, and the largest number of it.
const MOST_COUNTS: usize = 1000;
const LARGEST: u32 = 1_000_000;

/// The numbers of jobs that a pool can have, whatever its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobNumbers<'a> {
    step: u32,
    /// Increasing; empty where there is no list.
    counts: &'a [u32],
}

impl Config {
    /// Returns the numbers of jobs that the pool can have.
    pub(crate) fn job_numbers(&self) -> JobNumbers<'_> {
        JobNumbers::new(self.job_step, &self.job_counts)
    }

    /// Returns the fewest and the most jobs that the pool can have within `min_jobs` and `max_jobs`.
    pub(crate) fn fewest_and_most(&self) -> (u32, u32) {
        let numbers = self.job_numbers();
        (numbers.up(self.min_jobs), numbers.down(self.max_jobs))
    }

    /// Checks that there are numbers of jobs, in every time of the schedule too.
    pub(super) fn check_job_numbers(&self) -> Result<()> {
        if self.job_counts.len() > MOST_COUNTS {
            let count = self.job_counts.len();
            return Err(Error::config(format!(
                "`job_counts` has {count} numbers, expected at most {MOST_COUNTS}"
            )));
        }
        if self.job_step > 1 && !self.job_counts.is_empty() {
            return Err(Error::config(format!(
                "`job_step` is {} and `job_counts` has a list, and both say which numbers of jobs there are; leave one of them out",
                self.job_step
            )));
        }
        if let Some(pair) = self.job_counts.windows(2).find(|pair| pair.first() >= pair.last()) {
            return Err(Error::config(format!(
                "`job_counts` has {pair:?} beside each other, expected increasing numbers"
            )));
        }
        if let Some(largest) = self.job_counts.last().filter(|largest| **largest > LARGEST) {
            return Err(Error::config(format!("`job_counts` has {largest}, expected at most {LARGEST}")));
        }
        let numbers = self.job_numbers();
        let problem = |(low, high)| {
            format!(
                "{low} to {high} jobs, expected one of {numbers} among them: allow {} or {}",
                numbers.down(low),
                numbers.up(high)
            )
        };
        let bounds = (self.min_jobs, self.max_jobs);
        if !numbers.any_between(bounds) {
            return Err(Error::config(format!("`min_jobs` and `max_jobs` allow {}", problem(bounds))));
        }
        for (number, entry) in self.schedule.iter().enumerate() {
            let within = (entry.min_jobs.unwrap_or(bounds.0), entry.max_jobs.unwrap_or(bounds.1));
            if within.0 <= within.1 && !numbers.any_between(within) {
                return Err(Error::config(format!(
                    "`schedule` has an entry {} that allows {}",
                    number + 1,
                    problem(within)
                )));
            }
        }
        Ok(())
    }
}

impl<'a> JobNumbers<'a> {
    /// Returns the multiples of a step, or the numbers of a list that is not empty.
    pub(crate) fn new(step: u32, counts: &'a [u32]) -> Self {
        Self { step: step.max(1), counts }
    }
}

impl JobNumbers<'_> {
    /// Returns the fewest that are `jobs` or more; the most there are where none is.
    pub(crate) fn up(&self, jobs: u32) -> u32 {
        if self.counts.is_empty() {
            return jobs.div_ceil(self.step).saturating_mul(self.step);
        }
        let place = self.counts.partition_point(|count| *count < jobs);
        self.counts.get(place).or(self.counts.last()).copied().unwrap_or(jobs)
    }

    /// Returns the most that are `jobs` or fewer; the fewest there are where none is.
    pub(crate) fn down(&self, jobs: u32) -> u32 {
        if self.counts.is_empty() {
            return jobs - jobs % self.step;
        }
        let place = self.counts.partition_point(|count| *count <= jobs);
        self.counts.get(place.saturating_sub(1)).copied().unwrap_or(jobs)
    }

    /// Returns the next number above `jobs`; the most there are where none is.
    pub(crate) fn above(&self, jobs: u32) -> u32 {
        self.up(jobs.saturating_add(1))
    }

    /// Returns the next number below `jobs`; the fewest there are where none is.
    pub(crate) fn below(&self, jobs: u32) -> u32 {
        self.down(jobs.saturating_sub(1))
    }

    /// Reports whether a pool can have so many jobs.
    pub(crate) fn contains(&self, jobs: u32) -> bool {
        self.up(jobs) == jobs
    }

    /// Returns the number that a pool of `jobs` is taken for: one between two that exist is on its way to what was asked for,
    /// or to the larger of them.
    pub(crate) fn settled(&self, jobs: u32, asked: Option<u32>) -> u32 {
        if asked.is_some_and(|asked| asked < jobs) { self.down(jobs) } else { self.up(jobs) }
    }

    fn any_between(&self, (low, high): (u32, u32)) -> bool {
        (low..=high).contains(&self.up(low))
    }
}

/// Whole jobs for a need; a need within a thousandth of a whole number is that number.
pub(crate) fn whole_jobs(need: f64) -> u32 {
    if need.is_finite() { (need - 1e-3).ceil().clamp(0.0, 1e9) as u32 } else { 0 }
}

impl fmt::Display for JobNumbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TOLD: usize = 8;
        if self.counts.is_empty() {
            return write!(f, "the multiples of {}", self.step);
        }
        let told: Vec<String> = self.counts.iter().take(TOLD).map(u32::to_string).collect();
        let more = if self.counts.len() > TOLD { " and so on" } else { "" };
        write!(f, "{}{more}", told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_by_hand() {
        let machines = JobNumbers::new(4, &[]);
        assert_eq!([0, 1, 4, 5].map(|jobs| machines.up(jobs)), [0, 4, 4, 8]);
        assert_eq!([0, 3, 4, 7].map(|jobs| machines.down(jobs)), [0, 0, 4, 4]);
        assert_eq!((machines.above(4), machines.below(4), machines.below(0)), (8, 0, 0));
        let divisors = JobNumbers::new(1, &[1, 2, 3, 4, 6, 12]);
        assert_eq!([0, 1, 5, 12, 13].map(|jobs| divisors.up(jobs)), [1, 1, 6, 12, 12]);
        assert_eq!([0, 1, 5, 11, 99].map(|jobs| divisors.down(jobs)), [1, 1, 4, 6, 12]);
        assert_eq!((divisors.above(4), divisors.above(12), divisors.below(1)), (6, 12, 1));
        let all = JobNumbers::new(1, &[]);
        assert!((0..50).all(|jobs| all.contains(jobs) && all.down(jobs) == jobs));
    }

    #[test]
    fn a_pool_between_two_numbers_is_on_its_way() {
        let machines = JobNumbers::new(4, &[]);
        assert_eq!(machines.settled(6, Some(4)), 4);
        assert_eq!(machines.settled(6, Some(8)), 8);
        assert_eq!(machines.settled(6, None), 8);
        assert_eq!(machines.settled(8, Some(4)), 8);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_change() {
        let refused = |json: &str, told: &str| {
            let message = Config::from_json(json).unwrap_err().to_string();
            assert!(message.contains(told), "{json}: {message}");
        };
        refused(r#"{"job_step": 4, "job_counts": [4, 8]}"#, "leave one of them out");
        refused(r#"{"job_counts": [4, 4]}"#, "expected increasing numbers");
        refused(r#"{"job_counts": [4, 2000000]}"#, "expected at most 1000000");
        refused(
            r#"{"job_step": 4, "min_jobs": 5, "max_jobs": 7}"#,
            "allow 5 to 7 jobs, expected one of the multiples of 4 among them: allow 4 or 8",
        );
        refused(r#"{"job_counts": [8, 16], "max_jobs": 6}"#, "expected one of 8, 16 among them");
        refused(
            r#"{"job_step": 4, "schedule": [{"cron": "0 8 * * *", "seconds": 60, "max_jobs": 3}]}"#,
            "`schedule` has an entry 1 that allows 1 to 3 jobs",
        );
        let config = Config::from_json(r#"{"job_step": 4, "min_jobs": 1, "max_jobs": 30}"#).unwrap();
        assert_eq!(config.fewest_and_most(), (4, 28));
    }
}
