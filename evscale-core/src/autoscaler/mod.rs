//! One pool: the whole way of the data, and the only thing with state.

#[cfg(feature = "training")]
mod bare;
mod begin_like;
mod beside;
mod conclusion;
mod intake;
mod learned;
mod models;
mod networks;
mod observation;
mod offer;
mod orders;
pub(crate) mod pipeline;
mod plugin;
mod reconfigure;
mod shared;
mod snapshot;
mod state;
mod warm_start;

#[cfg(feature = "training")]
pub use bare::BareNetworks;
#[cfg(feature = "training")]
pub(crate) use conclusion::conclude;
pub use learned::Learned;
pub use models::Challenger;
pub(crate) use networks::Networks;
pub use observation::Observation;
pub(crate) use pipeline::Ingested;
pub use plugin::{HostError, HostForecaster, HostPolicy, Series};
pub(crate) use shared::Begun;
pub(crate) use state::State;

use crate::bundle::ModelBundle;
use crate::calendar::Calendar;
use crate::classes::Classes;
use crate::config::{Config, Mode, SettingChange, Timetable};
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::forecaster::{Forecast, Quantiles};
use crate::indicators::{Alert, AlertRule, Report};
use crate::metrics::Metrics;
use crate::monitor::{Health, Monitor};
use crate::pool::ScalingOutcome;
use crate::time::Timestamp;
use crate::traced;
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

    /// Builds an autoscaler that goes on from a snapshot; see [`Autoscaler::restore`]. A forecaster or policy of the host's own is
    /// no part of a snapshot: give it again.
    ///
    /// # Errors
    /// As for [`build`](Self::build), and a snapshot that is damaged, truncated, foreign, or of another format.
    pub fn restore(self, snapshot: &[u8]) -> Result<Autoscaler> {
        let networks = Networks::for_config(&self.config, self.bundle)?;
        Autoscaler::restore_with(self.config, networks, snapshot)
    }
}

