//! One pool: the whole way of the data, and the only thing with state.

mod bare;
mod networks;
mod observation;
pub(crate) mod pipeline;
mod plugin;
mod snapshot;
mod state;

pub use bare::BareNetworks;
pub(crate) use networks::Networks;
pub use observation::Observation;
pub(crate) use pipeline::Ingested;
pub use plugin::{HostForecaster, HostPolicy, Series};
pub(crate) use state::State;

use crate::bundle::ModelBundle;
use crate::calendar::Calendar;
use crate::config::{Config, Pause};
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::forecaster::{Forecast, Quantiles};
use crate::metrics::Metrics;
use crate::monitor::Health;
use crate::pool::ScalingOutcome;
use crate::safety::ManualOverride;
use crate::time::Timestamp;
use crate::validation::{DataQuality, Issue};
use plugin::{OwnForecaster, OwnPolicy};
use std::time::Duration;

/// Builds an [`Autoscaler`].
#[derive(Clone, Debug)]
pub struct AutoscalerBuilder {
    config: Config,
    bundle: Option<ModelBundle>,
}

impl AutoscalerBuilder {
    /// Uses these models instead of the bundled ones.
    #[must_use]
    pub fn bundle(mut self, bundle: ModelBundle) -> Self {
        self.bundle = Some(bundle);
        self
    }

    /// Checks the configuration and builds the autoscaler.
    ///
    /// # Errors
    /// The configuration is refused, the models are not signed as it asks for, or the bundled ones cannot be loaded.
    pub fn build(self) -> Result<Autoscaler> {
        let networks = Networks::for_config(&self.config, self.bundle)?;
        Autoscaler::from_parts(self.config, networks, None)
    }
}

/// Forecasts the arrivals of one pool and decides on its number of jobs.
///
/// The same records give the same decisions, bit for bit. `decide` always answers; what a network that
/// fails means is in the decision's `source` and `fallback_reason`.
#[derive(Debug)]
pub struct Autoscaler {
    config: Config,
    calendar: Calendar,
    state: State,
    networks: Option<Networks>,
    /// The networks belong to a fleet.
    shared_networks: bool,
}

impl Autoscaler {
    /// Starts from a configuration.
    pub fn builder(config: Config) -> AutoscalerBuilder {
        AutoscalerBuilder { config, bundle: None }
    }

