//! Alerts in the situations that they are for, and their silence elsewhere.

mod world;

use approx::abs_diff_eq;
use evscale_core::{AlertRule, AlertState, Autoscaler, BreakerState, Config, DriftKind, ModelBundle};
use std::time::Duration;
use world::{World, office};

fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    (config.interval_seconds, config.decision_interval_seconds) = (300, 600);
    config.use_networks = false;
    config.max_jobs = 40;
    change(&mut config);
    config
}

/// Demands that an alert has fired and was resolved, and returns how often.
#[track_caller]
fn fired_and_resolved(world: &World, names: &[&str]) {
    for name in names {
        let (fired, resolved) = world.seen.get(*name).copied().unwrap_or_default();
        assert!(fired > 0, "{name} has not fired: {:?}", world.seen);
        assert_eq!(resolved, fired, "{name} was not resolved: {:?}", world.seen);
    }
}

#[test]
fn too_much_load_for_the_most_jobs_is_named_by_what_it_does() {
    let mut world = World::new(config(|config| config.max_jobs = 16), 1);
    world.run(3.0, office);
    assert!(world.seen.is_empty(), "{:?}", world.seen);
    world.run(0.3, |day| 2.5 * office(day));
    let mut both = 0;
    for _ in 0..60 {
        let events = world.events(36.0);
        world.tick(events);
        let report = world.scaler.report();
        both += u32::from(world.fires("sla_violation_risk") && report.at_maximum == Some(1.0));
    }
    assert!(both > 20, "{both}: {:?}", world.seen);
    world.run(3.0, office);
    let names = [
        "sla_violation_risk",
        "error_budget_fast_burn",
        "error_budget_slow_burn",
        "late_at_maximum",
        "overflow",
    ];
    fired_and_resolved(&world, &names);
    for name in names {
        assert!(world.alert(name).is_none_or(|alert| alert.state == AlertState::Resolved), "{name}");
    }
}

/// The emergency path acts where the alert fires: it needs no second wire.
#[test]
fn a_risk_for_the_sla_is_an_emergency_wherever_more_jobs_can_mend_it() {
    let mut world = World::new(config(|_| ()), 2);
    world.run(2.0, office);
    let (mut risks, mut emergencies) = (0, 0);
    for burst in 0..40 {
        let factor = if burst % 20 < 6 { 5.0 } else { 1.0 };
        for _ in 0..6 {
            let events = world.events(factor * office(world.day()));
            world.tick(events);
            let report = world.scaler.report();
            let risk = report.predicted_wait_ratio > Some(1.0)
                && report.sla_compliance_hour.is_some_and(|share| share < 0.95)
                && report.at_maximum == Some(0.0)
                && report.needed_jobs > report.recommended_jobs;
            risks += u32::from(risk);
            emergencies += u32::from(risk && world.last.as_ref().unwrap().emergency);
        }
    }
    assert_eq!(risks, emergencies);
}

#[test]
fn a_spike_is_an_anomaly_until_it_is_over() {
    let mut world = World::new(config(|_| ()), 3);
    world.run(3.0, office);
    let events = world.events(60.0);
    world.tick(events);
    assert!(world.fires("anomaly_detected"), "{:?}", world.scaler.report().record_anomaly_score);
    world.run(1.0, office);
    fired_and_resolved(&world, &["anomaly_detected"]);
}

/// Levels that jump every half hour: neighbours are alike, and 12 minutes ahead nothing is known.
#[test]
fn a_load_that_cannot_be_foreseen_though_it_is_smooth_is_a_forecast_error() {
    let mut world = World::new(config(|config| config.interval_seconds = 120), 4);
    world.run(3.0, office);
    assert!(!world.seen.contains_key("high_forecast_error"), "{:?}", world.seen);
    let mut level = 5.0;
    for step in 0..720 {
        if step % 10 == 0 {
            level = 1.0 + 18.0 * world.uniform();
        }
        let events = world.events(level);
        world.tick(events);
    }
    let report = world.scaler.report();
    assert!(world.fires("high_forecast_error"), "{:?} {:?}", report.accuracy, report.attainable_accuracy);
    assert!(report.retraining_recommended.unwrap().contains("accuracy"), "the reason is told");
    world.run(3.0, office);
    fired_and_resolved(&world, &["high_forecast_error"]);
}

