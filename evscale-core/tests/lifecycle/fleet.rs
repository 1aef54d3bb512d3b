//! Other models in a share of a fleet.

use crate::disturbed::disturbed;
use crate::world::{config, start};
use evscale_core::{Autoscaler, Fleet, Metrics, ModelBundle};

fn record(pool: usize, step: i64) -> Metrics {
    let events = 900.0 + 100.0 * pool as f64 + 200.0 * (step as f64 / 9.0).sin();
    let mut record = Metrics::new(start().plus_seconds(600 * step), events.round(), 12.0);
    record.average_processing_duration_ms = Some(2000.0);
    record
}

fn fleet() -> Fleet {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    (0..40).for_each(|pool| fleet.add(&format!("pool-{pool}"), config()).unwrap());
    fleet
}

#[test]
fn a_share_is_the_same_every_time_and_a_larger_one_has_the_smaller_one() {
    let other = disturbed(0.2, 1);
    let mut first = fleet();
    let quarter = first.challenge(&other, 0.25).unwrap();
    assert!((4..=17).contains(&quarter.len()), "{quarter:?}");
    assert_eq!(fleet().challenge(&other, 0.25).unwrap(), quarter);
    assert_ne!(fleet().challenge(&disturbed(0.2, 2), 0.25).unwrap(), quarter, "other models, other pools");
    let rest = first.challenge(&other, 0.6).unwrap();
    assert!(
        rest.iter().all(|key| !quarter.contains(key)) && first.challenge(&other, 0.6).unwrap().is_empty()
    );
    let mut all = fleet().challenge(&other, 0.6).unwrap();
    all.retain(|key| !quarter.contains(key));
    assert_eq!(all, rest);
    assert!(first.challenge(&other, 1.5).is_err() && first.challenge(&other, f64::NAN).is_err());
}

#[test]
fn pools_of_a_fleet_decide_as_single_ones_whatever_acts_in_them() {
    let other = disturbed(0.4, 1);
    let mut fleet = fleet();
    fleet.set_threads(2).unwrap();
    let mut single: Vec<Autoscaler> =
        (0..40).map(|_| Autoscaler::builder(config()).build().unwrap()).collect();
    let mut acting = Vec::new();
    for step in 1..40 {
        if step == 10 {
            acting = fleet.roll_out(&other, 0.7, "a rollout").unwrap();
            let at = |key: &String| key["pool-".len()..].parse::<usize>().unwrap();
            acting.iter().for_each(|key| single[at(key)].set_bundle(&other, "a rollout").unwrap());
            fleet.with_pool(&acting[0], |pool| pool.roll_back("not here")).unwrap().unwrap();
            single[at(&acting[0])].roll_back("not here").unwrap();
            assert!(fleet.roll_out(&other, 0.7, "again").unwrap().is_empty(), "it was rolled back there");
        }
        let records = (0..40).map(|pool| (format!("pool-{pool}"), record(pool, step))).collect();
        for tick in fleet.tick(records) {
            let tick = tick.unwrap();
            let pool: usize = tick.key["pool-".len()..].parse().unwrap();
            single[pool].observe(&record(pool, step)).unwrap();
            assert_eq!(tick.decision, single[pool].decide(), "{} at {step}", tick.key);
        }
    }
    assert!(acting.len() > 16, "a batch of them: {}", acting.len());
    let snapshot = fleet.snapshot(&acting[1]).unwrap();
    fleet.restore("again", config(), &snapshot).unwrap();
    let models = fleet.with_pool("again", |pool| pool.models()).unwrap().unwrap();
    assert_eq!(models.champion, other.identity());
    let mut without = Fleet::new(&ModelBundle::bundled().unwrap());
    without.restore("again", config(), &snapshot).unwrap();
    let models = without.with_pool("again", |pool| pool.models()).unwrap().unwrap();
    assert_eq!(models.champion, ModelBundle::bundled().unwrap().identity(), "the other one is not known");
}

#[test]
fn one_pool_tries_models_that_its_fleet_knows() {
    let (mut fleet, other) = (fleet(), disturbed(0.2, 1));
    let identity = other.identity();
    let refused = fleet.with_pool("pool-3", |pool| pool.challenge(&identity)).unwrap().unwrap_err();
    assert!(refused.to_string().contains(&format!("knows no models `{identity}`")), "{refused}");
    fleet.know(&other);
    fleet.with_pool("pool-3", |pool| pool.challenge(&identity)).unwrap().unwrap();
    for (pool, tries) in [("pool-3", true), ("pool-4", false)] {
        let models = fleet.with_pool(pool, |pool| pool.models()).unwrap();
        assert_eq!(models.is_some_and(|models| models.challenger.is_some()), tries, "{pool}");
    }
}
