//! Bursts that come by the clock find their jobs ready, whatever the interval of the records and the startup time.

use evscale_core::simulate::{LoadSettings, Replay, SimulatedLoad, Workload, replay};
use evscale_core::{Autoscaler, Config, Timestamp};
use rand::{RngExt, SeedableRng};

const DAY: f64 = 86_400.0;
/// A burst of twenty times the usual load for a quarter of an hour, or for two intervals where that is longer: what records can show.
const USUAL_PER_SECOND: f64 = 10.0;
const BURST_PER_SECOND: f64 = 200.0;
const BURST_SECONDS: f64 = 900.0;
/// Its begin, seconds of the day: on no round number of intervals.
const BEGINS: f64 = 5.0 * 3600.0 + 77.0;
const DAYS: usize = 7;

/// Interval and startup, seconds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    interval: u32,
    startup: u32,
}

/// Draws paces evenly on a logarithmic scale: 10 s to an hour, 10 s to three hours.
fn paces(seed: u64, count: usize) -> Vec<Pace> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |most: f64| {
        let tens: f64 = (most / 10.0).ln() * random.random_range(0.0..1.0);
        10 * tens.exp().round() as u32
    };
    (0..count).map(|_| Pace { interval: draw(3600.0), startup: draw(10_800.0) }).collect()
}

fn burst_seconds(pace: Pace) -> f64 {
    BURST_SECONDS.max(2.0 * f64::from(pace.interval))
}

fn run(pace: Pace) -> Replay {
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let interval = f64::from(pace.interval);
    let length = burst_seconds(pace);
    let events = (0..(DAYS as f64 * DAY / interval) as usize)
        .map(|slot| {
            let (from, to) = (slot as f64 * interval, (slot + 1) as f64 * interval);
            let begin = (from / DAY).floor() * DAY + BEGINS;
            let shared = (to.min(begin + length) - from.max(begin)).max(0.0);
            (USUAL_PER_SECOND * (interval - shared) + BURST_PER_SECOND * shared).round()
        })
        .collect();
    let workload = Workload { name: "by the clock".to_owned(), start, interval_seconds: pace.interval, events };
    let settings = LoadSettings { service_drift: 0.0, service_noise: 0.0, burst_concentration: 1000.0, jobs_at_peak: 40.0, ..Default::default() };
    let load = SimulatedLoad::new(&workload, &settings);
    let mut config = Config::default();
    config.interval_seconds = pace.interval;
    config.decision_interval_seconds = config.decision_interval_seconds.max(pace.interval);
    config.job_startup_seconds = pace.startup;
    let mut scaler = Autoscaler::builder(config.clone()).build().unwrap();
    replay(&load, (pace.startup.into(), config.sla_wait_seconds), &mut scaler, 0, &mut |_, _| {})
}

/// Of a day, the late share of its events, and the mean jobs over the load.
fn day(replay: &Replay, pace: Pace, day: usize) -> (f64, f64) {
    let slots = DAY / f64::from(pace.interval);
    let rows = &replay.rows[(day as f64 * slots) as usize..((day + 1) as f64 * slots) as usize];
    let late: f64 = rows.iter().map(|row| row.violations).sum();
    let events: f64 = rows.iter().map(|row| row.arrivals).sum();
    let jobs: f64 = rows.iter().map(|row| f64::from(row.jobs)).sum::<f64>() / rows.len() as f64;
    (late / events, jobs)
}

#[test]
fn a_burst_by_the_clock_finds_its_jobs_ready_at_every_interval_and_startup() {
    let paces = paces(18, 50);
    let half = paces.len() / 2;
    let served = |paces: &[Pace]| {
        paces
            .iter()
            .map(|pace| {
                let replay = run(*pace);
                (*pace, (0..DAYS).map(|index| day(&replay, *pace, index)).collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
    };
    let all = std::thread::scope(|scope| {
        let first = scope.spawn(|| served(&paces[..half]));
        let mut second = served(&paces[half..]);
        let mut all = first.join().unwrap();
        all.append(&mut second);
        all
    });
    let mut late = 0;
    for (pace, days) in &all {
        let text: Vec<String> = days.iter().map(|(late, jobs)| format!("{:5.2}/{jobs:4.1}", 100.0 * late)).collect();
        let bad = days.iter().skip(3).any(|(late, _)| *late > 0.01);
        late += usize::from(bad);
        println!("{:5} {:6} {} {}", pace.interval, pace.startup, if bad { "LATE" } else { "ok  " }, text.join(" "));
    }
    assert_eq!(late, 0);
}