    pub(crate) fn from_parts(
        config: Config,
        networks: Option<Networks>,
        state: Option<State>,
    ) -> Result<Self> {
        config.check()?;
        let state = match state {
            Some(state) => state.restored(&config),
            None => State::new(&config),
        };
        Ok(Self { calendar: config.calendar()?, config, state, networks, shared_networks: false })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Puts a forecaster of the host's own in the place of the network. The pool keeps a week of counts for it, of which an
    /// earlier snapshot of a pool without it has the last day.
    ///
    /// # Errors
    /// The configuration does without networks.
    pub fn use_forecaster(&mut self, forecaster: Box<dyn HostForecaster>) -> Result<()> {
        self.replaceable()?.forecaster = Box::new(OwnForecaster(forecaster));
        self.state.history.keep_week();
        Ok(())
    }

    /// Puts a policy of the host's own in the place of the network. It is evaluated in the shadow on the pool's load, and acts once it does
    /// no worse there than the best rule.
    ///
    /// # Errors
    /// The configuration does without networks.
    pub fn use_policy(&mut self, policy: Box<dyn HostPolicy>) -> Result<()> {
        self.replaceable()?.policy = Box::new(OwnPolicy(policy));
        Ok(())
    }

    fn replaceable(&mut self) -> Result<&mut Networks> {
        if self.shared_networks {
            return Err(Error::argument("the pools of a fleet share their networks, none can have its own"));
        }
        self.networks.as_mut().ok_or_else(|| {
            Error::argument(
                "`use_networks` is false, so that there is no network whose place could be taken; expected true",
            )
        })
    }

    /// Lends sessions to this pool for a while; what it had is given back. A pool that does without takes none.
    pub(crate) fn exchange_networks(&mut self, networks: &mut Option<Networks>) {
        if self.config.use_networks {
            std::mem::swap(&mut self.networks, networks);
            self.shared_networks = !self.shared_networks;
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Takes the record of one interval.
    ///
    /// A record that is late, repeated or far ahead is rejected and changes nothing; a field that makes no sense
    /// becomes unknown. The verdict reports both, not an error: they happen in every monitoring system.
    ///
    /// # Errors
    /// Never fails at present; returns `Result` so that validation can refuse a record later.
    pub fn observe(&mut self, record: &Metrics) -> Result<Observation> {
        let networks = self.networks.as_mut();
        Ok(pipeline::observe(&self.config, &self.calendar, &mut self.state, networks, record))
    }

    /// The first half of [`observe`](Self::observe), before the forecast.
    pub(crate) fn ingest(&mut self, record: &Metrics) -> Result<Ingested, Observation> {
        pipeline::ingest(&self.config, &self.calendar, &mut self.state, record)
    }

    /// The second half of [`observe`](Self::observe). `precomputed` is the forecasting network's answer, if it ran already.
    pub(crate) fn complete(
        &mut self,
        ingested: Ingested,
        precomputed: Option<Result<Quantiles>>,
    ) -> Observation {
        pipeline::complete(&self.config, &mut self.state, self.networks.as_mut(), ingested, precomputed)
    }

    /// Takes a record from long ago into the history alone: nothing is forecast, learned or evaluated on it, which is
    /// some hundred times cheaper than [`observe`](Self::observe).
    ///
    /// For the older part of a long history. Records that are observed after it find the same history, and so the same
    /// input of the forecasting network; the weights of the experts, the calibration and the shadow evaluation know only
    /// what was observed. Until a record is observed, the forecast is that of the last observed one.
    ///
    /// # Errors
    /// As for `observe`.
    pub fn backfill(&mut self, record: &Metrics) -> Result<Observation> {
        Ok(pipeline::backfill(&self.config, &mut self.state, record))
    }

    /// Returns the forecast at the newest record.
    pub fn forecast(&self) -> Forecast {
        self.state.forecast.as_ref().clone()
    }

    /// Returns the decision at the time of the newest record: a new one if it is due or there is an emergency, else
    /// the standing one. Each record since then that was rejected for its time counts as an interval.
    pub fn decide(&mut self) -> Decision {
        let now = self.state.expectation.now(&self.config).unwrap_or(Timestamp::EPOCH);
        self.decide_at(now)
    }

    /// Returns the decision at `now`, which may be later than the newest record.
    pub fn decide_at(&mut self, now: Timestamp) -> Decision {
        pipeline::decide(&self.config, &mut self.state, self.networks.as_mut(), now)
    }

    /// Reports how long the last [`observe`](Self::observe) or [`decide`](Self::decide) took by the host's clock. Networks
    /// that ran in it and took longer than `latency_budget_ms` of the configuration do not run for a while.
    pub fn report_latency(&mut self, took: Duration) {
        let (took, budget) = (1000.0 * took.as_secs_f64(), self.config.latency_budget_ms);
        if took <= budget {
            return;
        }
        let ran = std::mem::take(&mut self.state.ran);
        let cause =
            |network: &str| format!("{network}: a call took {took:.1} ms, expected at most {budget} ms");
        if ran.forecaster {
            self.state.ensemble.network_failed(cause("forecaster"));
        }
        if ran.policy {
            self.state.policy_breaker.failed(cause("policy"));
        }
    }

    /// Reports what the host really did. The startup time and, for a while, the most jobs that can be had are learned from
    /// it; it may be late, partial or missing.
    pub fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        let State { pool, safety, schedule, .. } = &mut self.state;
        pool.acknowledge(outcome);
        if let (true, Some(recommended), Some(newest)) =
            (outcome.refused > 0, schedule.recommended(), pool.newest())
        {
            let granted = recommended.jobs.saturating_sub(outcome.refused);
            safety.refused(outcome.timestamp.min(newest), recommended.jobs, granted);
        }
    }

    /// Switches changes off or on again; the next [`decide`](Self::decide) makes a new decision.
    pub fn set_pause(&mut self, pause: Pause) {
        self.state.schedule.expedite();
        self.state.orders.pause = pause;
    }

    /// Orders a number of jobs or a cap until a time, or takes the order back; the next [`decide`](Self::decide) makes a new
    /// decision.
    pub fn set_override(&mut self, manual: Option<ManualOverride>) {
        self.state.schedule.expedite();
        (self.state.orders.manual, self.state.orders.end_told) = (manual, false);
    }

    /// Returns who acts, and what is known to be wrong.
    pub fn health(&self) -> Health {
        let state = &self.state;
        let issue = state.issue.as_ref();
        let newest = state.pool.newest().unwrap_or(Timestamp::EPOCH);
        // a decision since the restore has written the issue down
        let untold = state.restored && issue.is_none_or(|issue| issue.quality != DataQuality::Restored);
        let causes = [
            state.ensemble.without_network(),
            state.policy_breaker.cause(),
            untold.then(|| Issue::restored().detail()),
            issue.map(Issue::detail),
            state.safety.ineffective().map(|reason| format!("effectiveness: {reason}")),
            state.safety.host_limit(newest).map(|reason| format!("capacity: {reason}")),
            state.pool.idle_host(&self.config),
            state.orders.hold(state.pool.newest()),
            state.expectation.left_out(),
            state.pool.lateness(&self.config),
            state.pool.contradiction(),
            state.pool.standing_backlog(),
        ];
        let quality = match issue {
            _ if state.restored => DataQuality::Restored,
            Some(issue) => issue.quality,
            None => DataQuality::Good,
        };
        let source = state.schedule.standing().map(|standing| standing.source);
        Health::new(source, quality, causes.into_iter().flatten().collect())
    }
}
