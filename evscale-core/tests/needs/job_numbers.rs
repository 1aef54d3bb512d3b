//! Numbers of jobs that exist: multiples of a step, or those of a list.

use super::support::{Pool, eager, without_networks};
use super::world::{load, run};
use evscale_core::{Config, ManualOrder, ManualOverride, Rule};

/// Jobs that the load keeps busy at its peak.
const PEAK: f64 = 20.0;
const DIVISORS: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// Consumers of a topic of 24 partitions: each partition is read by one of them, and the slowest has the most.
fn partitions(jobs: u32) -> (u32, u32) {
    let jobs = jobs.clamp(1, 24);
    (jobs, 24 / 24u32.div_ceil(jobs))
}

/// Machines that hold four jobs each; a number that is no multiple is refused, and the pool stays at the one below.
fn machines(jobs: u32) -> (u32, u32) {
    (jobs / 4 * 4, jobs / 4 * 4)
}

#[test]
fn consumers_that_do_not_divide_the_partitions_are_paid_for_and_idle() {
    let config = |counts: &[u32]| {
        without_networks(|config| {
            config.max_jobs = 24;
            config.job_counts = counts.to_vec();
        })
    };
    for seed in [1, 2] {
        let load = load(PEAK, seed, 6);
        let ignorant = run(config(&[]), &load, &partitions);
        let knowing = run(config(&DIVISORS), &load, &partitions);
        println!(
            "partitions {seed}: {:.0} job-hours, {:.2} % late; said {:.0}, {:.2} %",
            ignorant.job_hours, ignorant.late_percent, knowing.job_hours, knowing.late_percent
        );
        assert!(knowing.late_percent <= ignorant.late_percent.max(0.5), "{:.2}", knowing.late_percent);
        assert!(knowing.job_hours < 0.98 * ignorant.job_hours);
        let exist = |jobs: Option<u32>| jobs.is_some_and(|jobs| DIVISORS.contains(&jobs));
        assert!(knowing.decisions.iter().all(|decision| exist(decision.recommended_jobs)));
        let planned = knowing.decisions.iter().flat_map(|decision| &decision.plan);
        assert!(planned.into_iter().all(|step| exist(Some(step.jobs)) && exist(Some(step.high))));
    }
}

#[test]
fn a_pool_of_machines_of_four_that_asks_for_single_jobs_is_late() {
    let config = |step| {
        without_networks(|config| {
            config.max_jobs = 40;
            config.job_step = step;
        })
    };
    for seed in [1, 2] {
        let load = load(16.0, seed, 6);
        let ignorant = run(config(1), &load, &machines);
        let knowing = run(config(4), &load, &machines);
        println!(
            "machines {seed}: {:.0} job-hours, {:.2} % late; said {:.0}, {:.2} %",
            ignorant.job_hours, ignorant.late_percent, knowing.job_hours, knowing.late_percent
        );
        assert!(knowing.late_percent < 0.8 * ignorant.late_percent);
        assert!(knowing.decisions.iter().all(|decision| decision.recommended_jobs.unwrap() % 4 == 0));
        assert!(knowing.decisions.iter().any(|decision| decision.limited_by.contains(&Rule::JobNumbers)));
    }
}

/// A need of 5 jobs: 1140 events of half a second in two minutes, at 95 %.
const EVENTS: f64 = 1140.0;

#[test]
fn a_step_that_is_smaller_than_a_machine_is_one_machine() {
    let mut pool = Pool::new(eager(|config| {
        config.job_step = 8;
        (config.max_step_down_percent, config.max_step_down_jobs) = (1.0, 1);
    }));
    pool.jobs = 64;
    let path: Vec<u32> =
        pool.run(60, |_| EVENTS).iter().map(|decision| decision.recommended_jobs.unwrap()).collect();
    assert!(path.windows(2).all(|pair| pair[0] - pair[1] <= 8), "{path:?}");
    assert_eq!(path.last(), Some(&8), "{path:?}");
}

#[test]
fn a_pool_between_two_numbers_is_on_its_way_and_no_reason_to_act() {
    let mut pool = Pool::new(eager(|config| config.job_step = 4));
    pool.jobs = 8;
    let before = pool.steady(60, 1.4 * EVENTS).recommended_jobs.unwrap();
    pool.jobs = before - 2;
    let decision = pool.tick(1.4 * EVENTS);
    assert_eq!(decision.recommended_jobs, Some(before), "{}", decision.explanation);
}

#[test]
fn whatever_the_records_say_only_numbers_that_exist_are_recommended() {
    for (step, counts) in [(4, vec![]), (1, vec![0, 3, 5, 17, 18, 60])] {
        let mut pool = Pool::new(eager(|config| {
            (config.job_step, config.job_counts, config.min_jobs) = (step, counts.clone(), 0);
            (config.max_jobs, config.job_hours_per_day) = (50, Some(700.0));
        }));
        for k in 0..2000u32 {
            pool.jobs = (k * k + 7 * k) % 61;
            let wild = |record: &mut evscale_core::Metrics| {
                if k % 13 == 0 {
                    record.queued_events_count = Some(f64::from(k % 7) * 900.0);
                }
            };
            let jobs = pool.tick_with(f64::from((k * 37) % 3000), wild).recommended_jobs.unwrap();
            let exists = if counts.is_empty() { jobs.is_multiple_of(step) } else { counts.contains(&jobs) };
            assert!(exists && jobs <= 50, "{jobs} in step {k}");
        }
    }
}

#[test]
fn an_order_of_a_number_that_does_not_exist_is_refused_and_a_floor_goes_up() {
    let mut pool = Pool::new(eager(|config| config.job_step = 4));
    pool.steady(20, EVENTS);
    let until = pool.now().plus_seconds(86_400);
    let told =
        pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Fixed(10), until))).unwrap_err();
    assert!(told.to_string().contains("expected one of the multiples of 4: 8 or 12"), "{told}");
    pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Floor(10), until))).unwrap();
    assert_eq!(pool.tick(EVENTS).recommended_jobs, Some(12));
    pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Cap(7), until))).unwrap();
    assert_eq!(pool.tick(EVENTS).recommended_jobs, Some(4));
}

#[test]
fn the_numbers_can_change_while_the_pool_runs() {
    let mut pool = Pool::new(eager(|_| ()));
    pool.steady(60, EVENTS);
    let changes = pool.scaler.reconfigure(eager(|config| config.job_step = 5)).unwrap();
    assert_eq!(changes.iter().map(|change| change.name).collect::<Vec<_>>(), ["job_step"]);
    assert!(pool.run(20, |_| EVENTS).iter().all(|decision| decision.recommended_jobs.unwrap() % 5 == 0));
}

#[test]
fn a_backtest_is_of_the_numbers_that_exist() {
    use evscale_core::simulate::{History, Workload, backtest};
    let mut workload = Workload::two_weeks(3);
    workload.events.truncate(3 * 720);
    let mut history = History::new(workload);
    (history.jobs_at_peak, history.baselines) = (Some(10.0), true);
    let config: Config = without_networks(|config| {
        config.max_jobs = 40;
        config.job_step = 5;
    });
    let report = backtest(&history, &config, None, &mut |_, _| true).unwrap();
    for run in &report.runs {
        assert!(run.rows.iter().all(|row| row.jobs % 5 == 0), "{}", run.name);
        assert!(run.scores.replay.sla_compliance_percent < 99.9 || run.scores.cost_ratio >= 1.0);
    }
}
