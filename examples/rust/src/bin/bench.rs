//! Latency of a tick over two generated weeks: with the networks and without them, in one run.

use evscale_core::simulate::{Workload, World, WorldSettings};
use evscale_core::{Autoscaler, Config, Metrics};
use std::time::{Duration, Instant};

fn ticks(records: &[Metrics], use_networks: bool) -> Result<Vec<Duration>, evscale_core::Error> {
    let mut config = Config::default();
    config.use_networks = use_networks;
    let mut scaler = Autoscaler::builder(config).build()?;
    let mut times = Vec::with_capacity(records.len());
    for record in records {
        let began = Instant::now();
        scaler.observe(record)?;
        std::hint::black_box(scaler.decide());
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times)
}

fn main() -> Result<(), evscale_core::Error> {
    let workload = Workload::two_weeks(1);
    let world = World::new(&workload, &WorldSettings::default());
    let records: Vec<Metrics> = (0..world.len())
        .map(|i| {
            let mut record =
                Metrics::new(world.end_of(i), world.events(i), (1.3 * world.offered_jobs(i)).ceil().max(1.0));
            record.average_processing_duration_ms = Some(1000.0 * world.service_seconds(i));
            record.processed_events_count = Some(world.events(i));
            record
        })
        .collect();
    println!("{:24}{:>12}{:>12}{:>12}", "observe + decide", "p50", "p99", "max");
    for (name, use_networks) in
        [("with networks", true), ("experts and rule", false), ("with networks", true)]
    {
        let times = ticks(&records, use_networks)?;
        let at =
            |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
        println!("{name:24}{:>12.1?}{:>12.1?}{:>12.1?}", at(0.5), at(0.99), at(1.0));
    }
    Ok(())
}
