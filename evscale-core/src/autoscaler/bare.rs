//! The networks of a bundle without everything around them: what of a tick is theirs can be measured.

use crate::bundle::{BATCH, ModelBundle};
use crate::error::Result;
use crate::features::{ForecasterInput, HORIZONS, LEVELS, PolicyState};
use crate::forecaster::{ForecasterBatch, ForecasterNetwork};
use crate::policy::PolicyNetwork;

/// Both networks of a bundle, run as an [`Autoscaler`](crate::Autoscaler) runs them.
#[derive(Debug)]
pub struct BareNetworks {
    forecaster: ForecasterNetwork,
    batch: Option<ForecasterBatch>,
    policy: PolicyNetwork,
}

impl BareNetworks {
    /// Sessions of their own.
    pub fn new(bundle: &ModelBundle) -> Self {
        Self {
            forecaster: ForecasterNetwork::new(bundle),
            batch: ForecasterBatch::new(bundle).ok(),
            policy: PolicyNetwork::new(bundle),
        }
    }

    /// The forecaster's quantiles per horizon for each row, in the coordinate of the features; in batches of 16 as far as
    /// there are so many.
    ///
    /// # Errors
    /// The network fails.
    pub fn forecast(&mut self, rows: &[ForecasterInput]) -> Result<Vec<[[f32; LEVELS]; HORIZONS]>> {
        let mut answers = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(BATCH) {
            match &mut self.batch {
                Some(batch) if chunk.len() == BATCH => {
                    answers.extend(batch.run(&chunk.iter().collect::<Vec<_>>())?)
                }
                _ => answers.extend(chunk.iter().map(|row| self.forecaster.run(row))),
            }
        }
        answers.into_iter().collect()
    }

    /// The policy's adjustment of the analytic need, as a share of it.
    ///
    /// # Errors
    /// The network fails.
    pub fn adjustment(&mut self, state: &PolicyState) -> Result<f64> {
        self.policy.adjustment(state)
    }
}
