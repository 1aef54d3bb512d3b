//! The networks of a bundle without everything around them: what of a tick is theirs can be measured.

use crate::bundle::ModelBundle;
use crate::error::Result;
use crate::features::{ForecasterInput, HORIZONS, LEVELS, PolicyState};
use crate::forecaster::ForecasterNetwork;
use crate::policy::PolicyNetwork;

/// Both networks of a bundle, run as an [`Autoscaler`](crate::Autoscaler) runs them.
#[derive(Debug)]
pub struct BareNetworks {
    forecaster: ForecasterNetwork,
    policy: PolicyNetwork,
}

impl BareNetworks {
    /// Sessions of their own.
    pub fn new(bundle: &ModelBundle) -> Self {
        Self { forecaster: ForecasterNetwork::new(bundle), policy: PolicyNetwork::new(bundle) }
    }

    /// The forecaster's quantiles per horizon for each row, in the coordinate of the features.
    ///
    /// # Errors
    /// The network fails.
    pub fn forecast(&mut self, rows: &[ForecasterInput]) -> Result<Vec<[[f32; LEVELS]; HORIZONS]>> {
        rows.iter().map(|row| self.forecaster.run(row)).collect()
    }

    /// The policy's adjustment of the analytic need, as a share of it.
    ///
    /// # Errors
    /// The network fails.
    pub fn adjustment(&mut self, state: &PolicyState) -> Result<f64> {
        self.policy.adjustment(state)
    }
}
