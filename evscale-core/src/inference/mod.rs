//! Network inference. The only place that knows tract.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::{SimplePlan, SimpleState};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_core::ops::scan::Scan;

/// Largest network file that is read, bytes.
const FILE_LIMIT: usize = 32 * 1024 * 1024;

type Plan = SimplePlan<TypedFact, Box<dyn TypedOp>>;
type State = SimpleState<TypedFact, Box<dyn TypedOp>>;

/// Name and shape of a tensor, without the batch dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TensorSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

impl TensorSpec {
    fn batch_of_one(&self) -> TVec<usize> {
        std::iter::once(1).chain(self.shape.iter().copied()).collect()
    }
}

/// A checked, optimised network; immutable and shared by any number of threads.
#[derive(Clone)]
pub(crate) struct Network {
    plan: Arc<Plan>,
    /// Length and shape of each input, in the order of the specification.
    inputs: Vec<(usize, TVec<usize>)>,
    /// Position in the graph of each input of the specification.
    input_positions: Vec<usize>,
    output_positions: Vec<usize>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl Network {
    /// Reads an ONNX file and checks its tensors against what this build computes.
    ///
    /// # Errors
    /// The file is too large, is not ONNX, or its inputs and outputs differ in name or shape.
    pub(crate) fn load(file: &str, onnx: &[u8], inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Result<Self> {
        if onnx.len() > FILE_LIMIT {
            return Err(Error::bundle(format!(
                "`{file}` is {} bytes long, expected at most {FILE_LIMIT}",
                onnx.len()
            )));
        }
        catch_unwind(AssertUnwindSafe(|| Self::read(file, onnx, inputs, outputs)))
            .unwrap_or_else(|_| Err(Error::bundle(format!("`{file}` cannot be read as an ONNX network"))))
    }

    fn read(file: &str, mut onnx: &[u8], inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Result<Self> {
        let broken = |problem: TractError| Error::bundle(format!("`{file}` cannot be read: {problem}"));
        let mut model = onnx_reader().model_for_read(&mut onnx).map_err(broken)?;
        let names = |outlets: &[OutletId], model: &InferenceModel, ours: bool| -> Vec<String> {
            outlets
                .iter()
                .map(|outlet| {
                    let label = model.outlet_label(*outlet).filter(|_| !ours);
                    label.map_or_else(|| model.node(outlet.node).name.clone(), str::to_owned)
                })
                .collect()
        };
        let input_names = names(model.input_outlets().map_err(broken)?, &model, true);
        let output_names = names(model.output_outlets().map_err(broken)?, &model, false);
        let input_positions = positions(file, "input", &input_names, inputs)?;
        let output_positions = positions(file, "output", &output_names, outputs)?;
        for (spec, position) in inputs.iter().zip(&input_positions) {
            let given = model.input_fact(*position).map_err(broken)?.shape.clone();
            let given: Vec<Option<i64>> = given
                .dims()
                .map(|dim| dim.concretize().and_then(|dim| dim.to_i64().ok()))
                .collect();
            let wanted = spec.batch_of_one();
            let fits = given.len() == wanted.len()
                && given.iter().zip(&wanted).all(|(g, w)| g.is_none_or(|g| g == *w as i64));
            if !fits {
                return Err(shape_error(file, "input", &spec.name, &format!("{given:?}"), &wanted));
            }
            model.set_input_fact(*position, f32::fact(&wanted).into()).map_err(broken)?;
        }
        let mut typed = model.into_typed().map_err(broken)?.into_decluttered().map_err(broken)?;
        forget_between_runs(&mut typed);
        for (spec, position) in outputs.iter().zip(&output_positions) {
            let fact = typed.output_fact(*position).map_err(broken)?;
            let wanted = spec.batch_of_one();
            if fact.shape.as_concrete() != Some(wanted.as_slice()) || fact.datum_type != DatumType::F32 {
                return Err(shape_error(file, "output", &spec.name, &format!("{:?}", fact.shape), &wanted));
            }
        }
        let plan = SimplePlan::new(typed.into_optimized().map_err(broken)?).map_err(broken)?;
        let inputs = inputs.iter().map(|spec| (spec.shape.iter().product(), spec.batch_of_one())).collect();
        Ok(Self { plan, inputs, input_positions, output_positions })
    }

    /// A session to run the network with; one per user.
    pub(crate) fn session(&self) -> Session {
        Session { network: self.clone(), state: Mutex::new(None) }
    }
}

/// tract carries the state of a recurrent operator over to the next run unless told otherwise.
fn forget_between_runs(model: &mut TypedModel) {
    for node in &mut model.nodes {
        if let Some(scan) = node.op_as_mut::<Scan>() {
            scan.reset_every_turn = true;
        }
    }
}

fn onnx_reader() -> tract_onnx::Onnx {
    tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true)
}

fn positions(file: &str, kind: &str, found: &[String], wanted: &[TensorSpec]) -> Result<Vec<usize>> {
    let names: Vec<&str> = wanted.iter().map(|spec| spec.name.as_str()).collect();
    let positions: Option<Vec<usize>> =
        names.iter().map(|name| found.iter().position(|f| f == name)).collect();
    match positions {
        Some(positions) if found.len() == wanted.len() => Ok(positions),
        _ => Err(Error::bundle(format!("`{file}` has the {kind}s {found:?}, expected {names:?}"))),
    }
}

fn shape_error(file: &str, kind: &str, name: &str, found: &str, wanted: &[usize]) -> Error {
    Error::bundle(format!("{kind} `{name}` of `{file}` has the shape {found}, expected {wanted:?}"))
}

/// Runs a network; equal inputs give equal bits on every run.
pub(crate) struct Session {
    network: Network,
    /// Reused from run to run; behind a mutex, never locked, because tract's state is not `Sync`.
    state: Mutex<Option<State>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Runs the network on one row per input, in the order of the specification, and fills `outputs`.
    ///
    /// # Errors
    /// A length that does not fit, a failure or panic inside the engine, or an answer that is not finite.
    pub(crate) fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<()> {
        let kept = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let state = kept.take();
        let network = &self.network;
        let ran = catch_unwind(AssertUnwindSafe(|| network.run(state, inputs, outputs)));
        let state = ran.unwrap_or_else(|_| Err(Error::inference("network panicked")))?;
        *kept = Some(state);
        Ok(())
    }
}

impl Network {
    fn run(&self, state: Option<State>, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<State> {
        let failed = |problem: TractError| Error::inference(format!("network failed: {problem}"));
        if inputs.len() != self.inputs.len() || outputs.len() != self.output_positions.len() {
            return Err(Error::inference(format!(
                "network got {} inputs and {} outputs, expected {} and {}",
                inputs.len(),
                outputs.len(),
                self.inputs.len(),
                self.output_positions.len()
            )));
        }
        let mut state = match state {
            Some(state) => state,
            None => SimpleState::new(&self.plan).map_err(failed)?,
        };
        for ((values, (length, shape)), position) in inputs.iter().zip(&self.inputs).zip(&self.input_positions) {
            if values.len() != *length {
                return Err(Error::inference(format!(
                    "network input has {} values, expected {length}",
                    values.len()
                )));
            }
            let tensor = Tensor::from_shape(shape, values).map_err(failed)?;
            state.set_input(*position, tensor.into_tvalue()).map_err(failed)?;
        }
        state.exec().map_err(failed)?;
        let answers = state.outputs().map_err(failed)?;
        state.reset_turn().map_err(failed)?;
        for (out, position) in outputs.iter_mut().zip(&self.output_positions) {
            let answer = answers.get(*position).ok_or_else(|| Error::inference("network gave no answer"))?;
            let view = answer.to_plain_array_view::<f32>().map_err(failed)?;
            if view.len() != out.len() {
                return Err(Error::inference(format!(
                    "network answered {} values, expected {}",
                    view.len(),
                    out.len()
                )));
            }
            for (cell, value) in out.iter_mut().zip(view.iter()) {
                if !value.is_finite() {
                    return Err(Error::inference(format!("network answered {value}, expected a finite number")));
                }
                *cell = *value;
            }
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests;
