//! The policy network's shadow pool, with all that the network sees of a pool.

use super::super::need::Load;
use super::shadow_pool::{Limits, Served, Service, ShadowPool};
use crate::features::PolicyState;
use crate::pool::ErrorBudget;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ShadowNetwork {
    pool: ShadowPool,
    utilization: f64,
    intervals_since_change: f64,
    budget: ErrorBudget,
}

impl ShadowNetwork {
    pub(super) fn new(jobs: f32) -> Self {
        Self {
            pool: ShadowPool::new(jobs),
            utilization: 0.0,
            intervals_since_change: 720.0,
            budget: ErrorBudget::default(),
        }
    }

    pub(super) fn pool(&self) -> &ShadowPool {
        &self.pool
    }

    pub(super) fn pool_mut(&mut self) -> &mut ShadowPool {
        &mut self.pool
    }

    /// Goes on with intervals `ratio` times as long.
    pub(super) fn rescale(&mut self, ratio: f64) {
        self.intervals_since_change /= ratio;
    }

    /// Forgets a share of the past, and its error budget.
    pub(super) fn discount(&mut self, factor: f64) {
        self.pool.discount(factor);
        self.budget = ErrorBudget::default();
    }

    /// Serves one interval.
    pub(super) fn serve(&mut self, service: &Service<'_>, discount: f64, interval_seconds: f64) -> Served {
        self.pool.discount(discount);
        let served = self.pool.serve(service);
        let share = f64::from(if served.taken > 0.0 { (served.late / served.taken).min(1.0) } else { 0.0 });
        self.utilization = f64::from(served.busy_share);
        self.intervals_since_change += 1.0;
        self.budget.count(share, served.taken.into(), served.late.into(), interval_seconds);
        served
    }

    pub(super) fn decides(&self, limits: &Limits<'_>) -> bool {
        self.pool.decides(limits)
    }

    /// Returns what the network sees: `state` of the real pool, with everything that differs here.
    pub(super) fn state(&self, load: &Load<'_>, state: PolicyState) -> PolicyState {
        let jobs = f64::from(self.pool.jobs());
        let backlog_seconds =
            f64::from(self.pool.backlog()) * load.service_seconds / load.config.places() / jobs.max(1.0);
        let mut state = PolicyState {
            current_jobs: jobs,
            starting_jobs: f64::from(self.pool.starting()),
            backlog_seconds,
            wait_ratio: backlog_seconds / 2.0 / load.config.sla_wait_seconds,
            utilization: self.utilization,
            intervals_since_change: self.intervals_since_change,
            recent_violation_share: self.budget.hour_share(),
            budget_burn: self.budget.burn(load.config.allowed_violation_share()),
            ..state
        };
        self.load(load).need().fill(&mut state);
        state
    }

    /// Scales to the jobs that the network asks for: none where it asks for one and there is nothing to do.
    pub(super) fn decide(&mut self, jobs: f64, load: &Load<'_>, limits: &Limits<'_>) {
        let jobs = if jobs <= 1.0 && self.load(load).need().idle { 0.0 } else { jobs };
        let before = self.pool.jobs();
        self.pool.decide_for(jobs as f32, limits);
        if self.pool.jobs() != before {
            self.intervals_since_change = 0.0;
        }
    }

    fn load<'a>(&self, load: &Load<'a>) -> Load<'a> {
        Load {
            backlog_events: f64::from(self.pool.backlog()),
            in_service: f64::from(self.pool.in_service()),
            urgent_jobs: 0.0,
            ..*load
        }
    }
}
