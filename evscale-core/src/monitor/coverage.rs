//! Coverage of the 80 % interval by horizon, discounted over a day.

use crate::features::HORIZONS;
use serde::{Deserialize, Serialize};

const MEMORY_SECONDS: f64 = 86_400.0;

/// Discounted forecasts that have turned out, and those inside the interval, of every horizon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Coverage {
    known: [f64; HORIZONS],
    inside: [f64; HORIZONS],
}

impl Coverage {
    /// Takes what turned out with a record.
    pub(super) fn observe(&mut self, inside: &[Option<bool>; HORIZONS], interval_seconds: f64) {
        let discount = (-interval_seconds / MEMORY_SECONDS).exp();
        for ((known, within), inside) in self.known.iter_mut().zip(&mut self.inside).zip(inside) {
            *known = *known * discount + if inside.is_some() { 1.0 } else { 0.0 };
            *within = *within * discount + if *inside == Some(true) { 1.0 } else { 0.0 };
        }
    }

    /// Returns the share inside the interval by horizon, nearest first; none before a forecast has turned out.
    pub(super) fn shares(&self) -> impl Iterator<Item = Option<f64>> {
        self.known.iter().zip(&self.inside).map(|(known, inside)| (*known > 0.0).then(|| inside / known))
    }
}
