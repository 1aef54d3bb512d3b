//! What is known of a pool when a decision is made.

use super::{Drain, PlanStep, plan};
use crate::config::Config;
use crate::policy::{Outlook, Selection, jobs_for};
use crate::pool::Pool;
use crate::time::Timestamp;

/// What a decision is explained with.
#[derive(Clone, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Timestamp,
    pub(crate) pool: &'a Pool,
    pub(crate) outlook: &'a Outlook<'a>,
    pub(crate) selection: &'a Selection,
    /// Networks that act again, or do not.
    pub(crate) notes: Vec<String>,
    /// What the classes of events that others wait for are planned to need.
    pub(crate) level_plans: Vec<Vec<PlanStep>>,
}

impl Evidence<'_> {
    /// Returns the plan of the pool, no less than that of any class of events that others wait for.
    pub(super) fn plan(&self) -> Vec<PlanStep> {
        let mut steps = self.outlook.load().map(plan).unwrap_or_default();
        for own in &self.level_plans {
            for (step, own) in steps.iter_mut().zip(own) {
                step.jobs = step.jobs.max(own.jobs);
                (step.low, step.high) = (step.low.max(own.low), step.high.max(own.high));
            }
        }
        steps
    }

    /// Returns the need of the newest arrivals alone, jobs.
    pub(super) fn need_now(&self) -> Option<f64> {
        let (events, service) = self.pool.events().zip(self.pool.job_seconds(self.config))?;
        Some(jobs_for(events, service, self.config))
    }

    /// Returns how the jobs that are too many should leave.
    pub(super) fn drain(&self, leaving: u32) -> Option<Drain> {
        let idle = self.pool.utilization().map(|busy| 1.0 - busy);
        let (config, current) = (self.config, self.pool.known_jobs()?);
        (leaving > 0).then(|| {
            Drain::new(leaving, current, idle, config.drain_busy_jobs, config.decision_interval_seconds)
        })
    }
}
