//! More jobs that bring no more throughput: the pool stops growing and says so, and in normal operation it does neither.

use crate::support::{built, served, start, without_networks};
use evscale_core::simulate::{LoadSettings, ScalingRule, SimulatedLoad, Workload, replay};
use evscale_core::{Autoscaler, Config, Metrics, Rule};

const INTERVAL: f64 = 120.0;
const SERVICE: f64 = 0.6;

fn config() -> Config {
    without_networks(|config| config.max_jobs = 400)
}

/// A queue whose jobs share something that takes at most `limit` events per interval.
struct Bottleneck {
    scaler: Autoscaler,
    step: i64,
    jobs: u32,
    /// Jobs by the interval in which they are ready.
    ready: Vec<(i64, u32)>,
    queue: f64,
    tells_cpu: bool,
}

impl Bottleneck {
    fn new(tells_cpu: bool) -> Self {
        Self { scaler: built(config()), step: 0, jobs: 14, ready: vec![(0, 14)], queue: 0.0, tells_cpu }
    }

    /// One interval; the trail's rules.
    fn tick(&mut self, arrivals: f64, limit: f64) -> Vec<Rule> {
        self.step += 1;
        let noise = 1.0 + 0.05 * ((self.step * 7919 % 13) as f64 / 6.0 - 1.0);
        let ready: u32 = self.ready.iter().filter(|(at, _)| *at <= self.step).map(|(_, count)| count).sum();
        let capacity = f64::from(ready) * INTERVAL / SERVICE;
        let taken = (self.queue + arrivals).min(capacity).min(limit * noise).round();
        self.queue += arrivals - taken;
        let mut record = served(start().plus_seconds(120 * self.step), arrivals, self.jobs, 1000.0 * SERVICE);
        record.processed_events_count = Some(taken);
        record.queued_events_count = Some(self.queue);
        if self.tells_cpu {
            record.cpu_utilization_percent = Some(100.0 * taken / capacity);
        }
        self.scaler.observe(&record).unwrap();
        let decision = self.scaler.decide();
        let wanted = decision.recommended_jobs.unwrap();
        if wanted > self.jobs {
            self.ready.push((self.step + 2, wanted - self.jobs));
        }
        let mut gone = self.jobs.saturating_sub(wanted);
        for (_, count) in self.ready.iter_mut().rev() {
            let leaving = gone.min(*count);
            *count -= leaving;
            gone -= leaving;
        }
        self.jobs = wanted;
        decision.limited_by
    }

    fn ineffective(&self) -> bool {
        self.scaler.health().causes.iter().any(|cause| cause.contains("the limit lies elsewhere"))
    }
}

#[test]
fn behind_a_bottleneck_the_pool_stops_growing_and_says_why() {
    for tells_cpu in [true, false] {
        let mut pool = Bottleneck::new(tells_cpu);
        for _ in 0..400 {
            assert!(!pool.tick(2000.0, f64::INFINITY).contains(&Rule::Effectiveness));
        }
        let mut told_at = None;
        let mut stopped = 0;
        for step in 0..60 {
            let jobs = pool.jobs;
            let limited_by = pool.tick(2600.0, 2200.0);
            if told_at.is_none() && pool.ineffective() {
                told_at = Some(step);
            }
            if limited_by.contains(&Rule::Effectiveness) {
                // growth is tried again, in steps of a job or 15 %
                let step = (0.15 * f64::from(jobs)).ceil() as u32 + 1;
                assert!(pool.jobs <= jobs + step, "{} after {jobs}: {limited_by:?}", pool.jobs);
                stopped += 1;
            }
        }
        assert!(told_at.is_some_and(|step| step < 30), "{told_at:?}");
        assert!(stopped > 5, "{stopped}");
        let jobs = pool.jobs;
        for _ in 0..40 {
            pool.tick(1500.0, f64::INFINITY);
        }
        assert!(!pool.ineffective(), "the bottleneck is gone");
        assert!(pool.jobs <= jobs);
    }
}

/// Counts the decisions in which the rule changed something.
struct Counted {
    scaler: Autoscaler,
    limited: u32,
}

impl ScalingRule for Counted {
    fn observe(&mut self, record: &Metrics) {
        ScalingRule::observe(&mut self.scaler, record);
    }

    fn decide(&mut self) -> Option<u32> {
        let decision = self.scaler.decide();
        self.limited += u32::from(decision.limited_by.contains(&Rule::Effectiveness));
        decision.recommended_jobs
    }
}

#[test]
fn it_keeps_out_of_normal_operation() {
    for seed in 0..6 {
        // jobs that really start as fast as configured, and far slower
        for startup in [180.0, 600.0] {
            let workload = Workload::two_weeks(seed);
            let settings = LoadSettings { seed, service_noise: 0.1, ..LoadSettings::default() };
            let world = SimulatedLoad::new(&workload, &settings);
            let mut rule = Counted { scaler: built(config()), limited: 0 };
            let played = replay(&world, (startup, 30.0), &mut rule, 720, &mut |_, _| {});
            let late = played.rows.iter().filter(|row| row.backlog > 100.0).count();
            println!("seed {seed}, startup {startup}: backlog in {late} intervals, limited {}", rule.limited);
            assert_eq!(rule.limited, 0, "seed {seed}, startup {startup}");
        }
    }
}

#[test]
fn jobs_that_help_are_never_stopped() {
    let mut pool = Bottleneck::new(true);
    for step in 0..600 {
        // a backlog stands again and again
        let arrivals = if step % 60 < 20 { 2000.0 + 60.0 * f64::from(step) } else { 2000.0 };
        let limited_by = pool.tick(arrivals, f64::INFINITY);
        assert!(!limited_by.contains(&Rule::Effectiveness), "step {step}");
    }
}
