//! Work that is known to come: a batch whose delivery time is known, and messages that wait for their time.

use super::support::{Pool, eager, without_networks};
use super::world::{DAY, World, load};
use evscale_core::simulate::PoolSimulator;
use evscale_core::{Autoscaler, Config, Decision, DueEvents, Metrics, Rule};

/// Intervals from one batch to the next: none comes at the same time of two days.
const EVERY: usize = 289;
/// Work of a batch in seconds of a job: as much as fifty jobs do within the allowed wait of two minutes.
const BATCH_SECONDS: f64 = 6000.0;

fn config() -> Config {
    without_networks(|config| {
        config.max_jobs = 120;
        config.sla_wait_seconds = 120.0;
    })
}

/// Job-hours and the share of late events of four days.
struct Outcome {
    job_hours: f64,
    late_percent: f64,
}

/// Lets a pool run through a load with batches, each at the middle of an interval. The host says those of the next two hours if it
/// `tells`.
fn run(load: &World, tells: bool) -> (Outcome, Vec<Decision>) {
    let World { load, .. } = load;
    let mut scaler = Autoscaler::builder(config()).build().unwrap();
    let mut pool = PoolSimulator::new(4, 180.0, 120.0);
    let (mut late, mut taken, mut job_hours) = (0.0, 0.0, 0.0);
    let mut decisions = Vec::new();
    let mut arrivals = Vec::new();
    let falls_due = |index: usize| index % EVERY == EVERY - 1;
    for index in 0..load.len() {
        load.arrivals(index, &mut arrivals);
        if falls_due(index) {
            let middle = arrivals.len() / 2;
            arrivals[middle] += BATCH_SECONDS / load.job_seconds(index);
        }
        let seen = pool.run_interval(&arrivals, load.job_seconds(index));
        let mut record = load.record(index, &seen);
        record.logged_events_count = seen.arrived.round();
        scaler.observe(&record).unwrap();
        if tells {
            let coming = (index + 1..index + 61).filter(|next| falls_due(*next)).map(|next| DueEvents {
                at: load.end_of(next).plus_seconds(-60),
                events: BATCH_SECONDS / load.base_job_seconds(),
            });
            let coming: Vec<DueEvents> = coming.collect();
            scaler.set_due(record.timestamp, &coming).unwrap();
        }
        let decision = scaler.decide();
        if index >= 2 * DAY {
            job_hours += f64::from(seen.jobs) / 30.0;
            late += seen.violations;
            taken += seen.processed;
        }
        pool.scale_to(decision.recommended_jobs.unwrap());
        decisions.push(decision);
    }
    (Outcome { job_hours, late_percent: 100.0 * late / taken }, decisions)
}

#[test]
fn a_batch_that_is_known_to_come_is_late_or_dear_where_it_is_not_told() {
    for seed in [1, 2] {
        let load = load(12.0, seed, 6);
        let ((ignorant, _), (knowing, decisions)) = (run(&load, false), run(&load, true));
        println!(
            "batches {seed}: {:.0} job-hours, {:.2} % late; said {:.0}, {:.2} %",
            ignorant.job_hours, ignorant.late_percent, knowing.job_hours, knowing.late_percent
        );
        assert!(knowing.late_percent < 0.5 * ignorant.late_percent);
        assert!(knowing.job_hours < 1.1 * ignorant.job_hours);
        assert!(decisions.iter().any(|decision| decision.limited_by.contains(&Rule::Announced)
            && decision.explanation.contains("events fall due at")));
    }
}

/// 600 events a minute of half a second keep five jobs busy.
fn steady_pool() -> Pool {
    let mut pool = Pool::new(eager(|config| {
        (config.interval_seconds, config.job_startup_seconds) = (60, 240);
        config.sla_wait_seconds = 60.0;
    }));
    pool.steady(120, 600.0);
    pool
}

