//! Blackouts of 30 minutes, 6 hours and 3 days: no scale-down in them, a safe return, and what they cost beside the
//! Kubernetes autoscaler. `cargo test --release --workspace --test promises a_blackout -- --nocapture` prints the table.

use crate::support::{built, without_networks};
use evscale_core::simulate::baselines::{BaselinePool, HpaCpu};
use evscale_core::simulate::{LoadSettings, Replay, ReplayRow, ScalingRule, SimulatedLoad, Workload, replay};
use evscale_core::{Autoscaler, Config, Metrics, Timestamp};

const INTERVAL: usize = 120;
const PER_HOUR: usize = 3600 / INTERVAL;
const DAY: usize = 24 * PER_HOUR;
/// Time after the blackout that is counted, too.
const AFTER: usize = 2 * PER_HOUR;
const STARTUP_SECONDS: f64 = 180.0;

/// A rule that sees no record for a while. The Kubernetes autoscaler keeps its number meanwhile; evscale is asked as
/// always.
struct Blind<R> {
    rule: R,
    seen: usize,
    blackout: std::ops::Range<usize>,
    now: Timestamp,
}

impl<R> Blind<R> {
    fn new(rule: R, blackout: std::ops::Range<usize>) -> Self {
        Self { rule, seen: 0, blackout, now: Timestamp::EPOCH }
    }

    fn is_blind(&mut self, record: &Metrics) -> bool {
        self.now = record.timestamp;
        self.seen += 1;
        self.blackout.contains(&(self.seen - 1))
    }
}

impl ScalingRule for Blind<HpaCpu> {
    fn observe(&mut self, record: &Metrics) {
        if !self.is_blind(record) {
            self.rule.observe(record);
        }
    }

    fn decide(&mut self) -> Option<u32> {
        self.rule.decide()
    }
}

impl ScalingRule for Blind<Autoscaler> {
    fn observe(&mut self, record: &Metrics) {
        if !self.is_blind(record) {
            Autoscaler::observe(&mut self.rule, record).unwrap();
        }
    }

    fn decide(&mut self) -> Option<u32> {
        self.rule.decide_at(self.now).recommended_jobs
    }
}

fn config() -> Config {
    without_networks(|_| ())
}

fn world(seed: u64) -> SimulatedLoad {
    SimulatedLoad::new(&Workload::two_weeks(seed), &LoadSettings { seed, ..LoadSettings::default() })
}

fn play(world: &SimulatedLoad, rule: &mut dyn ScalingRule) -> Replay {
    replay(world, (STARTUP_SECONDS, config().sla_wait_seconds), rule, 7 * DAY, &mut |_, _| {})
}

fn evscale(world: &SimulatedLoad, blackout: std::ops::Range<usize>) -> Replay {
    play(world, &mut Blind::new(built(config()), blackout))
}

fn hpa(world: &SimulatedLoad, blackout: std::ops::Range<usize>) -> Replay {
    let config = config();
    let pool = BaselinePool {
        bounds: (config.min_jobs, config.max_jobs),
        interval_seconds: config.interval_seconds,
        startup_seconds: STARTUP_SECONDS,
        service_seconds: world.base_service_seconds(),
    };
    let rule = HpaCpu::new(pool, 70.0);
    play(world, &mut Blind::new(rule, blackout))
}

/// Percent of the events in time, and job-hours.
fn score(rows: &[ReplayRow]) -> (f64, f64) {
    let arrivals: f64 = rows.iter().map(|row| row.arrivals).sum();
    let late: f64 = rows.iter().map(|row| row.violations).sum();
    let jobs: f64 = rows.iter().map(|row| f64::from(row.jobs)).sum();
    (100.0 * (1.0 - late / arrivals), jobs / PER_HOUR as f64)
}

/// Percent in time and job-hours with and without blackouts: means over all worlds and beginnings.
#[derive(Default)]
struct Outcome {
    blind: (f64, f64),
    clear: (f64, f64),
}

impl Outcome {
    fn loss(&self) -> f64 {
        self.clear.0 - self.blind.0
    }

    fn row(&self) -> String {
        let ((blind, hours), (clear, clear_hours)) = (self.blind, self.clear);
        format!("{blind:.2} % | {clear:.2} % | {:.2} | {hours:.0} | {clear_hours:.0}", self.loss())
    }
}

/// Plays a rule through blackouts of a length, in loads of so many seeds, that begin at these hours of the ninth day; `check`
/// sees every blackout, from the first record that is missing plainly, and two records after it.
fn outcome(
    rule: fn(&SimulatedLoad, std::ops::Range<usize>) -> Replay,
    length: usize,
    (seeds, hours): (u64, &[usize]),
    check: impl Fn(&[ReplayRow]),
) -> Outcome {
    let mut sums = Outcome::default();
    let weight = 1.0 / (seeds as f64 * hours.len() as f64);
    for world in (0..seeds).map(world) {
        let clear = rule(&world, 0..0);
        for begin in hours.iter().map(|hour| 8 * DAY + hour * PER_HOUR) {
            let blind = rule(&world, begin..begin + length);
            check(&blind.rows[begin..begin + length + 2]);
            for (sum, played) in [(&mut sums.blind, &blind), (&mut sums.clear, &clear)] {
                let (in_time, hours) = score(&played.rows[begin..begin + length + AFTER]);
                *sum = (sum.0 + weight * in_time, sum.1 + weight * hours);
            }
        }
    }
    sums
}

#[test]
fn a_blackout_shrinks_nothing_and_costs_less_than_with_the_reactive_rule() {
    let cases = (2, &[4, 10, 16][..]);
    println!("| rule | blackout | in time | in time without it | loss | job-hours | job-hours without it |");
    println!("|---|---|---|---|---|---|---|");
    for (name, length) in [("30 min", PER_HOUR / 2), ("6 h", 6 * PER_HOUR), ("3 days", 3 * DAY)] {
        // 3 records prove that the pool can be seen again
        let never_shrinks = |rows: &[ReplayRow]| {
            for pair in rows.windows(2) {
                assert!(pair[1].target >= pair[0].target, "{name}: {pair:?}");
            }
        };
        let ours = outcome(evscale, length, cases, never_shrinks);
        let reactive = outcome(hpa, length, cases, |_| ());
        println!("| evscale | {name} | {} |", ours.row());
        println!("| HPA, CPU 70 % | {name} | {} |", reactive.row());
        assert!(ours.blind.0 >= reactive.blind.0, "{name}");
    }
}
