//! What runs beside the rules: sessions of the networks, or what the host put in their places.

use crate::bundle::ModelBundle;
use crate::config::Config;
use crate::error::Result;
use crate::forecaster::{ForecastSource, ForecasterNetwork};
use crate::lifecycle::Model;
use crate::policy::{PolicyNetwork, PolicySource};

/// The sessions of both networks, or what the host put in their places. Sessions keep nothing from one run to the next, so
/// pools can take turns with them.
#[derive(Debug)]
pub(crate) struct Networks {
    pub(crate) forecaster: Box<dyn ForecastSource>,
    pub(crate) policy: Box<dyn PolicySource>,
    pub(crate) model: Model,
    bundle: ModelBundle,
    /// Those that run in the shadow.
    second: Option<Box<Networks>>,
}

impl Networks {
    pub(crate) fn new(bundle: &ModelBundle) -> Self {
        Self {
            forecaster: Box::new(ForecasterNetwork::new(bundle)),
            policy: Box::new(PolicyNetwork::new(bundle)),
            model: Model { name: bundle.identity(), digest: bundle.digest() },
            bundle: bundle.clone(),
            second: None,
        }
    }

    /// Of a bundle, or of the bundled one; none where the configuration does without.
    pub(crate) fn for_config(config: &Config, bundle: Option<ModelBundle>) -> Result<Option<Self>> {
        config.check()?;
        if !config.use_networks {
            return Ok(None);
        }
        let bundle = bundle.map_or_else(ModelBundle::bundled, Ok)?;
        bundle.check_signer(config)?;
        Ok(Some(Self::new(&bundle)))
    }

    /// Refuses bundles that are not signed as the configuration asks for: of these networks, and of those in the shadow, which may
    /// come back.
    pub(crate) fn check_signers(&self, config: &Config) -> Result<()> {
        self.bundle.check_signer(config)?;
        self.second.as_ref().map_or(Ok(()), |second| second.check_signers(config))
    }

    /// Returns the bundle that the networks came from.
    pub(crate) fn bundle(&self) -> &ModelBundle {
        &self.bundle
    }

    /// Returns both.
    pub(crate) fn split(&mut self) -> (&mut (dyn ForecastSource + 'static), &mut dyn PolicySource) {
        (self.forecaster.as_mut(), self.policy.as_mut())
    }

    /// Returns those that run in the shadow.
    pub(crate) fn second_mut(&mut self) -> Option<&mut Self> {
        self.second.as_deref_mut()
    }

    /// Reports whether others run in the shadow.
    pub(crate) fn has_second(&self) -> bool {
        self.second.is_some()
    }

    /// Puts others into the shadow, or none; returns those before.
    pub(crate) fn put_beside(&mut self, second: Option<Self>) -> Option<Self> {
        std::mem::replace(&mut self.second, second.map(Box::new)).map(|before| *before)
    }

    /// Changes places with those in the shadow.
    pub(crate) fn swap(&mut self) {
        if let Some(mut other) = self.second.take() {
            std::mem::swap(self, &mut other);
            self.second = Some(other);
        }
    }
}
