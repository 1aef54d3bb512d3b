//! The quickstart of the README.

use evscale_core::{Autoscaler, Config, Metrics, Timestamp};

fn main() -> Result<(), evscale_core::Error> {
    let mut config = Config::default();
    config.min_jobs = 5;
    let mut scaler = Autoscaler::builder(config).build()?; // the bundled models
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    for minute in (2..=60).step_by(2) {
        let mut record = Metrics::new(start.plus_seconds(60 * minute), 3000.0 + 20.0 * minute as f64, 12.0);
        record.average_processing_duration_ms = Some(400.0);
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
