//! The jobs of a simulated pool: some are ready, others start.

use crate::pool::StartingJobs;

/// Jobs by substeps of the simulation.
#[derive(Clone, Debug)]
pub(super) struct SimulatedJobs {
    startup_substeps: u64,
    ready: u32,
    /// By the substep in which they become ready.
    starting: StartingJobs<u64>,
}

impl SimulatedJobs {
    /// Ready jobs, of which new ones take `startup_seconds` to start.
    pub(super) fn new(ready: u32, startup_seconds: f64, substep_seconds: f64) -> Self {
        let startup_substeps = (startup_seconds / substep_seconds).round().max(0.0) as u64;
        Self { startup_substeps, ready, starting: StartingJobs::default() }
    }

    /// Ready and starting jobs.
    pub(super) fn count(&self) -> u32 {
        self.ready + self.starting.count(|_| true)
    }

    /// Returns the jobs that are ready in substep `now`.
    pub(super) fn ready_at(&mut self, now: u64) -> u32 {
        self.ready += self.starting.take_ready(|due| due <= now);
        self.ready
    }

    /// Scales to a number of jobs in substep `now`. On the way down the youngest starting ones leave first, then ready ones, at once.
    pub(super) fn scale_to(&mut self, target: u32, now: u64) {
        let jobs = self.count();
        if target > jobs {
            if self.startup_substeps == 0 {
                self.ready += target - jobs;
            } else {
                self.starting.add(now + self.startup_substeps, target - jobs);
            }
        }
        let surplus = self.starting.leave(jobs.saturating_sub(target));
        self.ready = self.ready.saturating_sub(surplus);
    }
}
