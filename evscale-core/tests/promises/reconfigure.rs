//! Another configuration, at a restart or while the pool lives: what it says wins, what was learned stays where it still means
//! something, and the difference is told once.

use crate::support::{Pool, built, served, start, without_networks};
use approx::abs_diff_eq;
use evscale_core::{
    Autoscaler, Config, ErrorKind, Fleet, ManualOrder, ManualOverride, Metrics, ModelBundle, Pause,
};
use serde_json::{Map, Value, json};

fn bundle() -> ModelBundle {
    ModelBundle::bundled().unwrap()
}

/// A pool with a day of records.
fn settled(change: impl FnOnce(&mut Config)) -> Pool {
    let mut pool = Pool::new(without_networks(change));
    pool.run(720, |step| (3000 + step * 37 % 101) as f64);
    pool
}

/// Another value that a setting may have.
fn other_value(name: &str, value: &Value, range: Option<(&str, &str)>) -> Value {
    match (name, value) {
        ("time_zone", _) => json!("Asia/Tokyo"),
        ("holidays", _) => json!(["2026-12-25"]),
        ("schedule", _) => json!([{"cron": "0 3 * * *", "seconds": 600, "min_jobs": 3}]),
        ("classes", _) => json!([
            {"name": "urgent", "service_time_seconds": 0.5, "sla_wait_seconds": 5.0, "priority": 1},
            {"name": "rest", "service_time_seconds": 0.5, "sla_wait_seconds": 600.0, "priority": 2}
        ]),
        ("alerts", _) => json!(["queue_length > 500 for 10m critical"]),
        ("pause", _) => json!("down"),
        ("mode", _) => json!("advise"),
        ("stale_action", _) => json!("hold"),
        ("bundle_public_key", _) => json!("ab".repeat(32)),
        // one on which the others do not depend
        ("interval_seconds", _) => json!(60),
        ("decision_interval_seconds" | "stale_after_seconds", _) => json!(480),
        ("min_jobs" | "fail_safe_jobs", _) => json!(7),
        ("max_jobs", _) => json!(90),
        ("job_counts", _) => json!([5, 10, 14, 20, 100]),
        ("most_events_per_second", _) => json!(700.0),
        ("job_hours_per_day", _) => json!(4000.0),
        ("target_utilization", _) => json!(0.8),
        ("max_step_down_percent", _) => json!(60.0),
        (_, Value::Bool(value)) => json!(!value),
        (_, Value::Number(number)) if number.is_u64() => json!(number.as_u64().unwrap() + 2),
        (_, Value::Number(number)) => {
            let high: f64 = range.unwrap().1.parse().unwrap();
            json!((1.25 * number.as_f64().unwrap() + 0.01).min(high))
        }
        (_, Value::Null) => json!(700.0),
        other => panic!("{other:?}"),
    }
}

/// Every setting with the configuration that differs in it alone.
fn changed(config: &Config) -> Vec<(&'static str, Config)> {
    let before: Map<String, Value> = serde_json::from_str(&config.to_json()).unwrap();
    let change = |setting: evscale_core::Setting| {
        let mut after = before.clone();
        let other = other_value(setting.name, &before[setting.name], setting.range);
        assert_ne!(before[setting.name], other, "{}", setting.name);
        after.insert(setting.name.to_owned(), other);
        (setting.name, Config::from_json(&Value::Object(after).to_string()).unwrap())
    };
    Config::settings().into_iter().filter(|setting| setting.name != "use_networks").map(change).collect()
}

