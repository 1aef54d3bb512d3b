//! Bursts by the clock: what is stated of them, and what is left of one that was missed.

use crate::support::{Pool, without_networks};
use evscale_core::{Announced, Announcement, Timestamp};

/// Records of a minute in a day.
const DAY: i64 = 1440;
/// 18:00, as the records begin at 08:00, and minutes that the burst lasts: it lies between the leads of the forecast when its
/// jobs, which start in 25 minutes, have to be asked for.
const BURST: i64 = 600;
const STARTUP_SECONDS: u32 = 1500;
const LENGTH: i64 = 8;
/// Events of a minute, which keep five jobs busy, and those of one with a burst, which keep fifty busy.
const USUAL: f64 = 600.0;
const HIGH: f64 = 6000.0;

fn pool(schedule: &str) -> Pool {
    let mut pool = Pool::new(without_networks(|config| {
        (config.interval_seconds, config.decision_interval_seconds) = (60, 120);
        (config.job_startup_seconds, config.max_jobs) = (STARTUP_SECONDS, 400);
        config.schedule = serde_json::from_str(schedule).unwrap();
    }));
    pool.startup_records = STARTUP_SECONDS as usize / 60;
    pool
}

fn bursts(step: i64) -> bool {
    (BURST..BURST + LENGTH).contains(&step.rem_euclid(DAY))
}

/// Jobs that are there when the burst of Friday begins, after those of four days, and whether all its events were in time.
fn jobs_on_friday(mut pool: Pool, times: f64, state: impl Fn(&mut Pool)) -> (u32, bool) {
    let friday = 4 * DAY;
    pool.run((friday + BURST - 120) as usize, |step| if bursts(step) { HIGH } else { USUAL });
    state(&mut pool);
    // what is stated begins half an hour before the burst
    let load = |step: i64| {
        let stated = if step >= friday + BURST - 30 { times } else { 1.0 };
        stated * if bursts(step) { HIGH } else { USUAL }
    };
    pool.run(120, load);
    let jobs = pool.jobs;
    pool.run(LENGTH as usize, load);
    (jobs, pool.queue == 0.0)
}

#[test]
fn a_stated_multiplier_is_one_of_the_burst_too() {
    let (usual, in_time) = jobs_on_friday(pool("[]"), 1.0, |_| ());
    assert!((50..=80).contains(&usual) && in_time, "{usual} jobs for a burst of 50");
    let announce = |pool: &mut Pool| {
        let friday = |hours: i64| -> Timestamp { pool.now().plus_seconds(3600 * hours + 1800) };
        let sale = Announcement::new(friday(1), friday(3), Announced::Multiplier(3.0));
        pool.scaler.announce(sale).unwrap();
    };
    let cron = r#"[{"cron": "30 17 * * FRI", "seconds": 7200, "multiplier": 3}]"#;
    for (door, (jobs, in_time)) in [
        ("announced", jobs_on_friday(pool("[]"), 3.0, announce)),
        ("scheduled", jobs_on_friday(pool(cron), 3.0, |_| ())),
    ] {
        assert!((3 * usual - 15..=3 * usual + 15).contains(&jobs), "{door}: {jobs} jobs, {usual} are usual");
        assert!(in_time, "{door}");
    }
    let (fewer, _) = jobs_on_friday(pool(&cron.replace(": 3}", ": 0.5}")), 0.5, |_| ());
    assert!(fewer < usual, "a stated fall: {fewer} jobs, {usual} are usual");
}

#[test]
fn a_host_that_is_faster_than_it_says_has_no_fewer_jobs_in_a_burst() {
    for startup_records in [0, 5, 12] {
        let mut faster = pool("[]");
        faster.startup_records = startup_records;
        let (jobs, in_time) = jobs_on_friday(faster, 1.0, |_| ());
        assert!(
            (50..=80).contains(&jobs) && in_time,
            "{jobs} jobs for a burst of 50, {startup_records} records"
        );
    }
}

#[test]
fn the_multiplier_of_the_records_is_one_of_the_burst_too() {
    let jobs = |said: f64| {
        let mut pool = pool("[]");
        let hour_before = 4 * DAY + BURST - 60;
        for step in 0..4 * DAY + BURST {
            let events = if bursts(step) { HIGH } else { USUAL };
            let decision = pool.tick_with(events, |record| {
                record.expected_traffic_multiplier = Some(if step >= hour_before { said } else { 1.0 });
            });
            pool.jobs = decision.recommended_jobs.unwrap();
        }
        pool.jobs
    };
    let (usual, triple) = (jobs(1.0), jobs(3.0));
    assert!((3 * usual - 15..=3 * usual + 15).contains(&triple), "{triple} jobs, {usual} are usual");
}

/// Mean jobs of so many days with the usual load.
fn mean_jobs(pool: &mut Pool, days: i64) -> f64 {
    let decisions = pool.run((days * DAY) as usize, |_| USUAL);
    decisions.iter().map(|one| f64::from(one.recommended_jobs.unwrap())).sum::<f64>() / decisions.len() as f64
}

#[test]
fn one_burst_that_was_missed_is_no_standing_reserve_for_days() {
    for (what, high) in [("ten times the load", HIGH), ("forty times", 4.0 * HIGH)] {
        let mut pool = pool("[]");
        pool.run((3 * DAY) as usize, |_| USUAL);
        let before = mean_jobs(&mut pool, 1);
        pool.run(1, |_| high);
        assert!(pool.queue > high / 2.0, "{what}: it was not missed");
        pool.run(LENGTH as usize - 1, |_| high);
        pool.run(360, |_| USUAL);
        assert_eq!(pool.queue, 0.0);
        let after = mean_jobs(&mut pool, 3);
        assert!(after <= 1.25 * before, "{what}: {after:.1} jobs on average, {before:.1} before");
    }
}

#[test]
fn a_burst_that_stays_away_is_paid_for_at_its_time_alone() {
    let mut pool = pool("[]");
    pool.run((6 * DAY) as usize, |step| if bursts(step) { HIGH } else { USUAL });
    let decisions = pool.run((3 * DAY) as usize, |_| USUAL);
    let jobs: Vec<f64> = decisions.iter().map(|one| f64::from(one.recommended_jobs.unwrap())).collect();
    let reserved = jobs.iter().filter(|jobs| **jobs > 20.0).count();
    // two hours around its time on three days at most, where four hours would be a reserve
    assert!((1..=3 * 120).contains(&reserved), "{reserved} intervals with a reserve: {jobs:?}");
    assert!(jobs[2 * DAY as usize..].iter().filter(|jobs| **jobs > 20.0).count() <= 120, "less and less");
}
