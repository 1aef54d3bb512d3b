//! What the candidates cost, and how late they were, in pools like a new one: its evaluation begins with it.

use super::shadow_pool::ShadowPool;
use super::{CANDIDATES, Selection};
use serde::{Deserialize, Serialize};

/// Evaluation from which on a pool says something of others, and evaluation that it counts as.
const LEAST_SECONDS: f64 = 86_400.0;
const COUNTED_SECONDS: f64 = 43_200.0;

/// What a shadow pool did in other pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Elsewhere {
    /// Job-hours over those of the mean candidate.
    cost: f64,
    late_share: f64,
}

/// The candidates and, last, the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prior(Vec<Elsewhere>);

impl Prior {
    /// Returns the mean of the evaluations that have lasted for a day, on records every so many seconds; none without one.
    pub(crate) fn of(evaluations: &[(&Selection, f64)]) -> Option<Self> {
        let told: Vec<Vec<Elsewhere>> = evaluations
            .iter()
            .filter(|(selection, interval)| f64::from(selection.intervals) * interval >= LEAST_SECONDS)
            .filter_map(|(selection, _)| selection.elsewhere())
            .collect();
        let count = told.len() as f64;
        let mean = |place: usize| {
            let all = told.iter().filter_map(|one| one.get(place));
            all.fold(Elsewhere::default(), |sum, one| Elsewhere {
                cost: sum.cost + one.cost / count,
                late_share: sum.late_share + one.late_share / count,
            })
        };
        (!told.is_empty()).then(|| Self((0..=CANDIDATES).map(mean).collect()))
    }
}

impl Selection {
    fn shadow_pools(&self) -> impl Iterator<Item = &ShadowPool> {
        self.pools.iter().chain([self.network.pool()])
    }

    /// Returns the job-hours of the mean candidate.
    fn mean_cost(&self) -> f64 {
        self.pools.iter().map(|pool| pool.cost).sum::<f64>() / self.pools.len() as f64
    }

    fn elsewhere(&self) -> Option<Vec<Elsewhere>> {
        let mean = self.mean_cost();
        let told =
            |pool: &ShadowPool| Elsewhere { cost: pool.cost / mean, late_share: pool.late / self.events };
        (self.pools.len() == CANDIDATES && mean > 0.0 && self.events > 0.0)
            .then(|| self.shadow_pools().map(told).collect())
    }

    /// Begins with the rule that leads in most of the others, and with the network if it acts in at least half of them.
    pub(crate) fn begin_like(&mut self, others: &[&Self]) {
        let votes = |leader: usize| others.iter().filter(|other| other.leader == leader).count();
        if let Some(other) = others.iter().rev().max_by_key(|other| votes(other.leader)) {
            self.leader = other.leader;
            let acting = others.iter().filter(|other| other.network_acts).count();
            self.network_acts &= 2 * acting >= others.len();
        }
    }

    /// Takes the evaluation of others for half a day of its own, on the load and at the cost that it has seen so far.
    pub(crate) fn take_over(&mut self, prior: &Prior, interval_seconds: f64) {
        let seen = f64::from(self.intervals) * interval_seconds;
        if seen <= 0.0 || self.pools.len() != CANDIDATES {
            return;
        }
        let job_hours = self.mean_cost() * COUNTED_SECONDS / seen;
        let events = self.mean_events * COUNTED_SECONDS / interval_seconds;
        let pools = self.pools.iter_mut().chain([self.network.pool_mut()]);
        for (pool, elsewhere) in pools.zip(&prior.0) {
            pool.cost += elsewhere.cost * job_hours;
            pool.late += elsewhere.late_share * events;
        }
        self.events += events;
    }
}