#[test]
fn budgets_tell_before_and_when_they_are_used() {
    let mut world = World::new(
        config(|config| {
            config.job_hours_per_day = Some(200.0);
            (config.job_hour_price, config.cost_per_day) = (Some(0.5), Some(80.0));
        }),
        5,
    );
    // 10 busy jobs are 240 job-hours and more, which is beyond both budgets; one is within them
    world.run(1.0, |_| 4.0);
    assert!(world.seen.is_empty(), "{:?}", world.seen);
    world.run(2.0, |_| 10.0);
    world.run(4.0, |_| 1.0);
    let names = ["job_hours_used", "job_hours_forecast_exceeded", "cost_used", "cost_forecast_exceeded"];
    fired_and_resolved(&world, &names);
}

#[test]
fn the_budget_of_job_hours_is_that_of_the_local_day() {
    let mut world = World::new(
        config(|config| {
            config.time_zone = "Asia/Tokyo".to_owned();
            config.job_hours_per_day = Some(1000.0);
        }),
        12,
    );
    // midnight in Tokyo is at 15:00 UTC
    world.run(14.9 / 24.0, |_| 4.0);
    let before = world.scaler.report().job_hours_budget_used.unwrap();
    assert!(before > 0.05, "{before}");
    world.run(0.2 / 24.0, |_| 4.0);
    let after = world.scaler.report();
    assert!(after.job_hours_budget_used < Some(0.005), "{:?}", after.job_hours_budget_used);
    let (ahead, day) = (after.job_hours_budget_forecast.unwrap(), after.job_hours_day.unwrap() / 15.1 * 24.0);
    assert!(
        abs_diff_eq!(1000.0 * ahead / day, 1.0, epsilon = 0.02),
        "a whole day is left: {ahead}, {day} job-hours a day"
    );
}

#[test]
fn a_host_that_does_not_act_is_named_until_it_does() {
    let mut world = World::new(config(|_| ()), 6);
    world.run(1.3, office);
    world.acts = false;
    world.run(0.4, |day| 3.0 * office(day));
    assert!(world.fires("host_does_not_act"), "{:?}", world.scaler.health().causes);
    world.acts = true;
    world.run(0.5, office);
    fired_and_resolved(&world, &["host_does_not_act"]);
}

#[test]
fn records_that_are_used_only_in_part_are_told_until_their_source_is_mended() {
    let mut world = World::new(config(|_| ()), 12);
    world.run(1.0, office);
    assert!(world.seen.is_empty(), "{:?}", world.seen);
    for _ in 0..240 {
        let events = world.events(office(world.day()));
        world.tick_with(events, |record| {
            record.memory_utilization_percent = Some(-3.0);
            true
        });
    }
    assert!(world.fires("records_repaired"), "{:?}", world.scaler.report().share_repaired);
    world.run(1.0, office);
    fired_and_resolved(&world, &["records_repaired"]);
}

#[test]
fn a_pool_without_records_is_blind_until_the_next_one() {
    let mut world = World::new(config(|_| ()), 7);
    world.run(1.0, office);
    for _ in 0..12 {
        let events = world.events(5.0);
        world.tick_with(events, |_| false);
    }
    let blind = world.alert("blind").unwrap();
    assert_eq!((blind.state, blind.values[0] > Some(3.5)), (AlertState::Firing, true), "{blind:?}");
    assert!(blind.escalated, "after half an hour: {blind:?}");
    world.run(0.1, office);
    fired_and_resolved(&world, &["blind"]);
    assert_eq!(world.scaler.report().missed_intervals, Some(12.0));
}

