//! A forecast of the usual load with what is stated of it.

#![expect(clippy::disallowed_methods, reason = "times before the forecast have negative steps")]

use super::{Announced, Statement};
use crate::forecaster::{Burst, DueEvents, Forecast, HorizonForecast};
use crate::quantiles::LEVELS;
use crate::time::Timestamp;

/// Most moments between the horizons at which statements begin or end.
pub(crate) const MOST_BETWEEN: usize = 16;

/// How a statement changes the arrivals of an interval: times a factor, plus a number of events.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    factor: f64,
    events: f64,
}

const NONE: Change = Change { factor: 1.0, events: 0.0 };

impl Change {
    fn of(self, usual: f64) -> f64 {
        usual * self.factor + self.events
    }
}

/// Returns the arrivals of the interval that ends at `end` by the statements of it, where `usual` are expected otherwise.
pub(super) fn level(
    usual: f64,
    end: Timestamp,
    interval: f64,
    statements: impl Iterator<Item = Statement>,
) -> f64 {
    change(usual, interval, statements.map(|statement| (statement, statement.said.share_of(end, interval))))
        .of(usual)
}

/// Returns the strongest change: of several statements the highest rise counts, else the deepest fall.
fn change(usual: f64, interval: f64, statements: impl Iterator<Item = (Statement, f64)>) -> Change {
    let (mut up, mut down) = (NONE, NONE);
    for (Statement { said, seconds, weight }, share) in statements {
        let part = weight * share;
        let change = match said.what {
            _ if part <= 0.0 => continue,
            Announced::MinJobs(_) => continue,
            Announced::Multiplier(times) => Change { factor: 1.0 + part * (times - 1.0), events: 0.0 },
            Announced::Events(total) => {
                let level = total * interval / seconds.max(1e-6);
                if level >= usual {
                    Change { factor: 1.0, events: part * (level - usual) }
                } else {
                    Change { factor: 1.0 + part * (level / usual - 1.0), events: 0.0 }
                }
            }
        };
        if change.of(usual) > up.of(usual) {
            up = change;
        }
        if change.of(usual) < down.of(usual) {
            down = change;
        }
    }
    if up == NONE { down } else { up }
}

/// Returns the forecast with what is stated; none if neither a horizon nor a burst changes. It has further moments (of no nominal lead) where a
/// statement begins or ends between two horizons, and around the nearest of what falls due. A fall is believed down to `seen`, the
/// newest arrivals.
pub(super) fn forecast(
    usual: &Forecast,
    interval: f64,
    seen: f64,
    statements: &[Statement],
    due: Vec<DueEvents>,
) -> Option<Forecast> {
    let mut horizons = usual.horizons.clone();
    let edges = edges(usual, interval, statements, &due);
    for steps in edges.iter().copied() {
        let Some(place) = horizons.iter().position(|horizon| horizon.steps >= steps) else { continue };
        let before = place.checked_sub(1).and_then(|place| horizons.get(place));
        if let Some(after) = horizons.get(place).filter(|after| after.steps > steps) {
            let between = between(before.unwrap_or(after), after, steps);
            horizons.insert(place, between);
        }
    }
    let mut changed = false;
    for horizon in &mut horizons {
        let end = usual.at.plus_millis((1000.0 * interval * f64::from(horizon.steps)) as i64);
        let held = |said: &Statement| f64::from(u8::from(said.said.share_of(end, interval) > 0.0));
        let expected = horizon.expected();
        let change = change(expected, interval, statements.iter().map(|said| (*said, held(said))));
        if change == NONE {
            continue;
        }
        changed = true;
        let quantiles = horizon.quantiles.map(|value| {
            let told = change.of(value);
            if told < value && seen.is_finite() { told.max(value.min(seen)) } else { told }
        });
        *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
    }
    for due in &due {
        let steps = interval_of(usual, interval, due.at);
        let apart =
            [steps - 1, steps, steps + 1].iter().all(|step| *step < 1 || edges.contains(&(*step as u32)));
        if let Some(horizon) = horizons.iter_mut().find(|horizon| apart && i64::from(horizon.steps) == steps)
        {
            let quantiles = horizon.quantiles.map(|value| value + due.events);
            *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
        }
    }
    let bursts = bursts(usual, interval, seen, statements);
    changed |= bursts != usual.bursts || !due.is_empty();
    changed.then(|| Forecast { horizons, bursts, due, ..usual.clone() })
}

