//! What of the counted arrivals is load: those that were lost are, those that are counted twice or come back are not.

use super::Pool;
use crate::metrics::Metrics;

/// Rounding and counting at different moments, as a share and in events.
const SLACK: (f64, f64) = (1.05, 10.0);

impl Pool {
    /// Returns the load of a record that is not yet known here. `usual` arrivals were expected, and `at_most` so many.
    pub(crate) fn load_of(&self, record: &Metrics, usual: f64, at_most: f64) -> f64 {
        let load = record.demand();
        let load = if record.is_deploy_in_progress == Some(true) {
            let counted =
                self.served_and_waiting(record).filter(|counted| load > SLACK.0 * counted + SLACK.1);
            let possible = if self.served_and_waiting(record).is_some() { f64::INFINITY } else { at_most };
            counted.unwrap_or(load).min(if possible.is_nan() { load } else { possible })
        } else {
            load
        };
        match self.failures.unusual(record) {
            Some(share) if load > usual => {
                let failed = share * record.processed_events_count.unwrap_or(load);
                load - failed.min(load - usual)
            }
            _ => load,
        }
    }

    /// Returns the events that came as far as they were processed, wait or were lost: at a roll-out old and new jobs both report
    /// what arrives, but an event is processed once.
    fn served_and_waiting(&self, record: &Metrics) -> Option<f64> {
        let (done, queued) = record.processed_events_count.zip(record.queued_events_count)?;
        let before = self.work.queued()?;
        Some((done + queued - before).max(0.0) + record.dropped_events_count.unwrap_or(0.0))
    }
}
