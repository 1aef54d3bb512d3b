//! What can be read of a pool while others change: published after every change.

use super::change::{Change, Changed};
use evscale_core::{
    AnnouncementStatus, Config, Decision, Forecast, Health, ManualOverride, Metrics, Pause, PoolMut,
    PoolSample, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the server remembers of a pool beside the library's state; a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Settings of the library.
    pub config: Config,
    /// Which changes are switched off.
    pub pause: Pause,
    /// A person's order.
    pub order: Option<ManualOverride>,
    /// Time of the newest record that was used; none before the first one.
    pub newest: Option<Timestamp>,
}

/// A pool as it is after a change.
#[derive(Clone, Debug)]
pub struct View {
    /// Number of the last entry of its journal.
    pub seq: i64,
    /// Settings, orders.
    pub about: Arc<About>,
    /// The newest record that was used.
    pub record: Option<Arc<Metrics>>,
    /// The forecast at that record.
    pub forecast: Arc<Forecast>,
    /// The decision that stands; none before the first record.
    pub decision: Option<Arc<Decision>>,
    /// Who acts, and what is wrong.
    pub health: Arc<Health>,
    /// Metrics and alerts, as Prometheus gets them.
    pub sample: Arc<PoolSample>,
    /// What was announced, and what became of it.
    pub announcements: Arc<Vec<AnnouncementStatus>>,
    /// Why the pool can do nothing more; none while it works.
    pub failed: Option<String>,
}

impl About {
    /// Of a pool that begins.
    pub fn new(config: Config) -> Self {
        Self { pause: config.pause, config, order: None, newest: None }
    }

    /// Takes note of a change that was made.
    pub(super) fn note(&mut self, change: &Change, changed: &Changed) {
        match change {
            Change::Pause(pause) => self.pause = *pause,
            Change::Order(order) => self.order = *order,
            Change::Configure(config) => {
                if self.config.pause != config.pause {
                    self.pause = config.pause;
                }
                self.config = (**config).clone();
            }
            Change::Record(record)
                if changed.observation.as_ref().is_some_and(|seen| seen.verdict != Verdict::Rejected) =>
            {
                self.newest = Some(record.timestamp);
            }
            _ => (),
        }
    }
}

impl View {
    /// Returns the view after a change, from the one before.
    pub(super) fn after(
        before: Option<&Self>,
        seq: i64,
        about: &About,
        change: &Change,
        changed: &Changed,
        pool: &PoolMut<'_>,
    ) -> Self {
        let forecast = match (change, before) {
            (Change::Outcome(_) | Change::Slow(_) | Change::Pause(_) | Change::Order(_), Some(before)) => {
                Arc::clone(&before.forecast)
            }
            _ => Arc::new(pool.forecast()),
        };
        let record = match change {
            Change::Record(record) if about.newest == Some(record.timestamp) => {
                Some(Arc::new((**record).clone()))
            }
            _ => before.and_then(|before| before.record.clone()),
        };
        let decision = changed
            .decision
            .clone()
            .map(Arc::new)
            .or_else(|| before.and_then(|before| before.decision.clone()));
        Self {
            seq,
            about: Arc::new(about.clone()),
            record,
            forecast,
            decision,
            health: Arc::new(pool.health()),
            sample: Arc::new(pool.sample()),
            announcements: Arc::new(pool.announcements()),
            failed: None,
        }
    }
}