#[test]
fn a_slow_network_opens_its_breaker_and_good_runs_close_it() {
    let mut world = World::new(config(|config| config.use_networks = true), 8);
    world.run(0.5, office);
    let events = world.events(5.0);
    world.tick(events);
    world.scaler.observe(&evscale_core::Metrics::new(world.now().plus_seconds(300), 3000.0, 8.0)).unwrap();
    world.step += 1;
    world.scaler.report_latency(Duration::from_secs(30));
    world.run(0.02, office);
    assert!(world.fires("circuit_breaker_open"), "{:?}", world.scaler.health().causes);
    assert_eq!(world.scaler.report().circuit_breakers.forecaster, BreakerState::Open);
    world.run(0.5, office);
    fired_and_resolved(&world, &["circuit_breaker_open"]);
    assert!(world.scaler.report().latency_p99_ms.unwrap() > 5000.0);
}

#[test]
fn a_new_level_drifts_for_a_week_and_is_usual_then() {
    let mut world = World::new(config(|config| config.interval_seconds = 600), 9);
    world.run(20.0, office);
    assert!(!world.fires("drift_detected"), "{:?}", world.scaler.report().drift);
    let changed = world.now();
    world.run(2.0, |day| 2.0 * office(day));
    let report = world.scaler.report();
    let drift = report.drift.first().expect("a drift within two days");
    assert_eq!((drift.kind, drift.upwards), (DriftKind::Level, true), "{:?}", report.drift);
    assert!(drift.onset.seconds_apart(changed) <= 86_400.0, "{drift:?}, changed at {changed}");
    assert!(world.fires("drift_detected"));
    world.run(10.0, |day| 2.0 * office(day));
    fired_and_resolved(&world, &["drift_detected"]);
}

#[test]
fn a_threshold_of_a_user_fires_by_its_text_and_can_be_silenced() {
    let text = "queue_length > 500 for 10m critical";
    let mut world = World::new(config(|config| config.alerts = vec![text.to_owned()]), 10);
    world.run(1.0, office);
    assert!(world.scaler.alert_rules().iter().any(|rule| rule.name == text));
    world.run(0.05, |_| 100.0);
    assert!(world.fires(text), "{:?}", world.scaler.report().queue_length);
    let until = world.now().plus_seconds(3600);
    world.scaler.silence(text, Some(until)).unwrap();
    assert_eq!(world.alert(text).unwrap().silenced_until, Some(until));
    let refused = world.scaler.silence("queue", None).unwrap_err().to_string();
    assert!(refused.contains("\"queue\"") && refused.contains("blind"), "{refused}");
    world.run(1.0, office);
    fired_and_resolved(&world, &[text]);
}

#[test]
fn the_table_is_what_the_situations_above_raise() {
    let text = include_str!("main.rs");
    for rule in AlertRule::table() {
        assert!(text.contains(&format!("\"{}\"", rule.name)), "{}: no situation raises it", rule.name);
    }
}

/// Ten pools with a day and a week, noise between 2 and 15 % that lasts for hours, and two weeks each.
#[test]
fn clean_pools_are_silent_for_two_weeks() {
    for seed in 0..10 {
        let mut world = World::new(config(|_| ()), 100 + seed);
        let (scale, noise) = (0.5 + 0.1 * seed as f64, 0.02 + 0.013 * seed as f64);
        let mut slow = 0.0;
        while world.day() < 14.0 {
            slow = 0.97 * slow + 0.243 * world.normal();
            let busy = scale * office(world.day()) * (noise * slow).exp();
            let events = world.events(busy);
            world.tick(events);
        }
        assert!(world.seen.is_empty(), "pool {seed}: {:?}", world.seen);
    }
}

#[test]
fn a_restored_pool_reports_what_it_reported_and_goes_on_alike() {
    let settings = config(|config| config.alerts = vec!["jobs > 3".to_owned()]);
    let mut world = World::new(settings.clone(), 11);
    world.run(3.0, office);
    let snapshot = world.scaler.snapshot();
    let mut restored = Autoscaler::restore(settings, ModelBundle::bundled().unwrap(), &snapshot).unwrap();
    assert_eq!(restored.report().to_json(), world.scaler.report().to_json());
    assert_eq!(restored.alerts(), world.scaler.alerts());
    let record = evscale_core::Metrics::new(world.now().plus_seconds(300), 3000.0, 8.0);
    for scaler in [&mut restored, &mut world.scaler] {
        scaler.observe(&record).unwrap();
    }
    assert_eq!(restored.report().share_accepted, world.scaler.report().share_accepted);
    assert_eq!(restored.snapshot().len(), world.scaler.snapshot().len());
}

