//! What jobs, late events and changes cost, where the host says so: candidates are then compared by money.

use super::CANDIDATES;
use super::shadow_pool::ShadowPool;
use crate::config::Config;
use serde::{Deserialize, Serialize};

/// Lowest price of a job-hour that others are compared with.
const LEAST_PRICE: f64 = 1e-9;

/// Prices in one currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prices {
    /// Of a job-hour, now.
    job_hour: f64,
    /// Of a late event; where it has one, the SLA's target has no other.
    pub(super) late_event: Option<f64>,
    change: f64,
    reversal: f64,
}

impl Prices {
    /// Returns the prices of a pool whose job-hour costs so much now; none where nothing else has one.
    pub(super) fn new(config: &Config, job_hour: Option<f64>) -> Option<Self> {
        let (late_event, change, reversal) =
            (config.late_event_price, config.change_price, config.reversal_price);
        (late_event.is_some() || change.is_some() || reversal.is_some()).then(|| Self {
            job_hour: job_hour.unwrap_or(1.0).max(LEAST_PRICE),
            late_event,
            change: change.unwrap_or(0.0),
            reversal: reversal.unwrap_or(0.0),
        })
    }

    /// Reports whether changes cost something.
    fn of_moves(&self) -> bool {
        self.change > 0.0 || self.reversal > 0.0
    }

    /// Returns what was paid for, in job-hours of now.
    pub(super) fn in_job_hours(&self, job_hours: f64, late_events: f64, moved: Moved) -> f64 {
        let late = self.late_event.unwrap_or(0.0) * late_events;
        let moves = self.change * moved.changes + self.reversal * moved.reversals;
        job_hours + (late + moves) / self.job_hour
    }
}

/// How often a shadow pool changed, discounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moved {
    changes: f64,
    reversals: f64,
    upwards: Option<bool>,
}

/// The changes of every candidate's shadow pool, and of the network's; counted while they have a price.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moves(Option<Box<[Moved]>>);

/// Place of the network's shadow pool.
pub(super) const NETWORK: usize = CANDIDATES;

impl Moves {
    /// Begins to count, or no longer does; forgets a share of the past.
    pub(super) fn turn(&mut self, prices: Option<&Prices>, factor: f64) {
        if !prices.is_some_and(Prices::of_moves) {
            self.0 = None;
            return;
        }
        self.0.get_or_insert_with(|| vec![Moved::default(); CANDIDATES + 1].into());
        self.discount(factor);
    }

    /// Forgets a share of the past.
    pub(super) fn discount(&mut self, factor: f64) {
        for moved in self.0.iter_mut().flatten() {
            moved.changes *= factor;
            moved.reversals *= factor;
        }
    }

    /// Counts what became of a shadow pool that had so many jobs before.
    pub(super) fn count(&mut self, place: usize, before: f32, pool: &ShadowPool) {
        let Some(moved) = self.0.as_mut().and_then(|all| all.get_mut(place)) else { return };
        if pool.jobs() == before {
            return;
        }
        let upwards = pool.jobs() > before;
        moved.changes += 1.0;
        if moved.upwards.replace(upwards).is_some_and(|last| last != upwards) {
            moved.reversals += 1.0;
        }
    }

    pub(super) fn of(&self, place: usize) -> Moved {
        self.0.as_ref().and_then(|all| all.get(place)).copied().unwrap_or_default()
    }
}
