//! `bench-start TICKS NETWORKS`: from the start of `main` to the first decision, resident memory with one pool, then so many
//! ticks. Run under callgrind with two numbers of ticks, the difference is what ticks cost.

use evscale_benchmarks::{Records, argument, config, resident};
use evscale_core::{Autoscaler, Error};
use serde_json::json;
use std::time::Instant;

fn main() -> Result<(), Error> {
    let began = Instant::now();
    let (ticks, networks) = (argument(1, 1), argument(2, 1) > 0);
    let before = resident();
    let mut records = Records::new(1);
    let generated = began.elapsed();
    let mut scaler = Autoscaler::builder(config(networks)).build()?;
    let loaded = began.elapsed() - generated;
    let mut first = None;
    for record in records.by_ref().take(ticks.max(1)) {
        scaler.observe(&record)?;
        std::hint::black_box(scaler.forecast());
        std::hint::black_box(scaler.decide());
        first.get_or_insert(began.elapsed() - generated);
    }
    println!(
        "{}",
        json!({ "load_ms": loaded.as_secs_f64() * 1e3,
                "first_decision_ms": first.unwrap_or_default().as_secs_f64() * 1e3,
                "resident_before_bytes": before, "resident_bytes": resident() })
    );
    Ok(())
}
