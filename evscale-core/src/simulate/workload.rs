//! Workloads: counts of events per interval, generated from a seed.

use super::Generator;
use super::season::{Season, correlated_noise, pick};
use crate::time::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, Poisson};

/// 2026-01-05T00:00:00Z, a Monday.
const START_MS: i64 = 1_767_571_200_000;

/// Events per interval on a regular grid; NaN where they are unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Name.
    pub name: String,
    /// Beginning of the first interval.
    pub start: Timestamp,
    /// Length of an interval, seconds.
    pub interval_seconds: u32,
    /// Events of each interval.
    pub events: Vec<f64>,
}

impl Workload {
    /// A random composition of seasons, noise, bursts, schedules, shifts, outages, batches and silence.
    pub fn random(seed: u64, days: f64, interval_seconds: u32) -> Self {
        let mut random = Generator::seed_from_u64(seed);
        let length = ((days * 86_400.0 / f64::from(interval_seconds)) as usize).max(1);
        let offset_days = random.random_range(0..7);
        let start = Timestamp::EPOCH.plus_millis(START_MS).plus_seconds(86_400 * offset_days);
        let mut shape = Shape { start, interval: f64::from(interval_seconds), rate: vec![1.0; length] };
        shape.compose(&mut random);
        let scale = 10f64.powf(random.random_range(-0.5..6.0));
        let dispersion = if random.random_bool(0.4) { random.random_range(0.0..0.3f64).powi(2) } else { 0.0 };
        let batch = if random.random_bool(0.12) { random.random_range(2.0..60.0f64).round() } else { 1.0 };
        let events =
            shape.rate.iter().map(|rate| count(&mut random, rate * scale, dispersion, batch)).collect();
        Self { name: format!("generated-{seed}"), start, interval_seconds, events }
    }

    /// Two weeks every 2 minutes for the demonstration: office days, quiet weekends, a nightly batch job, a flash crowd
    /// and an outage.
    pub fn two_weeks(seed: u64) -> Self {
        let mut random = Generator::seed_from_u64(seed);
        let start = Timestamp::EPOCH.plus_millis(START_MS);
        let mut shape = Shape { start, interval: 120.0, rate: vec![1.0; 14 * 720] };
        let season = Season::office();
        shape.scale_by(|at| season.at(at));
        shape.noise(&mut random, 0.06, 1800.0);
        shape.noise(&mut random, 0.08, 6.0 * 3600.0);
        shape.pulses(86_400.0, 2.0 * 3600.0, 1500.0, 0.9);
        shape.flash_crowd(9.6 * 86_400.0, 2.2, 2400.0);
        shape.outage(11.55 * 86_400.0, 2400.0);
        let events = shape.rate.iter().map(|rate| count(&mut random, rate * 3000.0, 0.0, 1.0)).collect();
        Self { name: "two generated weeks".to_owned(), start, interval_seconds: 120, events }
    }

    /// End of the interval at `index`.
    pub fn end_of(&self, index: usize) -> Timestamp {
        self.start.plus_seconds((index as i64 + 1) * i64::from(self.interval_seconds))
    }
}

/// A relative arrival rate that is built up step by step.
struct Shape {
    start: Timestamp,
    interval: f64,
    rate: Vec<f64>,
}

impl Shape {
    fn compose(&mut self, random: &mut Generator) {
        if random.random_bool(0.85) {
            let season = Season::random(random);
            self.scale_by(|at| season.at(at));
        }
        for (sigma, minutes, chance) in [(0.08, 20.0, 0.8), (0.2, 300.0, 0.7), (0.35, 2500.0, 0.5)] {
            if random.random_bool(chance) {
                let sigma = sigma * random.random_range(0.2..2.0);
                let seconds = 60.0 * minutes * random.random_range(0.3..3.0);
                self.noise(random, sigma, seconds);
            }
        }
        let span = self.rate.len() as f64 * self.interval;
        if random.random_bool(0.35) {
            let growth = random.random_range(-0.04..0.06);
            self.scale_by_time(|seconds| (growth * seconds / 86_400.0).exp());
        }
        if random.random_bool(0.4) {
            let per_day = 10f64.powf(random.random_range(-1.0..1.3));
            for _ in 0..(per_day * span / 86_400.0).ceil().min(3000.0) as usize {
                let height = 0.3 * 10f64.powf(random.random_range(0.0..1.5));
                let fade = 60.0 * 10f64.powf(random.random_range(0.3..2.2));
                let at = random.random_range(0.0..span);
                self.flash_crowd(at, height, fade);
            }
        }
        if random.random_bool(0.4) {
            for _ in 0..random.random_range(1..4) {
                let period = *pick(
                    random,
                    &[900.0f64, 1800.0, 3600.0, 3600.0, 10_800.0, 21_600.0, 86_400.0, 86_400.0],
                );
                let length = random.random_range(60.0..(period / 3.0).min(7200.0));
                let height = 0.2 * 10f64.powf(random.random_range(0.0..1.4));
                let phase = random.random_range(0.0..period);
                self.pulses(period, phase, length, height);
            }
        }
        if random.random_bool(0.25) {
            for _ in 0..random.random_range(1..4) {
                let (at, factor) =
                    (random.random_range(0.0..span), 2f64.powf(random.random_range(-2.0..2.0)));
                self.scale_by_time(|seconds| if seconds > at { factor } else { 1.0 });
            }
        }
        if random.random_bool(0.2) {
            for _ in 0..random.random_range(1..4) {
                let (at, seconds) = (random.random_range(0.0..span), random.random_range(300.0..20_000.0));
                self.outage(at, seconds);
            }
        }
        if random.random_bool(0.12) {
            self.on_and_off(random);
        }
    }

