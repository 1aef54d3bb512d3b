//! A snapshot as it is, and again with the right length and checksum in its header: refused with an error, or a pool that
//! goes on within its bounds and can be saved and restored again.

#![no_main]

use evscale_core::{Autoscaler, Config, ErrorKind, Metrics, ModelBundle, Timestamp};
use libfuzzer_sys::fuzz_target;

/// Magic, format version, length of the body, CRC-32 of the body.
const HEADER: usize = 14;

/// The interval of the seeds.
fn config() -> Config {
    let mut config = Config::default();
    (config.interval_seconds, config.decision_interval_seconds) = (3600, 3600);
    config.max_jobs = 40;
    config.use_networks = false;
    config
}

fn sealed(snapshot: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = snapshot.to_vec();
    let (header, body) = sealed.split_at_mut_checked(HEADER)?;
    header[6..10].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[10..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    Some(sealed)
}

/// Decides; without a number until a record told the count.
fn decide(scaler: &mut Autoscaler, counted: bool) {
    let jobs = scaler.decide().recommended_jobs;
    assert!(jobs.is_none_or(|jobs| (1..=40).contains(&jobs)), "{jobs:?} jobs, expected 1 to 40");
    assert!(counted || jobs.is_none(), "{jobs:?} jobs before a record");
}

fn live(snapshot: &[u8]) {
    let bundle = ModelBundle::bundled().expect("the bundled models");
    let mut scaler = match Autoscaler::restore(config(), bundle.clone(), snapshot) {
        Ok(scaler) => scaler,
        Err(problem) => return assert_eq!(problem.kind(), ErrorKind::InvalidSnapshot, "{problem}"),
    };
    decide(&mut scaler, false);
    let mut record = Metrics::new(Timestamp::EPOCH.plus_seconds(1_768_320_000), 3400.0, 12.0);
    record.processed_events_count = Some(3390.0);
    record.queued_events_count = Some(10.0);
    record.average_processing_duration_ms = Some(400.0);
    for _ in 0..2 {
        scaler.observe(&record).expect("bad records are told by the verdict");
        decide(&mut scaler, true);
        record.timestamp = record.timestamp.plus_seconds(3600);
    }
    scaler.health();
    let again = scaler.snapshot();
    let mut restored = Autoscaler::restore(config(), bundle, &again).expect("our own snapshot");
    decide(&mut restored, false);
}

fuzz_target!(|input: &[u8]| {
    live(input);
    if let Some(sealed) = sealed(input) {
        live(&sealed);
    }
});
