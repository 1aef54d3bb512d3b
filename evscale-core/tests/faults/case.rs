//! One case: a pool, its load, and what goes wrong, all drawn from a seed.

use super::faults::Kind;
use evscale_core::{Config, Timestamp};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::ops::Range;

/// Time after the faults until the pool is judged: the longer of both.
const RECOVERY_SECONDS: f64 = 7200.0;
const RECOVERY_STARTUPS: f64 = 10.0;
/// Time over which it is judged, seconds.
const JUDGED_SECONDS: f64 = 3600.0;
const DAY_SECONDS: f64 = 86_400.0;

/// What a record says of the work, beside arrivals and jobs.
#[derive(Clone, Copy, Debug)]
pub enum Fields {
    /// Everything.
    All,
    /// Neither queue nor wait.
    NoQueue,
    /// No service time.
    NoServiceTime,
}

pub struct Case {
    pub seed: u64,
    pub config: Config,
    pub service_seconds: f64,
    pub fields: Fields,
    /// Arrivals of each interval.
    pub load: Vec<f64>,
    pub kinds: Vec<Kind>,
    faulty: Range<usize>,
    judged: Range<usize>,
}

impl Case {
    pub fn drawn(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let interval = [30, 60, 120, 120, 300, 600][random.random_range(0..6usize)];
        let mut config = Config::default();
        config.use_networks = false;
        config.interval_seconds = interval;
        config.decision_interval_seconds = interval * random.random_range(1..4);
        config.job_startup_seconds = [0, 60, 180, 600, 1200][random.random_range(0..5usize)];
        config.sla_wait_seconds = random.random_range(5.0..120.0);
        config.sla_target = [0.95, 0.99, 0.995][random.random_range(0..3usize)];
        config.min_jobs = random.random_range(0..3);
        let seconds = f64::from(interval);
        let steps = |duration: f64| (duration / seconds).ceil() as usize;
        let service_seconds = 10f64.powf(random.random_range(-2.0..1.0));
        let jobs = 10f64.powf(random.random_range(0.5..1.7));
        config.max_jobs = (6.0 * jobs).ceil() as u32;
        if random.random_bool(0.3) {
            config.service_time_ms = Some(1000.0 * service_seconds);
        }
        let fields = match random.random_range(0..4) {
            0 => Fields::NoQueue,
            1 => Fields::NoServiceTime,
            _ => Fields::All,
        };
        // at short intervals weeks take too many records
        let faulty_days = random.random_range(0.1..1.0) * (seconds / 60.0).clamp(0.5, 8.0);
        let learned = steps(random.random_range(1.0..2.0) * DAY_SECONDS);
        let recovery = RECOVERY_SECONDS.max(RECOVERY_STARTUPS * f64::from(config.job_startup_seconds));
        let faulty = learned..learned + steps(faulty_days * DAY_SECONDS);
        let judged = faulty.end + steps(recovery)..faulty.end + steps(recovery + JUDGED_SECONDS);
        let per_second = jobs / service_seconds;
        let load = load(&mut random, judged.end, per_second, seconds);
        let mut kinds: Vec<Kind> = Vec::new();
        for _ in 0..random.random_range(1..4) {
            kinds.push(Kind::drawn(&mut random));
        }
        Self { seed, config, service_seconds, fields, load, kinds, faulty, judged }
    }

    /// Time of the record of a step.
    pub fn at(&self, step: usize) -> Timestamp {
        let start: Timestamp = "2026-01-05T00:00:00Z".parse().expect("a time");
        start.plus_seconds((step as i64 + 1) * i64::from(self.config.interval_seconds))
    }

    pub fn is_faulty(&self, step: usize) -> bool {
        self.faulty.contains(&step)
    }

    /// Time at which the faults end.
    pub fn mended(&self) -> Timestamp {
        self.at(self.faulty.end)
    }

    /// Steps in which the pool is compared.
    pub fn judged(&self) -> Range<usize> {
        self.judged.clone()
    }
}

/// A day that comes again, with noise; some have bursts.
fn load(random: &mut impl Rng, steps: usize, per_second: f64, seconds: f64) -> Vec<f64> {
    let swing = random.random_range(0.0..0.7);
    let noise = random.random_range(0.0..0.15);
    let bursts = if random.random_bool(0.3) { 0.01 } else { 0.0 };
    let phase = random.random_range(0.0..std::f64::consts::TAU);
    (0..steps)
        .map(|step| {
            let day = (step as f64 * seconds / DAY_SECONDS * std::f64::consts::TAU + phase).sin();
            let burst = if random.random_bool(bursts) { random.random_range(1.0..2.0) } else { 1.0 };
            let level = per_second * seconds * (1.0 + swing * day) / (1.0 + swing);
            (level * burst * (1.0 + noise * random.random_range(-1.0..1.0))).round()
        })
        .collect()
}

impl fmt::Display for Case {
    /// The line that runs the case again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EVSCALE_FAULTS_SEED={} cargo test --release --test faults -- --nocapture  # {:?}, every {} s, faults for {:.1} h",
            self.seed,
            self.kinds,
            self.config.interval_seconds,
            self.faulty.len() as f64 * f64::from(self.config.interval_seconds) / 3600.0
        )
    }
}
