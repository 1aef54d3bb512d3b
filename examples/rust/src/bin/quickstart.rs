//! The quickstart of the README.

use evscale_core::{Autoscaler, Config, Metrics, Timestamp};

fn main() -> Result<(), evscale_core::Error> {
    let config = Config::builder().min_jobs(5).build()?;
    let mut scaler = Autoscaler::builder(config).build()?; // the bundled models
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    for minute in (2..=60).step_by(2) {
        let record = Metrics::builder(start.plus_seconds(60 * minute), 3000.0 + 20.0 * minute as f64, 12.0)
            .average_processing_duration_ms(400.0)
            .build();
        scaler.observe(&record)?;
    }
    let soon = scaler.forecast().horizon(12).map(|h| h.prediction.round());
    let decision = scaler.decide();
    println!("in 12 minutes: {soon:?} events per interval");
    if let Some(jobs) = decision.recommended_jobs {
        println!("{jobs} jobs: {}", decision.explanation);
    }
    Ok(())
}
