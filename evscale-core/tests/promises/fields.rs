//! Each field of a record that decisions can do without: one decision that it changes, and one that it does not.

use crate::support::{Pool, eager, without_networks};
use evscale_core::{Metrics, Rule};

/// Records and decisions every minute, jobs that start in two; two hours of 600 events a minute, which need 5.3 jobs.
fn pool() -> Pool {
    Pool::new(without_networks(|config| {
        (config.interval_seconds, config.decision_interval_seconds) = (60, 60);
        config.job_startup_seconds = 120;
    }))
}

/// Runs records whose fields follow their number; the host carries out what is decided. Returns the jobs of each decision.
fn run(
    pool: &mut Pool,
    records: usize,
    events: impl Fn(usize) -> f64,
    change: impl Fn(usize, &mut Metrics),
) -> Vec<u32> {
    let carried_out = |k| {
        let decision = pool.tick_with(events(k), |record| change(k, record));
        pool.jobs = decision.recommended_jobs.unwrap();
        pool.jobs
    };
    (0..records).map(carried_out).collect()
}

fn steady(records: usize) -> Pool {
    let mut pool = pool();
    run(&mut pool, records, |_| 600.0, |_, _| ());
    pool
}

fn highest(path: &[u32]) -> u32 {
    path.iter().copied().max().unwrap()
}

/// Load that triples in three of the last four hours whenever the host says so: at another hour on each day.
fn irregular(change: impl Fn(bool, &mut Metrics)) -> Vec<u32> {
    let mut pool = pool();
    let mut after = Vec::new();
    for hour in [7, 16, 11, 20, 9] {
        run(&mut pool, 60 * hour, |_| 600.0, |_, record| change(false, record));
        let rising = |k: usize| 600.0 + (60.0 * k as f64).min(1200.0);
        let path = run(&mut pool, 180, rising, |_, record| change(true, record));
        after.push(path[1]);
        run(&mut pool, 60 * (21 - hour), |_| 600.0, |_, record| change(false, record));
    }
    after
}

#[test]
fn business_and_peak_hours_bring_what_they_brought_the_last_times() {
    let plain = irregular(|_, _| ());
    let business = irregular(|on, record| record.is_business_hours = Some(on));
    let peak = irregular(|on, record| record.is_peak_hours = Some(on));
    let always = irregular(|_, record| record.is_peak_hours = Some(true));
    for told in [business, peak] {
        assert!(told[4] >= 13 && told[4] > plain[4] + 3, "{told:?}, without the flag {plain:?}");
    }
    assert_eq!(always, plain, "a flag that never changes says nothing");
}

#[test]
fn hours_without_a_rise_change_nothing() {
    let path = |flag: bool| {
        let mut pool = pool();
        run(
            &mut pool,
            5 * 1440,
            |k| 600.0 + (k % 7) as f64,
            |k, record| {
                record.is_business_hours = flag.then_some(k % 1440 >= 480 && k % 1440 < 1080);
            },
        )
    };
    assert_eq!(path(true), path(false));
}

#[test]
fn many_failures_that_end_fast_are_no_capacity_and_few_change_nothing() {
    let path = |percent: Option<f64>| {
        let mut pool = steady(240);
        run(&mut pool, 60, |_| 600.0, |_, record| record.error_rate_percent = percent.map(|_| 1.0));
        // nine of ten fail at once
        pool.service_ms = 50.0;
        run(&mut pool, 90, |_| 600.0, |_, record| record.error_rate_percent = percent)
    };
    let (unsaid, said, few) = (path(None), path(Some(90.0)), path(Some(1.5)));
    assert!(unsaid[89] <= 2, "durations alone: {unsaid:?}");
    assert!(said[89] >= 5, "{said:?}");
    assert_eq!(few, unsaid);
}

#[test]
fn retries_of_what_failed_are_no_new_load_and_more_events_without_failures_are() {
    let path = |percent: f64| {
        let mut pool = pool();
        run(&mut pool, 240, |_| 600.0, |_, record| record.error_rate_percent = Some(0.5));
        // two of three fail and come back at once
        run(
            &mut pool,
            30,
            |_| 1800.0,
            |_, record| {
                record.error_rate_percent = Some(percent);
                record.processed_events_count = Some(1800.0);
                record.queued_events_count = Some(0.0);
            },
        )
    };
    let (retried, new) = (path(66.7), path(0.5));
    assert!(highest(&retried) <= 9, "{retried:?}");
    assert!(new[29] >= 16, "{new:?}");
}

