//! The networks of one thread: a set for every bundle that acts or runs in the shadow somewhere in the fleet.

use crate::autoscaler::{Autoscaler, Networks};
use crate::bundle::ModelBundle;
use crate::error::Result;
use crate::features::ForecasterInput;
use crate::forecaster::{ForecasterBatch, Quantiles};
use std::collections::BTreeMap;

/// Networks that pools take turns with.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The usual bundle first.
    bundles: Vec<ModelBundle>,
    networks: Vec<Networks>,
    /// By bundle, made when there are pools enough for a batch; an error if its forecaster cannot have one.
    pub(super) batches: BTreeMap<u64, Result<ForecasterBatch>>,
}

impl Shelf {
    pub(super) fn new(bundles: &[ModelBundle]) -> Self {
        let networks = bundles.iter().take(1).map(Networks::new).collect();
        Self { bundles: bundles.to_vec(), networks, batches: BTreeMap::new() }
    }

    /// Takes another bundle in.
    pub(super) fn add(&mut self, bundle: &ModelBundle) {
        if !self.bundles.iter().any(|there| there.digest() == bundle.digest()) {
            self.bundles.push(bundle.clone());
        }
    }

    /// Returns the bundle that acts in a pool.
    pub(super) fn champion_of(&self, scaler: &Autoscaler) -> Option<u64> {
        let usual = self.bundles.first().map(ModelBundle::digest);
        let champion = scaler.model_digests().map(|(champion, _)| champion);
        champion.filter(|digest| self.bundles.iter().any(|bundle| bundle.digest() == *digest)).or(usual)
    }

    /// Takes out what a pool needs.
    pub(super) fn lend(&mut self, scaler: &Autoscaler) -> Option<Networks> {
        let mut networks = self.take(self.champion_of(scaler)?)?;
        if let Some((_, Some(second))) = scaler.model_digests() {
            networks.put_beside(self.take(second));
        }
        Some(networks)
    }

    fn take(&mut self, digest: u64) -> Option<Networks> {
        if let Some(place) = self.networks.iter().position(|networks| networks.model.digest == digest) {
            return Some(self.networks.swap_remove(place));
        }
        self.bundles.iter().find(|bundle| bundle.digest() == digest).map(Networks::new)
    }

    /// Takes back what a pool had.
    pub(super) fn give_back(&mut self, used: Option<Networks>) {
        let Some(mut networks) = used else { return };
        let second = networks.put_beside(None);
        for networks in [Some(networks), second].into_iter().flatten() {
            if !self.networks.iter().any(|there| there.model == networks.model) {
                self.networks.push(networks);
            }
        }
    }

    /// Asks the network of a bundle for a whole batch; none where it cannot have one, or the batch fails.
    pub(super) fn forecast(
        &mut self,
        digest: u64,
        rows: &[&ForecasterInput],
    ) -> Option<Vec<Result<Quantiles>>> {
        let bundle = self.bundles.iter().find(|bundle| bundle.digest() == digest)?;
        let batch = self.batches.entry(digest).or_insert_with(|| ForecasterBatch::new(bundle));
        batch.as_mut().ok()?.run(rows).ok()
    }
}
