//! What a host does with the models of a pool: challenge, promote, roll back, pin, replace.

use super::plugin::{OwnForecaster, OwnPolicy};
use super::{Autoscaler, HostForecaster, HostPolicy, Networks};
use crate::bundle::{ModelBundle, digest_of};
use crate::error::{Error, Result};
use crate::indicators::{LifecycleEventKind, LifecycleStatus};
use crate::lifecycle::{Guard, Model, Role, Trial};
use crate::time::Timestamp;

/// Models that are tried in the shadow; [`Autoscaler::challenge`].
#[derive(Debug)]
pub struct Challenger(Networks);

impl Challenger {
    /// The models of a bundle.
    pub fn new(bundle: &ModelBundle) -> Self {
        Self(Networks::new(bundle))
    }

    /// The same with a forecaster of the host's own in the place of the network, under a name of its own.
    #[must_use]
    pub fn with_forecaster(mut self, name: &str, forecaster: Box<dyn HostForecaster>) -> Self {
        self.0.forecaster = Box::new(OwnForecaster(forecaster));
        self.0.model = Model { name: name.to_owned(), digest: digest_of(name.as_bytes()) };
        self
    }

    /// The same with a policy of the host's own in the place of the network, under a name of its own.
    #[must_use]
    pub fn with_policy(mut self, name: &str, policy: Box<dyn HostPolicy>) -> Self {
        self.0.policy = Box::new(OwnPolicy(policy));
        self.0.model = Model { name: name.to_owned(), digest: digest_of(name.as_bytes()) };
        self
    }
}

impl From<&ModelBundle> for Challenger {
    fn from(bundle: &ModelBundle) -> Self {
        Self::new(bundle)
    }
}

impl Autoscaler {
    /// Runs other models in the shadow: they see every record, and no decision sees them. Once they have proven to be better on
    /// this pool's load they are promoted, and those before them stay in the shadow, to come back if the promoted ones become worse.
    ///
    /// The proof is in [`models`](Self::models): a sequential test of quantile losses and costs hour by hour, by which models that
    /// are no better are promoted in at most 1 of 1,000 trials. Other models that are in the shadow go, and with a predecessor the
    /// way back. After a restore the same models go on where they were.
    ///
    /// # Errors
    /// The configuration does without networks, the models are not signed as it asks for, or they are those that act.
    pub fn challenge(&mut self, challenger: impl Into<Challenger>) -> Result<()> {
        let Challenger(networks) = challenger.into();
        networks.bundle().check_signer(&self.config)?;
        let model = networks.model.clone();
        let own = networks.forecaster.sees_history();
        let at = self.newest();
        let acting = self.replaceable()?;
        let champion = acting.model.clone();
        if champion == model {
            return Err(Error::argument(format!(
                "challenger `{}` is what acts already, expected other models",
                model.name
            )));
        }
        acting.put_beside(Some(networks));
        let before = self.state.lifecycle.as_ref().and_then(|models| models.second.as_ref());
        if before.is_some_and(|second| second.model == model) {
            return Ok(());
        }
        let replaced = before.map(|second| second.model.name.clone());
        if own {
            self.state.history.keep_week();
        }
        let name = model.name.clone();
        self.state.put_beside(model, Role::Challenger(Trial::new(at)), &champion);
        let models = self.state.models(&champion);
        if let Some(replaced) = replaced {
            models.tell(at, LifecycleEventKind::Ended, &replaced, "another one took its place");
        }
        let words = models.tell(at, LifecycleEventKind::Challenged, &name, "it is tried on this pool's load");
        self.state.note(vec![words]);
        Ok(())
    }

    /// Takes the models in the shadow away, a challenger or a predecessor; reports whether there were any.
    pub fn end_challenge(&mut self, reason: &str) -> bool {
        let at = self.newest();
        let there = self.state.lifecycle.as_ref().is_some_and(|models| models.second.is_some());
        if let Some(networks) = self.networks.as_mut().filter(|_| there) {
            self.state.end_second(networks, at, reason);
        }
        there
    }

    /// Promotes the challenger without waiting for its proof.
    ///
    /// # Errors
    /// There is none, or the models are pinned.
    pub fn promote(&mut self, reason: &str) -> Result<()> {
        self.swap_by_hand(true, reason)
    }

    /// Brings the predecessor back, with what it has learned in the shadow.
    ///
    /// # Errors
    /// There is none, or the models are pinned.
    pub fn roll_back(&mut self, reason: &str) -> Result<()> {
        self.swap_by_hand(false, reason)
    }

    fn swap_by_hand(&mut self, promote: bool, reason: &str) -> Result<()> {
        self.check_pin()?;
        let at = self.newest();
        let second = self.state.lifecycle.as_ref().and_then(|models| models.second.as_ref());
        let there = second.is_some_and(|second| second.is_challenger() == promote);
        match self.networks.as_mut().filter(|networks| there && networks.has_second()) {
            Some(networks) => self.state.swap_models(&self.config, networks, at, reason),
            None if promote => {
                return Err(Error::argument(
                    "no challenger runs in the shadow, expected one: call `challenge` first",
                ));
            }
            None => {
                return Err(Error::argument(
                    "no predecessor is there, expected one: use `set_bundle` with the models that should act",
                ));
            }
        }
        Ok(())
    }

