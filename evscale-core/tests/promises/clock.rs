//! Bursts that come by the clock find their jobs ready, whatever the interval of the records and the startup time.

#![expect(clippy::disallowed_methods, reason = "the number of paces is told by the environment")]

use evscale_core::simulate::{LoadSettings, Replay, SimulatedLoad, Workload, replay};
use evscale_core::{Autoscaler, Config, Timestamp};
use rand::{RngExt, SeedableRng};

const DAY: f64 = 86_400.0;
/// Paces that are drawn unless `EVSCALE_PACES` says how many.
const USUAL_PACES: usize = 4;
const USUAL_PER_SECOND: f64 = 10.0;
const BURST_PER_SECOND: f64 = 200.0;
/// A burst lasts a quarter of an hour, or two intervals where that is longer: what records can show.
const BURST_SECONDS: f64 = 900.0;
/// Its begin, seconds of the day: at no round number of intervals.
const BEGINS: f64 = 5.0 * 3600.0 + 77.0;
/// Days that are known before the first one on which little may be late.
const KNOWN_DAYS: usize = 3;
/// Jobs that a burst keeps busy.
const BURST_JOBS: f64 = 40.0;
/// Interval below which fewer days are replayed, as their records are many.
const SHORT_INTERVAL: u32 = 60;

/// Interval and startup, seconds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    interval: u32,
    startup: u32,
}

impl Pace {
    /// Draws paces evenly on a logarithmic scale: 10 s to an hour, 10 s to three hours.
    fn draw(seed: u64, count: usize) -> Vec<Self> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |most: f64| {
            let tens: f64 = (most / 10.0).ln() * random.random_range(0.0..1.0);
            10 * tens.exp().round() as u32
        };
        (0..count).map(|_| Self { interval: draw(3600.0), startup: draw(10_800.0) }).collect()
    }

    /// From a Monday on; six days have a Saturday, as no weekend was seen that would say otherwise.
    fn days(self) -> usize {
        if self.interval < SHORT_INTERVAL { 5 } else { 6 }
    }

    fn burst_seconds(self) -> f64 {
        BURST_SECONDS.max(2.0 * f64::from(self.interval))
    }

    fn workload(self) -> Workload {
        let interval = f64::from(self.interval);
        let events = (0..(self.days() as f64 * DAY / interval) as usize)
            .map(|slot| {
                let (from, to) = (slot as f64 * interval, (slot + 1) as f64 * interval);
                let begin = (from / DAY).floor() * DAY + BEGINS;
                let shared = (to.min(begin + self.burst_seconds()) - from.max(begin)).max(0.0);
                (USUAL_PER_SECOND * (interval - shared) + BURST_PER_SECOND * shared).round()
            })
            .collect();
        let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        Workload { name: "by the clock".to_owned(), start, interval_seconds: self.interval, events }
    }

    fn replayed(self) -> Replay {
        let settings = LoadSettings {
            jobs_at_peak: BURST_JOBS,
            service_drift: 0.0,
            service_noise: 0.0,
            burst_concentration: 1000.0,
            ..LoadSettings::default()
        };
        let load = SimulatedLoad::new(&self.workload(), &settings);
        let mut config = Config::default();
        config.interval_seconds = self.interval;
        config.decision_interval_seconds = config.decision_interval_seconds.max(self.interval);
        config.job_startup_seconds = self.startup;
        let pool = (self.startup.into(), config.sla_wait_seconds);
        let mut scaler = Autoscaler::builder(config).build().unwrap();
        replay(&load, pool, &mut scaler, 0, &mut |_, _| {})
    }

    /// Late share of the events of each day, and the mean jobs.
    fn by_day(self) -> Vec<(f64, f64)> {
        let replay = self.replayed();
        let slots = DAY / f64::from(self.interval);
        let day = |index: usize| {
            let (from, to) = (index as f64 * slots, (index + 1) as f64 * slots);
            let rows = &replay.rows[from as usize..(to as usize).min(replay.rows.len())];
            let sum = |value: fn(&evscale_core::simulate::ReplayRow) -> f64| -> f64 {
                rows.iter().map(value).sum()
            };
            (
                sum(|row| row.violations) / sum(|row| row.arrivals),
                sum(|row| row.jobs.into()) / rows.len() as f64,
            )
        };
        (0..self.days()).map(day).collect()
    }
}

#[test]
fn a_burst_by_the_clock_finds_its_jobs_ready_at_every_interval_and_startup() {
    // each is a replay of days: all fifty take minutes, `EVSCALE_PACES=50` runs them
    let count = std::env::var("EVSCALE_PACES").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL_PACES);
    let paces = Pace::draw(18, count);
    let (short, long): (Vec<Pace>, Vec<Pace>) = paces.iter().partition(|pace| pace.interval % 20 == 0);
    let of = |paces: &[Pace]| paces.iter().map(|pace| (*pace, pace.by_day())).collect::<Vec<_>>();
    let replayed = std::thread::scope(|scope| {
        let other = scope.spawn(|| of(&short));
        let mut all = of(&long);
        all.append(&mut other.join().unwrap());
        all
    });
    for (pace, days) in replayed {
        let told = format!("{pace:?}: late share and mean jobs of each day: {days:.4?}");
        assert!(days.iter().skip(KNOWN_DAYS).all(|(late, _)| *late <= 0.01), "{told}");
        // ready for a burst between its first possible begin and its last possible end, not all day
        let interval = f64::from(pace.interval);
        let ready = pace.burst_seconds() + f64::from(pace.startup) + 4.0 * interval.max(600.0) + 3600.0;
        let most = 1.6 * (BURST_JOBS * ready / DAY) + 4.0;
        assert!(days.last().is_some_and(|(_, jobs)| *jobs <= most), "at most {most:.1} jobs; {told}");
    }
}
