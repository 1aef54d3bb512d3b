//! How right statements were: what came is compared with what was said, and what proves wrong again and again weighs less.

use super::announcement::Announced;
use serde::{Deserialize, Serialize};

/// Outcomes that are remembered; the worst of them is forgiven.
const REMEMBERED: usize = 4;
/// Time over which the load is averaged before its highest value is taken, seconds.
const SMOOTHED_SECONDS: f64 = 900.0;
/// Events below which nothing can be said.
const FEW_EVENTS: f64 = 5.0;
/// Rise or fall that is too small to be judged, as a share.
const NEGLIGIBLE: f64 = 0.05;
/// Weight below which a source of statements is named.
const DISTRUSTED: f64 = 0.7;
/// Time after which a statement that goes on is judged, seconds.
const JUDGED_AFTER_SECONDS: f64 = 6.0 * 3600.0;

/// How far the last statements of one source came true.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Truth {
    /// Shares of what was said that came, 0 to 1, newest last.
    shares: Vec<f32>,
}

impl Truth {
    /// Learns that so much of what was said came, 0 to 1.
    pub(super) fn learn(&mut self, share: f64) {
        if self.shares.len() >= REMEMBERED {
            self.shares.remove(0);
        }
        self.shares.push(share as f32);
    }

    /// Returns how much of the next statement is believed, 0 to 1: the mean of the last four outcomes, those that are missing
    /// counted as right, without the worst one.
    pub(super) fn weight(&self) -> f64 {
        let missing = (REMEMBERED - self.shares.len().min(REMEMBERED)) as f32;
        let worst = self.shares.iter().copied().fold(1.0, f32::min);
        let sum = self.shares.iter().sum::<f32>() + missing - worst;
        f64::from(sum) / (REMEMBERED - 1) as f64
    }

    /// Returns that statements of this source are believed in part only.
    pub(super) fn distrust(&self, source: &str) -> Option<String> {
        let weight = self.weight();
        (weight < DISTRUSTED).then(|| {
            let came: Vec<String> =
                self.shares.iter().map(|share| format!("{:.0} %", 100.0 * share)).collect();
            format!(
                "{source} is believed to {:.0} %, as of the last ones {} came",
                100.0 * weight,
                came.join(", ")
            )
        })
    }
}

/// The load while a statement holds, beside the one that was expected otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Course {
    events: f64,
    usual: f64,
    /// Both, averaged over the last minutes.
    smooth: Option<(f64, f64)>,
    highest: f64,
    busiest: f64,
    seconds: f64,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// In the unit of the statement: times the usual load, events, or busy jobs.
    pub(super) came: f64,
    /// Share of the announced difference that came, 0 to 1; none where it cannot be said.
    pub(super) share: Option<f64>,
}

impl Course {
    /// Learns an interval in which the statement held for a `share` of the time: its arrivals, those that were expected
    /// otherwise, and the busy jobs.
    pub(super) fn observe(&mut self, events: f64, usual: f64, busy: f64, interval: f64, share: f64) {
        self.seconds += interval * share;
        self.busiest = self.busiest.max(busy);
        if !events.is_finite() || !usual.is_finite() {
            return;
        }
        self.events += events * share;
        self.usual += usual * share;
        if share < 1.0 {
            return;
        }
        let weight = (interval / SMOOTHED_SECONDS).min(1.0);
        let (mean, expected) = self.smooth.unwrap_or((events, usual));
        let smooth = (mean + weight * (events - mean), expected + weight * (usual - expected));
        self.smooth = Some(smooth);
        self.highest = self.highest.max((smooth.0 + 1.0) / (smooth.1 + 1.0));
    }

    /// Ends, or begins anew: learns how true the statement was, and returns what became of it; none if no interval was seen.
    pub(super) fn judge(&mut self, said: Announced, truth: &mut Truth) -> Option<Outcome> {
        let outcome = std::mem::take(self).outcome(said)?;
        outcome.share.into_iter().for_each(|share| truth.learn(share));
        Some(outcome)
    }

