//! Other models for a share of the pools: the same pools every time, for the same models.

use super::Fleet;
use crate::bundle::{ModelBundle, digest_of};
use crate::error::{Error, Result};

impl Fleet {
    /// Runs other models in the shadow in a share of the pools, 0 to 1; see [`Autoscaler::challenge`](crate::Autoscaler::challenge).
    /// Each pool promotes them once they have proven to be better on its own load. Returns the keys of the pools in which they run
    /// from now on: those that are in the share by the hash of key and models, so that a larger share has those of a smaller one.
    ///
    /// # Errors
    /// The share is not 0 to 1. Pools whose configuration refuses the models are left out.
    pub fn challenge(&mut self, bundle: &ModelBundle, share: f64) -> Result<Vec<String>> {
        self.in_share(bundle, share, |pool| {
            let known = pool
                .models()
                .is_some_and(|models| models.challenger.is_some_and(|name| name == bundle.identity()));
            !known && pool.scaler.challenge(bundle).is_ok()
        })
    }

    /// Lets other models act in a share of the pools, 0 to 1, without a trial; see
    /// [`Autoscaler::set_bundle`](crate::Autoscaler::set_bundle). Returns the keys of the pools in which they act from now on. Pools
    /// that rolled these models back before, or whose models are pinned, are left out.
    ///
    /// # Errors
    /// The share is not 0 to 1. Pools whose configuration refuses the models are left out.
    pub fn roll_out(&mut self, bundle: &ModelBundle, share: f64, reason: &str) -> Result<Vec<String>> {
        self.in_share(bundle, share, |pool| {
            let had = pool.models().is_some_and(|models| {
                models.champion == bundle.identity()
                    || models.events.iter().any(|event| event.model == bundle.identity())
            });
            !had && pool.scaler.set_bundle(bundle, reason).is_ok()
        })
    }

    fn in_share(
        &mut self,
        bundle: &ModelBundle,
        share: f64,
        mut work: impl FnMut(&mut super::PoolMut<'_>) -> bool,
    ) -> Result<Vec<String>> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::argument(format!("`share` is {share}, expected 0 to 1")));
        }
        self.know(bundle);
        let keys: Vec<String> =
            self.keys().filter(|key| place(key, bundle) < share).map(str::to_owned).collect();
        Ok(keys.into_iter().filter(|key| self.with_pool(key, &mut work).unwrap_or(false)).collect())
    }
}

/// Returns where a pool is in the order in which it gets these models, 0 to 1.
fn place(key: &str, bundle: &ModelBundle) -> f64 {
    let hash = digest_of(&[&bundle.digest().to_be_bytes(), key.as_bytes()].concat());
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