#[test]
fn every_setting_that_changes_wins_and_is_told_once_at_a_restart_and_while_the_pool_lives() {
    // other prices are compared with that of a job, and serial numbers are those that a key has signed
    let pool = settled(|config| {
        (config.job_hour_price, config.bundle_public_key) = (Some(1.0), Some("cd".repeat(32)));
    });
    let (config, snapshot) = (pool.scaler.config().clone(), pool.scaler.snapshot());
    for (name, other) in changed(&config) {
        let mut living = Autoscaler::restore(config.clone(), bundle(), &snapshot).unwrap();
        let changes = living.reconfigure(other.clone()).unwrap();
        assert_eq!(changes.iter().map(|change| change.name).collect::<Vec<_>>(), [name]);
        let mut restarted = Autoscaler::restore(other.clone(), bundle(), &snapshot).unwrap();
        assert_eq!((living.config(), restarted.config()), (&other, &other));
        let interval = i64::from(other.interval_seconds);
        let mut telling = Vec::new();
        for step in 1..=8 {
            let record = served(pool.now().plus_seconds(step * interval), 25.0 * interval as f64, 14, 500.0);
            for scaler in [&mut living, &mut restarted] {
                let decision = scaler.decide();
                if decision.explanation.contains(&format!("`{name}`")) {
                    telling.push(decision);
                }
                let seen = scaler.observe(&record).unwrap();
                assert_eq!(seen.verdict.as_str(), "accepted", "{name}: {seen:?}");
                let decision = scaler.decide();
                assert!(
                    (other.min_jobs..=other.max_jobs).contains(&decision.recommended_jobs.unwrap()),
                    "{name}"
                );
            }
            assert_eq!(living.forecast(), restarted.forecast(), "{name}");
            assert_eq!(living.decide(), restarted.decide(), "{name}");
        }
        telling.dedup();
        assert!((1..=2).contains(&telling.len()), "{name}: {telling:?}");
        assert!(living.snapshot() == restarted.snapshot(), "{name}: both ways lead to the same state");
    }
}

#[test]
fn the_same_configuration_changes_nothing() {
    let mut pool = settled(|_| ());
    let before = pool.scaler.snapshot();
    assert!(pool.scaler.reconfigure(pool.scaler.config().clone()).unwrap().is_empty());
    assert!(pool.scaler.snapshot() == before);
}

#[test]
fn what_was_learned_stays_under_settings_that_do_not_touch_it() {
    let mut pool = settled(|_| ());
    let (before, health) = (pool.scaler.forecast(), pool.scaler.health().causes);
    let mut config = pool.scaler.config().clone();
    (config.max_jobs, config.tolerance, config.time_zone) = (90, 0.1, "Europe/Berlin".to_owned());
    pool.scaler.reconfigure(config).unwrap();
    assert_eq!((pool.scaler.forecast(), pool.scaler.health().causes), (before, health));
    let jobs = pool.jobs;
    pool.steady(6, 3050.0);
    assert!(pool.jobs.abs_diff(jobs) <= 2, "{jobs} jobs before, {} after", pool.jobs);
}

#[test]
fn records_of_another_interval_go_on_with_the_same_load() {
    for seconds in [30, 60, 300, 600] {
        let pool = settled(|_| ());
        let (before, jobs) = (pool.scaler.forecast().horizon(12).unwrap().prediction, pool.jobs);
        let mut config = pool.scaler.config().clone();
        (config.interval_seconds, config.decision_interval_seconds) = (seconds, 600);
        let snapshot = pool.scaler.snapshot();
        let mut scaler = Autoscaler::restore(config, bundle(), &snapshot).unwrap();
        let mut now = pool.now();
        for _ in 0..4 {
            now = now.plus_seconds(i64::from(seconds));
            let events = 25.4 * f64::from(seconds);
            scaler.observe(&served(now, events, jobs, 500.0)).unwrap();
            let decision = scaler.decide();
            assert!(
                decision.recommended_jobs.unwrap().abs_diff(jobs) <= 4,
                "{seconds} s: {}",
                decision.to_json()
            );
        }
        let after = scaler.forecast().horizon(12).unwrap().prediction * 120.0 / f64::from(seconds);
        assert!(
            abs_diff_eq!(after / before, 1.0, epsilon = 0.1),
            "{seconds} s: {after} an interval for {before}"
        );
    }
}

