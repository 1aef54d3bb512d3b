//! Everything that one pool has learned: what a snapshot keeps, and what follows from it.

use crate::config::Config;
use crate::decision::Schedule;
use crate::features::PolicyState;
use crate::forecaster::{Ensemble, Forecast};
use crate::inference::CircuitBreaker;
use crate::metrics::History;
use crate::monitor::{Monitor, Sight};
use crate::policy::{ForecastAvailability, Need, Outlook, Selection, policy_state};
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
    /// Of the newest record, or of one that was rejected since.
    pub(crate) issue: Option<Issue>,
    /// At the last decision since: the age of the newest record counts too.
    pub(crate) issue_decided: Option<Issue>,
    pub(crate) pool: Pool,
    pub(crate) ensemble: Ensemble,
    pub(crate) availability: ForecastAvailability,
    pub(crate) selection: Selection,
    pub(crate) policy_breaker: CircuitBreaker,
    pub(crate) safety: Safety,
    pub(crate) orders: Orders,
    pub(crate) schedule: Schedule,
    pub(crate) monitor: Monitor,
    /// What the next decision tells, beside its reasons.
    pub(crate) notes: Vec<String>,
    /// The forecast at the newest record.
    #[serde(skip)]
    pub(crate) forecast: Arc<Forecast>,
    /// No record has come since the state was restored.
    #[serde(skip)]
    pub(crate) restored: bool,
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
            issue: None,
            issue_decided: None,
            pool: Pool::new(config),
            ensemble,
            availability: ForecastAvailability::default(),
            selection: Selection::new(config.min_jobs, config.use_networks),
            policy_breaker: CircuitBreaker::default(),
            safety: Safety::default(),
            orders: Orders::new(config.pause),
            schedule: Schedule::default(),
            monitor: Monitor::new(config),
            notes: Vec::new(),
            restored: false,
            ran: Ran::default(),
        }
    }

    /// Completes a state that was read from a snapshot of a pool under the configuration `before`.
    pub(crate) fn restored(mut self, before: &Config, now: &Config) -> Self {
        self.forecast = Arc::new(self.ensemble.forecast(&self.history));
        self.restored = true;
        self.pool.restored();
        self.reconfigure(before, now);
        self
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
        self.pool.rewind(at);
        self.safety.rewind(at);
        self.schedule.expedite();
    }

    /// Reports whether a new decision is due at `now`: its time has come, or what a person has ordered has changed.
    pub(crate) fn decision_due(&self, config: &Config, now: Timestamp) -> bool {
        self.schedule.due(config, now) || self.orders.turned(now)
    }

    /// Asks the monitor about the pool as it is.
    pub(crate) fn watched<T>(&self, config: &Config, ask: impl FnOnce(&Monitor, &Sight<'_>) -> T) -> T {
        let outlook = Outlook::new(config, &self.forecast, &self.pool, &self.selection);
        let sight = Sight {
            config,
            pool: &self.pool,
            history: &self.history,
            ensemble: &self.ensemble,
            forecast: &self.forecast,
            outlook: &outlook,
            standing: self.schedule.standing(),
            policy_breaker: &self.policy_breaker,
        };
        ask(&self.monitor, &sight)
    }

    /// Lets the monitor look at the pool as it is.
    pub(crate) fn watch<T>(
        &mut self,
        config: &Config,
        work: impl FnOnce(&mut Monitor, &Sight<'_>) -> T,
    ) -> T {
        let Self { history, pool, ensemble, selection, policy_breaker, schedule, monitor, forecast, .. } =
            self;
        let outlook = Outlook::new(config, forecast, pool, selection);
        let standing = schedule.standing();
        let sight =
            Sight { config, pool, history, ensemble, forecast, outlook: &outlook, standing, policy_breaker };
        work(monitor, &sight)
    }

    /// Returns what the policy sees of the pool at `now`.
    pub(crate) fn seen_by_policy(&self, config: &Config, need: &Need, now: Timestamp) -> PolicyState {
        let since_change = self.safety.seconds_since_change(now);
        policy_state(config, &self.forecast, &self.pool, need, now, since_change)
    }
}
