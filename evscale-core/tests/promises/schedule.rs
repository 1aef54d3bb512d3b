//! Bursts that come by the clock are served ahead of time, once they have been seen often enough.

use evscale_core::simulate::{Backtest, History, ReplayRow, Workload, backtest};
use evscale_core::{Config, Timestamp};

const DAY: usize = 720;

/// Days of 500 events per interval of 2 minutes, give or take, and 4,000 where `burst` says so of an interval of the day.
fn replayed(days: usize, burst: impl Fn(usize) -> bool) -> Backtest {
    let events = (0..days * DAY)
        .map(|slot| if burst(slot % DAY) { 4000.0 } else { 500.0 + 40.0 * (slot as f64 * 0.7).sin() })
        .collect();
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let workload = Workload { name: "by the clock".to_owned(), start, interval_seconds: 120, events };
    let mut history = History::new(workload);
    (history.jobs_at_peak, history.baselines) = (Some(60.0), false);
    let config = Config::default();
    backtest(&history, &config, None, &mut |_, _| true).unwrap()
}

/// Of each day, the late events as a share of those that come in bursts, and the mean number of jobs.
fn by_day(backtest: &Backtest, burst: impl Fn(usize) -> bool) -> Vec<(f64, f64)> {
    let of_bursts = 4000.0 * (0..DAY).filter(|slot| burst(*slot)).count() as f64;
    let sum = |day: &[ReplayRow], value: fn(&ReplayRow) -> f64| day.iter().map(value).sum::<f64>();
    let rows = &backtest.runs[0].rows;
    rows.chunks(DAY)
        .map(|day| (sum(day, |row| row.violations) / of_bursts, sum(day, |row| row.jobs.into()) / DAY as f64))
        .collect()
}

/// From the third day on little may be late, and in the last days no pool of 60 may stand ready all day.
fn served_ahead(days: usize, burst: impl Fn(usize) -> bool + Copy, most_jobs: f64) {
    let days = by_day(&replayed(days, burst), burst);
    let (late, jobs): (Vec<f64>, Vec<f64>) = days.into_iter().skip(2).unzip();
    assert!(late.iter().sum::<f64>() < 0.01 * late.len() as f64, "{late:.3?}");
    assert!(jobs.iter().rev().take(3).all(|jobs| *jobs < most_jobs), "{jobs:.1?}");
}

#[test]
fn a_nightly_batch_finds_the_jobs_ready() {
    served_ahead(9, |slot| (60..72).contains(&slot), 15.0);
}

#[test]
fn a_batch_every_six_hours_finds_the_jobs_ready() {
    served_ahead(7, |slot| slot % 180 < 6, 30.0);
}
