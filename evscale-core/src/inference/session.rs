use super::network::{Network, alone};
use super::spec::TensorSpec;
use super::{brief, caught};
use crate::error::{Error, Result};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tract_onnx::prelude::*;

/// One user's way to run a [`Network`]. Nothing of one run is visible in the next.
pub(crate) struct Session {
    network: Network,
    /// Reused from run to run. The mutex is never locked: it makes the session `Sync`, which a state is not.
    state: Mutex<Option<TypedSimpleState>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Clone for Session {
    /// A session of the same network.
    fn clone(&self) -> Self {
        Self::new(&self.network)
    }
}

impl Session {
    /// Returns a session that has run nothing yet.
    pub(crate) fn new(network: &Network) -> Self {
        Self { network: network.clone(), state: Mutex::new(None) }
    }

    /// The network that this session runs.
    #[cfg(test)]
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Runs the rows that the network is compiled for: `inputs` and `outputs` in the order and with the sizes of its
    /// tensors, row after row.
    ///
    /// # Errors
    /// [`ErrorKind::Inference`](crate::ErrorKind::Inference): a wrong number or size of tensors, an input or an
    /// output that is not finite, an error or a panic of the inference library. `outputs` is left untouched,
    /// and the session can be used again.
    pub(crate) fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<()> {
        let name = self.network.name();
        let rows = self.network.rows();
        check_sizes(name, "inputs", rows, self.network.inputs(), inputs.iter().map(|row| row.len()))?;
        check_sizes(name, "outputs", rows, self.network.outputs(), outputs.iter().map(|row| row.len()))?;
        for (spec, row) in self.network.inputs().iter().zip(inputs) {
            check_finite(name, "input", spec, row)?;
        }
        let answers = self.answers(inputs)?;
        let name = self.network.name();
        let failed = |error: TractError| Error::inference(format!("{name}: {}", brief(error)));
        for (spec, answer) in self.network.outputs().iter().zip(&answers) {
            let row = answer.try_as_plain_ram().and_then(|view| view.as_slice::<f32>()).map_err(failed)?;
            check_finite(name, "output", spec, row)?;
            if row.len() != rows * spec.elements() {
                return Err(Error::inference(format!(
                    "{name}: output {spec} has {} numbers, expected {}",
                    row.len(),
                    rows * spec.elements()
                )));
            }
        }
        for (answer, out) in answers.iter().zip(outputs) {
            let row = answer.try_as_plain_ram().and_then(|view| view.as_slice::<f32>()).map_err(failed)?;
            out.copy_from_slice(row);
        }
        Ok(())
    }

    fn answers(&mut self, inputs: &[&[f32]]) -> Result<TVec<TValue>> {
        // Taken out, so that a state in which a run failed or panicked is dropped.
        let kept = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let state = kept.take();
        let network = &self.network;
        let ran = caught(|| -> TractResult<(TVec<TValue>, TypedSimpleState)> {
            let mut state = match state {
                Some(state) => state,
                None => network.plan().spawn()?,
            };
            let mut row = tvec!();
            for (spec, values) in network.inputs().iter().zip(inputs) {
                row.push(Tensor::from_shape(&spec.batch_shape(network.rows()), values)?.into_tvalue());
            }
            Ok((alone(|| state.run(row))?, state))
        });
        match ran {
            Ok(Ok((answers, state))) => {
                *kept = Some(state);
                Ok(answers)
            }
            Ok(Err(error)) => Err(Error::inference(format!("{}: {}", network.name(), brief(error)))),
            Err(panic) => {
                Err(Error::inference(format!("{}: the inference library panicked: {panic}", network.name())))
            }
        }
    }
}

fn check_sizes(
    file: &str,
    side: &str,
    rows: usize,
    specs: &[TensorSpec],
    sizes: impl ExactSizeIterator<Item = usize> + Clone,
) -> Result<()> {
    let wanted = specs.iter().map(|spec| rows * spec.elements());
    if sizes.clone().eq(wanted.clone()) {
        return Ok(());
    }
    let (found, wanted): (Vec<usize>, Vec<usize>) = (sizes.collect(), wanted.collect());
    Err(Error::inference(format!("{file}: {side} have {found:?} numbers, expected {wanted:?}")))
}

fn check_finite(file: &str, side: &str, spec: &TensorSpec, row: &[f32]) -> Result<()> {
    match row.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::inference(format!(
            "{file}: {side} {spec} is {} at position {index}, expected a finite number",
            row.get(index).copied().unwrap_or(f32::NAN)
        ))),
    }
}
