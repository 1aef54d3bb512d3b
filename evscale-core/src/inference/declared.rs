//! What an ONNX file says of its own inputs and outputs, compared with what the caller expects.

use super::spec::TensorSpec;
use crate::error::{Error, Result};
use std::fmt;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{GraphProto, ValueInfoProto};

/// Input or output, for messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Output,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// Checks the declared tensors of one side; returns for each expected tensor its position in the file.
///
/// The order may differ. A dimension without a fixed size fits every expected size, the batch included.
/// Shapes are compared for inputs only: those of outputs follow from the graph.
pub(super) fn positions(
    file: &str,
    side: Side,
    graph: &GraphProto,
    expected: &[TensorSpec],
) -> Result<Vec<usize>> {
    let declared: Vec<&ValueInfoProto> = match side {
        Side::Input => graph.input.iter().filter(|input| !is_initializer(graph, &input.name)).collect(),
        Side::Output => graph.output.iter().collect(),
    };
    let fits = declared.len() == expected.len()
        && declared.iter().all(|found| expected.iter().any(|spec| spec.name == found.name));
    if !fits {
        let found: Vec<&str> = declared.iter().map(|found| found.name.as_str()).collect();
        let names: Vec<&str> = expected.iter().map(|spec| spec.name.as_str()).collect();
        return Err(Error::bundle(format!("{file}: {side}s are {found:?}, expected {names:?}")));
    }
    expected
        .iter()
        .map(|spec| {
            let position = declared.iter().position(|found| found.name == spec.name);
            let position = position.ok_or_else(|| {
                Error::bundle(format!("{file}: {side} `{}` is missing from the file", spec.name))
            })?;
            if let Some(found) = declared.get(position) {
                check_tensor(file, side, found, spec)?;
            }
            Ok(position)
        })
        .collect()
}

/// Files of old IR versions list their weights among the inputs.
fn is_initializer(graph: &GraphProto, name: &str) -> bool {
    graph.initializer.iter().any(|weights| weights.name == name)
}

fn check_tensor(file: &str, side: Side, found: &ValueInfoProto, spec: &TensorSpec) -> Result<()> {
    let kind = found.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let Some(Kind::TensorType(tensor)) = kind else {
        return Err(Error::bundle(format!("{file}: {side} `{}` has no type, expected f32", spec.name)));
    };
    if tensor.elem_type != DataType::Float as i32 {
        let found = DataType::try_from(tensor.elem_type).map_or("unknown", |kind| kind.as_str_name());
        return Err(Error::bundle(format!(
            "{file}: {side} `{}` is of type {found}, expected FLOAT",
            spec.name
        )));
    }
    let Some(shape) = tensor.shape.as_ref().filter(|_| side == Side::Input) else { return Ok(()) };
    let sizes: Vec<Option<i64>> = shape
        .dim
        .iter()
        .map(|dim| match dim.value {
            Some(Size::DimValue(size)) => Some(size),
            _ => None,
        })
        .collect();
    let wanted = spec.batch_shape(1);
    let fits = sizes.len() == wanted.len()
        && sizes.iter().zip(&wanted).all(|(size, want)| {
            size.is_none_or(|size| usize::try_from(size).is_ok_and(|size| size == *want))
        });
    if fits {
        return Ok(());
    }
    let found: Vec<String> =
        sizes.iter().map(|size| size.map_or_else(|| "any".to_string(), |size| size.to_string())).collect();
    Err(Error::bundle(format!(
        "{file}: {side} `{}` has shape [{}], expected {wanted:?}",
        spec.name,
        found.join(", ")
    )))
}
