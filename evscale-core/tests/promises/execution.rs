//! The contract with the host: outcomes that are partial, late or missing, refused jobs, hints for draining.

use crate::support::{Pool, eager};
use evscale_core::{Config, Decision, Rule, ScalingOutcome};

fn pool(change: impl FnOnce(&mut Config)) -> Pool {
    Pool::new(eager(change))
}

/// An interval that reports the busy share of the jobs.
fn tick(pool: &mut Pool, events: f64) -> Decision {
    let busy_percent = (events / 2.4 / f64::from(pool.jobs)).min(100.0);
    pool.tick_with(events, |record| record.cpu_utilization_percent = Some(busy_percent))
}

fn ticks(pool: &mut Pool, count: u32, events: f64) -> Decision {
    let carried_out = |_| {
        let decision = tick(pool, events);
        pool.jobs = decision.recommended_jobs.unwrap();
        decision
    };
    (0..count).map(carried_out).last().unwrap()
}

/// An outcome of so many seconds after the newest record.
fn refused(pool: &mut Pool, started: u32, refused: u32, after_seconds: i64) {
    let mut outcome = ScalingOutcome::new(pool.now().plus_seconds(after_seconds));
    (outcome.started, outcome.refused) = (started, refused);
    pool.scaler.acknowledge(&outcome);
}

fn overdue(pool: &Pool) -> bool {
    pool.cause("execution: ").is_some()
}

fn limited(decision: &Decision) -> bool {
    decision.limited_by.contains(&Rule::CapacityLimit)
}

#[test]
fn after_a_refusal_half_as_much_more_is_asked_for_until_ten_minutes_have_passed() {
    let mut pool = pool(|_| ());
    ticks(&mut pool, 60, 1500.0);
    let before = pool.jobs;
    let wanted = tick(&mut pool, 6000.0).recommended_jobs.unwrap();
    assert!(wanted > before + 4, "{wanted} of {before}");
    let most = before + 2;
    pool.jobs = most;
    refused(&mut pool, 2, wanted - most, 0);
    for _ in 0..4 {
        let decision = tick(&mut pool, 6000.0);
        assert_eq!(decision.recommended_jobs.unwrap(), most + (wanted - most) / 2, "{}", decision.to_json());
        assert!(limited(&decision));
        assert!(decision.explanation.contains("the host refused"));
        pool.jobs = most;
    }
    assert!(tick(&mut pool, 6000.0).recommended_jobs.unwrap() > most + (wanted - most) / 2, "tried again");
}

#[test]
fn a_pool_that_grew_after_all_and_an_outcome_that_is_late_limit_nothing() {
    let mut pool = pool(|_| ());
    ticks(&mut pool, 60, 1500.0);
    let wanted = tick(&mut pool, 6000.0).recommended_jobs.unwrap();
    let missing = wanted - pool.jobs;
    refused(&mut pool, 0, missing, 0);
    assert!(limited(&tick(&mut pool, 6000.0)));
    pool.jobs = wanted;
    assert!(!limited(&tick(&mut pool, 9000.0)), "more jobs than could be had are there");
    refused(&mut pool, 0, 5, -3600);
    assert!(!limited(&tick(&mut pool, 9000.0)), "refused an hour ago");
    refused(&mut pool, 0, 100, 86_400);
    let decision = tick(&mut pool, 9000.0);
    let kept = decision.recommended_jobs.unwrap() >= pool.jobs || !limited(&decision);
    assert!(kept, "a refusal takes no job away: {}", decision.to_json());
}

#[test]
fn a_host_that_does_nothing_is_told_by_health() {
    let mut pool = pool(|_| ());
    ticks(&mut pool, 60, 1500.0);
    assert!(!overdue(&pool));
    // 3 startup times and 3 decisions are 15 minutes
    for step in 0..12 {
        tick(&mut pool, 4000.0);
        assert_eq!(overdue(&pool), step > 8, "{step}: {:?}", pool.scaler.health());
    }
    refused(&mut pool, 1, 0, 0);
    assert!(!overdue(&pool), "it is at work");
}

#[test]
fn only_idle_jobs_leave_at_once_unless_told() {
    for told in [false, true] {
        let mut pool = pool(|config| {
            config.drain_busy_jobs = told;
            config.min_jobs = 2;
        });
        ticks(&mut pool, 60, 4000.0);
        assert!(ticks(&mut pool, 20, 4000.0).drain.is_none());
        let before = pool.jobs;
        let decision =
            (0..60).map(|_| tick(&mut pool, 3000.0)).find(|decision| decision.change.unwrap() < 0).unwrap();
        let drain = decision.drain.clone().unwrap();
        let idle = f64::from(before) * (1.0 - decision.reasoning.current_utilization.unwrap());
        assert_eq!(i64::from(drain.jobs), -decision.change.unwrap());
        assert!(told || f64::from(drain.at_once) <= idle, "{drain:?}, {idle} idle");
        assert_eq!(drain.at_once == drain.jobs, drain.then_one_per_seconds == 0);
        assert!(!told || drain.at_once == drain.jobs);
        assert!(decision.to_json().contains("\"drain\":{\"jobs\":"));
    }
}
