//! Nanoseconds of calls in Rust that do little inside; `benchmarks/boundary.c` times the same through the C ABI.

use evscale_core::{Autoscaler, Config, Decision, Metrics, Observation, Pause, Timestamp};
use std::hint::black_box;
use std::time::Instant;

const CALLS: u32 = 200_000;

/// The best of 15 rounds.
fn time(name: &str, mut call: impl FnMut()) {
    let rounds = (0..15).map(|_| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        start.elapsed().as_secs_f64() / f64::from(CALLS) * 1e9
    });
    println!("{name} {:.0}", rounds.fold(f64::INFINITY, f64::min));
}

fn main() -> Result<(), evscale_core::Error> {
    let mut scaler = Autoscaler::builder(Config::default()).build()?;
    let mut record = Metrics::new(Timestamp::from_millis(1_767_607_200_000)?, 1000.0, 5.0);
    record.average_processing_duration_ms = Some(300.0);
    scaler.observe(&record)?;
    let (mut seen, mut last): (Option<Observation>, Option<Decision>) = (None, None);
    time("set_pause", || scaler.set_pause(black_box(Pause::Off)));
    time("repeated_record", || seen = scaler.observe(black_box(&record)).ok());
    time("standing_decision", || last = Some(scaler.decide()));
    black_box((seen, last));
    Ok(())
}
