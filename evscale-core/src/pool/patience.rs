//! How much of the SLA's wait a pool may spend.
//!
//! An event that waits is seen at the next record, and a job that is asked for then takes it one startup time later. What
//! the SLA allows beyond that is slack. Events may wait in it while the pool runs at full utilization, as far as one more
//! record leaves time to act.

use crate::config::Config;

/// Share of the slack in which a queue may stand; the rest is for surprises.
const SPENT: f64 = 0.5;
/// Share of the allowed wait over which the demand is averaged, where it is far too short to get a job, and where it is long
/// enough: a queue carries what comes within it.
const ABSORBED: (f64, f64) = (0.25, 0.5);
/// Time in which a queue beyond the plan is worked off, over the allowed wait, where that is far too short to get a job,
/// and where it is long enough.
const CATCH_UP: (f64, f64) = (1.5, 1.0);
/// Share of the allowed wait in which events are served whose time is known.
const DUE: f64 = 0.8;
/// Need of a pool without events and with slack that is not worth a job.
const IDLE_BELOW_JOBS: f64 = 0.5;
/// Times in which a job can be had, beyond the first, for which a queue may carry a difference, at most.
const MOST_CARRIED: f64 = 3.0;
/// Allowed wait, as a share of the time in which a job can be had, from which on a wrong step down costs less and less.
const MENDABLE: f64 = 0.5;

/// What the SLA's wait leaves to a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Patience {
    /// Wait that is planned with, seconds: a queue of so much work is no reason to grow.
    pub(crate) standing_seconds: f64,
    /// Time over which the demand is averaged, seconds.
    pub(crate) absorbed_seconds: f64,
    /// Time in which a longer queue is worked off, seconds.
    pub(crate) catch_up_seconds: f64,
    /// Time in which events are served of which it is known when they fall due, seconds.
    pub(crate) due_seconds: f64,
    /// What the SLA allows beyond seeing an event and starting a job for it, seconds; 0 if it allows less.
    pub(crate) slack_seconds: f64,
    /// How far a step down that was wrong can be mended in time, 0 to 1.
    mendable: f64,
    /// Times in which a job can be had that the slack holds beyond the first, up to [`MOST_CARRIED`].
    carried: f64,
}

impl Patience {
    /// Returns the patience of a pool whose jobs take `startup_seconds` to start, and whose queue is full after so many seconds
    /// without any: what comes then is lost.
    pub(crate) fn new(config: &Config, startup_seconds: f64, full_seconds: f64) -> Self {
        let wait = config.sla_wait_seconds.min(full_seconds);
        let interval = f64::from(config.interval_seconds);
        let answer = startup_seconds + interval;
        let slack = (wait - answer).max(0.0);
        let mendable = ((wait / answer - MENDABLE) / (1.0 - MENDABLE)).clamp(0.0, 1.0);
        let standing = SPENT * (slack - interval).max(0.0);
        Self {
            due_seconds: DUE * wait,
            standing_seconds: standing,
            absorbed_seconds: standing.max(wait * between(ABSORBED, mendable)),
            catch_up_seconds: wait * between(CATCH_UP, mendable),
            slack_seconds: slack,
            mendable,
            carried: (slack / answer - 1.0).clamp(0.0, MOST_CARRIED),
        }
    }

    /// Utilization to plan with, of `target` where no event may wait for a job: a queue keeps jobs busy.
    pub(crate) fn utilization(&self, target: f64) -> f64 {
        target + (1.0 - target) * self.mendable
    }

    /// Share of the pool that is left unchanged beyond `tolerance`, also in an emergency: a queue carries the difference, for as
    /// long as the slack lets it.
    pub(crate) fn dead_band(&self, tolerance: f64) -> f64 {
        (self.mendable + self.carried) * tolerance
    }

    /// Need of a pool without events below which it has no job: one can be had in time.
    pub(crate) fn idle_below_jobs(&self) -> f64 {
        if self.slack_seconds > 0.0 { IDLE_BELOW_JOBS } else { 0.0 }
    }

    /// Seconds that a scale-down looks back on, at most the stabilization window of the configuration. Where a waiting
    /// event starts a job in time, a step down that was wrong costs the start of a job: as long as that takes, plus a
    /// decision, is enough.
    pub(crate) fn window_seconds(&self, config: &Config, startup_seconds: f64) -> f64 {
        let window = f64::from(config.scale_down_stabilization_seconds);
        let restart = window.min(startup_seconds + f64::from(config.decision_interval_seconds));
        window + self.mendable * (restart - window)
    }
}

fn between((low, high): (f64, f64), share: f64) -> f64 {
    low + share * (high - low)
}
