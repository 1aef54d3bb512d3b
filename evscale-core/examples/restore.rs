//! A restart: the pool goes on from its snapshot, also under other settings.

use evscale_core::{Autoscaler, Config, Metrics, Timestamp};

fn record(index: i64) -> Metrics {
    let start = Timestamp::EPOCH.plus_seconds(1_767_571_200); // 2026-01-05
    Metrics::builder(start.plus_seconds(120 * index), 3000.0, 12.0)
        .average_processing_duration_ms(400.0)
        .build()
}

fn main() -> Result<(), evscale_core::Error> {
    let mut scaler = Autoscaler::builder(Config::default()).build()?;
    for index in 1..=100 {
        scaler.observe(&record(index))?;
        scaler.decide();
    }
    let bytes = scaler.snapshot(); // goes to a file or database that only the host can write

    let config = Config::builder().min_jobs(14).build()?;
    let mut restored = Autoscaler::builder(config).restore(&bytes)?;
    let decision = restored.decide();
    println!("before a fresh record: {:?}, {}", decision.recommended_jobs, decision.explanation);
    restored.observe(&record(101))?;
    println!("after it: {:?}", restored.decide().recommended_jobs);
    Ok(())
}
