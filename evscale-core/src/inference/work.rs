//! How much a network may compute: a bound on its multiplications, so that a file of some hundred bytes does not take hours.
//!
//! The library tells the cost of the operators that dominate real networks. Of others a number that they give may depend on
//! all numbers of their largest input; those in [`LINEAR`] touch each number a few times.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// Most multiplications of a row of one run, and of all constants together.
pub(super) const MOST: f64 = (1u64 << 31) as f64;
/// What it costs to run an operator at all, multiplications.
const PER_OPERATOR: f64 = 4096.0;
/// Operators whose work grows no faster than what they take and give.
const LINEAR: [&str; 70] = [
    "Abs",
    "Add",
    "AddNary",
    "AddDims",
    "And",
    "Cast",
    "CastLike",
    "Ceil",
    "Clip",
    "Concat",
    "Const",
    "ConstantLike",
    "ConstantOfShape",
    "Cos",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "DynTile",
    "Equal",
    "Erf",
    "Exp",
    "EyeLike",
    "Flatten",
    "Floor",
    "Gather",
    "GatherElements",
    "GatherNd",
    "Greater",
    "Identity",
    "If",
    "Iff",
    "InferenceConcat",
    "IntoShape",
    "Less",
    "Ln",
    "Max",
    "MaxNary",
    "Min",
    "MinNary",
    "Mul",
    "MulNary",
    "MultiBroadcastTo",
    "Neg",
    "Not",
    "OneHot",
    "Onehot",
    "Or",
    "Pad",
    "PermuteAxes",
    "Pow",
    "QuantizeLinear",
    "Range",
    "Recip",
    "Reshape",
    "RmDims",
    "Shape",
    "Sigmoid",
    "Sin",
    "Size",
    "Slice",
    "Slice1",
    "Split",
    "Split13",
    "Sqrt",
    "Squeeze13",
    "Sub",
    "Tanh",
    "Tile",
    "Unsqueeze13",
    "onnx.Cast",
];

/// Returns the work of an operator on inputs that are all constant, which the library does while it loads a file.
pub(super) fn of_constants(operator: &str, inputs: &[InferenceFact], answers: &[InferenceFact]) -> f64 {
    let taken: Vec<f64> = inputs.iter().map(numbers).collect();
    let given: f64 = answers.iter().map(numbers).sum();
    PER_OPERATOR + of(LINEAR.contains(&operator), &taken, given)
}

/// Returns the work of one run of a graph whose shapes are known.
pub(super) fn of_run(model: &TypedModel) -> TractResult<f64> {
    model.nodes.iter().map(|node| of_node(model, node)).sum()
}

fn of_node(model: &TypedModel, node: &TypedNode) -> TractResult<f64> {
    let inputs = model.node_input_facts(node.id)?;
    if let Some(scan) = node.op_as::<Scan>() {
        let steps = scan.iteration_count(&inputs).and_then(|steps| steps.to_usize().ok());
        return Ok(steps.unwrap_or(1) as f64 * of_run(&scan.body)?);
    }
    let volume = |fact: &TypedFact| -> f64 {
        fact.shape.iter().map(|size| size.to_usize().map_or(1.0, |size| size as f64)).product()
    };
    let taken: Vec<f64> = inputs.iter().map(|fact| volume(fact)).collect();
    let given: f64 = node.outputs.iter().map(|output| volume(&output.fact)).sum();
    let costs = node.op.cost(&inputs)?;
    let told: f64 = (costs.iter().filter(|(cost, _)| cost.is_compute()))
        .map(|(_, count)| count.to_usize().map_or(0.0, |count| count as f64))
        .sum();
    let each = node.op_is::<ElementWiseOp>() || node.op_is::<TypedBinOp>() || node.op_is::<AxisOp>();
    let linear = told > 0.0 || each || LINEAR.contains(&node.op.name().as_ref());
    Ok(PER_OPERATOR + told + of(linear, &taken, given))
}

fn of(linear: bool, taken: &[f64], given: f64) -> f64 {
    if linear { taken.iter().sum::<f64>() + given } else { taken.iter().copied().fold(1.0, f64::max) * given }
}

/// Numbers of a tensor, as far as its dimensions are known.
fn numbers(fact: &InferenceFact) -> f64 {
    let sizes = fact.shape.dims().filter_map(|size| size.concretize().and_then(|size| size.to_usize().ok()));
    sizes.map(|size| size as f64).product()
}
