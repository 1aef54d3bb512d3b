use super::*;
use crate::time::Timestamp;

fn record(pool: usize, slot: i64) -> Metrics {
    let phase = (slot as f64 / 40.0 + pool as f64).sin();
    let mut record = Metrics::new(
        Timestamp::EPOCH.plus_seconds(1_767_600_000 + 120 * slot),
        (800.0 + 400.0 * phase + 50.0 * pool as f64).round(),
        6.0,
    );
    record.average_processing_duration_ms = Some(500.0);
    record
}

fn config(pool: usize) -> Config {
    Config { max_jobs: 20 + pool as u32, use_networks: pool % 4 != 3, ..Config::default() }
}

#[test]
fn a_fleet_decides_like_single_autoscalers_with_any_number_of_threads() {
    let bundle = ModelBundle::bundled().unwrap();
    let pools = 45; // 34 with networks: two batches of 16, and two pools that are left
    let mut expected = Vec::new();
    for pool in 0..pools {
        let mut single = Autoscaler::builder(config(pool)).bundle(bundle.clone()).build().unwrap();
        let mut decisions = Vec::new();
        for slot in 0..30 {
            single.observe(&record(pool, slot)).unwrap();
            decisions.push(single.decide().to_json());
        }
        expected.push((decisions, single.snapshot()));
    }
    for threads in [1, 3] {
        let mut fleet = Fleet::new(&bundle);
        fleet.set_threads(threads).unwrap();
        for pool in 0..pools {
            fleet.add(&format!("pool-{pool:02}"), config(pool)).unwrap();
        }
        for slot in 0..30 {
            // last pool first
            let records = (0..pools).rev().map(|p| (format!("pool-{p:02}"), record(p, slot))).collect();
            let ticks = fleet.tick(records);
            assert_eq!(ticks.len(), pools);
            for (pool, tick) in ticks.into_iter().enumerate() {
                let tick = tick.unwrap();
                assert_eq!(tick.key, format!("pool-{pool:02}"));
                assert_eq!(tick.decision.to_json(), expected[pool].0[slot as usize], "{threads} threads");
            }
        }
        for (pool, (key, snapshot)) in fleet.snapshots().enumerate() {
            assert!(snapshot == expected[pool].1, "{key}");
        }
        let batches = fleet.shelves.iter().filter(|shelf| shelf.batches.values().any(Result::is_ok)).count();
        assert_eq!(batches, if threads == 1 { 1 } else { 0 }, "15 pools a thread are too few for a batch");
    }
}

#[test]
fn pools_come_and_go_and_errors_stay_with_their_record() {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    fleet.add("a", config(0)).unwrap();
    assert!(fleet.add("a", config(0)).unwrap_err().to_string().contains("`a`"));
    assert!(fleet.add("b", Config { max_jobs: 0, ..config(0) }).is_err());
    assert!(fleet.set_threads(0).unwrap_err().to_string().contains("1 to 1024"));
    let ticks = fleet.tick(vec![("ghost".to_owned(), record(0, 0)), ("a".to_owned(), record(0, 0))]);
    assert!(ticks[0].as_ref().unwrap_err().to_string().contains("`ghost`"));
    assert_eq!(ticks[1].as_ref().unwrap().observations.len(), 1);
    let snapshot = fleet.snapshot("a").unwrap();
    fleet.restore("again", config(0), &snapshot).unwrap();
    assert_eq!(fleet.keys().collect::<Vec<_>>(), ["a", "again"]);
    assert!(fleet.remove("a") && !fleet.remove("a") && fleet.len() == 1);
    assert!(fleet.tick(Vec::new()).is_empty());
}

#[test]
fn a_pool_that_fails_is_told_apart_and_the_others_go_on() {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    for pool in 0..3 {
        fleet.add(&format!("{pool}"), config(pool)).unwrap();
    }
    let failure = fleet.with_pool("1", |_| panic!("on purpose")).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::PoolFailed);
    assert_eq!(fleet.with_pool("1", |_| ()).unwrap_err().kind(), ErrorKind::PoolFailed);
    let ticks = fleet.tick((0..3).map(|pool| (format!("{pool}"), record(pool, 0))).collect());
    assert!(ticks[0].is_ok() && ticks[1].is_err() && ticks[2].is_ok());
    assert!(fleet.snapshot("1").is_none() && fleet.snapshots().count() == 2);
}

#[test]
fn work_on_one_pool_has_the_networks_and_gives_them_back() {
    let bundle = ModelBundle::bundled().unwrap();
    let mut single = Autoscaler::builder(config(0)).bundle(bundle.clone()).build().unwrap();
    let mut fleet = Fleet::new(&bundle);
    fleet.add("a", config(0)).unwrap();
    for slot in 0..20 {
        single.observe(&record(0, slot)).unwrap();
        fleet.with_pool("a", |scaler| scaler.observe(&record(0, slot)).map(|_| ())).unwrap().unwrap();
    }
    assert_eq!(fleet.with_pool("a", |scaler| scaler.decide().to_json()).unwrap(), single.decide().to_json());
    assert_eq!(fleet.with_pool("b", |_| ()).unwrap_err().kind(), ErrorKind::UnknownPool);
}
