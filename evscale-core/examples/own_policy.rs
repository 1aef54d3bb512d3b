//! A policy of your own in the place of the network: it is evaluated in the shadow first, and acts under every safety rule.

use evscale_core::features::PolicyState;
use evscale_core::{Autoscaler, Config, HostError, HostPolicy, Metrics, Timestamp};

/// Has a fifth more than the median forecast needs, and what waits worked off in five minutes.
struct FifthMore;

impl HostPolicy for FifthMore {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        let [median, ..] = state.near_need;
        if !median.is_finite() {
            return Err("there is no forecast yet".into());
        }
        Ok(1.2 * median + state.current_jobs * state.backlog_seconds / 300.0)
    }
}

fn main() -> Result<(), evscale_core::Error> {
    let mut scaler = Autoscaler::builder(Config::default()).build()?;
    scaler.use_policy(Box::new(FifthMore))?;
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    let (mut jobs, mut acted) = (12, 0);
    for index in 1..=720 {
        let events = 3000.0 + 1500.0 * (index as f64 / 30.0).sin();
        let record = Metrics::builder(start.plus_seconds(120 * index), events, f64::from(jobs));
        scaler.observe(&record.average_processing_duration_ms(400.0).build())?;
        let decision = scaler.decide();
        acted += u32::from(decision.source == evscale_core::Source::HostPolicy);
        jobs = decision.recommended_jobs.unwrap_or(jobs);
    }
    println!("the own policy acted {acted} of 720 times; {jobs} jobs at the end");
    Ok(())
}
