//! A pool in a simulated queue whose load only an insider knows ahead, and forecasters of known skill.

use evscale_core::features::lead_steps;
use evscale_core::simulate::PoolSimulator;
use evscale_core::{
    Autoscaler, Challenger, Config, Decision, HostError, HostForecaster, Metrics, ModelBundle,
    QUANTILE_LEVELS, Series, Timestamp,
};

pub const INTERVAL: u32 = 600;
const SERVICE_SECONDS: f64 = 2.0;

pub fn start() -> Timestamp {
    "2026-01-05T00:00:00Z".parse().unwrap()
}

/// A number from -1 to 1 that looks random: of a seed, a kind and a place.
fn scattered(seed: u64, kind: u64, place: i64) -> f64 {
    let mut x =
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ kind.wrapping_mul(0xD1B5_4A32_D192_ED03) ^ place as u64;
    for _ in 0..3 {
        x = (x ^ (x >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(27);
    }
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Mean arrivals of the interval that ends at a time: a day, and a level that another half-hour changes as it likes.
fn level(seed: u64, at: Timestamp) -> f64 {
    let seconds = at.seconds_since(start());
    let day = 1.0 + 0.4 * (seconds / 86_400.0 * std::f64::consts::TAU).sin();
    1500.0 * day * (0.8 * scattered(seed, 1, (seconds / 1800.0).floor() as i64)).exp()
}

/// An insider who knows the level, and errs by a share that is its own: half of it for an hour on end.
pub struct Insider {
    pub seed: u64,
    pub own: u64,
    /// Standard deviation of the error, by the time of the forecast.
    pub error: fn(Timestamp) -> f64,
    pub scale: f64,
}

impl HostForecaster for Insider {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        let error = self.scale * (self.error)(series.end);
        let hour = series.end.as_millis() / 3_600_000;
        let leads = lead_steps(series.interval_seconds);
        let rows = leads.iter().enumerate().map(|(row, steps)| {
            let target = series.end.plus_seconds(steps * i64::from(INTERVAL));
            let place = series.end.as_millis() / 1000 + row as i64;
            let luck = 1.2 * scattered(self.seed ^ self.own, 2, place)
                + 0.5 * scattered(self.seed ^ self.own, 3, hour);
            let centre = level(self.seed, target) * (error * luck).exp();
            let quantile = |level: &f64| centre * (error * 0.9 * (level / (1.0 - level)).ln() / 1.7).exp();
            QUANTILE_LEVELS.iter().map(quantile).collect()
        });
        Ok(rows.collect())
    }
}

pub struct World {
    pub scaler: Autoscaler,
    pub queue: PoolSimulator,
    pub seed: u64,
    pub step: i64,
    /// The newest decision.
    pub said: Option<Decision>,
    pub late: f64,
    pub events: f64,
}

pub fn config() -> Config {
    let mut config = Config::default();
    config.interval_seconds = INTERVAL;
    config.decision_interval_seconds = INTERVAL;
    config.sla_wait_seconds = 120.0;
    config
}

pub fn insider(seed: u64, own: u64, scale: f64, error: fn(Timestamp) -> f64) -> Box<Insider> {
    Box::new(Insider { seed, own, error, scale })
}

impl World {
    pub fn of(scaler: Autoscaler, seed: u64) -> Self {
        let config = scaler.config();
        let queue = PoolSimulator::new(12, f64::from(config.job_startup_seconds), config.sla_wait_seconds);
        Self { scaler, queue, seed, step: 0, said: None, late: 0.0, events: 0.0 }
    }

    /// A pool with an insider as the champion's forecaster.
    pub fn new(seed: u64, error: fn(Timestamp) -> f64) -> Self {
        let mut scaler = Autoscaler::builder(config()).build().unwrap();
        scaler.use_forecaster(insider(seed, 17, 1.0, error)).unwrap();
        Self::of(scaler, seed)
    }

    pub fn challenge(&mut self, scale: f64, error: fn(Timestamp) -> f64) {
        let challenger = Challenger::new(&ModelBundle::bundled().unwrap());
        self.scaler
            .challenge(challenger.with_forecaster("insider", insider(self.seed, 99, scale, error)))
            .unwrap();
    }

    pub fn now(&self) -> Timestamp {
        start().plus_seconds(self.step * i64::from(INTERVAL))
    }

    pub fn record(&mut self) -> Metrics {
        self.step += 1;
        let events =
            (level(self.seed, self.now()) * (1.0 + 0.05 * scattered(self.seed, 4, self.step))).round();
        let substeps = 60;
        let out =
            self.queue.run_interval(&vec![events / f64::from(substeps); substeps as usize], SERVICE_SECONDS);
        let mut record = Metrics::new(self.now(), out.arrived.round(), f64::from(out.jobs));
        record.processed_events_count = Some(out.processed);
        record.queued_events_count = Some(out.queued);
        record.average_processing_duration_ms = Some(1000.0 * SERVICE_SECONDS);
        record.sla_violations_count = Some(out.violations);
        self.late += out.violations;
        self.events += out.arrived;
        record
    }

    pub fn tick(&mut self) -> Decision {
        let decision = self.decided();
        self.said = Some(decision.clone());
        decision
    }

    fn decided(&mut self) -> Decision {
        let record = self.record();
        self.scaler.observe(&record).unwrap();
        let decision = self.scaler.decide();
        if let Some(jobs) = decision.recommended_jobs {
            self.queue.scale_to(jobs);
        }
        decision
    }

    /// Hours until something happened, at most those of so many days.
    pub fn hours_until(&mut self, days: i64, happened: impl Fn(&Self) -> bool) -> Option<f64> {
        let begin = self.now();
        for _ in 0..days * 86_400 / i64::from(INTERVAL) {
            self.tick();
            if happened(self) {
                return Some(self.now().seconds_since(begin) / 3600.0);
            }
        }
        None
    }

    /// Whether the last event of the models is of this kind.
    pub fn last_event(&self) -> Option<evscale_core::LifecycleEventKind> {
        self.scaler.models()?.events.last().map(|event| event.kind)
    }
}
