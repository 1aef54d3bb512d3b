use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most numbers that one tensor may hold.
const MAX_ELEMENTS: usize = 1 << 22;

/// Name and shape of one input or output of a network, without the batch dimension.
///
/// Values are `f32` in row-major order. An empty shape is a single number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TensorSpec {
    /// Name in the ONNX file.
    pub name: String,
    /// Sizes of all dimensions but the first, each at least 1.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Numbers in one row of the tensor.
    pub(crate) fn elements(&self) -> usize {
        self.shape.iter().fold(1, |product, size| product.saturating_mul(*size))
    }

    /// The shape with a batch of so many rows.
    #[cfg(feature = "networks")]
    pub(crate) fn batch_shape(&self, rows: usize) -> Vec<usize> {
        std::iter::once(rows).chain(self.shape.iter().copied()).collect()
    }

    /// # Errors
    /// The name is empty, or the tensor holds nothing or more than fits; `file` is named in the message.
    pub(crate) fn check(&self, file: &str) -> Result<()> {
        let elements = self.elements();
        if self.name.is_empty() || !(1..=MAX_ELEMENTS).contains(&elements) {
            return Err(Error::bundle(format!(
                "{file}: tensor {self} holds {elements} numbers, expected a name and 1 to {MAX_ELEMENTS} numbers"
            )));
        }
        Ok(())
    }
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {:?}", self.name, self.shape)
    }
}