/// Forecasts the arrivals of one pool and decides on its number of jobs.
///
/// The same records give the same decisions, bit for bit. `decide` always answers; what a network that
/// fails means is in the decision's `source` and `fallback_reason`.
#[derive(Debug)]
pub struct Autoscaler {
    config: Config,
    /// The configuration with what the classes of events make of it; none where there are no classes.
    with_classes: Option<Box<Config>>,
    calendar: Calendar,
    timetable: Timetable,
    state: State,
    /// What runs beside the rules while the configuration asks for it.
    networks: Option<Networks>,
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
        let state = state.unwrap_or_else(|| State::new(&config));
        let (calendar, timetable) = (config.calendar()?, config.timetable()?);
        let mut pool = Self { calendar, timetable, config, with_classes: None, state, networks };
        pool.follow_classes();
        pool.look_at_the_schedule();
        Ok(pool)
    }

    /// Lets the classes of events say what wait, target and size the pool has as a whole.
    fn follow_classes(&mut self) {
        let whole = self.state.classes.as_ref().map(|classes| classes.of_pool(&self.config));
        self.with_classes = whole.map(Box::new);
    }

    /// The configuration that the pool is run by.
    fn run_by(&self) -> &Config {
        self.with_classes.as_deref().unwrap_or(&self.config)
    }

    /// Looks up the schedule again, and foresees what it says.
    fn look_at_the_schedule(&mut self) {
        if let Some(now) = self.state.expectation.now().filter(|_| !self.config.schedule.is_empty()) {
            self.state.look_ahead(&self.config, &self.timetable, now);
            self.state.foresee(&self.config);
        }
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
        self.acting_networks().ok_or_else(|| {
            Error::argument(
                "`use_networks` is false, so that there is no network whose place could be taken; expected true",
            )
        })
    }

    fn acting_networks(&mut self) -> Option<&mut Networks> {
        self.networks.as_mut().filter(|_| self.config.use_networks)
    }

    /// Puts a fleet's networks where this pool has its own, or takes them back.
    pub(crate) fn exchange_networks(&mut self, networks: &mut Option<Networks>) {
        std::mem::swap(&mut self.networks, networks);
    }

    /// Goes on under another configuration.
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config};
    /// let mut scaler = Autoscaler::builder(Config::builder().use_networks(false).build()?).build()?;
    /// let changes = scaler.reconfigure(Config::builder().use_networks(false).min_jobs(4).build()?)?;
    /// assert_eq!(changes[0].to_string(), "`min_jobs` is 4, was 1");
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    ///
    /// What the configuration says wins over what was learned: service and startup time where they change, pause, bounds, SLA,
    /// calendar. What was learned stays where it still means something: records of another interval go on with the history
    /// resampled, with forecasts and rules that are evaluated anew. An order outside the new bounds is taken back. A decision is
    /// due, and tells what has changed. Returns the settings that differ.
    ///
    /// # Errors
    /// The configuration is refused, the models are not signed as it asks for, or it asks for networks that the pool was built
    /// without. The pool stays as it is.
    pub fn reconfigure(&mut self, config: Config) -> Result<Vec<SettingChange>> {
        config.check()?;
        match &self.networks {
            Some(networks) => networks.check_signers(&config)?,
            None if config.use_networks => {
                return Err(Error::argument(
                    "`use_networks` is true, expected false as the pool was built without; restore its snapshot with a bundle",
                ));
            }
            None => (),
        }
        self.adopt(config)
    }

    /// Takes a configuration whose models are known to be there.
    pub(crate) fn adopt(&mut self, config: Config) -> Result<Vec<SettingChange>> {
        config.check()?;
        (self.calendar, self.timetable) = (config.calendar()?, config.timetable()?);
        let before = std::mem::replace(&mut self.config, config);
        let changes = self.state.reconfigure(&before, &self.config);
        self.follow_classes();
        self.look_at_the_schedule();
        Ok(changes)
    }

    /// Refuses models that are not signed as `config` asks for.
    pub(crate) fn check_signers(&self, config: &Config) -> Result<()> {
        self.networks.as_ref().map_or(Ok(()), |networks| networks.check_signers(config))
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
        let _span = traced::observe(record.timestamp);
        let networks = self.networks.as_mut().filter(|_| self.config.use_networks);
        self.state.look_ahead(&self.config, &self.timetable, record.timestamp);
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        let seen = pipeline::observe(config, &self.calendar, &mut self.state, networks, record);
        if self.with_classes.is_some() {
            self.follow_classes();
        }
        Ok(seen)
    }

    /// The first half of [`observe`](Self::observe), before the forecast.
    pub(crate) fn ingest(&mut self, record: &Metrics) -> Result<Ingested, Observation> {
        self.state.look_ahead(&self.config, &self.timetable, record.timestamp);
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        pipeline::ingest(config, &self.calendar, &mut self.state, record)
    }

    /// The second half of [`observe`](Self::observe). `precomputed` is the forecasting network's answer, if it ran already.
    pub(crate) fn complete(
        &mut self,
        ingested: Ingested,
        precomputed: Option<Result<Quantiles>>,
    ) -> Observation {
        let networks = self.networks.as_mut().filter(|_| self.config.use_networks);
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        let (calendar, state) = (&self.calendar, &mut self.state);
        let seen = pipeline::complete(config, calendar, state, networks, ingested, precomputed);
        if self.with_classes.is_some() {
            self.follow_classes();
        }
        seen
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
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        Ok(intake::backfill(config, &self.calendar, &mut self.state, record))
    }

    /// Returns the forecast at the newest record, with what is announced of the time to come.
    pub fn forecast(&self) -> Forecast {
        let forecast = self.state.forecast.nominal();
        match &self.state.classes {
            Some(classes) => classes.in_events(forecast),
            None => forecast,
        }
    }

    /// Returns the decision at the time of the newest record: a new one if it is due or there is an emergency, else
    /// the standing one. Where every record since was rejected, time goes on with them.
    pub fn decide(&mut self) -> Decision {
        let now = self.state.expectation.now().unwrap_or(Timestamp::EPOCH);
        self.decide_at(now)
    }

    /// Returns the decision at `now`, which may be later than the newest record.
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config, DataQuality, Metrics, Timestamp};
    /// let mut scaler = Autoscaler::builder(Config::builder().use_networks(false).build()?).build()?;
    /// let at: Timestamp = "2026-01-05T10:02:00Z".parse()?;
    /// scaler.observe(&Metrics::builder(at, 3400.0, 12.0).average_processing_duration_ms(400.0).build())?;
    /// // a timer of the host goes on, and no record comes
    /// scaler.decide_at(at.plus_seconds(20 * 60));
    /// assert_eq!(scaler.health().data_quality, DataQuality::Missing);
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    pub fn decide_at(&mut self, now: Timestamp) -> Decision {
        let _span = traced::decide(now);
        let networks = self.networks.as_mut().filter(|_| self.config.use_networks);
        self.state.look_ahead(&self.config, &self.timetable, now);
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        pipeline::decide(config, &self.calendar, &mut self.state, networks, now)
    }

    /// Reports how long the last [`observe`](Self::observe) or [`decide`](Self::decide) took by the host's clock. Networks
    /// that ran in it and took longer than `latency_budget_ms` of the configuration do not run for a while.
    pub fn report_latency(&mut self, took: Duration) {
        self.state.monitor.timed(took);
        let (took, budget) = (1000.0 * took.as_secs_f64(), self.config.latency_budget_ms);
        if took <= budget {
            return;
        }
        if self.blame_second(took, budget) {
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
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config, Metrics, ScalingOutcome, Timestamp};
    /// use std::time::Duration;
    /// let config = Config::builder().use_networks(false).job_startup_seconds(180).build()?;
    /// let mut scaler = Autoscaler::builder(config).build()?;
    /// let at: Timestamp = "2026-01-05T10:02:00Z".parse()?;
    /// for index in 0..10 {
    ///     scaler.observe(&Metrics::new(at.plus_seconds(120 * index), 3400.0, 12.0))?;
    ///     let told = ScalingOutcome::new(at.plus_seconds(120 * index + 60));
    ///     scaler.acknowledge(&told.with_started(1).with_ready(1, Duration::from_secs(45)));
    /// }
    /// assert!(scaler.learned().job_startup_seconds < 180.0);
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    pub fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        let State { pool, safety, schedule, .. } = &mut self.state;
        pool.acknowledge(outcome);
        let refused = outcome.refused > 0 && self.config.mode == Mode::Act;
        if let (true, Some(recommended), Some(newest)) = (refused, schedule.recommended(), pool.newest()) {
            let granted = recommended.jobs.saturating_sub(outcome.refused);
            safety.refused(outcome.timestamp.min(newest), recommended.jobs, granted);
        }
    }

    /// Returns how the pool is doing: model, data, service, jobs and cost, and what drifts.
    pub fn report(&self) -> Report {
        let report = self.state.watched(self.run_by(), &self.calendar, Monitor::report);
        let of_each = |classes: &Classes| classes.report(&self.config);
        let classes = self.state.classes.as_deref().map(of_each).unwrap_or_default();
        Report { models: self.models(), classes, ..report }
    }

    /// Returns the alerts that fire, or were resolved within the last day; the worst and newest first.
    pub fn alerts(&self) -> Vec<Alert> {
        self.state.watched(self.run_by(), &self.calendar, Monitor::alerts)
    }

    /// Returns report and alerts as OpenMetrics text, as Prometheus reads it, with the label `pool`.
    #[cfg(feature = "prometheus")]
    pub fn openmetrics(&self, pool: &str) -> String {
        crate::indicators::openmetrics([(pool.to_owned(), self.sample().into())])
    }

    /// Returns what is exported of the pool.
    #[cfg(feature = "prometheus")]
    pub fn sample(&self) -> crate::indicators::PoolSample {
        crate::indicators::PoolSample::new(&self.report(), &self.alerts())
    }

    /// Returns every alert that this pool has: those of the library, and those of `alerts` in the configuration.
    pub fn alert_rules(&self) -> Vec<AlertRule> {
        self.state.monitor.rules().cloned().collect()
    }

    /// Returns who acts, and what is known to be wrong.
    pub fn health(&self) -> Health {
        let state = &self.state;
        let issue = state.issue_decided.as_ref().or(state.issue.as_ref());
        let newest = state.pool.newest().unwrap_or(Timestamp::EPOCH);
        let most = self.config.fewest_and_most().1;
        // a decision since the restore has written the issue down
        let untold = state.restored && issue.is_none_or(|issue| issue.quality != DataQuality::Restored);
        let causes = [
            state.ensemble.without_network(),
            state.policy_breaker.cause(),
            untold.then(|| Issue::restored().detail()),
            issue.map(Issue::detail),
            state.expectation.lasting_issues(),
            state.safety.ineffective().map(|reason| format!("effectiveness: {reason}")),
            state.safety.host_limit(newest).map(|reason| format!("capacity: {reason}")),
            state.pool.idle_host(&self.config),
            state.orders.hold(state.pool.newest()),
            self.gave_way(),
            state.announced.distrust(),
            match &state.classes {
                Some(classes) => classes.lateness(&self.config, state.pool.last_known_jobs() >= Some(most)),
                None => state.pool.lateness(&self.config),
            },
            state.pool.contradiction(),
            state.pool.failures(),
            state.pool.standing_backlog(),
        ];
        let quality = match issue {
            _ if state.restored => DataQuality::Restored,
            Some(issue) => issue.quality,
            None => DataQuality::Good,
        };
        let source = state.schedule.standing().map(|standing| standing.source);
        Health {
            announced: state.announced.in_words(),
            models: state.lifecycle.as_ref().map(|models| models.in_words()).unwrap_or_default(),
            ..Health::new(source, quality, causes.into_iter().flatten().collect())
        }
    }
}