    /// Lets other models act from now on, without a trial and without a pause: everything that was learned stays. Those before them
    /// stay in the shadow, to come back if the new ones are worse.
    ///
    /// # Errors
    /// The configuration does without networks, the models are not signed as it asks for, or the present ones are pinned.
    pub fn set_bundle(&mut self, bundle: &ModelBundle, reason: &str) -> Result<()> {
        bundle.check_signer(&self.config)?;
        self.check_pin()?;
        let at = self.newest();
        let acting = self.replaceable()?;
        let mut networks = Networks::new(bundle);
        if acting.model == networks.model {
            return Ok(());
        }
        std::mem::swap(acting, &mut networks);
        let champion = acting.model.clone();
        networks.put_beside(None);
        let before = networks.model.clone();
        acting.put_beside(Some(networks));
        self.state.models(&before).champion = champion.clone();
        self.state.put_beside(before, Role::Predecessor(Guard::new(at)), &champion);
        self.state.ensemble = self.state.ensemble.for_another_network();
        self.state.policy_breaker = Default::default();
        let models = self.state.models(&champion);
        let words = models.tell(at, LifecycleEventKind::Replaced, &champion.name, reason);
        self.state.told_of_models(&self.config, words);
        Ok(())
    }

    /// Forbids promotion and rollback, by hand and by itself, or allows them again.
    pub fn pin_models(&mut self, reason: Option<&str>) {
        let at = self.newest();
        let Some(champion) = self.networks.as_ref().map(|networks| networks.model.clone()) else { return };
        if reason.is_none() && self.state.lifecycle.is_none() {
            return;
        }
        let models = self.state.models(&champion);
        models.pin = reason.map(str::to_owned);
        let (kind, reason) = match reason {
            Some(reason) => (LifecycleEventKind::Pinned, reason),
            None => (LifecycleEventKind::Unpinned, "promotion and rollback are allowed"),
        };
        let words = models.tell(at, kind, &champion.name, reason);
        self.state.note(vec![words]);
    }

    fn check_pin(&self) -> Result<()> {
        match self.state.lifecycle.as_ref().and_then(|models| models.pin.as_ref()) {
            None => Ok(()),
            Some(reason) => Err(Error::argument(format!(
                "the models are pinned (\"{reason}\"), expected them not to be: call `pin_models` without a reason first"
            ))),
        }
    }

    /// Returns which models act, which run beside them, how both compare, and what happened; none while there was never another
    /// one than at first.
    pub fn models(&self) -> Option<LifecycleStatus> {
        self.state.lifecycle.as_ref().map(|models| models.status())
    }

    /// After a restore, models that are not those of the snapshot have taken over.
    pub(crate) fn follow_restored_models(&mut self) {
        let at = self.newest();
        let (Some(networks), Some(models)) = (&mut self.networks, &self.state.lifecycle) else { return };
        if models.champion == networks.model {
            return;
        }
        self.state.end_second(networks, at, "other models act since a restore");
        let champion = networks.model.clone();
        let models = self.state.models(&champion);
        models.champion = champion.clone();
        let words =
            models.tell(at, LifecycleEventKind::Replaced, &champion.name, "it was given at a restore");
        self.state.note(vec![words]);
    }

    /// Returns what tells the models that act, and those in the shadow.
    pub(crate) fn model_digests(&self) -> Option<(u64, Option<u64>)> {
        let models = self.state.lifecycle.as_ref()?;
        Some((models.champion.digest, models.second.as_ref().map(|second| second.model.digest)))
    }

    /// Reports whether models that ran in the shadow are to be given again after a restore.
    pub(super) fn waits_for_second(&self) -> bool {
        let second = self.state.lifecycle.as_ref().is_some_and(|models| models.second.is_some());
        second && self.networks.as_ref().is_some_and(|networks| !networks.has_second())
    }

    /// A call took too long: the models in the shadow are stopped before those that act.
    pub(super) fn blame_second(&mut self, took_ms: f64, budget_ms: f64) -> bool {
        let ran = self.state.ran != super::state::Ran::default();
        let second = self.state.lifecycle.as_mut().and_then(|models| models.second.as_mut());
        let Some(second) = second.filter(|second| ran && second.runs()) else { return false };
        self.state.ran = super::state::Ran::default();
        second.too_slow(format!(
            "a call with models in the shadow took {took_ms:.1} ms, expected at most {budget_ms} ms"
        ));
        true
    }

    fn newest(&self) -> Timestamp {
        self.state.expectation.now().unwrap_or(Timestamp::EPOCH)
    }
}
