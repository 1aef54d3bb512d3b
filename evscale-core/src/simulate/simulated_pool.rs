//! What a simulated platform can do: how fast jobs start, and which numbers of them there are.

use crate::config::{Config, JobNumbers, ServiceClass};

/// A pool as its platform runs it, and the wait that its SLA allows.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedPool {
    /// Time from the request of a job until it takes events, seconds.
    pub startup_seconds: f64,
    /// Longest wait in the queue that meets the SLA, seconds.
    pub sla_wait_seconds: f64,
    /// The platform starts jobs in multiples of this number: as many as are asked for, or the next more.
    pub job_step: u32,
    /// The only numbers of jobs that the platform has, increasing; every multiple of the step where there are none.
    pub job_counts: Vec<u32>,
    /// Most events per second that all jobs together can take; none by default.
    pub most_events_per_second: Option<f64>,
    /// Classes of events that it serves in the order of their priorities, each with the wait of its own SLA; one kind of events by default.
    pub classes: Vec<ServiceClass>,
}

impl SimulatedPool {
    /// Returns the jobs that the platform has for a number that is asked for.
    pub(super) fn possible(&self, jobs: u32) -> u32 {
        JobNumbers::new(self.job_step, &self.job_counts).up(jobs)
    }
}

impl From<(f64, f64)> for SimulatedPool {
    /// Takes the startup time and the longest wait of the SLA, seconds.
    fn from((startup_seconds, sla_wait_seconds): (f64, f64)) -> Self {
        Self {
            startup_seconds,
            sla_wait_seconds,
            job_step: 1,
            job_counts: Vec::new(),
            most_events_per_second: None,
            classes: Vec::new(),
        }
    }
}

impl From<&Config> for SimulatedPool {
    /// Takes the pool for what its configuration says of it.
    fn from(config: &Config) -> Self {
        Self {
            job_step: config.job_step,
            job_counts: config.job_counts.clone(),
            most_events_per_second: config.most_events_per_second,
            classes: config.classes.clone(),
            ..Self::from((f64::from(config.job_startup_seconds), config.sla_wait_seconds))
        }
    }
}