/// Load that falls to a third, on jobs whose memory is as the closure says of their events per minute.
fn shrinking(memory: impl Fn(f64) -> f64) -> (Vec<u32>, bool) {
    let mut pool = pool();
    let events = |k: usize| 600.0 + 300.0 * (k as f64 / 30.0).sin();
    let mut by_memory = false;
    for k in 0..600 {
        let jobs = f64::from(pool.jobs);
        let decision = pool.tick_with(events(k), |record| {
            record.memory_utilization_percent = Some(memory(record.processed_events_count.unwrap() / jobs));
        });
        by_memory |= decision.limited_by.contains(&Rule::MemoryFloor);
        // a person adds jobs for a while, so that the load of a job varies
        pool.jobs = if k % 120 < 40 { 20 } else { decision.recommended_jobs.unwrap().max(10) };
    }
    let path = (0..120).map(|_| {
        let jobs = f64::from(pool.jobs);
        let decision = pool.tick_with(600.0, |record| {
            record.memory_utilization_percent = Some(memory(record.processed_events_count.unwrap() / jobs));
        });
        by_memory |= decision.limited_by.contains(&Rule::MemoryFloor);
        pool.jobs = decision.recommended_jobs.unwrap();
        pool.jobs
    });
    (path.collect(), by_memory)
}

#[test]
fn memory_that_is_full_at_a_load_holds_the_jobs_and_a_heap_of_fixed_size_does_not() {
    // full at 60 events a minute for a job: 600 need ten jobs
    let (bound, by_memory) = shrinking(|per_job| (30.0 + per_job).min(100.0));
    assert!(by_memory && bound[119] == 10, "{bound:?}");
    let (free, by_memory) = shrinking(|_| 93.0);
    assert!(!by_memory && free[119] < 9, "{free:?}");
}

#[test]
fn a_network_that_is_full_ends_growth_sooner_and_one_that_is_not_changes_nothing() {
    // 600 events a minute come, and no more than 300 get through whatever the jobs; nobody measures the CPU
    let growth = |traffic: Option<f64>| {
        let mut pool = steady(120);
        let mut queue = 0.0;
        let path = run(&mut pool, 40, |_| 600.0, |_, _| ());
        let before = path[39];
        let mut highest = before;
        for k in 0..60 {
            queue += 300.0;
            let decision = pool.tick_with(600.0, |record| {
                record.processed_events_count = Some(300.0);
                record.queued_events_count = Some(queue);
                record.average_processing_duration_ms = None;
                record.network_io_mbps = traffic.map(|most| if k < 2 { most } else { 100.0 });
            });
            pool.jobs = decision.recommended_jobs.unwrap().min(pool.jobs + 2);
            highest = highest.max(pool.jobs);
        }
        (highest, pool.jobs)
    };
    let (unknown, full, wide) = (growth(None), growth(Some(100.0)), growth(Some(400.0)));
    assert!(full.0 < unknown.0 && full.1 < unknown.1, "{full:?}, without it {unknown:?}");
    assert_eq!(wide, unknown);
}

#[test]
fn events_that_are_not_processed_stand_in_for_a_queue_that_nobody_counts() {
    let path = |left: Option<f64>, queue: Option<f64>| {
        let mut pool = steady(120);
        run(
            &mut pool,
            3,
            |_| 600.0,
            |_, record| {
                (record.processed_events_count, record.queued_events_count) = (None, queue);
                record.unprocessed_events_count = left;
            },
        )
    };
    let (unknown, left) = (path(None, None), path(Some(550.0), None));
    assert!(left[2] > unknown[2] + 3, "{left:?}, without it {unknown:?}");
    assert_eq!(path(Some(550.0), Some(0.0)), path(None, Some(0.0)), "the queue is counted");
}

#[test]
fn counts_that_double_in_a_deploy_are_no_load_and_a_queue_that_grows_is() {
    let path = |deploy: Option<bool>, waiting: bool| {
        let mut pool = steady(120);
        run(
            &mut pool,
            6,
            |_| 600.0,
            |k, record| {
                record.is_deploy_in_progress = deploy;
                record.logged_events_count = 1800.0;
                (record.processed_events_count, record.queued_events_count) = (Some(600.0), Some(0.0));
                if waiting {
                    record.queued_events_count = Some(1200.0 * (k + 1) as f64);
                }
            },
        )
    };
    let before = steady(120).jobs;
    assert!(highest(&path(Some(true), false)) <= before + 1, "{:?}", path(Some(true), false));
    assert!(highest(&path(None, false)) > before + 5, "{:?}", path(None, false));
    assert!(highest(&path(Some(true), true)) > before + 5, "{:?}", path(Some(true), true));
}

#[test]
fn dropped_events_are_demand_and_none_dropped_changes_nothing() {
    let path = |dropped: Option<f64>| {
        let mut pool = steady(120);
        // the queue takes 600 a minute, and nothing waits
        run(&mut pool, 30, |_| 600.0, |_, record| record.dropped_events_count = dropped)
    };
    assert!(path(Some(600.0))[29] >= 11, "{:?}", path(Some(600.0)));
    assert_eq!(path(Some(0.0)), path(None));
}

