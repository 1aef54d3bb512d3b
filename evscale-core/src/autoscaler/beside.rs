//! What runs beside the champion at a record: a second bundle in the shadow, and the moment at which both change places.

use super::networks::Networks;
use super::state::State;
use crate::config::Config;
use crate::features::ForecasterInput;
use crate::indicators::LifecycleEventKind;
use crate::inference::CircuitState;
use crate::lifecycle::{Compared, Guard, LatePrice, Lifecycle, Model, Role, Second, Turn};
use crate::policy::{RivalInterval, load_ahead, policy_state};
use crate::time::Timestamp;

impl State {
    /// Runs the second bundle at a record that the champion has learned from, compares them, and does what that asks for.
    pub(super) fn run_beside(
        &mut self,
        config: &Config,
        networks: &mut Networks,
        input: &ForecasterInput,
        at: Timestamp,
    ) {
        let Some(mut lifecycle) = self.lifecycle.take() else { return };
        let turn = match lifecycle.second.as_deref_mut().map(|second| (second, networks.second_mut())) {
            None => None,
            Some((_, None)) => Some(Turn::End("it was not given again after a restore".to_owned())),
            Some((second, Some(networks))) => self.shadow(config, second, networks, input, at),
        };
        let pinned = lifecycle.pin.is_some();
        self.lifecycle = Some(lifecycle);
        match turn {
            Some(Turn::Swap(why)) if !pinned => self.swap_models(config, networks, at, &why),
            Some(Turn::End(why)) => self.end_second(networks, at, &why),
            _ => (),
        }
    }

    fn shadow(
        &mut self,
        config: &Config,
        second: &mut Second,
        networks: &mut Networks,
        input: &ForecasterInput,
        at: Timestamp,
    ) -> Option<Turn> {
        if matches!(second.role, Role::Asleep) {
            if self.broken().is_none() && !self.monitor.errors_have_grown() {
                return None;
            }
            second.wake(at, &self.ensemble);
            self.selection.begin_rival();
        }
        let (forecaster, policy) = networks.split();
        second.ensemble.advance(&self.history, input, Some(forecaster));
        let (_, forecast) = self.foreseen_by(&second.ensemble, config);
        let known = self.pool.events().and(load_ahead(config, &forecast, &self.pool, &self.selection));
        let open = second.policy_breaker.next() == CircuitState::Open;
        if let Some(load) = known.filter(|_| !open) {
            let since_change = self.safety.seconds_since_change(at);
            let seen = policy_state(config, &forecast, &self.pool, &load.need(), at, since_change);
            let price = self.job_hour_price(config);
            let ran = self.selection.evaluate_rival(&load, price, seen, policy);
            second.policy_breaker.record(&ran);
        }
        let mut interval = Compared {
            loss: [self.ensemble.settled().loss, second.ensemble.settled().loss],
            ..Compared::default()
        };
        if let Some(RivalInterval { job_hours, late, events }) = self.selection.take_rival_interval() {
            interval = Compared { job_hours, late, events, ..interval };
        }
        let price = match config.late_event_price {
            Some(late) => LatePrice::JobHours(late / self.job_hour_price(config).unwrap_or(1.0).max(1e-9)),
            None => LatePrice::Allowed(config.allowed_violation_share()),
        };
        let broken = second.ensemble.network_fault().or(second.policy_breaker.cause());
        let turn = second.compare(at, &interval, price, [self.broken(), broken]);
        if matches!(second.role, Role::Asleep) {
            self.selection.end_rival();
        }
        turn
    }

    /// Returns why a network of the champion cannot act.
    fn broken(&self) -> Option<String> {
        self.ensemble.network_fault().or(self.policy_breaker.cause())
    }

    /// Lets champion and second one change places, each with what it has learned. A promoted challenger is watched by the one
    /// before it; one that is rolled back goes.
    pub(super) fn swap_models(&mut self, config: &Config, networks: &mut Networks, at: Timestamp, why: &str) {
        let Some(mut lifecycle) = self.lifecycle.take() else { return };
        if let Some(second) = lifecycle.second.as_deref_mut() {
            if matches!(second.role, Role::Asleep) {
                second.wake(at, &self.ensemble);
                self.selection.begin_rival();
            }
            std::mem::swap(&mut self.ensemble, &mut second.ensemble);
            std::mem::swap(&mut self.policy_breaker, &mut second.policy_breaker);
            std::mem::swap(&mut lifecycle.champion, &mut second.model);
            self.selection.swap_rival();
            networks.swap();
            let promoted = second.is_challenger();
            second.role = Role::Predecessor(Guard::new(at));
            let kind = if promoted { LifecycleEventKind::Promoted } else { LifecycleEventKind::RolledBack };
            let name = lifecycle.champion.name.clone();
            let words = lifecycle.tell(at, kind, &name, why);
            if !promoted {
                lifecycle.second = None;
                networks.put_beside(None);
                self.selection.end_rival();
            }
            self.told_of_models(config, words);
        }
        self.lifecycle = Some(lifecycle);
    }

    /// Ends what the second one is there for.
    pub(super) fn end_second(&mut self, networks: &mut Networks, at: Timestamp, why: &str) {
        networks.put_beside(None);
        self.selection.end_rival();
        if let Some(lifecycle) = &mut self.lifecycle
            && let Some(second) = lifecycle.second.take()
        {
            let words = lifecycle.tell(at, LifecycleEventKind::Ended, &second.model.name, why);
            self.note(vec![words]);
        }
    }

    /// Puts a second one beside the champion, which begins with what that has learned.
    pub(super) fn put_beside(&mut self, model: Model, role: Role, champion: &Model) {
        let second = Second::new(model, role, &self.ensemble);
        self.models(champion).second = Some(Box::new(second));
        self.selection.begin_rival();
    }

    /// Returns the models of the pool, of which `champion` acts.
    pub(super) fn models(&mut self, champion: &Model) -> &mut Lifecycle {
        self.lifecycle.get_or_insert_with(|| Box::new(Lifecycle::new(champion.clone())))
    }

    /// A decision is due, and tells what happened to the models.
    pub(super) fn told_of_models(&mut self, config: &Config, words: String) {
        self.foresee(config);
        self.note(vec![words]);
        self.schedule.expedite();
    }

    /// Lets the second one begin anew with a series that was not what it seemed, or that has another interval.
    pub(super) fn begin_second_anew(&mut self) {
        let Self { lifecycle, ensemble, selection, .. } = self;
        let Some(second) = lifecycle.as_mut().and_then(|lifecycle| lifecycle.second.as_mut()) else { return };
        second.begin_anew(ensemble);
        if !matches!(second.role, Role::Asleep) {
            selection.begin_rival();
        }
    }

    /// Lets the second one go back in time, too.
    pub(super) fn rewind_second(&mut self, at: Timestamp) {
        let second = self.lifecycle.as_mut().and_then(|lifecycle| lifecycle.second.as_mut());
        if let Some(second) = second {
            second.rewind(at);
        }
    }
}
