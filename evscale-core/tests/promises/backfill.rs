//! Old records that are only remembered: what is the same afterwards, and what is close.

use crate::support::{built, without_networks};
use evscale_core::{Autoscaler, Metrics, Timestamp, Verdict};
use std::f64::consts::TAU;

const PER_DAY: i64 = 720;

fn record(index: i64) -> Metrics {
    let at = Timestamp::from_millis(1_767_571_200_000).expect("a time").plus_seconds(120 * (index + 1));
    let phase = index as f64 / PER_DAY as f64 * TAU;
    let events = (2000.0 + 1500.0 * phase.sin() + 100.0 * (index as f64 * 7.7).sin()).round();
    let mut record = Metrics::new(at, events, 12.0);
    record.average_processing_duration_ms = Some(400.0);
    record
}

fn pool() -> Autoscaler {
    built(without_networks(|config| config.max_jobs = 60))
}

/// A pool that remembered the days up to `observed`, and observed from there to `end`.
fn fed(remembered: i64, observed: i64, end: i64) -> Autoscaler {
    let mut scaler = pool();
    for index in remembered * PER_DAY..observed * PER_DAY {
        assert_eq!(scaler.backfill(&record(index)).expect("a record").verdict, Verdict::Accepted);
    }
    for index in observed * PER_DAY..end * PER_DAY {
        scaler.observe(&record(index)).expect("a record");
    }
    scaler
}

/// Difference of the medians over all horizons, as a share of the mean load.
fn distance(one: &Autoscaler, other: &Autoscaler) -> f64 {
    let (one, other) = (one.forecast(), other.forecast());
    let apart = one.horizons.iter().zip(&other.horizons).map(|(a, b)| (a.prediction - b.prediction).abs());
    apart.sum::<f64>() / one.horizons.len() as f64 / 2000.0
}

#[test]
fn forecasts_after_a_remembered_week_are_close_to_those_after_an_observed_one() {
    let exact = fed(0, 0, 9);
    let warm = distance(&exact, &fed(0, 7, 9));
    let cold = distance(&exact, &fed(7, 7, 9));
    assert!(warm < 0.01, "{warm}");
    assert!(cold > 3.0 * warm, "without the remembered week: {cold}, with it: {warm}");
}

#[test]
fn a_snapshot_goes_on_from_what_is_only_remembered() {
    let mut scaler = fed(0, 3, 3);
    let config = scaler.config().clone();
    let bundle = evscale_core::ModelBundle::bundled().expect("the bundled models");
    let mut same = Autoscaler::restore(config, bundle, &scaler.snapshot()).expect("its own snapshot");
    for index in 3 * PER_DAY..3 * PER_DAY + 50 {
        scaler.observe(&record(index)).expect("a record");
        same.observe(&record(index)).expect("a record");
        assert_eq!(scaler.decide(), same.decide());
    }
}

#[test]
fn what_is_only_remembered_decides_nothing() {
    let mut scaler = fed(0, 1, 1);
    let decision = scaler.decide();
    assert_eq!((decision.recommended_jobs, decision.current_jobs), (None, None));
    let late = scaler.backfill(&record(5)).expect("a record");
    assert_eq!(late.verdict, Verdict::Rejected);
}
