//! What the same load would have cost otherwise: a pool of constant size, and a HorizontalPodAutoscaler.

use serde::{Deserialize, Serialize};

/// Utilization that the HorizontalPodAutoscaler keeps, its tolerance, and half of its stabilization window, seconds.
const TARGET: f64 = 0.7;
const TOLERANCE: f64 = 0.1;
const HALF_WINDOW_SECONDS: f64 = 150.0;

/// A HorizontalPodAutoscaler (Kubernetes documentation, *Horizontal Pod Autoscaling*) on the CPU at 70 %, with its tolerance of 10 % and
/// its scale-down stabilization of 300 s. Its pool serves every arrival at once and starts jobs in no time, so that it
/// costs less than a real one does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hpa {
    jobs: f64,
    /// Highest recommendations of this half of the window and of the one before.
    highest: (f64, f64),
    half_seconds: f64,
}

impl Hpa {
    /// Takes an interval in which so many jobs were busy; returns the jobs of the pool in it.
    pub(super) fn observe(&mut self, busy: f64, seconds: f64, bounds: (f64, f64)) -> f64 {
        let served_by = self.jobs.clamp(bounds.0, bounds.1).max(1.0);
        let ratio = busy / (TARGET * served_by);
        let wanted = if (ratio - 1.0).abs() <= TOLERANCE { served_by } else { (busy / TARGET).ceil() };
        let wanted = wanted.clamp(bounds.0, bounds.1);
        self.half_seconds += seconds;
        if self.half_seconds >= HALF_WINDOW_SECONDS {
            (self.highest, self.half_seconds) = ((wanted, self.highest.0), 0.0);
        }
        self.highest.0 = self.highest.0.max(wanted);
        self.jobs = wanted.max(if seconds >= 2.0 * HALF_WINDOW_SECONDS {
            wanted
        } else {
            self.highest.0.max(self.highest.1)
        });
        self.jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_at_once_and_shrinks_after_the_window() {
        let mut hpa = Hpa::default();
        assert_eq!(hpa.observe(7.0, 60.0, (1.0, 100.0)), 10.0);
        assert_eq!(hpa.observe(7.5, 60.0, (1.0, 100.0)), 10.0, "within the tolerance");
        assert_eq!(hpa.observe(14.0, 60.0, (1.0, 15.0)), 15.0, "within the bounds");
        let after: Vec<f64> = (0..10).map(|_| hpa.observe(1.4, 60.0, (1.0, 15.0))).collect();
        assert_eq!((after[0], after[9]), (15.0, 2.0), "{after:?}");
        let held = after.iter().filter(|jobs| **jobs == 15.0).count();
        assert!((3..=6).contains(&held), "about 300 s: {after:?}");
    }
}
