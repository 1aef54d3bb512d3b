//! Pools of a fleet do not reach into each other, whatever is done with one of them.

use crate::support::{built, served, start};
use evscale_core::{Config, Fleet, ManualOrder, ManualOverride, Metrics, ModelBundle, Pause, PoolMut};

const RECORDS: i64 = 200;
const MEDDLED_AT: i64 = 60;

fn record(step: i64) -> Metrics {
    let events = (3000.0 + 1500.0 * (step as f64 / 40.0).sin()).round();
    served(start().plus_seconds(120 * step), events, 12, 400.0)
}

fn without_networks() -> Config {
    let mut config = Config::default();
    config.use_networks = false;
    config
}

/// Does something with a pool.
type Meddle = fn(&mut PoolMut<'_>);

/// Everything that a host can do with a pool of a fleet and that a single pool could do with its networks.
const MEDDLING: [(&str, Meddle); 5] = [
    ("loses its networks", |pool| {
        pool.reconfigure(without_networks()).unwrap();
    }),
    ("gets another interval", |pool| {
        let mut config = Config::default();
        (config.interval_seconds, config.decision_interval_seconds) = (600, 600);
        pool.reconfigure(config).unwrap();
    }),
    ("is held by a person", |pool| {
        pool.set_pause(Pause::All);
        let until = record(10_000).timestamp;
        pool.set_override(Some(ManualOverride::new(ManualOrder::Fixed(50), until))).unwrap();
    }),
    ("takes far too long", |pool| {
        for _ in 0..20 {
            pool.report_latency(std::time::Duration::from_secs(3600));
        }
    }),
    ("fails", |_| panic!("on purpose")),
];

#[test]
fn whatever_is_done_with_one_pool_another_one_goes_on_like_a_single_one() {
    for (what, meddle) in MEDDLING {
        let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
        for key in ["a", "b"] {
            fleet.add(key, Config::default()).unwrap();
        }
        let mut single = built(Config::default());
        for step in 0..RECORDS {
            if step == MEDDLED_AT {
                let done = fleet.with_pool("a", meddle);
                assert_eq!(done.is_err(), what == "fails", "a {what}");
            }
            let ticks = fleet.tick(["a", "b"].map(|key| (key.to_owned(), record(step))).into());
            single.observe(&record(step)).unwrap();
            let decision = single.decide();
            let of_b = ticks.into_iter().flatten().find(|tick| tick.key == "b").expect("b ticks");
            assert_eq!(of_b.decision, decision, "a {what}, record {step}");
        }
        let (forecast, health) = fleet.with_pool("b", |pool| (pool.forecast(), pool.health())).unwrap();
        assert_eq!(forecast, single.forecast(), "a {what}");
        assert_eq!(health, single.health(), "a {what}");
        assert!(forecast.model_confidence > 0.0);
    }
}

#[test]
fn a_pool_that_is_replaced_lends_the_networks_of_nobody() {
    let bundle = ModelBundle::bundled().unwrap();
    let mut fleet = Fleet::new(&bundle);
    for key in ["a", "b"] {
        fleet.add(key, Config::default()).unwrap();
    }
    let mut single = built(Config::default());
    for step in 0..RECORDS {
        if step == MEDDLED_AT {
            let snapshot = fleet.with_pool("a", |pool| pool.snapshot()).unwrap();
            assert!(fleet.remove("a"));
            fleet.restore("a", without_networks(), &snapshot).unwrap();
        }
        let ticks = fleet.tick(["a", "b"].map(|key| (key.to_owned(), record(step))).into());
        single.observe(&record(step)).unwrap();
        let decision = single.decide();
        let of_b = ticks.into_iter().flatten().find(|tick| tick.key == "b").expect("b ticks");
        assert_eq!(of_b.decision, decision, "record {step}");
    }
}
