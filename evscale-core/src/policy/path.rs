//! The moments ahead: what the forecast and the bursts that are due by the clock make of the events in the system.

#![expect(clippy::disallowed_methods, reason = "what has fallen due is due now")]

use crate::announced::MOST_BETWEEN;
use crate::features::HORIZONS;
use crate::forecaster::{Burst, DueEvents, Forecast, HorizonForecast};
use crate::quantiles::normal_quantile;
use crate::time::Timestamp;

/// Quantile of the arrivals beyond which none is given a job of its own.
const MOST_QUANTILE: f64 = 0.95;
/// Most moments of a path.
pub(crate) const MOMENTS: usize = HORIZONS + MOST_BETWEEN;

/// A moment ahead: how the events in the system of now, and those that come until then, make the need.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Need per event that is in the system now, jobs.
    pub(crate) kept: f64,
    /// Need of the median arrivals until then, jobs.
    pub(crate) coming: f64,
    /// Need of a burst that is due by the clock until then, jobs; 0 if none is.
    pub(crate) due: f64,
    /// Jobs per event between the quantiles of an interval's arrivals.
    pub(super) unit: f64,
    /// Events until then at a high quantile: no more than these can need a job of their own.
    pub(crate) most_arrivals: f64,
    /// The horizons that the quantiles lie between, and how far towards the second.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) share: f64,
}

/// What turns arrivals into need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) interval_seconds: f64,
    pub(super) service_seconds: f64,
    /// Time that an event may be in the system.
    pub(super) sojourn_seconds: f64,
    /// Share of the events that is to be in time.
    pub(super) target: f64,
    /// The same of an event of which it is known when it falls due.
    pub(super) due_seconds: f64,
}

/// The moments up to a time ahead, nearest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    moments: [Moment; MOMENTS],
    length: usize,
}

impl Path {
    pub(crate) fn moments(&self) -> &[Moment] {
        self.moments.get(..self.length).unwrap_or_default()
    }

    /// Most events that come within the path.
    pub(crate) fn most_arrivals(&self) -> f64 {
        self.moments().last().map_or(0.0, |last| last.most_arrivals)
    }

    /// The moments of `from..to` seconds from now: the ends of the forecast intervals that begin in it, and its end.
    pub(super) fn ahead(forecast: &Forecast, pace: &Pace, from: f64, to: f64) -> Self {
        let Pace { interval_seconds: interval, service_seconds: service, sojourn_seconds: sojourn, .. } =
            *pace;
        let target = normal_quantile(pace.target);
        let served = service / sojourn;
        let per_event = service / interval * (interval / sojourn).min(1.0).sqrt();
        let mut path = Self { moments: [Moment::default(); MOMENTS], length: 0 };
        let faded = |seconds: f64| (-seconds / sojourn).exp();
        let (mut until, mut events) = (0.0, 0.0);
        // independent intervals: their deviations add up as squares
        let (mut mean_arrivals, mut squares) = (0.0, 0.0f64);
        let mut before: Option<&HorizonForecast> = None;
        let mut bursts = Bursts { due: &forecast.bursts, sojourn, above: 0.0 };
        let mut masses = Masses::new(forecast, pace);
        for (index, horizon) in forecast.horizons.iter().enumerate() {
            let end = f64::from(horizon.steps) * interval;
            if end <= until {
                continue;
            }
            let last = end >= to;
            let at = if last { to.max(until + 1e-3).min(end) } else { end };
            let hole = before.is_some() && end - until > 1.5 * interval;
            let share = if hole { ((at - until) / (end - until)).min(1.0) } else { 1.0 };
            let low = before.filter(|_| hole).unwrap_or(horizon);
            let there = low.expected() + share * (horizon.expected() - low.expected());
            let mean = if hole { (low.expected() + there) / 2.0 } else { there };
            let rate = mean / interval;
            let left = faded(at);
            let decay = faded(at - until);
            events = events * decay + rate * sojourn * (1.0 - decay);
            let intervals = ((at - until) / interval).max(1.0);
            mean_arrivals += intervals * mean;
            let above = low.quantile(MOST_QUANTILE).max(horizon.quantile(MOST_QUANTILE)) - mean;
            squares += intervals * above.max(0.0).powi(2);
            // what is there at the end of a hole, not its mean
            let now = if hole && decay < 0.5 { there / interval * sojourn } else { events };
            let (above, more) = bursts.between(until, at, there / interval);
            let (at_once, beside) = masses.between(until, at, hole);
            mean_arrivals += more + beside;
            if at > from || last {
                let moment = Moment {
                    kept: served * left,
                    coming: served * (now + above) + at_once,
                    due: if above + at_once > 0.0 { served * (now + above) + at_once } else { 0.0 },
                    unit: per_event * (1.0 - left * left).sqrt(),
                    most_arrivals: mean_arrivals + squares.sqrt().max(by_chance(mean_arrivals, target)),
                    from: if hole { index - 1 } else { index },
                    to: index,
                    share,
                };
                if let Some(cell) = path.moments.get_mut(path.length) {
                    *cell = moment;
                    path.length += 1;
                }
            }
            until = end;
            before = Some(horizon);
            if last {
                break;
            }
        }
        if until < to
            && let Some(last) = path.length.checked_sub(1).and_then(|last| path.moments.get_mut(last))
        {
            // beyond the last horizon
            let (above, more) =
                bursts.between(until, to, before.map_or(0.0, HorizonForecast::expected) / interval);
            let (at_once, beside) = masses.between(until, to, true);
            last.coming += served * above + at_once;
            last.due = if above + at_once > 0.0 { last.coming } else { last.due };
            last.most_arrivals += more + beside;
        }
        path
    }
}

