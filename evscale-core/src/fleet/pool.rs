//! One pool of a fleet, and what may be done with it.

use super::shelf::Shelf;
use crate::announced::{Announcement, AnnouncementStatus};
use crate::autoscaler::{Autoscaler, Learned, Observation};
use crate::bundle::ModelBundle;
use crate::config::{Config, Pause, SettingChange};
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, Result};
use crate::forecaster::{DueEvents, Forecast};
use crate::indicators::{Alert, LifecycleStatus, Report};
use crate::metrics::Metrics;
use crate::monitor::Health;
use crate::pool::ScalingOutcome;
use crate::safety::{ManualOverride, Share};
use crate::time::Timestamp;
use crate::traced;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// A pool of a [`Fleet`](crate::Fleet) at work: what an [`Autoscaler`] can do, but for what would reach into the other pools. It
/// cannot be replaced by another one, and has no networks of its own.
#[derive(Debug)]
pub struct PoolMut<'a> {
    pub(super) scaler: &'a mut Autoscaler,
    bundles: &'a [ModelBundle],
}

impl PoolMut<'_> {
    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        self.scaler.config()
    }

    /// Goes on under another configuration; see [`Autoscaler::reconfigure`].
    ///
    /// # Errors
    /// The configuration is refused, or the models of the fleet are not signed as it asks for.
    pub fn reconfigure(&mut self, config: Config) -> Result<Vec<SettingChange>> {
        self.bundles.iter().take(1).try_for_each(|bundle| bundle.check_signer(&config))?;
        self.scaler.check_signers(&config)?;
        self.scaler.adopt(config)
    }

    /// Takes the record of one interval; see [`Autoscaler::observe`].
    ///
    /// # Errors
    /// As there.
    pub fn observe(&mut self, record: &Metrics) -> Result<Observation> {
        self.scaler.observe(record)
    }

    /// Takes a record from long ago into the history alone; see [`Autoscaler::backfill`].
    ///
    /// # Errors
    /// As there.
    pub fn backfill(&mut self, record: &Metrics) -> Result<Observation> {
        self.scaler.backfill(record)
    }

    /// Returns what the pool has learned; see [`Autoscaler::learned`].
    pub fn learned(&self) -> Learned {
        self.scaler.learned()
    }

    /// Returns the forecast at the newest record.
    pub fn forecast(&self) -> Forecast {
        self.scaler.forecast()
    }

    /// Returns the decision at the time of the newest record; see [`Autoscaler::decide`].
    pub fn decide(&mut self) -> Decision {
        self.scaler.decide()
    }

    /// Returns the decision at `now`; see [`Autoscaler::decide_at`].
    pub fn decide_at(&mut self, now: Timestamp) -> Decision {
        self.scaler.decide_at(now)
    }

    /// Reports how long the last call took; see [`Autoscaler::report_latency`].
    pub fn report_latency(&mut self, took: Duration) {
        self.scaler.report_latency(took);
    }

    /// Reports what the host really did; see [`Autoscaler::acknowledge`].
    pub fn acknowledge(&mut self, outcome: &ScalingOutcome) {
        self.scaler.acknowledge(outcome);
    }

    /// Switches changes off or on again; see [`Autoscaler::set_pause`].
    pub fn set_pause(&mut self, pause: Pause) {
        self.scaler.set_pause(pause);
    }

    /// Takes a person's order, or takes one back; see [`Autoscaler::set_override`].
    ///
    /// # Errors
    /// As there.
    pub fn set_override(&mut self, manual: Option<ManualOverride>) -> Result<()> {
        self.scaler.set_override(manual)
    }

    /// Runs models in the shadow that the fleet knows, by the identity of their bundle; see [`Autoscaler::challenge`] and
    /// [`Fleet::know`](crate::Fleet::know).
    ///
    /// # Errors
    /// As there, and the fleet knows no such models.
    pub fn challenge(&mut self, identity: &str) -> Result<()> {
        let known = self.bundles.iter().find(|bundle| bundle.identity() == identity);
        let bundle = known.ok_or_else(|| {
            Error::argument(format!(
                "the fleet knows no models `{identity}`, expected the identity of a bundle given to `know`"
            ))
        })?;
        self.scaler.challenge(bundle)
    }

    /// Takes the models in the shadow away; see [`Autoscaler::end_challenge`].
    pub fn end_challenge(&mut self, reason: &str) -> bool {
        self.scaler.end_challenge(reason)
    }

    /// Promotes the challenger; see [`Autoscaler::promote`].
    ///
    /// # Errors
    /// As there.
    pub fn promote(&mut self, reason: &str) -> Result<()> {
        self.scaler.promote(reason)
    }

    /// Brings the predecessor back; see [`Autoscaler::roll_back`].
    ///
    /// # Errors
    /// As there.
    pub fn roll_back(&mut self, reason: &str) -> Result<()> {
        self.scaler.roll_back(reason)
    }

    /// Forbids promotion and rollback, or allows them again; see [`Autoscaler::pin_models`].
    pub fn pin_models(&mut self, reason: Option<&str>) {
        self.scaler.pin_models(reason);
    }

    /// Returns the models of the pool; see [`Autoscaler::models`].
    pub fn models(&self) -> Option<LifecycleStatus> {
        self.scaler.models()
    }

    /// Returns how the pool is doing.
    pub fn report(&self) -> Report {
        self.scaler.report()
    }

    /// Returns the alerts that fire, or were resolved within the last day.
    pub fn alerts(&self) -> Vec<Alert> {
        self.scaler.alerts()
    }

    /// Returns what is exported of the pool; see [`openmetrics`](crate::openmetrics).
    #[cfg(feature = "prometheus")]
    pub fn sample(&self) -> crate::PoolSample {
        self.scaler.sample()
    }

    /// Silences an alert until a time; see [`Autoscaler::silence`].
    ///
    /// # Errors
    /// As there.
    pub fn silence(&mut self, alert: &str, until: Option<Timestamp>) -> Result<()> {
        self.scaler.silence(alert, until)
    }

    /// Announces an event before the records show it; see [`Autoscaler::announce`].
    ///
    /// # Errors
    /// As there.
    pub fn announce(&mut self, announcement: Announcement) -> Result<u32> {
        self.scaler.announce(announcement)
    }

    /// Takes an announcement back; see [`Autoscaler::cancel_announcement`].
    ///
    /// # Errors
    /// As there.
    pub fn cancel_announcement(&mut self, id: u32) -> Result<()> {
        self.scaler.cancel_announcement(id)
    }

    /// Says which events fall due when, as it is known at `now`; see [`Autoscaler::set_due`].
    ///
    /// # Errors
    /// As there.
    pub fn set_due(&mut self, now: Timestamp, due: &[DueEvents]) -> Result<()> {
        self.scaler.set_due(now, due)
    }

    /// Returns what was announced, and what became of it; see [`Autoscaler::announcements`].
    pub fn announcements(&self) -> Vec<AnnouncementStatus> {
        self.scaler.announcements()
    }

    /// Returns who acts, and what is known to be wrong.
    pub fn health(&self) -> Health {
        self.scaler.health()
    }

    /// Returns the whole state of the pool; see [`Autoscaler::snapshot`].
    pub fn snapshot(&self) -> Vec<u8> {
        self.scaler.snapshot()
    }
}

