use super::declared::{Side, positions};
use super::spec::TensorSpec;
use super::{brief, caught, limits};
use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::gru_seq::GruSeq;
use tract_onnx::tract_core::ops::scan::{OptScan, Scan};
use tract_onnx::tract_core::tract_linalg::multithread::{Executor, multithread_tract_scope};

/// Largest ONNX file that is read, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// A network compiled for a fixed number of rows; immutable and shared freely between threads.
#[derive(Clone)]
pub(crate) struct Network {
    name: String,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    rows: usize,
    onnx: Arc<[u8]>,
    plan: Arc<TypedRunnableModel>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.name)
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// Reads and compiles an ONNX file for one row; `name` stands for the file in messages.
    ///
    /// Tensors are matched by name, so the file may list them in another order; sessions take and give
    /// them in the order of `inputs` and `outputs`. Weights in further files are refused.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidBundle`](crate::ErrorKind::InvalidBundle): not ONNX, over 32 MiB, damaged,
    /// beyond the limits on operators and tensors, or a name, type or shape other than expected.
    pub(crate) fn load(
        name: &str,
        onnx: &[u8],
        inputs: &[TensorSpec],
        outputs: &[TensorSpec],
    ) -> Result<Self> {
        if onnx.len() > MAX_BYTES {
            return Err(Error::bundle(format!(
                "{name}: file has {} bytes, expected at most {MAX_BYTES}",
                onnx.len()
            )));
        }
        for spec in inputs.iter().chain(outputs) {
            spec.check(name)?;
        }
        let plan = compile(name, onnx, inputs, outputs, 1)?;
        Ok(Self {
            name: name.to_string(),
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            rows: 1,
            onnx: onnx.into(),
            plan,
        })
    }

    /// The same network compiled for a batch of `rows`.
    ///
    /// # Errors
    /// The file computes something that cannot have this batch.
    pub(crate) fn in_batches(&self, rows: usize) -> Result<Self> {
        let plan = compile(&self.name, &self.onnx, &self.inputs, &self.outputs, rows)?;
        Ok(Self { rows, plan, ..self.clone() })
    }

    /// Name of the file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Inputs in the order in which sessions take them.
    pub(crate) fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    /// Outputs in the order in which sessions give them.
    pub(crate) fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    /// Rows of a run.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn plan(&self) -> &Arc<TypedRunnableModel> {
        &self.plan
    }
}

/// Runs `work`, which calls the inference library, by this thread alone. The library asks a setting of its own for all threads
/// otherwise, behind a lock for which a process would wait for ever that was forked while another thread held it.
pub(super) fn alone<T>(work: impl FnOnce() -> T) -> T {
    multithread_tract_scope(Executor::SingleThread, work)
}

fn compile(
    name: &str,
    onnx: &[u8],
    inputs: &[TensorSpec],
    outputs: &[TensorSpec],
    rows: usize,
) -> Result<Arc<TypedRunnableModel>> {
    caught(|| alone(|| compiled(name, onnx, inputs, outputs, rows))).unwrap_or_else(|panic| {
        Err(Error::bundle(format!("{name}: the inference library panicked while loading it: {panic}")))
    })
}

fn compiled(
    name: &str,
    mut onnx: &[u8],
    inputs: &[TensorSpec],
    outputs: &[TensorSpec],
    rows: usize,
) -> Result<Arc<TypedRunnableModel>> {
    let refused =
        |error: TractError| Error::bundle(format!("{name}: not a usable ONNX file: {}", brief(error)));

    // Shapes written into the file for inner tensors and outputs can carry a symbolic batch that
    // contradicts the fixed one; the library derives them itself.
    let reader = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
    let mut file = reader.proto_model_for_read(&mut onnx).map_err(refused)?;
    limits::check_file(name, &mut file)?;
    let Some(graph) = file.graph.as_ref() else {
        return Err(Error::bundle(format!("{name}: not a usable ONNX file: it holds no graph")));
    };
    positions(name, Side::Input, graph, inputs)?;
    let output_positions = positions(name, Side::Output, graph, outputs)?;

    let mut model = reader.model_for_proto_model(&file).map_err(refused)?;
    model.set_input_names(inputs.iter().map(|spec| spec.name.as_str())).map_err(refused)?;
    for (index, spec) in inputs.iter().enumerate() {
        model.set_input_fact(index, f32::fact(spec.batch_shape(rows)).into()).map_err(refused)?;
    }
    let outlets = model.output_outlets().map_err(refused)?;
    let selected: Vec<OutletId> =
        output_positions.iter().filter_map(|position| outlets.get(*position).copied()).collect();
    model.select_output_outlets(&selected).map_err(refused)?;

    limits::analyse(name, &mut model)?;
    let mut model = model.into_typed().map_err(refused)?;
    limits::check_tensors(name, &model)?;
    limits::check_run(name, &model, rows)?;
    start_every_run_anew(&mut model);
    let mut model = model.into_decluttered().map_err(refused)?;
    start_every_run_anew(&mut model);
    let model = model.into_optimized().map_err(refused)?;
    for (index, spec) in outputs.iter().enumerate() {
        check_output(name, model.output_fact(index).map_err(refused)?, spec, rows)?;
    }
    let plan = model.into_runnable().map_err(refused)?;
    match keeper_of_state(&plan).map_err(refused)? {
        None => Ok(plan),
        Some(operator) => Err(Error::bundle(format!(
            "{name}: operator {operator} keeps a state between runs, expected operators whose answers depend \
             on their inputs alone"
        ))),
    }
}

/// Recurrent layers begin from the initial state written in the file on every run.
///
/// The importer leaves them carrying their state from one run into the next, against the ONNX contract.
fn start_every_run_anew(model: &mut TypedModel) {
    for node in &mut model.nodes {
        if let Some(scan) = node.op_as_mut::<Scan>() {
            scan.reset_every_turn = true;
            start_every_run_anew(&mut scan.body);
        } else if let Some(gru) = node.op_as_mut::<GruSeq>() {
            gru.reset_every_turn = true;
        }
    }
}

/// The first operator whose answer could depend on earlier runs: random numbers, or a carried state.
fn keeper_of_state(plan: &Arc<TypedRunnableModel>) -> TractResult<Option<String>> {
    let state = plan.spawn()?;
    for (node, _) in plan.model().nodes.iter().zip(&state.op_states).filter(|(_, state)| state.is_some()) {
        let anew = if let Some(scan) = node.op_as::<OptScan>() {
            if let Some(inner) = keeper_of_state(&scan.plan)? {
                return Ok(Some(inner));
            }
            scan.reset_every_turn && scan.skip == 0
        } else {
            node.op_as::<GruSeq>().is_some_and(|gru| gru.reset_every_turn)
        };
        if !anew {
            return Ok(Some(format!("{} of node `{}`", node.op.name(), node.name)));
        }
    }
    Ok(None)
}

fn check_output(file: &str, fact: &TypedFact, spec: &TensorSpec, rows: usize) -> Result<()> {
    let wanted = spec.batch_shape(rows);
    let found = fact.shape.as_concrete();
    if fact.datum_type == f32::datum_type() && found == Some(wanted.as_slice()) {
        return Ok(());
    }
    Err(Error::bundle(format!(
        "{file}: output `{}` is {:?} of shape {:?}, expected F32 of shape {wanted:?}",
        spec.name, fact.datum_type, fact.shape
    )))
}
