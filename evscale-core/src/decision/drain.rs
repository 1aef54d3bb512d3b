//! How a pool is to be drained: how many jobs leave, and how fast.

use serde::{Deserialize, Serialize};

/// Hints for a scale-down: jobs finish their event and leave, the idle ones first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drain {
    /// Jobs that leave in all.
    pub jobs: u32,
    /// Of those, jobs that can leave at once: never more than are idle, unless `drain_busy_jobs` is set; none if the
    /// utilization is unknown.
    pub at_once: u32,
    /// Each of the others leaves when it has become idle, one per so many seconds at most; 0 if there are none.
    pub then_one_per_seconds: u32,
}

impl Drain {
    /// For `jobs` of `current` jobs, `idle_share` of which is idle, within the time of a decision.
    pub(crate) fn new(
        jobs: u32,
        current: u32,
        idle_share: Option<f64>,
        busy_too: bool,
        decision_interval_seconds: u32,
    ) -> Self {
        let idle = (f64::from(current) * idle_share.unwrap_or(0.0).clamp(0.0, 1.0)).floor() as u32;
        let at_once = if busy_too { jobs } else { jobs.min(idle) };
        let then_one_per_seconds = decision_interval_seconds.checked_div(jobs - at_once).unwrap_or(0);
        Self { jobs, at_once, then_one_per_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leave_at_once_than_are_idle_unless_told() {
        let drain = |idle, busy_too| Drain::new(12, 40, idle, busy_too, 360);
        assert_eq!(drain(Some(0.2), false), Drain { jobs: 12, at_once: 8, then_one_per_seconds: 90 });
        assert_eq!(drain(Some(0.9), false), Drain { jobs: 12, at_once: 12, then_one_per_seconds: 0 });
        assert_eq!(drain(None, false), Drain { jobs: 12, at_once: 0, then_one_per_seconds: 30 });
        assert_eq!(drain(Some(f64::NAN), false).at_once, 0);
        assert_eq!(drain(None, true), Drain { jobs: 12, at_once: 12, then_one_per_seconds: 0 });
    }
}
