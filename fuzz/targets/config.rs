//! Configuration text: refused with an error, or a pool that can be built, takes a record and decides within its bounds.

#![no_main]

use evscale_core::{Autoscaler, Config, ErrorKind, Metrics, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let config = match Config::from_json(&String::from_utf8_lossy(input)) {
        Ok(config) => config,
        Err(problem) => return assert_eq!(problem.kind(), ErrorKind::InvalidConfig, "{problem}"),
    };
    let mut config = Config::from_json(&config.to_json()).expect("what was written is read back");
    config.use_networks = false;
    let (least, most) = (config.min_jobs, config.max_jobs);
    let mut scaler = Autoscaler::builder(config).build().expect("the configuration was checked");
    let mut record = Metrics::new(Timestamp::EPOCH.plus_seconds(1_767_600_000), 3400.0, 12.0);
    record.average_processing_duration_ms = Some(400.0);
    scaler.observe(&record).expect("bad records are told by the verdict");
    let jobs = scaler.decide().recommended_jobs;
    assert!(
        jobs.is_some_and(|jobs| (least..=most).contains(&jobs)),
        "{jobs:?} jobs, expected {least} to {most}"
    );
});
