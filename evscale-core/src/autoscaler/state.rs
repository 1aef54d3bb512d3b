//! Everything that one pool has learned: what a snapshot keeps, and what follows from it.

use crate::config::{Config, Pause};
use crate::decision::Schedule;
use crate::features::PolicyState;
use crate::forecaster::{Ensemble, Forecast};
use crate::inference::CircuitBreaker;
use crate::metrics::History;
use crate::policy::{ForecastAvailability, Need, Selection, policy_state};
use crate::pool::Pool;
use crate::safety::{Orders, Safety};
use crate::time::Timestamp;
use crate::validation::{Expectation, Issue};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The state of one pool, by stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) expectation: Expectation,
    /// On the newest record, or on one that was rejected since.
    pub(crate) on_newest: Option<Issue>,
    /// The same, or on the age of the newest record at the last decision.
    pub(crate) issue: Option<Issue>,
    pub(crate) pool: Pool,
    pub(crate) ensemble: Ensemble,
    pub(crate) availability: ForecastAvailability,
    pub(crate) selection: Selection,
    pub(crate) policy_breaker: CircuitBreaker,
    pub(crate) safety: Safety,
    pub(crate) orders: Orders,
    /// Pause of the configuration that the state was made with: another one wins at a restart.
    configured_pause: Pause,
    pub(crate) schedule: Schedule,
    /// The forecast at the newest record.
    #[serde(skip)]
    pub(crate) forecast: Arc<Forecast>,
    /// No record has come since the state was restored.
    #[serde(skip)]
    pub(crate) restored: bool,
    /// What the next decision tells beside its reasons: settings that changed at a restart, orders that ended.
    #[serde(skip)]
    pub(crate) notes: Vec<String>,
    #[serde(skip)]
    pub(crate) ran: Ran,
}

/// Networks that ran in the last call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ran {
    pub(crate) forecaster: bool,
    pub(crate) policy: bool,
}

impl State {
    /// The state of a pool before its first record.
    pub(crate) fn new(config: &Config) -> Self {
        let history = History::new(config.interval_seconds);
        let ensemble = Ensemble::new(f64::from(config.interval_seconds));
        Self {
            forecast: Arc::new(ensemble.forecast(&history)),
            history,
            expectation: Expectation::default(),
            on_newest: None,
            issue: None,
            pool: Pool::new(config),
            ensemble,
            availability: ForecastAvailability::default(),
            selection: Selection::new(config.min_jobs, config.use_networks),
            policy_breaker: CircuitBreaker::default(),
            safety: Safety::default(),
            orders: Orders { pause: config.pause, ..Orders::default() },
            configured_pause: config.pause,
            schedule: Schedule::default(),
            restored: false,
            notes: Vec::new(),
            ran: Ran::default(),
        }
    }

    /// Completes a state that was read from a snapshot.
    pub(crate) fn restored(mut self, config: &Config) -> Self {
        self.forecast = Arc::new(self.ensemble.forecast(&self.history));
        self.restored = true;
        self.notes = self.pool.reconfigure(config);
        if self.configured_pause != config.pause {
            let (now, before) = (config.pause.as_str(), self.configured_pause.as_str());
            self.notes.push(format!("`pause` is {now}, was {before}"));
            (self.configured_pause, self.orders.pause) = (config.pause, config.pause);
        }
        self.pool.restored();
        if self.schedule.keep_within(config) {
            self.notes.push("the last decision is outside `min_jobs` and `max_jobs`".to_owned());
        }
        if !self.notes.is_empty() {
            self.schedule.expedite();
        }
        self
    }

    /// Makes a decision due that tells of an order which has ended at `now`, as far as the records have come.
    pub(crate) fn tell_ended_order(&mut self, config: &Config, now: Timestamp) {
        let Some(newest) = self.pool.newest() else { return };
        let seen = now.min(newest.plus_seconds(config.stale_seconds() as i64));
        if let Some(ended) = self.orders.tell_end(seen) {
            self.notes.push(ended);
            self.schedule.expedite();
        }
    }

    /// Forgets what was learned of the load and of its service, because the records were not what they seemed.
    pub(crate) fn begin_anew(&mut self, config: &Config) {
        self.history.clear();
        self.ensemble.begin_anew(f64::from(config.interval_seconds));
        self.availability = ForecastAvailability::default();
        self.selection = Selection::new(config.min_jobs, config.use_networks);
        self.pool.begin_anew(config);
        self.safety.begin_anew();
        self.schedule.expedite();
        self.forecast = Arc::new(self.ensemble.forecast(&self.history));
    }

    /// Goes back to a time before that of the newest record: nothing waits for what later times said.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        self.history.rewind(at);
        self.ensemble.rewind();
        self.pool.rewind();
        self.safety.rewind(at);
        self.schedule.expedite();
    }

    /// Returns what the policy sees of the pool at `now`.
    pub(crate) fn seen_by_policy(&self, config: &Config, need: &Need, now: Timestamp) -> PolicyState {
        let since_change = self.safety.seconds_since_change(now);
        policy_state(config, &self.forecast, &self.pool, need, now, since_change)
    }
}
