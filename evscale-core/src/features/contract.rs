//! What a bundle must declare to fit the features of this build.

use crate::inference::TensorSpec;

/// What one network must have been made for: the features that this build computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NetworkContract {
    /// Hash of the features' names, order and meaning, in hexadecimal digits.
    pub(crate) feature_schema: String,
    /// Inputs in the order in which they are given to the network.
    pub(crate) inputs: Vec<TensorSpec>,
    /// Outputs in the order in which they are read.
    pub(crate) outputs: Vec<TensorSpec>,
}

/// What the networks of a bundle must have been made for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    /// The event-volume forecaster.
    pub(crate) forecaster: NetworkContract,
    /// The job-allocation policy.
    pub(crate) policy: NetworkContract,
}