/// A pool of a fleet.
#[derive(Debug)]
pub(super) struct Pool {
    scaler: Autoscaler,
    /// Internal error: a panic was caught in this pool, whose state cannot be trusted.
    failed: bool,
}

impl Pool {
    pub(super) fn new(scaler: Autoscaler) -> Self {
        Self { scaler, failed: false }
    }

    /// Returns the pool's autoscaler; none if it failed.
    pub(super) fn scaler(&self) -> Option<&Autoscaler> {
        (!self.failed).then_some(&self.scaler)
    }

    /// Returns the pool's autoscaler for what it holds of a shared budget, which a pool that failed holds on to.
    pub(super) fn held(&self) -> &Autoscaler {
        &self.scaler
    }

    /// Sets what the pool has of a shared budget when it decides alone.
    pub(super) fn set_share(&mut self, share: Option<Share>) {
        self.scaler.set_share(share);
    }

    /// Reports whether the forecasting network is to be asked for it.
    pub(super) fn uses_networks(&self) -> bool {
        self.scaler.config().use_networks
    }

    /// Works on the pool with the shared networks. A panic ends with this pool.
    pub(super) fn run<T>(
        &mut self,
        key: &str,
        shelf: &mut Shelf,
        work: impl FnOnce(&mut Autoscaler) -> T,
    ) -> Result<T> {
        if self.failed {
            let message = format!("pool `{key}` failed inside before: remove it and restore a snapshot");
            return Err(Error::new(ErrorKind::PoolFailed, message));
        }
        let _span = traced::pool(key);
        let scaler = &mut self.scaler;
        let mut networks = shelf.lend(scaler);
        scaler.exchange_networks(&mut networks);
        let answer = catch_unwind(AssertUnwindSafe(|| work(scaler)));
        self.scaler.exchange_networks(&mut networks);
        shelf.give_back(networks);
        answer.map_err(|_| {
            self.failed = true;
            Error::new(ErrorKind::PoolFailed, format!("pool `{key}` failed inside; the other pools go on"))
        })
    }

    /// Works on the pool as the host may.
    pub(super) fn run_for_host<T>(
        &mut self,
        key: &str,
        shelf: &mut Shelf,
        bundles: &[ModelBundle],
        work: impl FnOnce(&mut PoolMut<'_>) -> T,
    ) -> Result<T> {
        self.run(key, shelf, |scaler| work(&mut PoolMut { scaler, bundles }))
    }
}
