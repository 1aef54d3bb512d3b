//! No issue lasts for ever: whatever is wrong with every record, the pool shrinks again within a stated time, and what is wrong
//! is named for as long as it is.

use crate::support::{Pool, SERVICE_MS, eager, served};
use evscale_core::metrics::FieldMut;
use evscale_core::{Config, DataQuality, Metrics, Pause, SlaRisk};

/// Jobs of a pool that needs a handful.
const JOBS: u32 = 60;
/// Records of 12 hours: twice the longest time for which an issue holds a pool.
const RECORDS: usize = 360;
/// What the documentation says of every verdict.
const DOCUMENTED: &str = include_str!("../../src/validation/quality.rs");

/// Changes the record of a step, or sends others with it.
type Spoil = fn(&mut Pool, Metrics) -> Vec<Metrics>;

fn config() -> Config {
    eager(|config| config.max_step_down_percent = 100.0)
}

fn events(step: i64) -> f64 {
    (900 + step * 37 % 101) as f64
}

/// A number below `most` that looks like chance.
fn scattered(step: i64, most: i64) -> i64 {
    ((step as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as i64 % most
}

/// A pool of many jobs after a day of records at which nothing is wrong. Its people let nothing leave so far.
fn oversized() -> Pool {
    let mut pool = Pool::new(config());
    pool.jobs = JOBS;
    pool.scaler.set_pause(Pause::Down);
    for _ in 0..720 {
        pool.step += 1;
        let record = usual(&pool);
        pool.scaler.observe(&record).unwrap();
        pool.scaler.decide();
    }
    pool.scaler.set_pause(Pause::Off);
    pool
}

fn usual(pool: &Pool) -> Metrics {
    let mut record = served(pool.now(), events(pool.step), pool.jobs, SERVICE_MS);
    record.queued_events_count = Some((pool.step % 3) as f64);
    record.cpu_utilization_percent = Some(record.logged_events_count / 200.0);
    record.average_queue_wait_time_ms = Some(0.0);
    record
}

/// Sends spoiled records until the pool shrinks, which it may after three hours of them; their number, and the verdicts that
/// were met.
fn until_it_shrinks(spoil: Spoil) -> (Option<usize>, Vec<DataQuality>, Pool) {
    let (mut pool, mut met) = (oversized(), Vec::new());
    for count in 1..=RECORDS {
        pool.scaler.set_pause(if count <= RECORDS / 4 { Pause::Down } else { Pause::Off });
        pool.step += 1;
        let record = usual(&pool);
        for record in spoil(&mut pool, record) {
            met.push(pool.scaler.observe(&record).unwrap().data_quality);
        }
        let decision = pool.scaler.decide();
        met.push(pool.scaler.health().data_quality);
        if decision.recommended_jobs.unwrap() < JOBS {
            return (Some(count), met, pool);
        }
    }
    (None, met, pool)
}

fn one(change: fn(&Pool, &mut Metrics)) -> impl Fn(&mut Pool, Metrics) -> Vec<Metrics> {
    move |pool, mut record| {
        change(pool, &mut record);
        vec![record]
    }
}

macro_rules! spoiled {
    ($change:expr) => {
        |pool, record| one($change)(pool, record)
    };
}

/// Every verdict that a record can be given, and records all of which are given it.
const ISSUES: &[(DataQuality, Spoil)] = &[
    (DataQuality::Repeated, |_, record| {
        let mut again = record.clone();
        again.logged_events_count += 1.0;
        vec![record, again]
    }),
    (DataQuality::OutOfOrder, |_, record| {
        let mut old = record.clone();
        old.timestamp = record.timestamp.plus_seconds(-7200);
        old.logged_events_count += 5.0;
        vec![record, old]
    }),
    (DataQuality::FarAhead, |_, record| {
        let mut ahead = record.clone();
        ahead.timestamp = record.timestamp.plus_seconds(40 * 86_400);
        vec![record, ahead]
    }),
    (DataQuality::Broken, spoiled!(|_, record| record.cpu_utilization_percent = Some(180.0))),
    (DataQuality::Broken, spoiled!(|_, record| record.average_queue_wait_time_ms = Some(f64::NAN))),
    (DataQuality::CounterReset, spoiled!(|_, record| record.sla_violations_count = Some(-40.0))),
    (
        DataQuality::Contradictory,
        spoiled!(|_, record| {
            record.processed_events_count = Some(3.0 * record.logged_events_count);
        }),
    ),
    (
        DataQuality::Contradictory,
        spoiled!(|_, record| {
            record.queued_events_count = Some(0.0);
            record.average_queue_wait_time_ms = Some(900_000.0);
        }),
    ),
    (DataQuality::Contradictory, spoiled!(|_, record| record.sla_violations_count = Some(9000.0))),
    (DataQuality::Stuck, spoiled!(|_, record| record.cpu_utilization_percent = Some(31.0))),
    (
        DataQuality::Anomalous,
        spoiled!(|pool, record| {
            // every second count is none of which any forecast knows
            record.logged_events_count *=
                if pool.step % 2 == 0 { 1.0 } else { 1.0 + (pool.step * 7919 % 97) as f64 / 20.0 };
            record.processed_events_count = Some(record.logged_events_count);
        }),
    ),
    (DataQuality::Deploy, spoiled!(|_, record| record.is_deploy_in_progress = Some(true))),
    (DataQuality::Gap, |pool, mut record| {
        // 8 to 24 min apart, at no distance that could be set
        pool.step += 3 + scattered(pool.step, 9);
        record.timestamp = pool.now();
        vec![record]
    }),
    (DataQuality::Returning, |pool, mut record| {
        pool.step += 16 + scattered(pool.step, 60);
        record.timestamp = pool.now();
        vec![record]
    }),
];

/// Verdicts that no record earns by itself: nothing is wrong, a setting or a clock is, or there are no metrics.
const EXEMPT: [&str; 8] =
    ["good", "running_total", "cadence", "ahead", "restored", "missing", "blackout", "late"];

#[test]
fn the_pool_shrinks_within_hours_whatever_verdict_every_record_is_given() {
    for (quality, spoil) in ISSUES {
        let (records, met, pool) = until_it_shrinks(*spoil);
        let name = quality.as_str();
        assert!(met.contains(quality), "{name} was not met: {met:?}");
        assert!(records.is_some(), "{name}: {JOBS} jobs for ever, {}", pool.scaler.health().to_json());
    }
}

#[test]
fn metrics_that_are_always_late_let_the_pool_shrink() {
    let (mut pool, mut met) = (oversized(), Vec::new());
    let shrinks = (0..RECORDS).any(|_| {
        pool.step += 1;
        let record = usual(&pool);
        pool.scaler.observe(&record).unwrap();
        let decision = pool.scaler.decide_at(record.timestamp.plus_seconds(240));
        met.push(pool.scaler.health().data_quality);
        decision.recommended_jobs.unwrap() < JOBS
    });
    assert!(shrinks && met[0] == DataQuality::Late, "{met:?}");
}

#[test]
fn every_documented_verdict_is_in_the_table() {
    let rows = DOCUMENTED.lines().filter_map(|line| line.strip_prefix("/// | `"));
    let names: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let tried = ISSUES.iter().any(|(quality, _)| quality.as_str() == name);
        assert!(tried || EXEMPT.contains(&name), "{name} is in no table");
    }
}

#[test]
fn what_lasts_is_named_for_as_long_as_it_does() {
    let mut pool = oversized();
    let mut tick = |count: usize, deploying: bool| {
        for _ in 0..count {
            pool.step += 1;
            let mut record = usual(&pool);
            record.is_deploy_in_progress = deploying.then_some(true);
            pool.scaler.observe(&record).unwrap();
            pool.scaler.decide();
        }
        pool.scaler.health()
    };
    let held = tick(170, true);
    assert_eq!((held.data_quality, held.causes.len()), (DataQuality::Deploy, 1), "{held:?}");
    let lasting = tick(20, true);
    assert_eq!(lasting.data_quality, DataQuality::Good);
    assert!(
        lasting.causes.iter().any(|cause| cause.contains("deploy") && cause.contains("for 6 h")),
        "{lasting:?}"
    );
    assert!(!tick(4, false).causes.iter().any(|cause| cause.contains("deploy")));
    assert_eq!(tick(1, true).data_quality, DataQuality::Deploy, "another one is another issue");
}

#[test]
fn a_field_that_is_never_within_its_range_is_named_once_and_left_out() {
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for field in Metrics::FIELDS.iter().filter(|field| !field.required) {
        let Some((least, most)) = field.range else { continue };
        low.push((field.name, least - 0.5));
        if most < f64::MAX {
            high.push((field.name, 1.8 * most));
        }
    }
    assert!(low.len() >= 11 && high.len() >= 9);
    for (name, value) in low.into_iter().chain(high) {
        let mut pool = Pool::new(config());
        pool.jobs = JOBS;
        for _ in 0..30 {
            pool.step += 1;
            let mut record = usual(&pool);
            if let Some(FieldMut::Number(slot)) = record.field_mut(name) {
                *slot = Some(value);
            }
            pool.scaler.observe(&record).unwrap();
            pool.scaler.decide();
        }
        let health = pool.scaler.health();
        let named: Vec<&String> = health.causes.iter().filter(|cause| cause.contains(name)).collect();
        assert!(
            named.len() == 1 && named[0].contains("the field is left out"),
            "{name} = {value}: {health:?}"
        );
        assert_eq!(health.data_quality, DataQuality::Good, "{name} = {value}");
    }
}

#[test]
fn minus_one_is_what_exporters_write_for_a_number_that_they_do_not_know() {
    let mut pool = oversized();
    for name in ["average_queue_wait_time_ms", "cpu_utilization_percent", "queued_events_count"] {
        pool.step += 1;
        let mut record = usual(&pool);
        if let Some(FieldMut::Number(slot)) = record.field_mut(name) {
            *slot = Some(-1.0);
        }
        let seen = pool.scaler.observe(&record).unwrap();
        assert!(seen.repairs.len() == 1 && seen.data_quality == DataQuality::Good, "{seen:?}");
    }
}

#[test]
fn arrivals_far_beyond_everything_known_are_believed_once_five_agree_and_a_running_total_never_is() {
    let highest = |count: fn(i64) -> f64| {
        let mut pool = oversized();
        let mut taken = 0;
        for step in 0..20 {
            pool.step += 1;
            let mut record = usual(&pool);
            record.logged_events_count = count(step);
            (record.processed_events_count, record.queued_events_count) = (None, None);
            taken += u32::from(pool.scaler.observe(&record).unwrap().repairs.is_empty());
        }
        taken
    };
    assert_eq!(highest(|step| 5e7 + (step * 7919 % 10) as f64 * 1e6), 16);
    assert_eq!(highest(|step| 5e7 + 3000.0 * step as f64), 0);
    assert_eq!(highest(|step| if step % 2 == 0 { 5e7 } else { 900.0 }), 10);
}

#[test]
fn late_events_that_are_no_longer_told_are_no_breach_for_ever() {
    for wait in [false, true] {
        let mut pool = Pool::new(config());
        let mut risks = Vec::new();
        for step in 0..60 {
            pool.step += 1;
            let mut record = usual(&pool);
            record.average_queue_wait_time_ms = (wait && step == 20).then_some(60_000.0);
            record.sla_violations_count = (!wait && step == 20).then_some(100.0);
            pool.scaler.observe(&record).unwrap();
            risks.push(pool.scaler.decide().reasoning.sla_risk);
        }
        assert_eq!(risks[20], SlaRisk::Breach);
        assert!(risks[40..].iter().all(|risk| *risk != SlaRisk::Breach), "{risks:?}");
    }
}

#[test]
fn a_thousandfold_count_of_what_ended_after_a_gap_teaches_no_other_service_time() {
    let mut pool = Pool::new(config());
    let tick = |pool: &mut Pool, factor: f64| {
        let busy = 900.0 * SERVICE_MS / 1000.0 / 120.0 / f64::from(pool.jobs);
        let decision = pool.tick_with(900.0, |record| {
            record.processed_events_count = record.processed_events_count.map(|count| factor * count);
            record.cpu_utilization_percent = Some(100.0 * busy.min(1.0));
        });
        pool.jobs = decision.recommended_jobs.unwrap();
    };
    (0..400).for_each(|_| tick(&mut pool, 1.0));
    assert!((4..=8).contains(&pool.jobs), "{} jobs", pool.jobs);
    for _ in 0..200 {
        // two of three are lost, so that nobody knows what waited before
        pool.step += 2;
        tick(&mut pool, 1000.0);
        assert!(pool.jobs >= 4, "{} jobs, {}", pool.jobs, pool.scaler.health().to_json());
    }
}