#[test]
fn a_small_queue_lets_no_event_wait_and_a_large_one_changes_nothing() {
    // events may wait for an hour, so that a pool without a full queue lets them
    let path = |capacity: Option<f64>| {
        let mut pool = Pool::new(eager(|config| {
            (config.interval_seconds, config.decision_interval_seconds) = (60, 60);
            (config.job_startup_seconds, config.sla_wait_seconds) = (120, 3600.0);
        }));
        run(
            &mut pool,
            240,
            |k| if k % 40 < 20 { 300.0 } else { 900.0 },
            |_, record| record.queue_capacity = capacity,
        );
        let mean = |path: Vec<u32>| f64::from(path.iter().sum::<u32>()) / path.len() as f64;
        let path = run(
            &mut pool,
            80,
            |k| if k % 40 < 20 { 300.0 } else { 900.0 },
            |_, record| record.queue_capacity = capacity,
        );
        (mean(path), pool.queue)
    };
    let (unknown, small, large) = (path(None), path(Some(400.0)), path(Some(1e9)));
    assert!(small.0 > unknown.0 + 0.5, "{small:?}, without it {unknown:?}");
    assert_eq!(large, unknown);
}

#[test]
fn the_oldest_event_tells_of_a_queue_that_nobody_counts_and_a_straggler_does_not() {
    let path = |age: fn(usize) -> Option<f64>| {
        let mut pool = steady(120);
        run(
            &mut pool,
            6,
            |_| 600.0,
            |k, record| {
                (record.processed_events_count, record.queued_events_count) = (Some(590.0), None);
                record.oldest_event_age_ms = age(k);
            },
        )
    };
    let unknown = path(|_| None);
    let behind = path(|k| Some(60_000.0 + 5000.0 * k as f64));
    let straggler = path(|k| Some(86_400_000.0 + 60_000.0 * k as f64));
    assert!(behind[5] > unknown[5] + 3, "{behind:?}, without it {unknown:?}");
    assert_eq!(straggler, unknown);
}

#[test]
fn busy_jobs_tell_what_the_cpu_does_not_and_agree_with_one_that_does() {
    // nobody tells a duration; 600 events a minute of half a second keep five jobs busy
    let path = |cpu_of_busy: f64, busy: bool| {
        let mut pool = pool();
        run(
            &mut pool,
            240,
            |_| 600.0,
            |_, record| {
                let jobs = record.current_job_count;
                record.average_processing_duration_ms = None;
                let share = (record.processed_events_count.unwrap() * 0.5 / 60.0 / jobs).min(1.0);
                record.cpu_utilization_percent = Some(100.0 * cpu_of_busy * share);
                record.busy_jobs = busy.then_some(share * jobs);
            },
        )
    };
    let late = |path: &[u32]| path[120..].iter().filter(|jobs| **jobs < 5).count();
    let (waiting, told) = (path(0.12, false), path(0.12, true));
    assert!(late(&waiting) > 0 && late(&told) == 0, "{told:?}, without it {waiting:?}");
    assert_eq!(path(1.0, true), path(1.0, false));
}

#[test]
fn draining_jobs_are_no_capacity() {
    let path = |draining: Option<f64>| {
        let mut pool = steady(120);
        let jobs = f64::from(pool.jobs);
        run(
            &mut pool,
            1,
            |_| 600.0,
            |_, record| {
                record.current_job_count = jobs + draining.unwrap_or(0.0);
                record.draining_jobs = draining;
            },
        )
    };
    assert_eq!(path(Some(0.0)), path(None));
    let mut pool = steady(120);
    let jobs = f64::from(pool.jobs);
    let decision = pool.tick_with(600.0, |record| {
        (record.current_job_count, record.draining_jobs) = (jobs, Some(jobs - 1.0));
    });
    assert!(
        decision.current_jobs == Some(1) && decision.recommended_jobs.unwrap() >= 5,
        "{}",
        decision.to_json()
    );
}

#[test]
fn growth_that_only_fails_more_is_no_growth() {
    // 600 events a minute come, every job takes a hundred of them, and three hundred succeed whatever the jobs
    let growth = |told: bool| {
        let mut pool = steady(120);
        let mut queue = 0.0;
        for _ in 0..60 {
            let done = (100.0 * f64::from(pool.jobs)).min(600.0 + queue);
            queue += 600.0 - 300.0;
            let decision = pool.tick_with(600.0, |record| {
                record.processed_events_count = Some(done);
                record.queued_events_count = Some(queue);
                record.average_processing_duration_ms = None;
                record.cpu_utilization_percent = Some(40.0);
                record.error_rate_percent = told.then(|| 100.0 * (1.0 - 300.0 / done));
            });
            pool.jobs = decision.recommended_jobs.unwrap().min(pool.jobs + 3);
        }
        (pool.jobs, pool.cause("effectiveness").is_some())
    };
    let (told, unknown) = (growth(true), growth(false));
    assert!(told.1 && told.0 + 2 < unknown.0, "{told:?}, without it {unknown:?}");
}
