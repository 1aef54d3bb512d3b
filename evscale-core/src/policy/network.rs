//! The policy network: chooses the adjustment of the analytic need.

use super::Source;
use crate::bundle::ModelBundle;
use crate::error::{Error, Result};
use crate::features::{POLICY_ACTIONS, PolicyState, policy_input};
use crate::inference::Session;
use std::fmt;

/// Scores are quantized by this step, so that processors whose kernels round differently agree.
const GRID: f32 = 1.0 / 1024.0;
/// Largest score that makes sense.
const LARGEST_SCORE: f32 = 1e6;

/// What proposes jobs, and is evaluated in the shadow before it is trusted.
pub(crate) trait PolicySource: fmt::Debug + Send {
    /// Jobs that the pool should have.
    fn jobs(&mut self, state: &PolicyState) -> Result<f64>;

    /// What a decision names.
    fn source(&self) -> Source;
}

/// A session of the policy network with its output buffer.
#[derive(Debug)]
pub(crate) struct PolicyNetwork {
    session: Session,
    logits: Vec<f32>,
}

impl PolicyNetwork {
    pub(crate) fn new(bundle: &ModelBundle) -> Self {
        Self { session: Session::new(bundle.policy()), logits: vec![0.0; POLICY_ACTIONS.len()] }
    }

    /// Adjustment of the analytic need, as a share of it: the action with the highest score; of equal ones the largest.
    pub(crate) fn adjustment(&mut self, state: &PolicyState) -> Result<f64> {
        self.session.run(&[&policy_input(state)], &mut [&mut self.logits])?;
        if let Some(score) = self.logits.iter().find(|score| score.abs() > LARGEST_SCORE) {
            return Err(Error::inference(format!(
                "network: a score is {score:e}, expected -{LARGEST_SCORE:e} to {LARGEST_SCORE:e}"
            )));
        }
        let mut best = (f32::NEG_INFINITY, 0.0);
        for (logit, action) in self.logits.iter().zip(POLICY_ACTIONS) {
            let score = (logit / GRID).round() * GRID;
            if score >= best.0 {
                best = (score, action);
            }
        }
        Ok(best.1)
    }
}

impl PolicySource for PolicyNetwork {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64> {
        let adjustment = self
            .adjustment(state)
            .map_err(|problem| Error::inference(format!("policy {problem}")).because(problem))?;
        Ok(state.analytic_need * (1.0 + adjustment))
    }

    fn source(&self) -> Source {
        Source::PolicyNetwork
    }
}