/// Returns the bursts that are due by the clock, each cut where a multiplier begins or ends, with what is stated of the parts. A
/// number of events says what comes in all, and leaves the bursts alone.
fn bursts(usual: &Forecast, interval: f64, seen: f64, statements: &[Statement]) -> Vec<Burst> {
    let multiplies = |statement: &&Statement| matches!(statement.said.what, Announced::Multiplier(_));
    let stated: Vec<(Statement, f64, f64)> = statements
        .iter()
        .filter(multiplies)
        .map(|statement| {
            let seconds = |at: Timestamp| at.seconds_since(usual.at);
            (*statement, seconds(statement.said.start), seconds(statement.said.end))
        })
        .collect();
    let mut parts = Vec::new();
    for burst in &usual.bursts {
        let inside = |at: &f64| (burst.begins_seconds..burst.ends_seconds).contains(at);
        let mut ends: Vec<f64> =
            stated.iter().flat_map(|(_, start, end)| [*start, *end]).filter(inside).collect();
        ends.push(burst.ends_seconds);
        ends.sort_by(f64::total_cmp);
        let mut begins_seconds = burst.begins_seconds;
        for ends_seconds in ends.into_iter().filter(|end| *end > burst.begins_seconds) {
            let held = stated.iter().map(|(said, start, end)| {
                let holds = *start <= begins_seconds && ends_seconds <= *end;
                (*said, f64::from(u8::from(holds)))
            });
            let usual = burst.events_per_second;
            let told = change(usual, interval, held).of(usual);
            let least = if seen.is_finite() { usual.min(seen / interval) } else { 0.0 };
            let events_per_second = told.max(least);
            if ends_seconds > begins_seconds {
                parts.push(Burst { begins_seconds, ends_seconds, events_per_second });
            }
            begins_seconds = ends_seconds;
        }
    }
    parts
}

/// Returns the steps of the interval in which a moment lies.
fn interval_of(usual: &Forecast, interval: f64, at: Timestamp) -> i64 {
    (at.seconds_since(usual.at) / interval).floor() as i64 + 1
}

/// Returns the steps on both sides of where statements begin and end, and of what falls due: those of the nearest ones.
fn edges(usual: &Forecast, interval: f64, statements: &[Statement], due: &[DueEvents]) -> Vec<u32> {
    let furthest = usual.horizons.last().map_or(0, |last| i64::from(last.steps));
    let around = due.iter().flat_map(|due| {
        let step = interval_of(usual, interval, due.at);
        [step - 1, step, step + 1]
    });
    let steps = |at: Timestamp| (at.seconds_since(usual.at) / interval).floor() as i64;
    let mut edges: Vec<u32> = statements
        .iter()
        .flat_map(|Statement { said, .. }| {
            let (first, last) = (steps(said.start), steps(said.end.plus_millis(-1)));
            [first, first + 1, last + 1, last + 2]
        })
        .chain(around)
        .filter(|step| (1..furthest).contains(step))
        .map(|step| step as u32)
        .collect();
    edges.sort_unstable();
    edges.dedup();
    edges.truncate(MOST_BETWEEN);
    edges
}

/// Returns the forecast of an interval between two horizons.
fn between(before: &HorizonForecast, after: &HorizonForecast, steps: u32) -> HorizonForecast {
    let span = f64::from(after.steps) - f64::from(before.steps);
    let share = if span > 0.0 { (f64::from(steps) - f64::from(before.steps)) / span } else { 0.0 };
    let mut quantiles = [0.0; LEVELS];
    for (cell, (low, high)) in quantiles.iter_mut().zip(before.quantiles.iter().zip(after.quantiles)) {
        *cell = low + share * (high - low);
    }
    HorizonForecast::new(0, steps, quantiles)
}

#[cfg(test)]
mod tests {
    use super::super::Announcement;
    use super::*;
    use crate::features::{HORIZON_MINUTES, lead_steps};

    /// 90 to 110 events a minute, median 100.
    fn usual() -> Forecast {
        let mut forecast = Forecast::nothing(Timestamp::EPOCH, &HORIZON_MINUTES, &lead_steps(60.0));
        for horizon in &mut forecast.horizons {
            let mut quantiles = [100.0; LEVELS];
            (quantiles[0], quantiles[LEVELS - 1]) = (90.0, 110.0);
            *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
        }
        forecast
    }

    fn said(from: i64, until: i64, what: Announced, weight: f64) -> Statement {
        let at = |minutes: i64| Timestamp::EPOCH.plus_seconds(60 * minutes);
        let said = Announcement::new(at(from), at(until), what);
        Statement { said, seconds: said.seconds(), weight }
    }

    fn medians(statements: &[Statement], seen: f64) -> Vec<(u32, f64)> {
        let told = forecast(&usual(), 60.0, seen, statements, Vec::new()).unwrap();
        told.horizons.iter().map(|horizon| (horizon.steps, horizon.prediction)).collect()
    }