#[test]
fn an_order_and_a_decision_outside_the_new_bounds_are_taken_back() {
    let mut pool = settled(|_| ());
    let until = pool.now().plus_seconds(7200);
    pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Fixed(80), until))).unwrap();
    assert_eq!(pool.scaler.decide().recommended_jobs, Some(80));
    let mut config = pool.scaler.config().clone();
    config.max_jobs = 30;
    pool.scaler.reconfigure(config).unwrap();
    let decision = pool.scaler.decide();
    assert!(decision.recommended_jobs <= Some(30), "{}", decision.to_json());
    assert!(decision.explanation.contains("80 jobs") && decision.explanation.contains("it is taken back"));
    assert!(pool.cause("order").is_none());
}

#[test]
fn a_pause_of_a_person_outlives_a_restart_and_one_of_the_configuration_wins() {
    let mut pool = settled(|_| ());
    pool.scaler.set_pause(Pause::All);
    let snapshot = pool.scaler.snapshot();
    let paused = |change: fn(&mut Config)| {
        let mut config = pool.scaler.config().clone();
        change(&mut config);
        let scaler = Autoscaler::restore(config, bundle(), &snapshot).unwrap();
        scaler.health().causes.into_iter().any(|cause| cause.starts_with("pause: no change"))
    };
    assert!(paused(|_| ()) && paused(|config| config.max_jobs = 90));
    assert!(!paused(|config| config.pause = Pause::Down));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut pool = settled(|_| ());
    let before = pool.scaler.snapshot();
    let mut refused = |change: fn(&mut Config)| {
        let mut config = pool.scaler.config().clone();
        change(&mut config);
        let problem = pool.scaler.reconfigure(config).unwrap_err();
        assert!(pool.scaler.snapshot() == before);
        problem.kind()
    };
    assert_eq!(refused(|config| config.max_jobs = 0), ErrorKind::InvalidConfig);
    assert_eq!(refused(|config| config.use_networks = true), ErrorKind::InvalidArgument);
    let mut networked = built(Config::default());
    let mut config = Config::default();
    config.use_networks = false;
    networked.reconfigure(config).unwrap();
    networked.reconfigure(Config::default()).unwrap();
}

#[test]
fn a_pool_of_a_fleet_is_reconfigured_alone() {
    let mut fleet = Fleet::new(&bundle());
    let mut alone = built(Config::default());
    for key in ["a", "b"] {
        fleet.add(key, Config::default()).unwrap();
    }
    let record = |step: i64, jobs: u32| {
        let at = start().plus_seconds(120 * step);
        let mut record = Metrics::new(at, 3000.0 + (step % 7) as f64, f64::from(jobs));
        record.average_processing_duration_ms = Some(400.0);
        record
    };
    let mut jobs = [12; 2];
    for step in 0..120 {
        if step % 20 == 10 {
            let mut config = Config::default();
            (config.use_networks, config.max_jobs) = (step % 40 == 10, 40 + step as u32);
            let changes = fleet.with_pool("a", |pool| pool.reconfigure(config)).unwrap().unwrap();
            assert!(!changes.is_empty());
        }
        let records =
            [("a", jobs[0]), ("b", jobs[1])].map(|(key, jobs)| (key.to_owned(), record(step, jobs)));
        let decisions: Vec<_> =
            fleet.tick(records.into()).into_iter().map(|tick| tick.unwrap().decision).collect();
        alone.observe(&record(step, jobs[1])).unwrap();
        assert_eq!(decisions[1], alone.decide(), "step {step}");
        jobs = [&decisions[0], &decisions[1]].map(|decision| decision.recommended_jobs.unwrap());
        let networked = fleet.with_pool("a", |pool| pool.config().use_networks).unwrap();
        let without = fleet.with_pool("a", |pool| pool.health()).unwrap();
        assert!(without.causes.is_empty(), "networks {networked}: {without:?}");
    }
}