    fn scale_by(&mut self, factor: impl Fn(Timestamp) -> f64) {
        let (start, interval) = (self.start, self.interval);
        for (i, rate) in self.rate.iter_mut().enumerate() {
            *rate *= factor(start.plus_millis((1000.0 * interval * (i as f64 + 0.5)) as i64));
        }
    }

    fn scale_by_time(&mut self, factor: impl Fn(f64) -> f64) {
        let interval = self.interval;
        for (i, rate) in self.rate.iter_mut().enumerate() {
            *rate *= factor(interval * (i as f64 + 0.5));
        }
    }

    fn noise(&mut self, random: &mut Generator, sigma: f64, seconds: f64) {
        let noise = correlated_noise(random, self.rate.len(), self.interval / seconds);
        for (rate, wobble) in self.rate.iter_mut().zip(noise) {
            *rate *= (sigma * wobble).exp();
        }
    }

    /// `height` more at once, fading exponentially.
    fn flash_crowd(&mut self, at: f64, height: f64, fade_seconds: f64) {
        let first = (at / self.interval) as usize;
        let length = (6.0 * fade_seconds / self.interval) as usize + 1;
        for (i, rate) in self.rate.iter_mut().skip(first).take(length).enumerate() {
            *rate += height * (-(i as f64) * self.interval / fade_seconds).exp();
        }
    }

    /// `height` more for `length` seconds once per period.
    fn pulses(&mut self, period: f64, phase: f64, length: f64, height: f64) {
        for (i, rate) in self.rate.iter_mut().enumerate() {
            let since = (i as f64 * self.interval - phase).rem_euclid(period);
            let covered = ((length - since) / self.interval).clamp(0.0, 1.0);
            *rate += height * covered;
        }
    }

    /// Nothing arrives for a while, and half of it comes afterwards.
    fn outage(&mut self, at: f64, seconds: f64) {
        let first = (at / self.interval) as usize;
        let length = (seconds / self.interval).ceil() as usize;
        let mut lost = 0.0;
        for rate in self.rate.iter_mut().skip(first).take(length) {
            lost += *rate;
            *rate = 0.0;
        }
        for rate in self.rate.iter_mut().skip(first + length).take(length.div_ceil(3)) {
            *rate += 0.5 * lost / length.div_ceil(3) as f64;
        }
    }

    /// Periods of silence between periods of work.
    fn on_and_off(&mut self, random: &mut Generator) {
        let on_share = random.random_range(0.02..0.6);
        let mean_seconds = 60.0 * 10f64.powf(random.random_range(0.3..2.5));
        let (mut on, mut left) = (random.random_bool(on_share), 0.0f64);
        for rate in &mut self.rate {
            if left <= 0.0 {
                on = !on;
                let mean = mean_seconds * if on { on_share } else { 1.0 - on_share };
                left = -mean * (1.0 - random.random::<f64>()).ln();
            }
            left -= self.interval;
            *rate *= f64::from(u8::from(on));
        }
    }
}

/// A count with the given mean; over-dispersed by a gamma factor, in batches.
fn count(random: &mut Generator, mean: f64, dispersion: f64, batch: f64) -> f64 {
    let factor = match Gamma::new(1.0 / dispersion.max(1e-9), dispersion) {
        Ok(gamma) if dispersion > 0.0 => gamma.sample(random),
        _ => 1.0,
    };
    poisson(random, mean * factor / batch) * batch
}

/// A Poisson draw; zero for a mean that is not positive.
pub(super) fn poisson(random: &mut Generator, mean: f64) -> f64 {
    Poisson::new(mean.clamp(0.0, 1e12)).map_or(0.0, |distribution| distribution.sample(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_workloads_and_others_differ() {
        let a = Workload::random(7, 3.0, 120);
        assert_eq!(a, Workload::random(7, 3.0, 120));
        assert_ne!(a.events, Workload::random(8, 3.0, 120).events);
        assert_eq!(a.events.len(), 3 * 720);
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        for seed in 0..60 {
            let workload = Workload::random(seed, 2.0, 300);
            assert!(workload.events.iter().all(|e| e.is_finite() && *e >= 0.0 && e.fract() == 0.0), "{seed}");
        }
    }

    #[test]
    fn the_demonstration_has_days_a_burst_and_an_outage() {
        let events = Workload::two_weeks(1).events;
        let mean =
            |first: usize, last: usize| events[first..last].iter().sum::<f64>() / (last - first) as f64;
        assert!(mean(10 * 30, 16 * 30) > 2.0 * mean(120, 150), "day against night");
        assert!(
            mean(720 + 300, 720 + 480) > 1.5 * mean(5 * 720 + 300, 5 * 720 + 480),
            "Tuesday against Saturday"
        );
        let crowd = (9.6 * 720.0) as usize;
        assert!(mean(crowd, crowd + 5) > 1.5 * mean(crowd - 20, crowd - 5));
        assert_eq!(mean((11.55 * 720.0) as usize + 1, (11.55 * 720.0) as usize + 18), 0.0);
    }
}
