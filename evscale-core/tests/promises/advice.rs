//! `mode` `advise`: somebody else scales the pool, and decisions are advice.

use crate::support::{Pool, built, eager, without_networks};
use approx::abs_diff_eq;
use evscale_core::{Autoscaler, Config, Decision, Mode, ModelBundle, ScalingOutcome};

/// Arrivals of a day that rises and falls by half, at 120 s.
fn day(step: i64) -> f64 {
    (2000.0 + 1000.0 * (step as f64 / 720.0 * std::f64::consts::TAU).sin()).round()
}

fn advising(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = eager(change);
    config.mode = Mode::Advise;
    config
}

/// Intervals under a scaler of the host's own, which keeps `jobs`; the advice at each.
fn advised(pool: &mut Pool, count: usize, jobs: u32) -> Vec<Decision> {
    pool.jobs = jobs;
    (0..count).map(|_| pool.tick(day(pool.step))).collect()
}

#[test]
fn a_host_that_does_not_act_is_no_fault() {
    let (mut advised_pool, mut acting) = (Pool::new(advising(|_| ())), Pool::new(eager(|_| ())));
    for pool in [&mut advised_pool, &mut acting] {
        advised(pool, 300, 40);
    }
    assert!(acting.cause("execution").is_some(), "the comparison");
    assert!(acting.scaler.alerts().iter().any(|alert| alert.name == "host_does_not_act"));
    assert_eq!(advised_pool.cause("execution"), None);
    assert_eq!(advised_pool.scaler.report().host_overdue, Some(0.0));
    assert!(!advised_pool.scaler.alerts().iter().any(|alert| alert.name == "host_does_not_act"));
    assert!(advised_pool.scaler.health().causes.is_empty(), "{:?}", advised_pool.scaler.health());
}

#[test]
fn every_advice_starts_from_what_the_pool_really_is_and_repeats_while_nobody_acts() {
    let mut pool = Pool::new(advising(|config| {
        config.cooldown_down_seconds = 3600;
        config.cooldown_up_seconds = 3600;
        config.max_reversals = 1;
    }));
    let decisions = advised(&mut pool, 200, 40);
    for decision in &decisions[60..] {
        assert_eq!(decision.current_jobs, Some(40));
        assert!(decision.change < Some(0), "nothing was changed, so nothing waits: {}", decision.to_json());
        assert!(decision.explanation.starts_with("Advice: Scale down from 40"), "{}", decision.explanation);
    }
    // somebody changes the pool, by no recommendation
    for jobs in [7, 55, 18] {
        let decision = advised(&mut pool, 1, jobs).pop().unwrap();
        assert_eq!(decision.current_jobs, Some(jobs), "no delay of a host is learned");
    }
}

#[test]
fn nothing_is_learned_from_refusals_of_what_nobody_asked_for() {
    let mut pool = Pool::new(advising(|_| ()));
    advised(&mut pool, 100, 3);
    let mut outcome = ScalingOutcome::new(pool.now());
    outcome.refused = 5;
    pool.scaler.acknowledge(&outcome);
    assert_eq!(pool.cause("capacity"), None);
    let decision = advised(&mut pool, 1, 3).pop().unwrap();
    assert!(decision.limited_by.iter().all(|rule| rule.as_str() != "capacity_limit"));
    assert!(decision.change > Some(0), "{}", decision.to_json());
}

