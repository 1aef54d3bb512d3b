//! How large a network may be, and how much it may compute. The inference library computes what is constant while it loads a
//! file, with as much memory and time as the file asks for; so sizes are inferred and compared with these limits before
//! anything is computed.

use super::{brief, work};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::fmt::Display;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// Most operators of a network. The library's time to compile it grows with their square: what is allowed takes it seconds.
const MAX_OPERATORS: usize = 1_000;
/// Most recurrent layers, which take it longer than others.
const MAX_RECURRENT: usize = 32;
/// Most inputs and outputs of all operators together.
const MAX_LINKS: usize = 8_192;
/// Most tensors that the file holds.
const MAX_CONSTANTS: usize = 8_192;
/// Most operators after those that stand for several are taken apart, those of recurrent layers included.
const MAX_PARTS: usize = 4_000;
/// Most dimensions of a tensor.
const MAX_RANK: usize = 16;
/// Most numbers of one tensor.
const MAX_ELEMENTS: usize = 1 << 24;
/// Most numbers of all tensors together.
const MAX_TOTAL_ELEMENTS: usize = 1 << 27;
const RECURRENT: [&str; 3] = ["GRU", "LSTM", "RNN"];
/// Operators whose size the library's rules misjudge: they take numbers of more than 32 bits for others.
const UNRULY: [&str; 1] = ["Pad"];

/// Checks what a file says before the library builds a graph from it, and takes names of dimensions away: they are
/// expressions that the library would parse, and the sizes that count come from the caller.
///
/// # Errors
/// Too many operators, recurrent layers, links or constants, or an operator with a graph of its own (`If`, `Loop`, `Scan`) or defined in the file.
pub(super) fn check_file(name: &str, file: &mut ModelProto) -> Result<()> {
    let refused = |what: String| Err(Error::bundle(format!("{name}: {what}")));
    if !file.functions.is_empty() {
        return refused(format!("file defines {} operators, expected none", file.functions.len()));
    }
    let Some(graph) = file.graph.as_mut() else { return Ok(()) };
    let recurrent = graph.node.iter().filter(|node| RECURRENT.contains(&node.op_type.as_str())).count();
    let links = graph.node.iter().map(|node| node.input.len() + node.output.len()).sum();
    let counted = [
        (graph.node.len(), "operators", MAX_OPERATORS),
        (recurrent, "recurrent layers", MAX_RECURRENT),
        (links, "inputs and outputs of operators", MAX_LINKS),
        (graph.initializer.len() + graph.sparse_initializer.len(), "constants", MAX_CONSTANTS),
    ];
    for (found, what, most) in counted {
        if found > most {
            return refused(format!("graph has {found} {what}, expected at most {most}"));
        }
    }
    for node in &graph.node {
        if node.attribute.iter().any(|given| given.g.is_some() || !given.graphs.is_empty()) {
            return refused(format!(
                "operator {} has a graph of its own, expected operators without",
                brief(&node.op_type)
            ));
        }
    }
    let GraphProto { input, output, value_info, .. } = graph;
    input.iter_mut().chain(output).chain(value_info).for_each(forget_dimension_names);
    Ok(())
}

fn forget_dimension_names(tensor: &mut ValueInfoProto) {
    let kind = tensor.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    let Some(Kind::TensorType(tensor)) = kind else { return };
    for dimension in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
        if matches!(dimension.value, Some(Size::DimParam(_))) {
            dimension.value = None;
        }
    }
}

/// Infers the types and shapes of a graph as the library does, but checks the size of what an operator gives before the
/// library may compute it.
///
/// # Errors
/// A tensor, or all of them together, beyond the limits; or what the library says against the graph.
pub(super) fn analyse(name: &str, model: &mut InferenceModel) -> Result<()> {
    let refused = |detail: &dyn Display| Error::bundle(format!("{name}: not a usable ONNX file: {detail}"));
    let mut waiting: BTreeSet<usize> = (0..model.nodes.len()).collect();
    let mut of_constants = 0.0;
    while let Some(node) = waiting.pop_first() {
        of_constants += check_answers(name, model, node)?;
        check_work(name, "its constants take", of_constants)?;
        let changed = refine(model, node).map_err(|error| refused(&brief(error)))?;
        for outlet in changed {
            let readers = model.outlet_successors(outlet).iter().map(|reader| reader.node);
            waiting.extend(readers.chain([outlet.node]).filter(|touched| *touched != node));
        }
    }
    let tensors = model.nodes.iter().flat_map(|node| &node.outputs);
    let total = tensors.fold(0, |sum: usize, tensor| sum.saturating_add(elements(&tensor.fact)));
    if total > MAX_TOTAL_ELEMENTS {
        return Err(Error::bundle(format!(
            "{name}: tensors hold {total} numbers together, expected at most {MAX_TOTAL_ELEMENTS}"
        )));
    }
    Ok(())
}

/// Checks the multiplications of one run of a graph whose shapes are all known, for each of its rows.
///
/// # Errors
/// There are too many, or the library says something against the graph.
pub(super) fn check_run(name: &str, model: &TypedModel, rows: usize) -> Result<()> {
    let run = work::of_run(model)
        .map_err(|error| Error::bundle(format!("{name}: not a usable ONNX file: {}", brief(error))))?;
    check_work(name, "a run takes", run / rows.max(1) as f64)
}

