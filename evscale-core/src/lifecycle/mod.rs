//! Which models act: a challenger runs in the shadow until it has proven to be better, and whoever was replaced stays in the shadow
//! until the new one has proven itself.
//!
//! Both bundles see the same load. Of each there is a whole forecast (network, simple rules, weights, calibration) and a shadow pool
//! under its policy; [`trial`] compares quantile losses and costs of every hour by tests that may be looked at every hour. Nothing of
//! the second one reaches a decision. What was learned stays with whoever learned it when both change places.

mod blocks;
mod evidence;
mod trial;

use blocks::Blocks;
pub(crate) use blocks::{Compared, LatePrice};
pub(crate) use trial::{Finding, Guard, Trial};

use crate::forecaster::Ensemble;
use crate::indicators::{ComparisonStatus, LifecycleEvent, LifecycleEventKind, LifecycleStatus};
use crate::inference::CircuitBreaker;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Events that are remembered.
const MOST_EVENTS: usize = 16;
/// Time for which a champion is watched by the one before it; then only where its errors grow.
const WATCHED_SECONDS: f64 = 28.0 * 86_400.0;
/// Time for which a network may be unable to act before its bundle is given up.
const BROKEN_SECONDS: f64 = 2.0 * 3600.0;

/// A bundle by its name and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) digest: u64,
}

/// What the second bundle is there for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// It may become the champion.
    Challenger(Trial),
    /// It was the champion, and may become it again.
    Predecessor(Guard),
    /// The same, and does not run at present.
    Asleep,
}

/// A bundle beside the champion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Second {
    pub(crate) model: Model,
    pub(crate) role: Role,
    pub(crate) ensemble: Ensemble,
    pub(crate) policy_breaker: CircuitBreaker,
    /// Since when a network of the champion, and of this one, cannot act.
    broken: [Option<Timestamp>; 2],
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Turn {
    /// Both change places: the challenger is promoted, or the predecessor comes back.
    Swap(String),
    /// The second one goes.
    End(String),
}

/// The models of a pool that has had others than those it began with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lifecycle {
    pub(crate) champion: Model,
    pub(crate) second: Option<Box<Second>>,
    /// Why nothing may be promoted or rolled back.
    pub(crate) pin: Option<String>,
    events: Vec<LifecycleEvent>,
}

impl Second {
    /// Begins as the champion is: with what that has learned.
    pub(crate) fn new(model: Model, role: Role, ensemble: &Ensemble) -> Self {
        Self {
            model,
            role,
            ensemble: ensemble.for_another_network(),
            policy_breaker: CircuitBreaker::default(),
            broken: [None; 2],
        }
    }

    pub(crate) fn is_challenger(&self) -> bool {
        matches!(self.role, Role::Challenger(_))
    }

    /// Takes what an interval was like, and which side has a network that cannot act; returns what is to be done.
    pub(crate) fn compare(
        &mut self,
        at: Timestamp,
        interval: &Compared,
        price: LatePrice,
        broken: [Option<String>; 2],
    ) -> Option<Turn> {
        let mut causes = broken;
        for (since, cause) in self.broken.iter_mut().zip(&mut causes) {
            if cause.is_none() {
                *since = None;
            } else if at.elapsed_since(*since.get_or_insert(at)).unwrap_or(0.0) < BROKEN_SECONDS {
                *cause = None;
            }
        }
        let [champion, other] = causes;
        match &mut self.role {
            Role::Challenger(trial) => {
                let finding = trial.add(at, interval, price);
                if let Some(cause) = other {
                    return Some(Turn::End(cause));
                }
                Some(match finding? {
                    Finding::Better(why) => Turn::Swap(why),
                    Finding::GivenUp(why) => Turn::End(why),
                })
            }
            Role::Predecessor(guard) => {
                let alarm = guard.add(at, interval, price);
                let watched = at.elapsed_since(guard.blocks.began).unwrap_or(0.0);
                if watched >= WATCHED_SECONDS && alarm.is_none() {
                    self.role = Role::Asleep;
                }
                champion.filter(|_| other.is_none()).or(alarm).map(Turn::Swap)
            }
            Role::Asleep => None,
        }
    }

