//! Whole events that take a quarter of an hour and may wait for half of one: served one by one, first come, first served.

use crate::support::{start, without_networks};
use evscale_core::{Autoscaler, Config, Metrics};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};
use std::collections::VecDeque;

const INTERVAL: f64 = 60.0;
const SERVICE: f64 = 900.0;
const WAIT: f64 = 1800.0;
const STARTUP: f64 = 20.0;
const STEP: f64 = 5.0;
const DAYS: f64 = 6.0;

/// A job: when it is ready, when it is free, and whether it leaves then.
#[derive(Clone, Copy)]
struct Job {
    ready: f64,
    free: f64,
    leaves: bool,
}

#[derive(Default)]
struct Outcome {
    events: f64,
    late: f64,
    paid: f64,
    work: f64,
    /// Share of the time without an event in which there was no job.
    empty: f64,
}

/// Half an hour of work for twenty jobs, then hours of nothing.
fn bursts(random: &mut ChaCha8Rng) -> Vec<(f64, f64)> {
    let service = LogNormal::new((SERVICE / 1.8f64.sqrt()).ln(), 1.8f64.ln().sqrt()).unwrap();
    let (mut events, mut at) = (Vec::new(), 0.0);
    while at < DAYS * 86_400.0 {
        at += random.random_range(3600.0..18_000.0);
        let end = at + random.random_range(1200.0..2700.0);
        while at < end {
            at -= (1.0 - random.random::<f64>()).ln() * SERVICE / 20.0;
            events.push((at, service.sample(random)));
        }
    }
    events
}

fn run(config: Config, seed: u64) -> Outcome {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let events = bursts(&mut random);
    let (mut scaler, mut out) = (Autoscaler::builder(config).build().unwrap(), Outcome::default());
    let mut jobs = vec![Job { ready: 0.0, free: 0.0, leaves: false }; 2];
    let (mut queue, mut next, mut idle) = (VecDeque::new(), 0, 0.0);
    for interval in 0..(DAYS * 86_400.0 / INTERVAL) as usize {
        let scored = interval as f64 * INTERVAL >= 2.0 * 86_400.0;
        let (mut arrived, mut done, mut busy, mut late) = (0.0, 0.0, 0.0, 0.0);
        for step in 0..(INTERVAL / STEP) as usize {
            let now = interval as f64 * INTERVAL + step as f64 * STEP;
            while let Some((at, service)) = events.get(next).filter(|(at, _)| *at < now) {
                queue.push_back((*at, *service));
                (arrived, next) = (arrived + 1.0, next + 1);
            }
            done += jobs.iter().filter(|job| job.free > now - STEP && job.free <= now).count() as f64;
            jobs.retain(|job| !job.leaves || job.free > now);
            for job in jobs.iter_mut().filter(|job| job.ready <= now && job.free <= now) {
                let Some((at, service)) = queue.pop_front() else { break };
                job.free = now + service;
                late += f64::from(u8::from(now - at > WAIT));
                if scored {
                    (out.events, out.work) = (out.events + 1.0, out.work + service);
                }
            }
            let working = jobs.iter().filter(|job| job.free > now).count() as f64;
            busy += working * STEP;
            if scored {
                out.paid += jobs.len() as f64 * STEP;
                if working == 0.0 && queue.is_empty() {
                    idle += STEP;
                    out.empty += if jobs.is_empty() { STEP } else { 0.0 };
                }
            }
        }
        out.late += if scored { late } else { 0.0 };
        let now = (interval + 1) as f64 * INTERVAL;
        let there = jobs.iter().filter(|job| !job.leaves).count();
        let mut record = Metrics::new(start().plus_seconds(now as i64), arrived, there as f64);
        record.processed_events_count = Some(done);
        record.queued_events_count = Some(queue.len() as f64);
        record.average_processing_duration_ms = (done > 0.0).then_some(1000.0 * SERVICE);
        record.busy_jobs = Some((busy / INTERVAL).min(there as f64));
        record.sla_violations_count = Some(late.min(done));
        scaler.observe(&record).unwrap();
        let asked = scaler.decide().recommended_jobs.map_or(there, |jobs| jobs as usize);
        for _ in there..asked {
            jobs.push(Job { ready: now + STARTUP, free: 0.0, leaves: false });
        }
        jobs.sort_by(|a, b| b.free.total_cmp(&a.free));
        let staying = jobs.iter_mut().filter(|job| !job.leaves);
        staying.skip(asked).for_each(|job| job.leaves = true);
    }
    out.empty /= idle.max(1.0);
    out
}

#[test]
fn nobody_waits_too_long_and_nobody_stands_idle_where_there_is_time_to_start_a_job() {
    for (seed, use_networks) in [(1, true), (2, false), (3, false)] {
        let mut config = without_networks(|config| {
            (config.interval_seconds, config.decision_interval_seconds) = (60, 60);
            (config.min_jobs, config.max_jobs) = (0, 80);
            config.job_startup_seconds = STARTUP as u32;
            config.sla_wait_seconds = WAIT;
        });
        config.use_networks = use_networks;
        let out = run(config, seed);
        let (late, cost) = (out.late / out.events, out.paid / out.work);
        let told = format!(
            "seed {seed}: {:.2} % late, {cost:.2} times the work, empty {:.2}",
            100.0 * late,
            out.empty
        );
        println!("{told}");
        assert!(out.events > 500.0 && late <= 0.005 && cost < 1.5 && out.empty > 0.5, "{told}");
    }
}
