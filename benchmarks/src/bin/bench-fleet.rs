//! `bench-fleet POOLS THREADS TICKS`: decisions per second of a fleet in which every pool decides at every tick, and its
//! memory. One JSON object.

use evscale_benchmarks::{argument, processor_seconds, resident};
use evscale_core::simulate::Workload;
use evscale_core::{Config, Error, Fleet, Metrics, ModelBundle};
use serde_json::json;
use std::time::Instant;

fn main() -> Result<(), Error> {
    let (pools, threads, ticks) = (argument(1, 1000), argument(2, 1), argument(3, 5));
    let workload = Workload::two_weeks(1);
    let bundle = ModelBundle::bundled()?;
    let before = resident();
    let mut fleet = Fleet::new(&bundle);
    fleet.set_threads(threads)?;
    let mut config = Config::default();
    config.decision_interval_seconds = config.interval_seconds;
    let keys: Vec<String> = (0..pools).map(|pool| format!("pool-{pool:06}")).collect();
    for key in &keys {
        fleet.add(key, config.clone())?;
    }
    let (mut decisions, mut seconds, mut processor) = (0usize, 0.0, 0.0);
    for slot in 0..=ticks {
        let at = workload.start.plus_seconds(120 * (slot as i64 + 1));
        let records: Vec<(String, Metrics)> = keys
            .iter()
            .enumerate()
            .map(|(pool, key)| {
                let events = workload.events.get((pool * 7 + slot) % workload.events.len()).copied();
                let mut record = Metrics::new(at, events.unwrap_or(0.0), 10.0);
                record.average_processing_duration_ms = Some(300.0);
                (key.clone(), record)
            })
            .collect();
        let (began, before) = (Instant::now(), processor_seconds());
        let answers = fleet.tick(records);
        // the first tick of every pool touches its memory for the first time
        if slot > 0 || ticks == 0 {
            seconds += began.elapsed().as_secs_f64();
            processor += processor_seconds() - before;
            decisions += answers.iter().filter(|answer| answer.is_ok()).count();
        }
    }
    let rss = resident().saturating_sub(before) as f64 / pools as f64;
    // with more threads than one this thread only waits
    let per_core = (threads == 1).then(|| decisions as f64 / processor);
    println!(
        "{}",
        json!({ "pools": pools, "threads": threads, "decisions_per_second": decisions as f64 / seconds,
                "decisions_per_processor_second": per_core,
                "tick_seconds": seconds / ticks.max(1) as f64, "resident_bytes_per_pool": rss })
    );
    Ok(())
}
