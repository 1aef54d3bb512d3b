//! Throughput and memory of fleets: ticks per second and core, bytes per pool.

use evscale_core::simulate::Workload;
use evscale_core::{Config, Fleet, Metrics, ModelBundle};
use std::time::Instant;

/// Resident memory of this process, bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

fn main() -> Result<(), evscale_core::Error> {
    let workload = Workload::two_weeks(1);
    let bundle = ModelBundle::bundled()?;
    println!(
        "{:>8}{:>9}{:>16}{:>16}{:>16}",
        "pools", "threads", "decisions/s", "KiB per pool", "snapshot KiB"
    );
    for (pools, threads) in [(10usize, 1usize), (100, 1), (1000, 1), (1000, 2), (10_000, 2)] {
        let before = resident();
        let mut fleet = Fleet::new(&bundle);
        fleet.set_threads(threads)?;
        for pool in 0..pools {
            fleet.add(&format!("pool-{pool:06}"), Config::default())?;
        }
        let ticks = if pools > 1000 { 2 } else { 20_000 / pools.max(100) };
        let (mut decisions, began) = (0usize, Instant::now());
        for slot in 0..ticks {
            let at = workload.start.plus_seconds(120 * (slot as i64 + 1));
            let records = (0..pools)
                .map(|pool| {
                    let events = workload.events.get((pool * 7 + slot) % workload.events.len()).copied();
                    let mut record = Metrics::new(at, events.unwrap_or(0.0), 10.0);
                    record.average_processing_duration_ms = Some(300.0);
                    (format!("pool-{pool:06}"), record)
                })
                .collect();
            decisions += fleet.tick(records).len();
        }
        let rate = decisions as f64 / began.elapsed().as_secs_f64();
        let memory = resident().saturating_sub(before) as f64 / pools as f64 / 1024.0;
        let snapshot = fleet.snapshot("pool-000000").map_or(0, |bytes| bytes.len()) as f64 / 1024.0;
        println!("{pools:>8}{threads:>9}{rate:>16.0}{memory:>16.1}{snapshot:>16.1}");
    }
    Ok(())
}
