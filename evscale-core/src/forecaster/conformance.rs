//! The point rules, the network and their mixture, against the common checks.

use super::experts::{ErrorQuantiles, POINT_EXPERTS, points};
use super::*;
use crate::bundle::ModelBundle;
use crate::calendar::Calendar;
use crate::conformance::{Conformance, Member};
use crate::features::{ForecasterInput, forecaster_input};
use crate::metrics::History;
use crate::time::Timestamp;

const INTERVAL: u32 = 120;
/// Index of the 12-minute horizon, six intervals ahead, and of the 3-hour one.
const NEAR: usize = 4;
const FAR: usize = 11;

/// The history and the input that every expert is asked with.
struct Asked {
    history: History,
    step: i64,
}

impl Asked {
    fn new() -> Self {
        Self { history: History::new(INTERVAL), step: 0 }
    }

    fn next(&mut self, events: f64) -> ForecasterInput {
        self.step += 1;
        let at = Timestamp::EPOCH.plus_seconds(i64::from(INTERVAL) * (1_000_000 + self.step));
        self.history.push(at, events);
        forecaster_input(&self.history, &Calendar::utc(), 1.0)
    }
}

/// A point rule with the quantiles of its own errors one interval ahead; silent where it has nothing to go by.
struct PointRule {
    asked: Asked,
    rule: usize,
    errors: ErrorQuantiles,
    /// Scale, level and point of the forecast before.
    before: Option<(f64, f64, f32)>,
}

impl Member for PointRule {
    fn answer(&mut self, events: f64) -> Vec<f64> {
        let input = self.asked.next(events);
        if let Some((scale, level, point)) = self.before.take().filter(|_| events.is_finite()) {
            self.errors.learn(ForecasterInput::z_at(scale, level, events) as f32 - point);
        }
        let point = points(&input, NEAR)[self.rule];
        if !point.is_finite() {
            return Vec::new();
        }
        self.before = Some((input.scale, input.level_z, point));
        self.errors.around(point).iter().map(|z| input.to_events(f64::from(*z))).collect()
    }
}

#[test]
fn every_point_rule_passes_the_common_checks() {
    let names: [&str; POINT_EXPERTS] = ["recent level", "last value", "same time of the last days"];
    for (rule, name) in names.into_iter().enumerate() {
        let made = || -> Box<dyn Member> {
            Box::new(PointRule { asked: Asked::new(), rule, errors: ErrorQuantiles::new(), before: None })
        };
        let bounds = |_| (0.0, 1e30);
        // the same time of the last days is unknown for the first day, so that there is nothing to compare
        Conformance { name, made: &made, bounds, ordered: true, monotone_from: (rule < 2).then_some(0.0) }
            .check();
    }
}

/// The network, asked alone.
struct Network {
    asked: Asked,
    network: ForecasterNetwork,
}

impl Member for Network {
    fn answer(&mut self, events: f64) -> Vec<f64> {
        let input = self.asked.next(events);
        let rows = self.network.quantiles(&self.asked.history, &input).unwrap();
        rows[NEAR].iter().map(|z| input.to_events(f64::from(*z))).collect()
    }
}

#[test]
fn the_network_passes_the_common_checks() {
    let bundle = ModelBundle::bundled().unwrap();
    let made = || -> Box<dyn Member> {
        Box::new(Network { asked: Asked::new(), network: ForecasterNetwork::new(&bundle) })
    };
    let bounds = |_| (0.0, 1e30);
    Conformance { name: "network", made: &made, bounds, ordered: true, monotone_from: Some(0.0) }.check();
}

/// The mixture at one horizon, as hosts get it.
struct Mixture {
    forecaster: Forecaster,
    horizon: usize,
}

impl Member for Mixture {
    fn answer(&mut self, events: f64) -> Vec<f64> {
        self.forecaster.observe(events).unwrap();
        self.forecaster.forecast().horizons[self.horizon].quantiles.to_vec()
    }
}

#[test]
fn the_mixture_passes_the_common_checks_with_and_without_its_network() {
    for (horizon, with_network) in [(0, false), (NEAR, false), (FAR, false), (NEAR, true)] {
        check_mixture(horizon, with_network);
    }
}

#[test]
#[ignore = "a minute: make test-long"]
fn the_mixture_with_its_network_passes_the_common_checks_at_the_other_horizons() {
    for horizon in [0, FAR] {
        check_mixture(horizon, true);
    }
}

fn check_mixture(horizon: usize, with_network: bool) {
    let made = || -> Box<dyn Member> {
        let start = Timestamp::EPOCH.plus_seconds(120_000_000);
        let forecaster = if with_network {
            Forecaster::new(INTERVAL, start)
        } else {
            Forecaster::without_network(INTERVAL, start)
        };
        Box::new(Mixture { forecaster: forecaster.unwrap(), horizon })
    };
    // nothing speaks for more than half as much again as ever came; counts are kept with 24 bits
    let bounds = |largest: f64| (0.0, 1.5 * largest * (1.0 + 1e-6));
    let name = format!("mixture at horizon {horizon}, with network: {with_network}");
    Conformance { name: &name, made: &made, bounds, ordered: true, monotone_from: Some(0.0) }.check();
}