#[test]
fn what_falls_due_shows_in_forecast_plan_trail_and_health_and_is_ready_in_time() {
    let mut pool = steady_pool();
    let usual = pool.jobs;
    let at = pool.now().plus_seconds(30 * 60);
    pool.scaler.set_due(pool.now(), &[DueEvents { at, events: 4000.0 }]).unwrap();
    assert_eq!(pool.scaler.health().announced, [format!("due: 4000 events fall due at {at}")]);
    assert_eq!(pool.scaler.forecast().due, [DueEvents { at, events: 4000.0 }]);
    let decisions = pool.run(80, |step| if step == 150 { 4600.0 } else { 600.0 });
    let path: Vec<u32> = decisions.iter().map(|decision| decision.recommended_jobs.unwrap()).collect();
    // 4000 events of half a second are 33 jobs for a minute
    assert!(path[..22].iter().all(|jobs| *jobs <= usual + 1), "too early: {path:?}");
    assert!((33..60).contains(&path[25]), "asked for a startup and a decision ahead: {path:?}");
    assert!(path[60..].iter().all(|jobs| *jobs <= usual + 1), "a reserve stands afterwards: {path:?}");
    let told = |decision: &Decision| decision.explanation.contains(" 4000 events fall due at");
    assert!(told(&decisions[25]) && !told(&decisions[20]), "{}", decisions[25].explanation);
    let planned = &decisions[7].plan[1];
    assert!(planned.minutes_ahead == 24 && planned.high > 2 * usual, "{planned:?}");
}

#[test]
fn what_comes_as_it_was_said_is_no_anomaly_and_no_season() {
    let mut pool = steady_pool();
    let usual = pool.scaler.forecast().horizon(12).unwrap().prediction;
    let at = pool.now().plus_seconds(330);
    pool.scaler.set_due(pool.now(), &[DueEvents { at, events: 4000.0 }]).unwrap();
    let mut scores = Vec::new();
    for minute in 0..12 {
        let events = if minute == 5 { 4600.0 } else { 600.0 };
        pool.tick(events);
        scores.push(pool.scaler.forecast().anomaly_score);
    }
    assert!(scores.iter().all(|score| *score < 0.5), "{scores:?}");
    let after = pool.scaler.forecast();
    assert!(after.due.is_empty() && pool.scaler.health().announced.is_empty());
    assert!((after.horizon(12).unwrap().prediction - usual).abs() < 0.05 * usual);
}

#[test]
fn what_never_comes_is_not_believed_and_named() {
    let mut pool = steady_pool();
    let mut highest = Vec::new();
    for _ in 0..6 {
        let at = pool.now().plus_seconds(20 * 60);
        pool.scaler.set_due(pool.now(), &[DueEvents { at, events: 4000.0 }]).unwrap();
        let path = pool.run(60, |_| 600.0);
        highest.push(path.iter().filter_map(|decision| decision.recommended_jobs).max().unwrap());
    }
    assert!(highest[0] >= 33 && highest[5] < 12, "{highest:?}");
    assert!(pool.cause("announced").unwrap_or_default().contains("what falls due is believed to 0 %"));
}

#[test]
fn events_that_are_not_due_start_no_jobs() {
    let jobs = |told: bool| {
        let mut pool = steady_pool();
        let delayed = |record: &mut Metrics| {
            record.queued_events_count = Some(record.queued_events_count.unwrap() + 5000.0);
            record.scheduled_events_count = told.then_some(5000.0);
        };
        let mut highest = 0;
        pool.tick_with(600.0, |record| record.scheduled_events_count = told.then_some(0.0));
        pool.tick_with(5600.0, |record| {
            record.processed_events_count = Some(600.0);
            delayed(record);
            record.queued_events_count = Some(5000.0);
        });
        for _ in 0..30 {
            let decision = pool.tick_with(600.0, |record| {
                record.processed_events_count = Some(600.0);
                record.queued_events_count = Some(0.0);
                delayed(record);
            });
            highest = highest.max(decision.recommended_jobs.unwrap());
        }
        highest
    };
    let (ignorant, knowing) = (jobs(false), jobs(true));
    println!("5000 messages that are not due: at most {ignorant} jobs; said {knowing}");
    assert!(ignorant > 20 && knowing <= 7, "{ignorant} {knowing}");
}

#[test]
fn a_snapshot_goes_on_with_what_falls_due() {
    let mut pool = steady_pool();
    let due: Vec<DueEvents> = (1..=256)
        .map(|minute| DueEvents { at: pool.now().plus_seconds(60 * minute), events: 10.0 })
        .collect();
    pool.scaler.set_due(pool.now(), &due).unwrap();
    let bytes = pool.scaler.snapshot();
    let bundle = evscale_core::ModelBundle::bundled().unwrap();
    let again = Autoscaler::restore(pool.scaler.config().clone(), bundle, &bytes).unwrap();
    assert_eq!(again.forecast().due, due);
    let told = pool.scaler.set_due(pool.now(), &[due[0]; 257]).unwrap_err().to_string();
    assert!(told.contains("expected at most 256"), "{told}");
    assert_eq!(pool.scaler.forecast().due, due);
}
