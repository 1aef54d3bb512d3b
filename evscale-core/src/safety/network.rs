//! Whether the network is what binds: it carries as much as it has ever carried, for some records.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Part of the most that was ever carried from which on the network is full, and records for which it must be.
const FULL: f64 = 0.95;
const RECORDS: u32 = 4;
/// Share of the most that is forgotten per day.
const FADE_PER_DAY: f64 = 0.1;

/// The traffic of one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Network {
    most: f64,
    full: u32,
}

impl Network {
    pub(super) fn observe(&mut self, record: &Metrics, interval_seconds: f64) {
        let Some(traffic) = record.network_io_mbps else {
            self.full = 0;
            return;
        };
        self.most = traffic.max(self.most * (1.0 - FADE_PER_DAY * interval_seconds / 86_400.0));
        self.full =
            if traffic > 0.0 && traffic >= FULL * self.most { self.full.saturating_add(1) } else { 0 };
    }

    /// Reports whether the network carries what it has carried at most.
    pub(super) fn full(&self) -> bool {
        self.full >= RECORDS
    }
}
