//! Events in parallel per job: threads, connections, batches.

use super::support::{Pool, eager, without_networks};
use super::world::{World, load, run_with};
use approx::abs_diff_eq;
use evscale_core::Metrics;

const PLACES: u32 = 16;

/// Jobs that wait for others: the CPU says nothing of how busy they are.
fn waiting(_: usize, record: &mut Metrics) {
    record.cpu_utilization_percent = Some(6.0);
}

#[test]
fn a_pool_that_does_not_say_how_many_events_a_job_works_on_is_dear() {
    for seed in [1, 2] {
        let load = load(12.0 * f64::from(PLACES), seed, 6);
        let load = World { load: load.load.with_events_per_job(PLACES), limit: None };
        let config = |events| {
            without_networks(|config| {
                config.max_jobs = 120;
                config.events_per_job = events;
            })
        };
        let all = |jobs: u32| (jobs, jobs);
        let ignorant = run_with(config(1), &load, &all, waiting);
        let knowing = run_with(config(PLACES), &load, &all, waiting);
        println!(
            "{PLACES} events per job, seed {seed}: {:.0} job-hours, {:.2} % late; said {:.0}, {:.2} %",
            ignorant.job_hours, ignorant.late_percent, knowing.job_hours, knowing.late_percent
        );
        assert!(knowing.late_percent < 1.0, "{:.2}", knowing.late_percent);
        assert!(knowing.job_hours < 0.8 * ignorant.job_hours);
    }
}

/// 9120 events of half a second need 40 jobs at 95 % that work on one at a time, and 5 that work on eight.
#[test]
fn need_plan_backlog_and_utilization_are_of_jobs_and_not_of_events() {
    let decided = |events_per_job, jobs| {
        let mut pool = Pool::new(eager(|config| config.events_per_job = events_per_job));
        (pool.jobs, pool.service_ms) = (jobs, 500.0);
        let mut last = None;
        for step in 0..200 {
            let done = 9120.0 + f64::from(step % 3);
            last = Some(pool.tick_with(done, |record| {
                record.processed_events_count = Some(done);
                record.queued_events_count = Some(0.0);
            }));
        }
        last.unwrap()
    };
    let (one, eight) = (decided(1, 48), decided(8, 6));
    let share = |decision: &evscale_core::Decision| decision.reasoning.current_utilization.unwrap();
    assert!([&one, &eight].map(&share).iter().all(|share| abs_diff_eq!(*share, 0.79, epsilon = 0.02)));
    let (many, few) = (one.recommended_jobs.unwrap(), eight.recommended_jobs.unwrap());
    assert!((40..=52).contains(&many) && few == many.div_ceil(8), "{many} {few}");
    let planned = |decision: &evscale_core::Decision| f64::from(decision.plan[0].high);
    assert!(
        abs_diff_eq!(planned(&one) / 8.0, planned(&eight), epsilon = 1.0),
        "{} {}",
        planned(&one),
        planned(&eight)
    );
}

/// Long events that keep their places: 40 of an hour, eight to a job, are five jobs.
#[test]
fn long_events_keep_the_jobs_that_hold_them() {
    let mut pool = Pool::new(eager(|config| {
        config.events_per_job = 8;
        config.service_time_ms = Some(3_600_000.0);
        config.sla_wait_seconds = 60.0;
    }));
    pool.jobs = 6;
    let quiet = |record: &mut Metrics, queued: f64| {
        record.average_processing_duration_ms = None;
        (record.processed_events_count, record.queued_events_count) = (Some(0.0), Some(queued));
    };
    pool.tick_with(0.0, |record| quiet(record, 0.0));
    pool.tick_with(40.0, |record| quiet(record, 0.0));
    let mut jobs = Vec::new();
    for _ in 0..12 {
        jobs.push(pool.tick_with(0.0, |record| quiet(record, 0.0)).recommended_jobs.unwrap());
    }
    assert!(jobs.iter().all(|jobs| (5..=7).contains(jobs)), "{jobs:?}");
}

#[test]
fn another_number_of_places_is_learned_anew() {
    let mut pool = Pool::new(eager(|_| ()));
    pool.steady(200, 9120.0);
    assert!(pool.jobs >= 36, "{}", pool.jobs);
    pool.scaler.reconfigure(eager(|config| config.events_per_job = 8)).unwrap();
    // the jobs are the same, and each does eight times as much
    let mut last = 0;
    for _ in 0..60 {
        let decision = pool.tick_with(9120.0, |record| {
            (record.processed_events_count, record.queued_events_count) = (Some(9120.0), Some(0.0));
        });
        pool.jobs = decision.recommended_jobs.unwrap();
        last = pool.jobs;
    }
    assert!((5..=8).contains(&last), "{last}");
}
