//! The policy network's paper pool, with all that the network is told of a pool.

use super::super::error_budget::ErrorBudget;
use super::super::need::NeedInput;
use super::shadow::{Load, Served, Shadow, Terms};
use crate::features::PolicyState;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct NetworkPool {
    pool: Shadow,
    utilization: f64,
    intervals_since_change: f64,
    budget: ErrorBudget,
}

impl NetworkPool {
    pub(super) fn new(jobs: f32) -> Self {
        Self {
            pool: Shadow::new(jobs),
            utilization: 0.0,
            intervals_since_change: 720.0,
            budget: ErrorBudget::default(),
        }
    }

    pub(super) fn pool(&self) -> &Shadow {
        &self.pool
    }

    /// Serves one interval.
    pub(super) fn run(&mut self, load: &Load<'_>, discount: f64, interval_seconds: f64) -> Served {
        self.pool.discount(discount);
        let served = self.pool.run(load);
        let share = f64::from(if served.taken > 0.0 { (served.late / served.taken).min(1.0) } else { 0.0 });
        self.utilization = f64::from(served.busy_share);
        self.intervals_since_change += 1.0;
        self.budget.count(share, served.taken.into(), served.late.into(), interval_seconds);
        served
    }

    pub(super) fn decides(&self, terms: &Terms) -> bool {
        self.pool.decides(terms)
    }

    /// What the network is told: `state` of the real pool, with everything that differs here.
    pub(super) fn state(&self, input: &NeedInput<'_>, state: PolicyState) -> PolicyState {
        let jobs = f64::from(self.pool.jobs());
        let backlog_seconds = f64::from(self.pool.backlog()) * input.service_seconds / jobs.max(1.0);
        let mut state = PolicyState {
            current_jobs: jobs,
            starting_jobs: f64::from(self.pool.starting()),
            backlog_seconds,
            wait_ratio: backlog_seconds / 2.0 / input.config.sla_wait_seconds,
            utilization: self.utilization,
            intervals_since_change: self.intervals_since_change,
            recent_violation_share: self.budget.hour_share(),
            budget_burn: self.budget.burn(input.config.allowed_violation_share()),
            ..state
        };
        self.input(input).need().fill(&mut state);
        state
    }

    /// Scales to the jobs that the network asks for.
    pub(super) fn decide(&mut self, input: &NeedInput<'_>, jobs: f64, terms: &Terms) {
        let before = self.pool.jobs();
        let wanted = jobs - self.input(input).need().backlog;
        self.pool.decide(wanted as f32, terms);
        if self.pool.jobs() != before {
            self.intervals_since_change = 0.0;
        }
    }

    fn input<'a>(&self, input: &NeedInput<'a>) -> NeedInput<'a> {
        NeedInput { backlog_events: f64::from(self.pool.backlog()), ..*input }
    }
}
