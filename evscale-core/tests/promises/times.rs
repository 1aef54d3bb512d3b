//! Every door that takes a time, given every wrong one: whatever it says of it, the pool goes on as if it had not been asked.

use crate::support::{Pool, eager};
use evscale_core::{
    Announced, Announcement, ManualOrder, ManualOverride, Metrics, ScalingOutcome, Timestamp,
};

const SETTLED: usize = 200;
/// Records after which nothing is left of the call.
const GOES_ON: usize = 120;
const RECORDS_A_DAY: i64 = 720;

type Door = fn(&mut Pool, Timestamp);

const DOORS: [(&str, Door); 9] = [
    ("decide_at", |pool, at| {
        pool.scaler.decide_at(at);
    }),
    ("observe", |pool, at| {
        pool.scaler.observe(&Metrics::new(at, 3000.0, f64::from(pool.jobs))).unwrap();
    }),
    ("backfill", |pool, at| {
        pool.scaler.backfill(&Metrics::new(at, 3000.0, f64::from(pool.jobs))).unwrap();
    }),
    ("acknowledge", |pool, at| {
        let mut outcome = ScalingOutcome::new(at);
        (outcome.started, outcome.ready, outcome.startup_seconds) = (1, 1, Some(180.0));
        pool.scaler.acknowledge(&outcome);
    }),
    ("refused", |pool, at| {
        let mut outcome = ScalingOutcome::new(at);
        outcome.refused = 1;
        pool.scaler.acknowledge(&outcome);
    }),
    ("order", |pool, at| {
        // one that is taken is taken back: a person may order for ten years
        let _ = pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Cap(99), at)));
        pool.scaler.set_override(None).unwrap();
    }),
    ("order from", |pool, at| {
        let order = ManualOverride::new(ManualOrder::Floor(1), pool.now().plus_seconds(600)).starting(at);
        let _ = pool.scaler.set_override(Some(order));
    }),
    ("announce", |pool, at| {
        let _ = pool.scaler.announce(Announcement::new(at, at.plus_seconds(600), Announced::MinJobs(1)));
    }),
    ("silence", |pool, at| {
        pool.scaler.silence("blind", Some(at)).unwrap();
    }),
];

/// Times that hosts have sent: another century, seconds for milliseconds, no clock yet, a clock that is ahead or behind.
fn wrong_times(now: Timestamp) -> Vec<Timestamp> {
    let given =
        ["1900-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-21T10:00:00Z", "2199-12-31T23:59:59Z"];
    let apart = [-40_000_000, -90_000, -7200, -121, -1, 1, 121, 7200, 90_000, 40_000_000];
    given
        .iter()
        .map(|text| text.parse().unwrap())
        .chain(apart.into_iter().map(|seconds| now.plus_seconds(seconds)))
        .collect()
}

fn settled() -> Pool {
    let mut pool = Pool::new(eager(|_| ()));
    pool.run(SETTLED, load);
    pool
}

fn load(step: i64) -> f64 {
    (3000 + step * 37 % 101) as f64
}

#[test]
fn the_pool_goes_on_as_if_no_wrong_time_had_come() {
    let mut untouched = settled();
    let expected = untouched.run(GOES_ON, load).pop().unwrap().recommended_jobs.unwrap();
    for (name, door) in DOORS {
        for at in wrong_times(settled().now()) {
            let mut pool = settled();
            door(&mut pool, at);
            let decisions = pool.run(GOES_ON, load);
            let last = decisions.last().unwrap();
            let tell = || format!("{name} at {at}: {}, {:?}", last.to_json(), pool.scaler.health());
            assert!(last.recommended_jobs.unwrap().abs_diff(expected) <= 1, "{}", tell());
            assert_eq!(last.decided_at, pool.now(), "it decides on every record: {}", tell());
            assert!(
                decisions[5..].iter().all(|decision| decision.decided_at >= decisions[4].decided_at),
                "{}",
                tell()
            );
            assert!(pool.scaler.health().causes.is_empty(), "{}", tell());
        }
    }
}

/// A record by a clock that is a day ahead, and the right one again: what a person said of the hours between holds.
#[test]
fn what_a_person_said_outlives_a_clock_that_was_wrong() {
    let mut pool = settled();
    let (now, floor) = (pool.now(), pool.jobs + 10);
    let in_hours = |hours: i64| now.plus_seconds(3600 * hours);
    pool.scaler.announce(Announcement::new(in_hours(3), in_hours(4), Announced::Multiplier(3.0))).unwrap();
    let order = ManualOverride::new(ManualOrder::Floor(floor), in_hours(2));
    pool.scaler.set_override(Some(order)).unwrap();
    pool.step += RECORDS_A_DAY;
    pool.run(1, load);
    assert!(pool.scaler.announcements()[0].ended, "the wrong clock is believed for a moment");
    pool.step -= RECORDS_A_DAY;
    let decisions = pool.run(55, load);
    let ordered = decisions[4..].iter().all(|decision| decision.recommended_jobs >= Some(floor));
    assert!(ordered, "{}", decisions.last().unwrap().to_json());
    assert!(!pool.scaler.announcements()[0].ended);
    let sale = pool.run(35, load).pop().unwrap();
    assert!(sale.recommended_jobs >= Some(30), "{}", sale.to_json());
}