    /// Reports whether the statement has held for so long that it is judged before its end.
    pub(super) fn lasts(&self) -> bool {
        self.seconds >= JUDGED_AFTER_SECONDS
    }

    fn outcome(&self, said: Announced) -> Option<Outcome> {
        if self.seconds <= 0.0 {
            return None;
        }
        let mean = (self.events + 1.0) / (self.usual + 1.0);
        Some(match said {
            Announced::Multiplier(times) => {
                let came = if times > 1.0 && self.highest > 0.0 { self.highest } else { mean };
                let seen = self.events.max(times * self.usual) >= FEW_EVENTS;
                let told = times.ln().abs() > NEGLIGIBLE;
                let share = (seen && told).then(|| (came.ln() / times.ln()).clamp(0.0, 1.0));
                Outcome { came, share }
            }
            Announced::Events(events) => {
                let difference = events - self.usual;
                let told = difference.abs() > NEGLIGIBLE * events.max(self.usual);
                let seen = self.events.max(events) >= FEW_EVENTS;
                let share = (seen && told).then(|| ((self.events - self.usual) / difference).clamp(0.0, 1.0));
                Outcome { came: self.events, share }
            }
            Announced::MinJobs(_) => Outcome { came: self.busiest, share: None },
        })
    }
}

impl Outcome {
    /// Returns what came, in the words of the statement.
    pub(super) fn describe(&self, said: Announced) -> String {
        match said {
            Announced::Multiplier(_) => format!("{:.1} times the usual load came", self.came),
            Announced::Events(_) => format!("{:.0} events came", self.came),
            Announced::MinJobs(_) => format!("at most {:.0} jobs were busy", self.came),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    fn course(events: f64, usual: f64, intervals: usize) -> Course {
        let mut course = Course::default();
        (0..intervals).for_each(|_| course.observe(events, usual, 4.0, 60.0, 1.0));
        course
    }

    #[test]
    fn one_wrong_statement_is_forgiven_more_are_not_and_right_ones_mend_it() {
        let mut truth = Truth::default();
        let mut weights = Vec::new();
        for share in [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0] {
            truth.learn(share);
            weights.push((100.0 * truth.weight()).round());
        }
        assert_eq!(weights, [100.0, 67.0, 33.0, 0.0, 33.0, 67.0, 100.0]);
    }

    #[test]
    fn what_came_is_measured_in_the_unit_of_the_statement() {
        let share = |said, events, usual| {
            let outcome = course(events, usual, 60).outcome(said).unwrap();
            (outcome.came, outcome.share)
        };
        let (came, right) = share(Announced::Multiplier(3.0), 300.0, 100.0);
        assert!(abs_diff_eq!(came, 3.0, epsilon = 0.05) && right.unwrap() > 0.98);
        assert!(share(Announced::Multiplier(3.0), 100.0, 100.0).1.unwrap() < 0.01);
        assert!(share(Announced::Multiplier(0.2), 20.0, 100.0).1.unwrap() > 0.95);
        assert_eq!(share(Announced::Events(6000.0), 100.0, 10.0), (6000.0, Some(1.0)));
        assert!(share(Announced::Events(6000.0), 10.0, 10.0).1.unwrap() < 0.01);
        assert_eq!(share(Announced::MinJobs(9), 100.0, 100.0), (4.0, None));
        assert_eq!(share(Announced::Multiplier(3.0), 0.0, 0.0).1, None, "three times nothing");
        assert_eq!(share(Announced::Multiplier(1.01), 100.0, 100.0).1, None, "nothing to be judged");
    }

    #[test]
    fn a_rise_that_comes_late_counts_in_full() {
        let mut course = course(100.0, 100.0, 45);
        (0..60).for_each(|_| course.observe(300.0, 100.0, 4.0, 60.0, 1.0));
        assert!(course.outcome(Announced::Multiplier(3.0)).unwrap().share.unwrap() > 0.9);
    }
}
