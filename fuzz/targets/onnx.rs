//! An ONNX file as the forecaster of a bundle, or else as its policy: refused with an error, or a bundle under which a pool
//! and a fleet decide within their bounds.

#![no_main]

use evscale_core::{Autoscaler, Config, ErrorKind, Fleet, Metrics, ModelBundle, Result, Timestamp};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

const MANIFEST: &str = include_str!("../../models/onnx/manifest.json");
/// Small networks that fit the bundle's contract.
const FORECASTER: &[u8] = include_bytes!("../../evscale-core/tests/fixtures/broken/forecaster_healthy.onnx");
const POLICY: &[u8] = include_bytes!("../../evscale-core/tests/fixtures/broken/policy_healthy.onnx");
/// Pools of the fleet: enough for a batch of its forecaster.
const POOLS: usize = 16;

/// A bundle whose manifest vouches for these networks.
fn bundle(forecaster: &[u8], policy: &[u8]) -> Result<ModelBundle> {
    let mut manifest: serde_json::Value = serde_json::from_str(MANIFEST).expect("the bundled manifest");
    for (part, onnx) in [("forecaster", forecaster), ("policy", policy)] {
        manifest[part]["sha256"] = format!("{:x}", Sha256::digest(onnx)).into();
    }
    ModelBundle::from_files(manifest.to_string().as_bytes(), forecaster, policy)
}

fn record(step: i64) -> Metrics {
    let at = Timestamp::EPOCH.plus_seconds(1_767_600_000 + 600 * step);
    let mut record = Metrics::new(at, 3400.0 + 100.0 * step as f64, 12.0);
    record.processed_events_count = Some(3400.0);
    record.average_processing_duration_ms = Some(400.0);
    record
}

fn run(bundle: &ModelBundle) {
    let mut config = Config::default();
    (config.interval_seconds, config.decision_interval_seconds, config.max_jobs) = (600, 600, 40);
    let mut scaler =
        Autoscaler::builder(config.clone()).bundle(bundle.clone()).build().expect("a bundle that was loaded");
    for step in 0..3 {
        scaler.observe(&record(step)).expect("bad records are told by the verdict");
        let jobs = scaler.decide().recommended_jobs;
        assert!(jobs.is_some_and(|jobs| (1..=40).contains(&jobs)), "{jobs:?} jobs, expected 1 to 40");
    }
    let mut fleet = Fleet::new(bundle);
    for pool in 0..POOLS {
        fleet.add(&pool.to_string(), config.clone()).expect("a bundle that was loaded");
    }
    for tick in fleet.tick((0..POOLS).map(|pool| (pool.to_string(), record(0))).collect()) {
        let jobs = tick.expect("a pool that lives").decision.recommended_jobs;
        assert!(jobs.is_some_and(|jobs| (1..=40).contains(&jobs)), "{jobs:?} jobs, expected 1 to 40");
    }
}

fuzz_target!(
    // A panic of the inference library that evscale catches is no finding; one that escapes still ends the process.
    init: std::panic::set_hook(Box::new(|panic| {
        if std::env::var_os("EVSCALE_FUZZ_PANICS").is_some() {
            eprintln!("{panic}");
        }
    })),
    |input: &[u8]| {
        match bundle(input, POLICY).or_else(|_| bundle(FORECASTER, input)) {
            Ok(bundle) => run(&bundle),
            Err(problem) => assert_eq!(problem.kind(), ErrorKind::InvalidBundle, "{problem}"),
        }
    }
);
