//! What the measuring programs share: a generated load, memory and allocations, quantiles of times.

#![warn(missing_docs)]

mod counting;

pub use counting::{Counting, Counts};

use evscale_core::simulate::{LoadSettings, SimulatedLoad, Workload};
use evscale_core::{Config, Metrics, ModelBundle};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Records of generated weeks, one after the other without end; the pool has 1.3 times the jobs that its load offers.
#[derive(Debug)]
pub struct Records {
    world: SimulatedLoad,
    next: usize,
}

impl Records {
    /// From the beginning of the two generated weeks of a seed.
    pub fn new(seed: u64) -> Self {
        Self { world: SimulatedLoad::new(&Workload::two_weeks(seed), &LoadSettings::default()), next: 0 }
    }
}

impl Iterator for Records {
    type Item = Metrics;

    fn next(&mut self) -> Option<Metrics> {
        let (lap, index) = (self.next / self.world.len(), self.next % self.world.len());
        self.next += 1;
        let lap_seconds = self.world.len() as i64 * i64::from(self.world.interval_seconds());
        let at = self.world.end_of(index).plus_seconds(lap as i64 * lap_seconds);
        let jobs = (1.3 * self.world.offered_jobs(index)).ceil().max(1.0);
        let mut record = Metrics::new(at, self.world.events(index), jobs);
        record.average_processing_duration_ms = Some(1000.0 * self.world.service_seconds(index));
        record.processed_events_count = Some(self.world.events(index));
        Some(record)
    }
}

/// The default configuration, with or without networks.
pub fn config(use_networks: bool) -> Config {
    let mut config = Config::default();
    config.use_networks = use_networks;
    config
}

/// The bundled models under another version: what costs as much as any other bundle.
///
/// # Panics
/// The bundled models are no bundle.
pub fn another_bundle() -> ModelBundle {
    let [(_, manifest), (_, forecaster), (_, policy)] = ModelBundle::bundled_files();
    let mut manifest: Value = serde_json::from_slice(manifest).expect("the manifest is JSON");
    manifest["version"] = "another".into();
    ModelBundle::from_files(manifest.to_string().as_bytes(), forecaster, policy).expect("the same weights")
}

/// Resident memory of this process, bytes; 0 where the system does not tell.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

/// Processor time of this thread so far, seconds; the time of a clock where the system does not tell.
pub fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}

/// Median, 99th percentile, largest and mean of times, in microseconds.
pub fn summary(times: &mut [Duration]) -> Value {
    times.sort_unstable();
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let at = |share: f64| times.get(((times.len().max(1) - 1) as f64 * share) as usize).copied().map(us);
    let mean = us(times.iter().sum()) / times.len().max(1) as f64;
    json!({ "count": times.len(), "p50": at(0.5), "p99": at(0.99), "max": at(1.0), "mean": mean })
}

/// An argument of the command line by its position, or a default.
pub fn argument(position: usize, default: usize) -> usize {
    std::env::args().nth(position).and_then(|text| text.parse().ok()).unwrap_or(default)
}
