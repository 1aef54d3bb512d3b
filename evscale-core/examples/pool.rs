//! One pool: observe, decide, carry out, acknowledge.

use evscale_core::{Action, Autoscaler, Config, Metrics, ScalingOutcome, Timestamp};

fn main() -> Result<(), evscale_core::Error> {
    let config = Config::builder().min_jobs(2).max_jobs(60).job_startup_seconds(180).build()?;
    let mut scaler = Autoscaler::builder(config).build()?; // with the bundled models
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    let mut jobs = 12; // what your scheduler has running
    for index in 1..=120 {
        let now = start.plus_seconds(120 * index);
        let events = 3000.0 + 1500.0 * (index as f64 / 30.0).sin();
        let record = Metrics::builder(now, events, f64::from(jobs))
            .average_processing_duration_ms(400.0)
            .queued_events_count(0.0)
            .build();
        let seen = scaler.observe(&record)?;
        if !seen.decision_due {
            continue;
        }
        let decision = scaler.decide();
        let Some(wanted) = decision.recommended_jobs else { continue };
        if decision.action != Action::Hold {
            println!("{now}: {}", decision.explanation);
        }
        // what really came of it
        scaler.acknowledge(&ScalingOutcome::new(now).with_started(wanted.saturating_sub(jobs)));
        jobs = wanted;
    }
    println!("{jobs} jobs, and the pool is {}", scaler.health().status);
    Ok(())
}
