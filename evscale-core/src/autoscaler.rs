//! One pool: the whole way of the data, and the only thing with state.

use crate::breaker::{Breaker, Turn};
use crate::bundle::ModelBundle;
use crate::config::{Config, Pause};
use crate::controller::Controller;
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::features::{ForecasterInput, PolicyState, forecaster_input};
use crate::forecaster::{Answered, Ensemble, Forecast, ForecastSource, Quantiles};
use crate::health::Health;
use crate::host::{HostForecaster, HostPolicy, OwnForecaster, OwnPolicy};
use crate::metrics::{History, Metrics};
use crate::networks::Networks;
use crate::observation::Observation;
use crate::policy::{Need, Proposal, Source, whole_jobs};
use crate::safety::ManualOverride;
use crate::startup::ScalingOutcome;
use crate::time::{Calendar, Timestamp};
use crate::validation::{Checked, DataQuality, Doubt, Expectation, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Anomaly score of the records from which the pool does not shrink.
const ANOMALOUS: f64 = 0.9;

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

/// A record that is in the history, and what its forecast is made from.
pub(crate) struct Taken {
    record: Metrics,
    repairs: Vec<String>,
    doubt: Option<Doubt>,
    pub(crate) input: ForecasterInput,
}

/// What is kept in a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) ensemble: Ensemble,
    pub(crate) expectation: Expectation,
    pub(crate) controller: Controller,
    pub(crate) traffic_multiplier: f64,
    pub(crate) policy: Breaker,
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
    lent: bool,
    forecast: Forecast,
    restored: bool,
    asked: Asked,
}

/// Networks that were asked in the last call.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    forecaster: bool,
    policy: bool,
}