fn check_work(name: &str, what: &str, found: f64) -> Result<()> {
    if found <= work::MOST {
        return Ok(());
    }
    Err(Error::bundle(format!(
        "{name}: {what} up to {found:.1e} multiplications, expected at most {:.1e}",
        work::MOST
    )))
}

/// Compares what an operator is going to give with the limits, by the rules for its shapes alone; returns the work that it is
/// for the library if all that it takes is constant.
fn check_answers(name: &str, model: &InferenceModel, node: usize) -> Result<f64> {
    let Some(asked) = model.nodes.get(node) else { return Ok(0.0) };
    let Ok((inputs, outputs, observed)) = facts(model, node) else { return Ok(0.0) };
    let constant = !inputs.is_empty() && inputs.iter().all(|input| input.value.is_concrete());
    if constant && UNRULY.contains(&asked.op.name().as_ref()) {
        return Err(Error::bundle(format!(
            "{name}: operator {} of node `{}` has constant inputs alone, expected one that is computed",
            brief(asked.op.name()),
            brief(&asked.name)
        )));
    }
    let mut operator = asked.op.clone();
    // what is wrong with the operator is told when it is refined
    let Ok((_, answers, _)) = operator.infer_facts(
        inputs.iter().collect(),
        outputs.iter().collect(),
        observed.iter().map(|(_, fact)| fact).collect(),
    ) else {
        return Ok(0.0);
    };
    for answer in &answers {
        let (count, rank) = (elements(answer), answer.shape.rank().concretize().unwrap_or(0));
        if count > MAX_ELEMENTS || rank > MAX_RANK as i64 {
            return Err(Error::bundle(format!(
                "{name}: operator {} of node `{}` gives {count} numbers in {rank} dimensions, expected at most \
                 {MAX_ELEMENTS} in {MAX_RANK}",
                brief(asked.op.name()),
                brief(&asked.name)
            )));
        }
    }
    Ok(if constant { work::of_constants(asked.op.name().as_ref(), &inputs, &answers) } else { 0.0 })
}

/// Checks the operators and tensors of a graph whose shapes are all known.
///
/// # Errors
/// Too many operators, or a tensor beyond the limits.
pub(super) fn check_tensors(name: &str, model: &TypedModel) -> Result<()> {
    let parts = parts_of(model);
    if parts > MAX_PARTS {
        return Err(Error::bundle(format!(
            "{name}: operators have {parts} parts together, expected at most {MAX_PARTS}"
        )));
    }
    for node in &model.nodes {
        for fact in node.outputs.iter().map(|output| &output.fact) {
            let sizes = fact.shape.iter().filter_map(|size| size.to_usize().ok());
            let count = sizes.fold(1, usize::saturating_mul);
            if count > MAX_ELEMENTS {
                return Err(Error::bundle(format!(
                    "{name}: operator {} of node `{}` gives {count} numbers, expected at most {MAX_ELEMENTS}",
                    brief(node.op.name()),
                    brief(&node.name)
                )));
            }
        }
    }
    Ok(())
}

fn parts_of(model: &TypedModel) -> usize {
    let inner = |node: &TypedNode| node.op_as::<Scan>().map_or(0, |scan| parts_of(&scan.body));
    model.nodes.iter().map(|node| 1 + inner(node)).sum()
}

type Facts = TVec<InferenceFact>;
/// What is known of a node's inputs and outputs, and of the tensors elsewhere that it looks at.
type Known = (Facts, Facts, TVec<(OutletId, InferenceFact)>);

fn facts(model: &InferenceModel, node: usize) -> TractResult<Known> {
    let (inputs, outputs) = model.node_facts(node)?;
    let asked = model.node(node);
    let observed = asked.op.observe_outlets(model, asked)?;
    let observed = observed
        .into_iter()
        .map(|outlet| Ok((outlet, model.outlet_fact(outlet)?.clone())))
        .collect::<TractResult<_>>()?;
    Ok((inputs.into_iter().cloned().collect(), outputs.into_iter().cloned().collect(), observed))
}

/// One step of the inference: the outlets about which more is known than before.
fn refine(model: &mut InferenceModel, node: usize) -> TractResult<Vec<OutletId>> {
    let (inputs, outputs, observed) = facts(model, node)?;
    let (inputs, outputs, seen) = model.node_mut(node).op.infer(
        inputs.iter().collect(),
        outputs.iter().collect(),
        observed.iter().map(|(_, fact)| fact).collect(),
    )?;
    let given = (0..outputs.len()).map(|slot| OutletId::new(node, slot));
    let outlets: Vec<OutletId> = (model.node(node).inputs.iter().copied())
        .chain(given)
        .chain(observed.iter().map(|(outlet, _)| *outlet))
        .collect();
    let mut changed = Vec::new();
    for (outlet, found) in outlets.into_iter().zip(inputs.iter().chain(&outputs).chain(&seen)) {
        let known = model.outlet_fact(outlet)?;
        let unified = found.unify(known)?;
        if unified != *known {
            model.set_outlet_fact(outlet, unified)?;
            changed.push(outlet);
        }
    }
    Ok(changed)
}

/// Numbers of a tensor, as far as its dimensions are known.
fn elements(fact: &InferenceFact) -> usize {
    let sizes = fact.shape.dims().filter_map(|size| size.concretize().and_then(|size| size.to_usize().ok()));
    sizes.fold(1, usize::saturating_mul)
}
