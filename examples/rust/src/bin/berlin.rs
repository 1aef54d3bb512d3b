//! A pool whose users live in Berlin, with a holiday: what a process opens that only observes and decides.

use evscale_core::{Autoscaler, Config, Metrics, Timestamp};

fn main() -> Result<(), evscale_core::Error> {
    let mut config = Config::default();
    config.time_zone = "Europe/Berlin".to_owned();
    config.holidays = vec!["2026-01-06".to_owned()];
    let mut scaler = Autoscaler::builder(config).build()?;
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    for index in 1..=200 {
        let mut record =
            Metrics::new(start.plus_seconds(120 * index), 3000.0 + (index % 40) as f64 * 20.0, 12.0);
        record.average_processing_duration_ms = Some(400.0);
        scaler.observe(&record)?;
        scaler.decide();
    }
    println!("{}", scaler.decide().explanation);
    Ok(())
}
