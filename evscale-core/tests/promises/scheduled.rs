//! The schedule of the configuration: other bounds and another load at times that come again.

use crate::support::{Pool, start, without_networks};
use evscale_core::{Autoscaler, Config, Decision, ModelBundle, Rule};

/// Records a minute, decisions every two, jobs that start in four; 600 events a minute, which need 5.3 jobs; from 08:00 UTC on a
/// Monday.
fn config(schedule: &str) -> Config {
    let text = format!(r#"{{"schedule": {schedule}}}"#);
    let read = Config::from_json(&text).unwrap();
    without_networks(|config| {
        (config.interval_seconds, config.decision_interval_seconds) = (60, 120);
        config.job_startup_seconds = 240;
        config.schedule = read.schedule;
    })
}

fn jobs(decisions: &[Decision]) -> Vec<u32> {
    decisions.iter().map(|decision| decision.recommended_jobs.unwrap()).collect()
}

#[test]
fn a_minimum_is_ready_when_it_begins_and_gone_when_it_ends() {
    let mut pool = Pool::new(config(r#"[{"cron": "0 10 * * MON-FRI", "seconds": 3600, "min_jobs": 30}]"#));
    let decisions = pool.run(240, |_| 600.0);
    let path = jobs(&decisions);
    assert!(path[80..112].iter().all(|jobs| *jobs < 12), "too early: {path:?}");
    assert!(path[116..179].iter().all(|jobs| *jobs >= 30), "not there from 10:00 to 11:00: {path:?}");
    assert!(path[239] < 12, "{path:?}");
    let why = decisions[130].trail.iter().find(|entry| entry.rule == Rule::Announced);
    assert!(
        why.is_some_and(|entry| entry.detail.starts_with("the schedule says at least 30 jobs")),
        "{why:?}"
    );
}

#[test]
fn a_minimum_that_comes_every_quarter_of_an_hour_is_ready_each_time() {
    let mut pool = Pool::new(config(r#"[{"cron": "*/15 * * * *", "seconds": 120, "min_jobs": 30}]"#));
    let path = jobs(&pool.run(240, |_| 600.0));
    let due = |step: usize| step >= 29 && (step + 1) % 15 < 2;
    assert!((0..240).filter(|step| due(*step)).all(|step| path[step] >= 30), "{path:?}");
    let told = pool.scaler.health().announced;
    assert!(told.iter().any(|time| time.contains("at least 30 jobs from 2026-01-05T12:15:00Z")), "{told:?}");
    assert!(!told.iter().any(|time| time.contains("T09:")), "those that are over: {told:?}");
}

#[test]
fn a_maximum_holds_from_its_begin_to_its_end_and_a_decision_is_due_at_both() {
    let mut slow = config(r#"[{"cron": "7 10 * * *", "seconds": 1800, "max_jobs": 3}]"#);
    slow.decision_interval_seconds = 3600;
    let mut pool = Pool::new(slow);
    let decisions = pool.run(200, |_| 600.0);
    let path = jobs(&decisions);
    assert!(path[60..126].iter().all(|jobs| *jobs > 5), "{path:?}");
    assert!(path[126..156].iter().all(|jobs| *jobs == 3), "{path:?}");
    assert!(path[157] > 3, "{path:?}");
    let limited = &decisions[126];
    assert!(limited.limited_by.contains(&Rule::ScheduledMaximum), "{}", limited.explanation);
    assert!(
        limited.trail.iter().any(|entry| entry.detail.contains("at most 3 jobs until 2026-01-05T10:37:00Z"))
    );
}

#[test]
fn a_multiplier_has_its_jobs_and_one_that_never_comes_true_is_believed_less_and_less() {
    let mut pool = Pool::new(config(r#"[{"cron": "0 */2 * * *", "seconds": 1800, "multiplier": 3}]"#));
    // from 08:00 on: every second hour from 10:00 on, for half an hour
    let during = |step: i64| step >= 120 && step % 120 < 30;
    let path = jobs(&pool.run(480, |step| if during(step) { 1800.0 } else { 600.0 }));
    assert!((120..480).filter(|k| during(*k)).all(|k| path[k as usize] >= 16), "{path:?}");
    assert_eq!(pool.queue, 0.0);
    let path = jobs(&pool.run(1200, |_| 600.0));
    assert!(path[1080..].iter().all(|jobs| *jobs < 10), "{path:?}");
    assert!(pool.cause("announced: entry 1 of the schedule").is_some());
}

#[test]
fn a_schedule_can_change_at_run_time_and_outlives_a_restart() {
    let mut pool = Pool::new(config("[]"));
    pool.steady(60, 600.0);
    let scheduled = config(r#"[{"cron": "30 9 * * *", "seconds": 3600, "min_jobs": 20}]"#);
    let changes = pool.scaler.reconfigure(scheduled.clone()).unwrap();
    assert_eq!(changes.iter().map(|change| change.name).collect::<Vec<_>>(), ["schedule"]);
    assert!(pool.scaler.health().announced.iter().any(|told| told.contains("at least 20 jobs from")));
    pool.steady(24, 600.0);
    let bundle = ModelBundle::bundled().unwrap();
    let other = Autoscaler::restore(scheduled, bundle, &pool.scaler.snapshot()).unwrap();
    let mut restored = Pool { step: pool.step, jobs: pool.jobs, queue: pool.queue, ..Pool::of(other) };
    assert_eq!(restored.scaler.forecast(), pool.scaler.forecast());
    let (here, there) = (jobs(&pool.run(30, |_| 600.0)), jobs(&restored.run(30, |_| 600.0)));
    assert!(here == there && here[10] >= 20, "{here:?} {there:?}");
    assert!(start() < pool.now());
}

#[test]
fn entries_that_cannot_be_are_refused_with_their_number() {
    for (entry, told) in [
        (
            r#"{"cron": "61 * * * *", "seconds": 60, "min_jobs": 2}"#,
            "entry 2 that has the `cron` \"61 * * * *\"",
        ),
        (
            r#"{"cron": "0 8 * * *", "seconds": 60}"#,
            "says nothing, expected `min_jobs`, `max_jobs`, `multiplier` or `job_hour_price`",
        ),
        (
            r#"{"cron": "0 8 * * *", "seconds": 60, "min_jobs": 9, "max_jobs": 8}"#,
            "9 `min_jobs`, expected at most",
        ),
        (r#"{"cron": "0 8 * * *", "seconds": 60, "min_jobs": 101}"#, "`max_jobs`, which is 100"),
        (r#"{"cron": "0 8 * * *", "seconds": 60, "multiplier": 0}"#, "expected 0.01 to 100"),
        (r#"{"cron": "0 8 * * *", "seconds": 60, "jobs": 3}"#, "unknown field `jobs`"),
    ] {
        let good = r#"{"cron": "0 8 * * *", "seconds": 3600, "min_jobs": 2}"#;
        let problem = Config::from_json(&format!(r#"{{"schedule": [{good}, {entry}]}}"#)).unwrap_err();
        assert!(problem.to_string().contains(told), "{problem}");
    }
}
