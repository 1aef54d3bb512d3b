//! Jobs that are starting, in groups by when they were asked for or will be ready.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Groups of starting jobs, the oldest first. On the way down the youngest leave first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StartingJobs<T>(VecDeque<(T, u32)>);

impl<T> Default for StartingJobs<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy> StartingJobs<T> {
    /// Adds a group that is younger than all others.
    pub(crate) fn add(&mut self, at: T, jobs: u32) {
        self.0.push_back((at, jobs));
    }

    /// Returns the number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.0.len()
    }

    /// Returns the starting jobs whose group meets a condition.
    pub(crate) fn count(&self, which: impl Fn(T) -> bool) -> u32 {
        self.0.iter().filter(|(at, _)| which(*at)).map(|(_, jobs)| jobs).sum()
    }

    /// Returns the starting jobs, those of each group counted with a weight.
    pub(crate) fn sum(&self, weight: impl Fn(T) -> f64) -> f64 {
        self.0.iter().map(|(at, jobs)| f64::from(*jobs) * weight(*at)).sum()
    }

    /// Takes the oldest groups out as long as they are ready; returns their jobs.
    pub(crate) fn take_ready(&mut self, ready: impl Fn(T) -> bool) -> u32 {
        let mut jobs = 0;
        while let Some((at, count)) = self.0.front()
            && ready(*at)
        {
            jobs += count;
            self.0.pop_front();
        }
        jobs
    }

    /// Joins two neighbouring groups at the time of the younger one: those whose jobs are thought to be ready too late by the least, as
    /// told by how far times are `apart`.
    pub(crate) fn join_closest(&mut self, apart: impl Fn(T, T) -> f64) {
        let neighbours = self.0.iter().zip(self.0.iter().skip(1));
        let delays =
            neighbours.map(|((older, jobs), (younger, _))| f64::from(*jobs) * apart(*older, *younger));
        let least = delays.enumerate().min_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((place, _)) = least
            && let Some((_, jobs)) = self.0.remove(place)
            && let Some((_, younger)) = self.0.get_mut(place)
        {
            *younger += jobs;
        }
    }

    /// Takes out up to `jobs` of the oldest jobs.
    pub(crate) fn become_ready(&mut self, mut jobs: u32) {
        while jobs > 0
            && let Some((_, count)) = self.0.front_mut()
        {
            let ready = jobs.min(*count);
            *count -= ready;
            jobs -= ready;
            if *count == 0 {
                self.0.pop_front();
            }
        }
    }

    /// Takes out up to `jobs` of the youngest jobs; returns how many more must leave, which are ready ones.
    pub(crate) fn leave(&mut self, mut jobs: u32) -> u32 {
        while jobs > 0
            && let Some((_, count)) = self.0.back_mut()
        {
            let gone = jobs.min(*count);
            *count -= gone;
            jobs -= gone;
            if *count == 0 {
                self.0.pop_back();
            }
        }
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_leave_first_and_the_oldest_become_ready_first() {
        let mut starting = StartingJobs::default();
        (1..=3).for_each(|at| starting.add(at, 2));
        assert_eq!(starting.leave(3), 0);
        assert_eq!((starting.count(|at| at == 3), starting.count(|at| at == 2)), (0, 1));
        starting.become_ready(1);
        assert_eq!((starting.count(|at| at == 1), starting.groups()), (1, 2));
        assert_eq!(starting.take_ready(|at| at <= 1), 1);
        assert_eq!(starting.leave(9), 8, "one was starting, eight ready ones leave");
    }

    #[test]
    fn groups_are_joined_where_that_delays_the_fewest_jobs_by_the_least() {
        let mut starting = StartingJobs::default();
        for (at, jobs) in [(0, 1), (10, 1), (14, 9), (20, 1), (27, 1)] {
            starting.add(at, jobs);
        }
        let apart = |one: i32, other: i32| f64::from(other - one);
        starting.join_closest(apart);
        assert_eq!(starting.0, [(0, 1), (14, 10), (20, 1), (27, 1)]);
        starting.join_closest(apart);
        assert_eq!(starting.0, [(0, 1), (14, 10), (27, 2)]);
        (0..9).for_each(|_| starting.join_closest(apart));
        assert_eq!(starting.0, [(27, 13)], "the last one has no neighbour");
    }
}