/// What becomes of a load on a day of a drift: busy jobs, noise, by days since the change.
/// Load at a day, given the days since the change; before it the second is negative.
type Change = fn(f64, f64) -> f64;

/// A pool with noise of its own that lasts for hours, whose load changes after four weeks.
struct DriftingPool {
    world: World,
    noise: f64,
    slow: f64,
}

impl DriftingPool {
    const CHANGED: f64 = 28.0;

    /// Noise of 3 to 13.5 % by seed.
    fn new(seed: u64) -> Self {
        let world = World::new(config(|config| config.interval_seconds = 600), 1000 + seed);
        Self { world, noise: 0.03 + 0.015 * (seed % 8) as f64, slow: 0.0 }
    }

    /// Runs one interval; returns whether a drift is on.
    fn tick(&mut self, load: Change, noisier: f64) -> bool {
        let since = self.world.day() - Self::CHANGED;
        self.slow = 0.97 * self.slow + 0.243 * self.world.normal();
        let quick = 0.04 * if since > 0.0 { noisier } else { 1.0 } * self.world.normal();
        let busy = load(self.world.day(), since) * (self.noise * self.slow + quick).exp();
        let events = self.world.events(busy);
        self.world.tick(events);
        !self.world.scaler.report().drift.is_empty()
    }

    /// Runs until a day; returns the days at which drifts began to be told.
    fn told(&mut self, load: Change, noisier: f64, until: f64) -> Vec<f64> {
        let (mut told, mut before) = (Vec::new(), false);
        while self.world.day() < until {
            let now = self.tick(load, noisier);
            if now && !before {
                told.push(self.world.day());
            }
            before = now;
        }
        told
    }
}

/// The table of docs/operating.md: detection delay and false alarms of labelled drifts.
/// `cargo test --release --workspace --test monitor drift_table -- --ignored --nocapture`
#[test]
#[ignore = "minutes: make test-long"]
fn drift_table() {
    const POOLS: u64 = 24;
    let cases: [(&str, Change, f64); 6] = [
        ("level x 1.3", |day, since| office(day) * if since > 0.0 { 1.3 } else { 1.0 }, 1.0),
        ("level x 2", |day, since| office(day) * if since > 0.0 { 2.0 } else { 1.0 }, 1.0),
        ("level x 0.6", |day, since| office(day) * if since > 0.0 { 0.6 } else { 1.0 }, 1.0),
        (
            "season, 4 hours earlier",
            |day, since| office(if since > 0.0 { day + 4.0 / 24.0 } else { day }),
            1.0,
        ),
        ("noise x 3", |day, _| office(day), 3.0),
        ("growth of 3 % a day", |day, since| office(day) * (0.03 * since.max(0.0)).exp(), 1.0),
    ];
    println!("| change | found | median delay, days | 90 % within, days |\n|---|---|---|---|");
    for (name, load, noisier) in cases {
        let delay = |seed| {
            let told = DriftingPool::new(seed).told(load, noisier, DriftingPool::CHANGED + 10.0);
            told.into_iter().map(|day| day - DriftingPool::CHANGED).find(|delay| *delay > 0.0)
        };
        let mut delays: Vec<f64> = (0..POOLS).filter_map(delay).collect();
        delays.sort_by(f64::total_cmp);
        let within = |share: f64| delays.get((share * POOLS as f64) as usize).copied().unwrap_or(f64::NAN);
        println!("| {name} | {} of {POOLS} | {:.1} | {:.1} |", delays.len(), within(0.5), within(0.9));
        assert!(delays.len() as u64 >= POOLS - 2 && within(0.5) < 10.0, "{name}: {delays:?}");
    }
    let alarms: usize =
        (0..POOLS).map(|seed| DriftingPool::new(seed).told(|day, _| office(day), 1.0, 120.0).len()).sum();
    println!("{alarms} alarms in the {} months of {POOLS} pools in which nothing changes", 4 * POOLS);
    assert!(alarms <= 10, "{alarms} false alarms");
}
