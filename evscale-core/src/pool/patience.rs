//! How much of the SLA's wait a pool may spend.
//!
//! A surprise is seen at the next record and answered by jobs one startup time later. What the SLA allows beyond that is
//! slack: events may wait in it while the pool runs at full utilization.

use crate::config::Config;

/// Share of the slack in which a queue may stand; the rest is for surprises.
const SPENT: f64 = 0.5;
/// Share of the allowed wait over which the demand is averaged at least: a queue carries what comes within it.
const ABSORBED: f64 = 0.25;
/// Time in which a queue beyond that is worked off, over the wait that the SLA allows.
const CATCH_UP: f64 = 1.5;

/// What the SLA's wait leaves to a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Patience {
    /// Wait that is planned with, seconds: a queue of so much work is no reason to grow.
    pub(crate) wait_seconds: f64,
    /// Time in which a longer queue is worked off, seconds.
    pub(crate) catch_up_seconds: f64,
    /// What the SLA allows beyond seeing an event and starting a job for it, seconds; 0 if it allows less.
    pub(crate) slack_seconds: f64,
}

impl Patience {
    /// Returns the patience of a pool whose jobs take `startup_seconds` to start.
    pub(crate) fn new(config: &Config, startup_seconds: f64) -> Self {
        let wait = config.sla_wait_seconds;
        let slack = (wait - startup_seconds - f64::from(config.interval_seconds)).max(0.0);
        Self {
            wait_seconds: (ABSORBED * wait).max(SPENT * slack),
            catch_up_seconds: CATCH_UP * wait,
            slack_seconds: slack,
        }
    }

    /// Utilization to plan with, of `target` where no event may wait for a job: a queue keeps jobs busy.
    pub(crate) fn utilization(&self, target: f64) -> f64 {
        let whole = self.slack_seconds + self.wait_seconds;
        let share = if whole > 0.0 { self.slack_seconds / whole } else { 0.0 };
        target + (1.0 - target) * share
    }

    /// Seconds that a scale-down looks back on, at most the stabilization window of the configuration. Where a waiting event starts a job in time, a step down that
    /// was wrong costs the start of a job: as long as that takes, plus a decision, is enough.
    pub(crate) fn window_seconds(&self, config: &Config, startup_seconds: f64) -> f64 {
        let window = f64::from(config.scale_down_stabilization_seconds);
        let restart = startup_seconds + f64::from(config.decision_interval_seconds);
        if self.slack_seconds > 0.0 { window.min(restart) } else { window }
    }
}
