//! Snapshots of every format version that is read: one is kept of each, and restores.

use evscale_core::{Action, Autoscaler, Config, Metrics, ModelBundle, Timestamp};

const VERSION_2: &[u8] = include_bytes!("fixtures/snapshot_2.bin");
const VERSION_3: &[u8] = include_bytes!("fixtures/snapshot_3.bin");
const RECORDS: u32 = 200;

fn config() -> Config {
    let mut config = Config::default();
    config.interval_seconds = 3600;
    config.decision_interval_seconds = 3600;
    config.max_jobs = 40;
    config.use_networks = false;
    config
}

fn record(step: u32, jobs: u32) -> Metrics {
    let start = Timestamp::from_millis(1_767_600_000_000).unwrap();
    let phase = std::f64::consts::TAU * f64::from(step) / 24.0;
    let events = (20_000.0 + 12_000.0 * phase.sin()).round();
    let mut record = Metrics::new(start.plus_seconds(3600 * i64::from(step)), events, f64::from(jobs));
    record.processed_events_count = Some(events);
    record.queued_events_count = Some(0.0);
    record.average_processing_duration_ms = Some(1500.0);
    record
}

fn pool() -> Autoscaler {
    let mut scaler = Autoscaler::builder(config()).build().unwrap();
    for step in 0..RECORDS {
        scaler.observe(&record(step, 16)).unwrap();
        scaler.decide();
    }
    scaler
}

#[test]
#[ignore = "writes the fixture of the present format version"]
fn write() {
    let snapshot = pool().snapshot();
    let version = u16::from_le_bytes([snapshot[4], snapshot[5]]);
    let path = format!("{}/tests/fixtures/snapshot_{version}.bin", env!("CARGO_MANIFEST_DIR"));
    std::fs::write(path, snapshot).unwrap();
}

#[test]
fn every_version_restores_with_what_it_learned_and_holds_at_first() {
    let fresh = pool();
    for (version, snapshot) in [(2, VERSION_2), (3, VERSION_3)] {
        assert_eq!(u16::from_le_bytes([snapshot[4], snapshot[5]]), version);
        let mut scaler = Autoscaler::restore(config(), ModelBundle::bundled().unwrap(), snapshot).unwrap();
        for (kept, learned) in scaler.forecast().horizons.iter().zip(&fresh.forecast().horizons) {
            let apart = (kept.prediction - learned.prediction).abs();
            assert!(apart < 0.1 * learned.prediction, "version {version}: {kept:?} {learned:?}");
        }
        assert_ne!(scaler.decide().action, Action::ScaleDown, "version {version}");
        scaler.observe(&record(RECORDS, 16)).unwrap();
        assert!((1..=40).contains(&scaler.decide().recommended_jobs));
    }
}
