//! Hosts and metrics that once drove a pool to its maximum, or kept it from growing, for days: each in a closed loop.

use crate::support::{Pool, SERVICE_MS, without_networks};
use evscale_core::{Metrics, ScalingOutcome};

const PER_DAY: i64 = 720;

/// Days of a load with a daily rise, whose records are changed; the highest number of jobs of each day.
fn days(
    count: i64,
    level: f64,
    change: impl Fn(i64, &mut Metrics),
    meddle: impl Fn(&mut Pool),
) -> (Vec<u32>, Pool) {
    let mut pool = Pool::new(without_networks(|config| config.max_jobs = 200));
    let highest = (0..count).map(|_| {
        let day = (0..PER_DAY).map(|_| {
            let step = pool.step;
            let phase = std::f64::consts::TAU * step as f64 / PER_DAY as f64;
            let noise = (step * 7919 % 21 - 10) as f64 / 100.0;
            let events = (level * (1.0 - 0.5 * phase.cos()) * (1.0 + noise)).round();
            let decision = pool.tick_with(events, |record| change(step, record));
            if let Some(jobs) = decision.recommended_jobs {
                pool.jobs = jobs;
            }
            meddle(&mut pool);
            pool.jobs
        });
        day.max().unwrap_or(0)
    });
    (highest.collect(), pool)
}

/// Jobs that are busy at the highest load of a day.
fn need(level: f64) -> f64 {
    1.5 * 1.1 * level * SERVICE_MS / 1000.0 / 120.0
}

#[track_caller]
fn assert_moderate(what: &str, level: f64, highest: &[u32]) {
    let last = f64::from(*highest.last().unwrap());
    assert!(
        last <= 2.0 * need(level) + 3.0 && last >= need(level) - 1.0,
        "{what}: {:.1} needed, {highest:?}",
        need(level)
    );
}

#[test]
fn a_first_count_that_is_a_running_total_is_forgotten_within_a_day() {
    for total in [4e6, 4e7, 4e8, 1e14] {
        let first = |step: i64, record: &mut Metrics| {
            if step == 0 {
                record.logged_events_count = total;
            }
        };
        let (highest, _) = days(2, 2000.0, first, |_| ());
        assert_moderate(&format!("a first count of {total:e}"), 2000.0, &highest);
    }
}

#[test]
fn events_that_are_never_counted_as_ended_are_no_backlog_for_ever() {
    // of many, only idle jobs tell that nothing waits
    for (loss, cpu) in [(0.001, false), (0.01, false), (0.05, true)] {
        let lossy = |_: i64, record: &mut Metrics| {
            record.queued_events_count = None;
            let busy = record.processed_events_count.unwrap_or(0.0) * SERVICE_MS / 120_000.0;
            record.cpu_utilization_percent = cpu.then(|| 100.0 * (busy / record.current_job_count).min(1.0));
            record.processed_events_count =
                record.processed_events_count.map(|count| (count * (1.0 - loss)).round());
        };
        let (highest, _) = days(4, 1000.0, lossy, |_| ());
        assert_moderate(&format!("{loss} are lost to the counts"), 1000.0, &highest);
    }
}

#[test]
fn messages_that_never_leave_the_queue_are_no_work() {
    let poison = |_: i64, record: &mut Metrics| {
        record.queued_events_count = record.queued_events_count.map(|count| count + 20_000.0);
        record.average_queue_wait_time_ms = Some(100.0);
    };
    let (highest, pool) = days(3, 1000.0, poison, |_| ());
    assert_moderate("20000 that never leave", 1000.0, &highest);
    assert!(pool.cause("backlog").is_some(), "{:?}", pool.scaler.health());
}

#[test]
fn an_old_refusal_that_is_delivered_again_and_again_does_not_keep_the_pool_small() {
    let mut old = None;
    let mut pool = Pool::new(without_networks(|config| config.max_jobs = 200));
    pool.steady(PER_DAY as usize, 1000.0);
    for step in 0..PER_DAY / 2 {
        let now = pool.now();
        let refusal = old.get_or_insert_with(|| {
            let mut refusal = ScalingOutcome::new(now.plus_seconds(-3 * 86_400));
            refusal.refused = 1;
            refusal
        });
        if step % 4 == 0 {
            pool.scaler.acknowledge(refusal);
        }
        pool.steady(1, 8000.0);
    }
    assert!(
        f64::from(pool.jobs) >= 8000.0 * SERVICE_MS / 120_000.0 && pool.queue < 8000.0,
        "{} jobs, {} wait",
        pool.jobs,
        pool.queue
    );
}
