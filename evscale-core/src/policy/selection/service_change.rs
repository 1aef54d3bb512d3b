//! What becomes of the past of the candidates when events begin to take another time.

use super::super::need::Load;
use super::Selection;
use super::recent_peaks::RecentPeaks;

/// Factor between the service time of now and the one that the past was evaluated with, and the time and records in a row of it,
/// from which on that past says little.
const OTHER_SERVICE: f64 = 2.0;
const OTHER_SERVICE_SECONDS: f64 = 1200.0;
const OTHER_SERVICE_RECORDS: f64 = 3.0;
/// Time over which the service time is averaged that the past was evaluated with, and most weight of a record.
const SERVICE_SECONDS: f64 = 6000.0;
const MOST_SERVICE_WEIGHT: f64 = 0.5;
/// Factor between the weights of an interval in the smoothed arrivals from which on their peaks say nothing of each other.
const MOST_SMOOTHING: f64 = 2.0;

/// Returns the weight of an interval in arrivals that are smoothed over the time that an event may be in the system.
pub(super) fn smoothing(interval_seconds: f64, sojourn_seconds: f64) -> f64 {
    1.0 - (-interval_seconds / sojourn_seconds).exp()
}

impl Selection {
    /// Trusts the past less once the service time has been another one for a while: it has changed, or it was wrong. What was
    /// needed before is forgotten if it was smoothed over much less time: single events stand out of it that must not now.
    pub(super) fn follow_service(&mut self, load: &Load<'_>, interval: f64) {
        let seconds = load.service_seconds;
        let ratio = seconds / self.service_seconds;
        if self.service_seconds > 0.0 && !(1.0 / OTHER_SERVICE..=OTHER_SERVICE).contains(&ratio) {
            self.other_service += 1;
            if f64::from(self.other_service) < (OTHER_SERVICE_SECONDS / interval).max(OTHER_SERVICE_RECORDS) {
                return;
            }
            self.discount_past();
            let before = load.sojourn_seconds() + self.service_seconds - seconds;
            if smoothing(interval, before) > MOST_SMOOTHING * smoothing(interval, load.sojourn_seconds()) {
                self.peaks = RecentPeaks::new();
                self.smooth_events = self.mean_events;
            }
            self.service_seconds = seconds;
        }
        self.other_service = 0;
        let usual = (interval / SERVICE_SECONDS).min(MOST_SERVICE_WEIGHT);
        let weight = if self.service_seconds > 0.0 { usual } else { 1.0 };
        self.service_seconds += weight * (seconds - self.service_seconds);
    }
}
