//! A build without the feature `networks`: there is no network, and who loads one is told so.

use super::spec::TensorSpec;
use crate::error::{Error, Result};

/// A network, of which there is none.
#[derive(Clone, Debug)]
pub(crate) enum Network {}

impl Network {
    /// # Errors
    /// Always.
    pub(crate) fn load(name: &str, _: &[u8], inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Result<Self> {
        inputs.iter().chain(outputs).try_for_each(|spec| spec.check(name))?;
        Err(Error::bundle(format!(
            "{name}: this build runs no networks; build evscale-core with its feature `networks`, or set `use_networks` to false"
        )))
    }

    pub(crate) fn in_batches(&self, _: usize) -> Result<Self> {
        match *self {}
    }
}

/// What would run a network.
#[derive(Clone, Debug)]
pub(crate) struct Session(Network);

impl Session {
    pub(crate) fn new(network: &Network) -> Self {
        Self(network.clone())
    }

    pub(crate) fn run(&mut self, _: &[&[f32]], _: &mut [&mut [f32]]) -> Result<()> {
        match self.0 {}
    }
}