#[test]
fn what_the_advice_would_have_brought_is_told_beside_what_was() {
    let mut pool = Pool::new(advising(|_| ()));
    // two days of a pool that is twice as large as it has to be
    advised(&mut pool, 1440, 30);
    let report = pool.scaler.report();
    let day = report.beside_advice_job_hours_day.unwrap();
    let hours = day / 30.0;
    assert!((22.0..=24.0).contains(&hours), "{hours} h of 30 jobs");
    let advised_day = report.advised_job_hours_day.unwrap();
    // 500 ms for 2000 events in 120 s keep 8.3 jobs busy on average
    assert!(advised_day > 8.3 * hours && advised_day < 0.7 * day, "{advised_day} of {day}");
    assert!(report.saved_by_advice.unwrap() > 0.3, "{:?}", report.saved_by_advice);
    assert!(report.advised_sla_compliance_week.unwrap() > 0.97, "{:?}", report.advised_sla_compliance_week);
    assert!(report.to_json().contains("\"advised_job_hours_week\":"));

    // a pool that is too small: the advice costs more, and serves what is late now
    let mut small = Pool::new(advising(|_| ()));
    advised(&mut small, 720, 5);
    let report = small.scaler.report();
    assert!(report.saved_by_advice.unwrap() < 0.0, "{:?}", report.saved_by_advice);
    assert!(report.advised_sla_compliance_day.unwrap() > 0.9, "{:?}", report.advised_sla_compliance_day);
}

#[test]
fn the_advice_that_is_told_is_what_acting_brings() {
    told_and_brought(without_networks(|_| ()));
}

#[test]
#[ignore = "a minute: make test-long"]
fn the_advice_of_networks_is_what_acting_brings() {
    told_and_brought(Config::default());
}

fn told_and_brought(mut config: Config) {
    let mut acting = Pool::new(config.clone());
    let (mut hours, start) = (0.0, acting.step);
    while acting.step < start + 2160 {
        let decision = acting.tick(day(acting.step));
        acting.jobs = decision.recommended_jobs.unwrap();
        hours += if acting.step > start + 720 { f64::from(acting.jobs) / 30.0 } else { 0.0 };
    }
    config.mode = Mode::Advise;
    let mut pool = Pool::new(config);
    advised(&mut pool, 720, 20);
    let before = pool.scaler.report().advised_job_hours_week.unwrap();
    advised(&mut pool, 1440, 20);
    let told = pool.scaler.report().advised_job_hours_week.unwrap() - before;
    assert!(
        abs_diff_eq!(told / hours, 1.0, epsilon = 0.15),
        "{told:.0} job-hours are told, {hours:.0} came of acting"
    );
}

#[test]
fn the_mode_can_change_at_run_time_and_at_a_restart() {
    let mut pool = Pool::new(advising(|_| ()));
    advised(&mut pool, 300, 40);
    let kept = Autoscaler::restore(
        pool.scaler.config().clone(),
        ModelBundle::bundled().unwrap(),
        &pool.scaler.snapshot(),
    );
    assert_eq!(kept.unwrap().report().advised_job_hours_week, pool.scaler.report().advised_job_hours_week);

    let mut config = pool.scaler.config().clone();
    config.mode = Mode::Act;
    let changes = pool.scaler.reconfigure(config.clone()).unwrap();
    assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["`mode` is act, was advise"]);
    assert_eq!(pool.scaler.report().advised_job_hours_week, None);
    assert!(!pool.steady(1, 2000.0).explanation.starts_with("Advice"));
    advised(&mut pool, 300, 40);
    assert!(pool.cause("execution").is_some(), "from now on it is a fault");

    config.mode = Mode::Advise;
    let mut restored = Pool::of(
        Autoscaler::restore(config, ModelBundle::bundled().unwrap(), &pool.scaler.snapshot()).unwrap(),
    );
    restored.step = pool.step;
    assert_eq!(restored.cause("execution"), None, "at a restart as well");
    let decision = advised(&mut restored, 1, 33).pop().unwrap();
    assert_eq!(decision.current_jobs, Some(33));
}

#[test]
fn a_record_without_a_count_is_not_the_last_recommendation() {
    let mut pool = Pool::new(advising(|_| ()));
    advised(&mut pool, 100, 40);
    let decision = pool.tick_with(2000.0, |record| record.current_job_count = f64::NAN);
    assert_eq!(decision.current_jobs, Some(40));
    assert_eq!(pool.scaler.report().jobs, Some(40.0));
}

#[test]
fn a_pool_that_acts_tells_of_no_advice() {
    let mut pool = Pool::of(built(without_networks(|_| ())));
    pool.steady(100, 2000.0);
    let report = pool.scaler.report();
    assert_eq!((report.advised_job_hours_day, report.saved_by_advice), (None, None));
}
