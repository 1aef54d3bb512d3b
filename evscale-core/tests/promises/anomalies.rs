//! Labelled anomalies in generated series: how many are found, and how many alarms are false.

use evscale_core::{Forecaster, ModelBundle, Timestamp};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

const ALARM: f64 = 0.5;
const INTERVALS_PER_DAY: usize = 720;
const DAYS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Spike,
    Drop,
    Shift,
    Stuck,
}

impl Kind {
    /// Intervals within which it must be noticed.
    fn window(self) -> usize {
        match self {
            Kind::Spike => 1,
            Kind::Drop => 5,
            Kind::Shift => 60,
            Kind::Stuck => 30,
        }
    }

    /// Intervals after it in which alarms belong to it: a shift is still unlike yesterday for a day.
    fn aftermath(self) -> usize {
        if self == Kind::Shift { INTERVALS_PER_DAY } else { 150 }
    }

    fn apply(self, events: &mut [f64], at: usize) {
        match self {
            Kind::Spike => events[at] *= 4.0,
            Kind::Drop => events[at..at + 5].iter_mut().for_each(|e| *e = (*e * 0.05).round()),
            Kind::Shift => events[at..].iter_mut().for_each(|e| *e = (*e * 1.8).round()),
            Kind::Stuck => {
                let last = events[at - 1];
                events[at..at + 30].fill(last);
            }
        }
    }
}

/// Daily Poisson load with an anomaly of one kind per day from the sixth day on.
fn series(kind: Kind, seed: u64) -> (Vec<f64>, Vec<usize>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = DAYS * INTERVALS_PER_DAY;
    let mut events: Vec<f64> = (0..count)
        .map(|i| {
            let phase = i as f64 / INTERVALS_PER_DAY as f64 * std::f64::consts::TAU;
            Poisson::new(400.0 + 250.0 * phase.sin()).expect("a positive rate").sample(&mut random)
        })
        .collect();
    // a shift stays, so there is one only
    let days = if kind == Kind::Shift { 8..9 } else { 6..DAYS };
    let places: Vec<usize> = days.map(|day| day * INTERVALS_PER_DAY + 150 + 97 * (day % 5)).collect();
    for at in &places {
        kind.apply(&mut events, *at);
    }
    (events, places)
}

/// Anomalies, those found, and false alarms (runs of alarms that belong to no anomaly).
fn count(kind: Kind, seeds: std::ops::Range<u64>) -> (usize, usize, usize) {
    let bundle = ModelBundle::bundled().expect("the bundled models");
    let (mut total, mut found, mut wrong) = (0, 0, 0);
    for seed in seeds {
        let (events, places) = series(kind, seed);
        let mut forecaster =
            Forecaster::with_bundle(120, Timestamp::EPOCH, &bundle).expect("a valid interval");
        let mut alarms = Vec::with_capacity(events.len());
        for value in &events {
            forecaster.observe(*value).expect("a valid count");
            alarms.push(forecaster.forecast().anomaly_score >= ALARM);
        }
        let belongs = |slot: usize| {
            places.iter().any(|at| (*at..at + kind.window() + kind.aftermath()).contains(&slot))
        };
        total += places.len();
        found += places.iter().filter(|at| alarms[**at..**at + kind.window()].contains(&true)).count();
        let mut before = false;
        for (slot, alarm) in alarms.iter().enumerate().skip(4 * INTERVALS_PER_DAY) {
            let alarm = *alarm && !belongs(slot);
            wrong += usize::from(alarm && !before);
            before = alarm;
        }
    }
    (total, found, wrong)
}

#[test]
fn confidence_falls_where_the_series_changes_and_is_high_where_it_does_not() {
    let bundle = ModelBundle::bundled().expect("the bundled models");
    let (events, places) = series(Kind::Shift, 3);
    let at = places[0];
    let mut forecaster = Forecaster::with_bundle(120, Timestamp::EPOCH, &bundle).expect("a valid interval");
    let confidence: Vec<f64> = events[..at + 30]
        .iter()
        .map(|value| {
            forecaster.observe(*value).expect("a valid count");
            forecaster.forecast().model_confidence
        })
        .collect();
    let mean = |from: usize, to: usize| confidence[from..to].iter().sum::<f64>() / (to - from) as f64;
    let (before, after) = (mean(at - INTERVALS_PER_DAY, at), mean(at, at + 30));
    println!("confidence before the shift {before:.2}, in the hour after it {after:.2}");
    assert!(before > 0.7, "{before}");
    assert!(after < before - 0.1, "{before} {after}");
}

/// Nearly all anomalies of a kind are found, and most alarms are right.
fn check(kind: Kind, seeds: std::ops::Range<u64>) {
    let days = (seeds.end - seeds.start) as f64 * (DAYS - 4) as f64;
    let (total, found, wrong) = count(kind, seeds);
    let recall = found as f64 / total as f64;
    let precision = found as f64 / (found + wrong).max(1) as f64;
    println!(
        "{kind:?}: {total} anomalies, recall {recall:.2}, precision {precision:.2}, {:.2} false alarms a day",
        wrong as f64 / days
    );
    assert!(recall >= 0.9, "{kind:?}: recall {recall}");
    assert!(precision >= 0.8, "{kind:?}: precision {precision}");
}

#[test]
fn spikes_are_found() {
    check(Kind::Spike, 0..1);
}

#[test]
fn drops_are_found() {
    check(Kind::Drop, 0..1);
}

#[test]
fn shifts_are_found() {
    check(Kind::Shift, 0..1);
}

#[test]
fn stuck_counters_are_found() {
    check(Kind::Stuck, 0..1);
}

#[test]
#[ignore = "minutes: make test-long"]
fn anomalies_of_every_kind_are_found_in_more_series() {
    for kind in [Kind::Spike, Kind::Drop, Kind::Stuck] {
        check(kind, 0..2);
    }
    check(Kind::Shift, 0..6);
}