    /// Reports whether it runs at the next record.
    pub(crate) fn runs(&self) -> bool {
        !matches!(self.role, Role::Asleep) && self.ensemble.network_fault().is_none()
    }

    /// Stops its networks for a while.
    pub(crate) fn too_slow(&mut self, cause: String) {
        self.ensemble.network_failed(cause.clone());
        self.policy_breaker.failed(cause);
    }

    /// Watches the champion again, from what that has learned.
    pub(crate) fn wake(&mut self, at: Timestamp, ensemble: &Ensemble) {
        *self = Self::new(self.model.clone(), Role::Predecessor(Guard::new(at)), ensemble);
    }

    /// Goes back to `at`, before the newest record: no time is counted from a later one.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        self.ensemble.rewind();
        self.broken = [None; 2];
        if let Role::Predecessor(guard) = &mut self.role {
            guard.blocks.began = guard.blocks.began.min(at);
        }
    }

    /// Forgets a series that was not what it seemed, or that has another interval.
    pub(crate) fn begin_anew(&mut self, ensemble: &Ensemble) {
        self.ensemble = ensemble.for_another_network();
        match &mut self.role {
            Role::Challenger(trial) => trial.blocks.forget_open(),
            Role::Predecessor(guard) => guard.blocks.forget_open(),
            Role::Asleep => (),
        }
    }
}

impl Lifecycle {
    pub(crate) fn new(champion: Model) -> Self {
        Self { champion, second: None, pin: None, events: Vec::new() }
    }

    /// Writes down what happened; returns it in words.
    pub(crate) fn tell(
        &mut self,
        at: Timestamp,
        kind: LifecycleEventKind,
        model: &str,
        reason: &str,
    ) -> String {
        self.events.drain(..(self.events.len() + 1).saturating_sub(MOST_EVENTS));
        let event = LifecycleEvent { at, kind, model: model.to_owned(), reason: reason.to_owned() };
        let words = event.in_words();
        self.events.push(event);
        words
    }

    /// Reports whether it could be of a pool.
    pub(crate) fn fits(&self, fits: impl Fn(&Ensemble) -> bool) -> bool {
        self.events.len() <= MOST_EVENTS && self.second.as_ref().is_none_or(|second| fits(&second.ensemble))
    }

    /// Returns who runs in the shadow, and what was last promoted, rolled back or pinned.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let trial = self.second.as_ref().and_then(|second| match &second.role {
            Role::Challenger(trial) => {
                Some(format!("{} runs in the shadow: {}", second.model.name, trial.describe()))
            }
            Role::Predecessor(_) | Role::Asleep => None,
        });
        let last = self.events.last().map(LifecycleEvent::in_words);
        let pin = self.pin.as_ref().map(|why| format!("{} is pinned: {why}", self.champion.name));
        [last, trial, pin].into_iter().flatten().collect()
    }

    /// Returns what a person is told.
    pub(crate) fn status(&self) -> LifecycleStatus {
        let second = self.second.as_deref();
        let of = |role: fn(&Second) -> bool| second.filter(|second| role(second));
        LifecycleStatus {
            champion: self.champion.name.clone(),
            challenger: of(Second::is_challenger).map(|second| second.model.name.clone()),
            predecessor: of(|second| !second.is_challenger()).map(|second| second.model.name.clone()),
            comparison: second.and_then(|second| match &second.role {
                Role::Challenger(trial) => {
                    Some(ComparisonStatus { proof: Some(trial.progress()), ..compared(&trial.blocks) })
                }
                Role::Predecessor(guard) => Some(compared(&guard.blocks)),
                Role::Asleep => None,
            }),
            pinned: self.pin.clone(),
            events: self.events.clone(),
        }
    }
}

/// Returns both bundles on the same load.
fn compared(blocks: &Blocks) -> ComparisonStatus {
    let ratio = |[champion, other]: [f64; 2]| (champion > 0.0).then(|| other / champion);
    let events = blocks.sums.events;
    ComparisonStatus {
        since: blocks.began,
        hours: blocks.hours(),
        loss_ratio: ratio(blocks.sums.loss),
        cost_ratio: ratio(blocks.cost),
        late_shares: (events > 0.0).then(|| blocks.sums.late.map(|late| late / events)),
        proof: None,
    }
}

#[cfg(test)]
mod tests;
