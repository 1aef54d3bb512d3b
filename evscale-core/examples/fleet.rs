//! Many pools, one tick: networks are shared, and a pool that fails does not disturb another.

use evscale_core::{Config, Fleet, Metrics, ModelBundle, Timestamp};
use std::collections::BTreeMap;

fn main() -> Result<(), evscale_core::Error> {
    let mut fleet = Fleet::new(&ModelBundle::bundled()?);
    fleet.set_threads(2)?;
    let mut jobs = BTreeMap::new();
    for (key, zone) in [("berlin", "Europe/Berlin"), ("lima", "America/Lima"), ("tokyo", "Asia/Tokyo")] {
        fleet.add(key, Config::builder().time_zone(zone).max_jobs(40).build()?)?;
        jobs.insert(key.to_owned(), 8);
    }
    let start: Timestamp = "2026-01-05T10:00:00Z".parse()?;
    for index in 1..=90 {
        let now = start.plus_seconds(120 * index);
        let records = jobs.iter().zip([2000.0, 2600.0, 3400.0]).map(|((key, jobs), events)| {
            let record =
                Metrics::builder(now, events, f64::from(*jobs)).average_processing_duration_ms(400.0);
            (key.clone(), record.build())
        });
        for tick in fleet.tick(records.collect()) {
            let tick = tick?; // of one pool
            if let Some(wanted) = tick.decision.recommended_jobs {
                jobs.insert(tick.key, wanted);
            }
        }
    }
    for (key, jobs) in &jobs {
        println!("{key}: {jobs} jobs");
    }
    fleet.with_pool("lima", |pool| println!("lima is {}", pool.health().status))
}
