//! What a subscriber of `tracing` is told of a pool, and that nothing depends on there being one.

use evscale_core::{Autoscaler, Config, Decision, Fleet, Metrics, ModelBundle, Timestamp};
use std::fmt::Debug;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Every event as a line: the spans around it, and its fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Told(String);

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let scope = context.event_scope(event).into_iter().flatten();
        let mut told = Told(scope.map(|span| span.name()).collect::<Vec<_>>().join("<"));
        event.record(&mut told);
        self.0.lock().unwrap().push(told.0);
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.use_networks = false;
    config
}

fn record(step: i64) -> Metrics {
    let start: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
    let mut record = Metrics::new(start.plus_seconds(120 * step), 3400.0, 12.0);
    record.average_processing_duration_ms = Some(400.0);
    record
}

/// A pool with a repaired record, a late one, and an hour without records; returns its last decision.
fn run() -> Decision {
    let mut scaler = Autoscaler::builder(config()).build().unwrap();
    for step in 1..=10 {
        scaler.observe(&record(step)).unwrap();
        scaler.decide();
    }
    let mut broken = record(11);
    broken.memory_utilization_percent = Some(-3.0);
    scaler.observe(&broken).unwrap();
    scaler.observe(&record(4)).unwrap();
    let decision = scaler.decide_at(record(40).timestamp);
    scaler.observe(&record(41)).unwrap();
    decision
}

#[test]
fn records_decisions_and_alerts_are_told_inside_their_spans() {
    let lines = Lines::default();
    let watched = tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), run);
    let told = lines.0.lock().unwrap().clone();
    let line = |parts: &[&str]| {
        let found = told.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "{parts:?} is in none of {told:#?}");
    };
    line(&["observe message=record repaired", "memory_utilization_percent"]);
    line(&["observe message=record rejected", "reason="]);
    line(&["decide message=decision", "recommended_jobs=", "explanation="]);
    line(&[
        "decide message=No usable record for longer than `stale_after_seconds`.",
        "alert=\"blind\"",
        "severity=\"critical\"",
    ]);
    line(&["observe message=alert resolved", "alert=\"blind\""]);
    assert_eq!(run(), watched, "nothing depends on a subscriber");
}

#[test]
fn a_fleet_names_the_pool() {
    let lines = Lines::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
        let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
        fleet.add("eu-west", config()).unwrap();
        assert!(fleet.tick(vec![("eu-west".to_owned(), record(1))]).iter().all(Result::is_ok));
    });
    assert!(lines.0.lock().unwrap().iter().any(|line| line.starts_with("decide<pool message=decision")));
}

#[test]
fn the_example_of_opentelemetry_exports_spans_with_their_events() {
    let ran = Command::new(env!("CARGO_BIN_EXE_opentelemetry")).output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success() && told.contains("decide: decision "), "{told}");
    assert!(told.contains("alert=blind") && told.lines().last() == Some("121 spans"), "{told}");
}