/// Returns how far the quantile of a Poisson count lies above its mean, for the `z` of a normal distribution: its expansion to the
/// skewness (Cornish and Fisher, *Moments and cumulants in the specification of distributions*, 1938).
fn by_chance(mean: f64, z: f64) -> f64 {
    z * mean.max(0.0).sqrt() + (z * z - 1.0).max(0.0) / 6.0
}

/// Bursts that are due by the clock along a path, beyond what the horizons show.
struct Bursts<'a> {
    due: &'a [Burst],
    sojourn: f64,
    /// Events in the system beyond those of the forecast.
    above: f64,
}

impl Bursts<'_> {
    /// Returns the most events that bursts have in the system from `from` to `to` beyond an expected rate, and how many come.
    /// Stretches follow each other.
    fn between(&mut self, from: f64, to: f64, expected_per_second: f64) -> (f64, f64) {
        let (mut most, mut arrivals, mut at) = (0.0f64, 0.0, from);
        if self.due.is_empty() {
            return (most, arrivals);
        }
        for burst in self.due {
            let (begin, end) = (burst.begins_seconds.max(at), burst.ends_seconds.min(to));
            let rate = burst.events_per_second - expected_per_second;
            if end > begin && rate > 0.0 {
                self.above *= (-(begin - at) / self.sojourn).exp();
                let decay = (-(end - begin) / self.sojourn).exp();
                self.above = self.above * decay + rate * self.sojourn * (1.0 - decay);
                most = most.max(self.above);
                arrivals += rate * (end - begin);
                at = end;
            }
        }
        self.above *= (-(to - at) / self.sojourn).exp();
        (most, arrivals)
    }
}

/// Events that fall due along a path, all at their moment: jobs for them beyond those for what the horizons show.
struct Masses<'a> {
    due: &'a [DueEvents],
    /// Begin of the path.
    at: Timestamp,
    due_seconds: f64,
    /// Jobs per event, and those of them that the horizon in whose interval it falls due shows.
    each: f64,
    shown: f64,
    jobs: f64,
}

impl<'a> Masses<'a> {
    fn new(forecast: &'a Forecast, pace: &Pace) -> Self {
        let Pace {
            interval_seconds: interval, service_seconds: service, sojourn_seconds, due_seconds, ..
        } = *pace;
        let spread = (1.0 - (-interval / sojourn_seconds).exp()) / interval;
        Self {
            due: &forecast.due,
            at: forecast.at,
            due_seconds,
            each: service / due_seconds,
            shown: service * spread,
            jobs: 0.0,
        }
    }

    /// Returns the most of these jobs from `from` to `to`, and how many events fall due beside those that the forecast shows, which are
    /// none in a `hole` between two horizons. Stretches follow each other.
    fn between(&mut self, from: f64, to: f64, hole: bool) -> (f64, f64) {
        let (mut most, mut arrivals, mut now) = (0.0f64, 0.0, from);
        for due in self.due {
            let at = due.at.seconds_since(self.at).max(0.0);
            if at < from || at >= to {
                continue;
            }
            self.jobs *= (-(at - now) / self.due_seconds).exp();
            self.jobs += due.events * if hole { self.each } else { (self.each - self.shown).max(0.0) };
            arrivals += if hole { due.events } else { 0.0 };
            most = most.max(self.jobs);
            now = at;
        }
        self.jobs *= (-(to - now) / self.due_seconds).exp();
        (most.max(self.jobs), arrivals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_events_come_by_chance_as_often_as_the_poisson_distribution_says() {
        for mean in [0.02, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0, 40.0] {
            for target in [0.9, 0.95, 0.99, 0.995, 0.999] {
                let most = (mean + by_chance(mean, normal_quantile(target))).ceil() as u32;
                let (mut more, mut exactly) = (1.0, (-mean).exp());
                for count in 0..=most {
                    more -= exactly;
                    exactly *= mean / f64::from(count + 1);
                }
                assert!(
                    more <= 1.05 * (1.0 - target),
                    "{mean} expected, {target}: more than {most} in {more}"
                );
            }
        }
    }
}