fn without_forecaster(fault: String) -> String {
    format!("forecast without its network: {fault}")
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
        let restored = state.is_some();
        let state = state.unwrap_or_else(|| State {
            history: History::new(config.interval_seconds),
            ensemble: Ensemble::new(f64::from(config.interval_seconds)),
            expectation: Expectation::default(),
            controller: Controller::new(&config),
            traffic_multiplier: 1.0,
            policy: Breaker::default(),
        });
        let forecast = state.ensemble.forecast(&state.history);
        Ok(Self {
            calendar: config.calendar()?,
            config,
            state,
            networks,
            lent: false,
            forecast,
            restored,
            asked: Asked::default(),
        })
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

    /// Puts a policy of the host's own in the place of the network. It is rehearsed on the pool's load, and acts once it does
    /// no worse there than the best rule.
    ///
    /// # Errors
    /// The configuration does without networks.
    pub fn use_policy(&mut self, policy: Box<dyn HostPolicy>) -> Result<()> {
        self.replaceable()?.policy = Box::new(OwnPolicy(policy));
        Ok(())
    }

    fn replaceable(&mut self) -> Result<&mut Networks> {
        if self.lent {
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
            self.lent = !self.lent;
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Takes the record of one interval.
    ///
    /// A record that is late, repeated or far ahead is rejected and changes nothing; a field that makes no sense
    /// becomes unknown. Both are told by the verdict, not by an error: they happen in every monitoring system.
    ///
    /// # Errors
    /// None today; kept for records that cannot be judged at all.
    pub fn observe(&mut self, record: &Metrics) -> Result<Observation> {
        Ok(match self.take(record) {
            Ok(taken) => self.finish(taken, None),
            Err(rejected) => rejected,
        })
    }

    /// The first half of [`observe`](Self::observe): takes a record into the history; or what to answer to one that is
    /// rejected.
    pub(crate) fn take(&mut self, record: &Metrics) -> std::result::Result<Taken, Observation> {
        let (record, repairs, doubt) = self.checked(record)?;
        let state = &mut self.state;
        state.traffic_multiplier = record.expected_traffic_multiplier.unwrap_or(1.0);
        state.history.push(record.timestamp, record.logged_events_count);
        let input = forecaster_input(&state.history, &self.calendar, state.traffic_multiplier);
        Ok(Taken { record, repairs, doubt, input })
    }

    /// The second half of [`observe`](Self::observe): forecasts, learns and rehearses. `answer` is the forecasting
    /// network's, if it was asked already.
    pub(crate) fn finish(&mut self, taken: Taken, answer: Option<Result<Quantiles>>) -> Observation {
        let Taken { record, repairs, doubt, input } = taken;
        let state = &mut self.state;
        let mut answered = answer.map(|answer| Answered(Some(answer)));
        let network = match &mut answered {
            Some(answered) => Some(answered as &mut dyn ForecastSource),
            None => self.networks.as_mut().map(|networks| networks.forecaster.as_mut()),
        };
        state.ensemble.advance(&state.history, &input, network);
        self.forecast = state.ensemble.forecast(&state.history);
        let anomaly = self.forecast.anomaly_score;
        let record_anomaly = state.ensemble.record_anomaly();
        let doubt = doubt.or_else(|| {
            (record_anomaly >= ANOMALOUS).then(|| {
                let reason = format!("the newest records are unusual (anomaly score {record_anomaly:.2})");
                Doubt::new(DataQuality::Anomalous, reason)
            })
        });
        let quality = doubt.as_ref().map_or(DataQuality::Good, |doubt| doubt.quality);
        state.controller.observe(&self.config, &record, doubt, &self.forecast);
        self.asked = Asked { forecaster: state.ensemble.was_asked(), policy: self.rehearse_network() };
        let state = &mut self.state;
        self.restored = false;
        let need = state.controller.need(&self.config, &self.forecast);
        let emergency = state.controller.emergency(&self.config, need.as_ref());
        let decision_due = emergency || state.controller.due(&self.config, record.timestamp);
        Observation { decision_due, emergency, ..Observation::usable(repairs, quality, anomaly) }
    }

    /// Takes a record from long ago into the history alone: nothing is forecast, learned or rehearsed on it, which is
    /// some hundred times cheaper than [`observe`](Self::observe).
    ///
    /// For the older part of a long history. Records that are observed after it find the same history, and so the same
    /// input of the forecasting network; the weights of the experts, the calibration and the rehearsal know only what was
    /// observed. Until a record is observed, the forecast is that of the last observed one.
    ///
    /// # Errors
    /// As for `observe`.
    pub fn remember(&mut self, record: &Metrics) -> Result<Observation> {
        let (record, repairs, doubt) = match self.checked(record) {
            Ok(usable) => usable,
            Err(rejected) => return Ok(rejected),
        };
        let state = &mut self.state;
        state.history.push(record.timestamp, record.logged_events_count);
        state.ensemble.remember(record.logged_events_count);
        let quality = doubt.map_or(DataQuality::Good, |doubt| doubt.quality);
        let decision_due = state.controller.due(&self.config, record.timestamp);
        let anomaly = self.forecast.anomaly_score;
        Ok(Observation { decision_due, ..Observation::usable(repairs, quality, anomaly) })
    }

    /// A record without what makes no sense in it, with what that was and what is doubtful about the rest; or what to
    /// answer to one that is rejected.
    fn checked(
        &mut self,
        record: &Metrics,
    ) -> std::result::Result<(Metrics, Vec<String>, Option<Doubt>), Observation> {
        let state = &mut self.state;
        match state.expectation.check(record, &self.config) {
            Checked::Usable { record, repairs, doubt } => Ok((record, repairs, doubt)),
            Checked::Rejected(doubt) => {
                state.controller.reject(doubt.clone());
                let now = state.expectation.newest.unwrap_or(record.timestamp);
                Err(Observation {
                    verdict: Verdict::Rejected,
                    reason: Some(doubt.reason),
                    decision_due: state.controller.due(&self.config, now),
                    ..Observation::usable(Vec::new(), doubt.quality, self.forecast.anomaly_score)
                })
            }
        }
    }

    /// The forecast at the newest record.
    pub fn forecast(&self) -> Forecast {
        self.forecast.clone()
    }

    /// The decision at the time of the newest record: a new one if it is due or there is an emergency, else
    /// the standing one.
    pub fn decide(&mut self) -> Decision {
        let now = self.state.expectation.newest.unwrap_or(Timestamp::EPOCH);
        self.decide_at(now)
    }

    /// The decision at `now`, which may be later than the newest record.
    pub fn decide_at(&mut self, now: Timestamp) -> Decision {
        let controller = &self.state.controller;
        let need = controller.need(&self.config, &self.forecast);
        let emergency = controller.emergency(&self.config, need.as_ref());
        if !controller.due(&self.config, now)
            && !emergency
            && let Some(standing) = controller.standing()
        {
            return standing.clone();
        }
        let proposal = self.propose(need.as_ref(), now);
        let state = &mut self.state;
        let recovered = [
            state.policy.take_recovery("policy network"),
            state.ensemble.take_recovery("forecaster network"),
        ];
        let mut notes: Vec<String> = recovered.into_iter().flatten().collect();
        if !matches!(proposal.source, Source::PolicyNetwork | Source::HostPolicy) {
            notes.extend(state.ensemble.network_fault().map(without_forecaster));
        }
        state.controller.decide(&self.config, now, &self.forecast, proposal, notes, self.restored)
    }

    /// Lets the policy network scale its paper pool, which is its shadow run while it does not act; says whether it was
    /// asked.
    fn rehearse_network(&mut self) -> bool {
        let state = &mut self.state;
        let Some(policy) = self.networks.as_mut().map(|networks| networks.policy.as_mut()) else {
            return false;
        };
        if state.policy.turn() == Turn::Rest {
            return false;
        }
        let ask = |seen: &PolicyState| policy.jobs(seen);
        match state.controller.rehearse_network(&self.config, &self.forecast, ask) {
            Ok(false) => false,
            Ok(true) => {
                state.policy.succeeded();
                true
            }
            Err(problem) => {
                state.policy.failed(problem.to_string());
                true
            }
        }
    }

    /// The ladder: policy network, analytic rule, reactive rule, hold.
    fn propose(&mut self, need: Option<&Need>, now: Timestamp) -> Proposal {
        let state = &mut self.state;
        self.asked = Asked::default();
        let (Some(need), Some(policy)) =
            (need, self.networks.as_mut().map(|networks| networks.policy.as_mut()))
        else {
            return state.controller.simple_proposal(&self.config, need, None);
        };
        let without_network =
            |state: &State, reason| state.controller.simple_proposal(&self.config, Some(need), Some(reason));
        if let Some(cause) = state.policy.cause() {
            return without_network(state, cause);
        }
        if !state.controller.forecast_proven() {
            return state.controller.simple_proposal(&self.config, Some(need), None);
        }
        if !state.controller.network_acts() {
            let reason = "rehearsed on this pool's load, the analytic rule does better";
            return without_network(state, reason.to_owned());
        }
        let seen = state.controller.policy_state(&self.config, &self.forecast, need, now);
        self.asked.policy = true;
        match policy.jobs(&seen) {
            Ok(jobs) => {
                state.policy.succeeded();
                Proposal {
                    jobs: whole_jobs(jobs),
                    source: policy.source(),
                    fallback: state.ensemble.network_fault().map(without_forecaster),
                }
            }
            Err(problem) => {
                let cause = problem.to_string();
                state.policy.failed(cause.clone());
                without_network(state, cause)
            }
        }
    }

    /// Tells how long the last [`observe`](Self::observe) or [`decide`](Self::decide) took by the host's clock. Networks that
    /// were asked in it and took longer than `latency_budget_ms` of the configuration are left alone for a while.
    pub fn report_latency(&mut self, took: Duration) {
        let (took, budget) = (1000.0 * took.as_secs_f64(), self.config.latency_budget_ms);
        if took <= budget {
            return;
        }
        let asked = std::mem::take(&mut self.asked);
        let cause =
            |network: &str| format!("{network}: a call took {took:.1} ms, expected at most {budget} ms");
        if asked.forecaster {
            self.state.ensemble.network_failed(cause("forecaster"));
        }
        if asked.policy {
            self.state.policy.failed(cause("policy"));
        }
    }

    /// Tells what the host really did. The startup time and, for a while, the most jobs that can be had are learned from it.
    pub fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        self.state.controller.acknowledge(outcome);
    }

    /// Switches changes off or on again, from the next decision.
    pub fn set_pause(&mut self, pause: Pause) {
        self.state.controller.set_pause(pause);
    }

    /// Orders a number of jobs or a cap until a time, or takes the order back; from the next decision.
    pub fn set_override(&mut self, manual: Option<ManualOverride>) {
        self.state.controller.set_override(manual);
    }

    /// Who acts, and what is known to be wrong.
    pub fn health(&self) -> Health {
        let state = &self.state;
        let doubt = state.controller.doubt();
        let quality = match doubt {
            _ if self.restored => DataQuality::Restored,
            Some(doubt) => doubt.quality,
            None => DataQuality::Good,
        };
        // a decision since then has written the verdict down
        let untold = self.restored && doubt.is_none_or(|doubt| doubt.quality != DataQuality::Restored);
        let causes = [
            state.ensemble.network_fault().map(without_forecaster),
            state.policy.cause(),
            untold.then(|| "restored: no record since the state was restored".to_owned()),
        ];
        let source = state.controller.standing().map(|standing| standing.source);
        let causes = causes.into_iter().flatten().chain(state.controller.causes(&self.config));
        Health::new(source, quality, causes.collect())
    }
}
