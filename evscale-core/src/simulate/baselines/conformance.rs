//! The published rules in a pool that carries out what they say, against the common checks.

use super::*;
use crate::conformance::{Conformance, Member};

const POOL: BaselinePool =
    BaselinePool { bounds: (3, 400), interval_seconds: 120, startup_seconds: 180.0, service_seconds: 0.5 };

/// A pool with a fluid queue whose jobs are ready at once.
struct Carried {
    rule: Box<dyn ScalingRule>,
    jobs: u32,
    queue: f64,
    step: i64,
}

impl Member for Carried {
    fn answer(&mut self, events: f64) -> Vec<f64> {
        self.step += 1;
        let room = f64::from(self.jobs) * f64::from(POOL.interval_seconds) / POOL.service_seconds;
        let at = Timestamp::EPOCH.plus_seconds(i64::from(POOL.interval_seconds) * self.step);
        let mut record = Metrics::new(at, events, f64::from(self.jobs));
        if events.is_finite() {
            let taken = (self.queue + events).min(room);
            self.queue += events - taken;
            record.processed_events_count = Some(taken);
            record.queued_events_count = Some(self.queue);
            record.cpu_utilization_percent = Some(100.0 * taken / room);
            record.average_processing_duration_ms = Some(1000.0 * POOL.service_seconds);
        }
        self.rule.observe(&record);
        self.jobs = self.rule.decide().unwrap_or(self.jobs);
        vec![f64::from(self.jobs)]
    }
}

#[test]
fn every_published_rule_passes_the_common_checks() {
    type Rule = fn() -> Box<dyn ScalingRule>;
    let rules: [(&str, Rule); 7] = [
        ("static peak", || Box::new(StaticPeak(40))),
        ("HPA on CPU", || Box::new(HpaCpu::new(POOL, 70.0))),
        ("HPA on rate", || Box::new(HpaRate::new(POOL, 0.7))),
        ("KEDA queue", || Box::new(KedaQueue::new(POOL, 0.7))),
        ("Flink", || Box::new(Flink::new(POOL, 0.7))),
        ("Ray Serve", || Box::new(RayServe::new(POOL, 0.7))),
        ("seasonal quantile", || Box::new(SeasonalQuantile::new(POOL, 0.7))),
    ];
    for (name, rule) in rules {
        // without arrivals Flink's rule knows no rate, and leaves the pool as it is
        let monotone_from = Some(if name == "Flink" { 100.0 } else { 0.0 });
        let made =
            || -> Box<dyn Member> { Box::new(Carried { rule: rule(), jobs: 10, queue: 0.0, step: 0 }) };
        let bounds = |_| (f64::from(POOL.bounds.0), f64::from(POOL.bounds.1));
        Conformance { name, made: &made, bounds, ordered: true, monotone_from }.check();
    }
}
