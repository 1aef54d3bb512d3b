//! The pool's time zone and holidays: what they change in forecasts and decisions, and when.

#![expect(clippy::disallowed_methods, reason = "differences of known times")]

use crate::support::{built, served};
use evscale_core::{Autoscaler, Config, Decision, Forecast, Timestamp};
use std::f64::consts::TAU;

const INTERVAL: i64 = 120;
const PER_DAY: i64 = 720;
const TOKYO_HOURS: i64 = 9;

fn config(time_zone: &str, holidays: &[&str]) -> Config {
    let mut config = Config::default();
    config.time_zone = time_zone.to_owned();
    config.holidays = holidays.iter().map(|day| (*day).to_owned()).collect();
    config
}

/// Monday, 2026-01-05, 00:00 UTC.
fn midnight() -> Timestamp {
    "2026-01-05T00:00:00Z".parse().unwrap()
}

/// Observes interval `index` of a load with a daily rhythm that begins at `start`, and decides on it.
fn tick(scaler: &mut Autoscaler, start: Timestamp, index: i64) -> (Forecast, Decision) {
    let events = 3000.0 + 1500.0 * (index as f64 / PER_DAY as f64 * TAU).sin() + (index % 7) as f64 * 20.0;
    let record = served(start.plus_seconds(INTERVAL * (index + 1)), events.round(), 20, 500.0);
    scaler.observe(&record).unwrap();
    (scaler.forecast(), scaler.decide())
}

#[test]
fn a_pool_plans_by_the_clock_of_its_zone() {
    let mut utc = built(config("UTC", &[]));
    let mut tokyo = built(config("Asia/Tokyo", &[]));
    let mut misplaced = built(config("UTC", &[]));
    // midnight in Tokyo is 15:00 UTC of the day before
    let (here, there) = (midnight(), midnight().plus_seconds(-3600 * TOKYO_HOURS));
    let mut apart = 0;
    for index in 0..2 * PER_DAY {
        let (forecast, decision) = tick(&mut utc, here, index);
        let (moved_forecast, moved) = tick(&mut tokyo, there, index);
        let (_, wrong) = tick(&mut misplaced, there, index);
        assert_eq!(decision.decided_at.seconds_since(moved.decided_at), 3600.0 * TOKYO_HOURS as f64);
        assert_eq!(forecast.horizons, moved_forecast.horizons, "record {index}");
        assert_eq!(decision.plan, moved.plan, "record {index}");
        apart += usize::from(decision.plan != wrong.plan);
    }
    assert!(apart > 10, "a pool in the wrong zone plans otherwise: {apart} decisions");
}

#[test]
fn a_holiday_is_seen_three_hours_before_its_local_midnight_and_changes_decisions() {
    // the 7th of January begins in Tokyo on the 6th at 15:00 UTC: 39 hours after the first record
    let mut usual = built(config("Asia/Tokyo", &[]));
    let mut holiday = built(config("Asia/Tokyo", &["2026-01-07"]));
    let mut first_seen = None;
    let mut apart = 0;
    for index in 0..2 * PER_DAY {
        let (forecast, decision) = tick(&mut usual, midnight(), index);
        let (other_forecast, other_decision) = tick(&mut holiday, midnight(), index);
        if forecast != other_forecast {
            first_seen.get_or_insert(forecast.at);
        }
        apart += usize::from(decision != other_decision);
    }
    let begins: Timestamp = "2026-01-06T15:00:00Z".parse().unwrap();
    let ahead = begins.seconds_since(first_seen.expect("the holiday changes forecasts"));
    let (longest, interval) = (3.0 * 3600.0, INTERVAL as f64);
    assert!((longest - interval..=longest + interval).contains(&ahead), "{ahead} s before");
    assert!(apart > 10, "{apart} decisions differ");
}

#[test]
fn a_holiday_of_another_day_changes_nothing() {
    let mut usual = built(config("Asia/Tokyo", &[]));
    let mut holiday = built(config("Asia/Tokyo", &["2026-01-04", "2026-01-08"]));
    for index in 0..PER_DAY {
        assert_eq!(tick(&mut usual, midnight(), index), tick(&mut holiday, midnight(), index));
    }
}