    #[test]
    fn a_rise_between_two_horizons_has_moments_of_its_own() {
        let told = medians(&[said(14, 16, Announced::Multiplier(3.0), 1.0)], 100.0);
        let wanted = [(12, 100.0), (14, 100.0), (15, 300.0), (16, 300.0), (17, 100.0), (18, 100.0)];
        assert!(told.windows(6).any(|window| window == wanted), "{told:?}");
        assert!(
            forecast(&usual(), 60.0, 100.0, &[said(500, 600, Announced::Multiplier(3.0), 1.0)], Vec::new())
                .is_none()
        );
    }

    #[test]
    fn a_number_of_events_is_spread_over_its_time_and_the_uncertainty_stays() {
        let told = forecast(&usual(), 60.0, 0.0, &[said(0, 10, Announced::Events(9000.0), 1.0)], Vec::new())
            .unwrap();
        let next = told.horizon(2).unwrap();
        assert_eq!((next.prediction, next.quantiles[0], next.quantiles[LEVELS - 1]), (900.0, 890.0, 910.0));
        assert_eq!(told.horizon(12).unwrap().prediction, 100.0);
    }

    #[test]
    fn what_falls_due_is_in_its_interval_beside_the_usual_load() {
        let due = vec![DueEvents { at: Timestamp::EPOCH.plus_seconds(60 * 14 + 30), events: 4000.0 }];
        let told = forecast(&usual(), 60.0, 100.0, &[], due.clone()).unwrap();
        let near: Vec<(u32, f64)> = told
            .horizons
            .iter()
            .filter(|horizon| (12..=18).contains(&horizon.steps))
            .map(|horizon| (horizon.steps, horizon.prediction))
            .collect();
        assert_eq!(near, [(12, 100.0), (14, 100.0), (15, 4100.0), (16, 100.0), (18, 100.0)]);
        assert_eq!(told.due, due);
    }

    #[test]
    fn a_multiplier_scales_the_part_of_a_burst_in_which_it_holds() {
        let burst = Burst { begins_seconds: 600.0, ends_seconds: 1800.0, events_per_second: 50.0 };
        let usual = Forecast { bursts: vec![burst], ..usual() };
        let parts = |statements: &[Statement], seen| -> Vec<(f64, f64, f64)> {
            let told = forecast(&usual, 60.0, seen, statements, Vec::new());
            let bursts = told.map_or_else(|| usual.bursts.clone(), |told| told.bursts);
            bursts.iter().map(|b| (b.begins_seconds, b.ends_seconds, b.events_per_second)).collect()
        };
        let from_15_on = said(15, 600, Announced::Multiplier(3.0), 1.0);
        assert_eq!(parts(&[from_15_on], 100.0), [(600.0, 900.0, 50.0), (900.0, 1800.0, 150.0)]);
        let half_believed = said(-120, 1440, Announced::Multiplier(3.0), 0.5);
        assert_eq!(parts(&[half_believed], 100.0), [(600.0, 1800.0, 100.0)]);
        assert_eq!(
            parts(&[half_believed, from_15_on], 100.0),
            [(600.0, 900.0, 100.0), (900.0, 1800.0, 150.0)],
            "the highest counts"
        );
        let fall = said(-120, 1440, Announced::Multiplier(0.25), 1.0);
        assert_eq!(parts(&[fall], 0.0), [(600.0, 1800.0, 12.5)]);
        assert_eq!(parts(&[fall], 1200.0), [(600.0, 1800.0, 20.0)], "down to what is seen");
        let total = said(0, 40, Announced::Events(100.0), 1.0);
        assert_eq!(parts(&[total], 0.0), [(600.0, 1800.0, 50.0)], "a total says nothing of its bursts");
    }

    #[test]
    fn a_fall_is_believed_down_to_what_is_seen_and_half_a_belief_is_half_the_rise() {
        let told = |what, weight, seen| medians(&[said(0, 60, what, weight)], seen)[0].1;
        assert_eq!(told(Announced::Multiplier(0.1), 1.0, 40.0), 40.0);
        assert_eq!(told(Announced::Multiplier(0.25), 1.0, 0.0), 25.0);
        assert_eq!(told(Announced::Multiplier(0.1), 1.0, 500.0), 100.0, "never above the usual load");
        assert_eq!(told(Announced::Multiplier(3.0), 0.5, 100.0), 200.0);
        let both =
            [said(0, 60, Announced::Multiplier(0.5), 1.0), said(0, 60, Announced::Multiplier(2.0), 1.0)];
        assert_eq!(medians(&both, 100.0)[0].1, 200.0, "the rise counts");
    }
}
