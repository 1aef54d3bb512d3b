//! What the monitor sees of a pool.

use crate::calendar::Calendar;
use crate::config::Config;
use crate::decision::Decision;
use crate::forecaster::Ensemble;
use crate::inference::CircuitBreaker;
use crate::metrics::History;
use crate::policy::{AdvisedInterval, Outlook, whole_jobs};
use crate::pool::Pool;
use crate::safety::Safety;

/// A pool as the pipeline has left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) config: &'a Config,
    pub(crate) calendar: &'a Calendar,
    pub(crate) pool: &'a Pool,
    pub(crate) history: &'a History,
    pub(crate) ensemble: &'a Ensemble,
    pub(crate) outlook: &'a Outlook<'a>,
    /// Price of a job-hour at the newest record.
    pub(crate) job_hour_price: Option<f64>,
    pub(crate) standing: Option<&'a Decision>,
    pub(crate) policy_breaker: &'a CircuitBreaker,
    pub(crate) safety: &'a Safety,
    /// The newest interval of the pool that was advised.
    pub(crate) advised: Option<AdvisedInterval>,
}

impl Sight<'_> {
    /// Jobs that the newest record shows to be needed at the planned utilization.
    pub(super) fn needed_jobs(&self) -> Option<f64> {
        let shown = self.pool.shown_jobs(self.config)?;
        let needed = whole_jobs(shown / self.config.target_utilization).max(self.config.min_jobs);
        Some(f64::from(self.config.job_numbers().up(needed)))
    }
}
