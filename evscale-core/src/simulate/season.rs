//! Shapes of the day and of the week, and noise with a memory.

use super::Generator;
use crate::time::{DAY_MS, Timestamp};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::TAU;

/// A relative rate by time of the week.
pub(super) struct Season {
    /// Rate of each half hour of a day, mean about 1.
    day: Vec<f64>,
    /// Factor of each weekday, Monday first.
    week: [f64; 7],
    /// The clock of the users, hours ahead of UTC; moves by one hour at `shift_at`.
    offset_hours: f64,
    shift_at: Option<Timestamp>,
}

const HALF_HOURS: usize = 48;

impl Season {
    /// Two peaks on working days, quiet nights and weekends.
    pub(super) fn office() -> Self {
        let day = day_shape(|hour| 0.15 + bump(hour, 10.5, 2.2) + 0.8 * bump(hour, 15.5, 2.6));
        Self { day, week: [1.0, 1.05, 1.0, 0.98, 0.9, 0.35, 0.3], offset_hours: 0.0, shift_at: None }
    }

    pub(super) fn random(random: &mut Generator) -> Self {
        let depth = random.random_range(0.0..1.0f64).powf(0.7);
        let (first, second) = (random.random_range(7.0..13.0), random.random_range(13.0..23.0));
        let (width, height) = (random.random_range(1.0..5.0), random.random_range(0.0..1.2));
        let phase = random.random_range(0.0..24.0);
        let harmonics: Vec<(f64, f64)> = (1..=4)
            .map(|k| (random.random_range(0.0..1.0) / f64::from(k), random.random_range(0.0..TAU)))
            .collect();
        let (open, close) = (random.random_range(0.0..12.0), random.random_range(12.0..24.0));
        let kind = random.random_range(0..3);
        let day = day_shape(|hour| {
            let shape = match kind {
                0 => bump(hour, first, width) + height * bump(hour, second, width),
                1 => {
                    let wave: f64 = harmonics
                        .iter()
                        .enumerate()
                        .map(|(k, (amplitude, at))| {
                            amplitude * ((k + 1) as f64 * TAU * hour / 24.0 + at).sin()
                        })
                        .sum();
                    (0.8 * wave).exp()
                }
                _ => f64::from(u8::from((open..close).contains(&((hour + phase) % 24.0)))) + 0.02,
            };
            1.0 - depth + depth * shape
        });
        let weekend = *pick(random, &[1.0, 1.0, 0.9, 0.6, 0.3, 0.1, 1.4]);
        let mut week = [1.0; 7];
        for (weekday, factor) in week.iter_mut().enumerate() {
            let base = if weekday >= 5 { weekend } else { 1.0 };
            *factor = base * random.random_range(0.85..1.15);
        }
        let shift_at = random
            .random_bool(0.05)
            .then(|| Timestamp::EPOCH.plus_millis(1_767_571_200_000 + random.random_range(0..14) * DAY_MS));
        Self { day, week, offset_hours: random.random_range(-12.0f64..12.0).round(), shift_at }
    }

    pub(super) fn at(&self, at: Timestamp) -> f64 {
        let shifted = self.shift_at.is_some_and(|shift| at >= shift);
        let hours = self.offset_hours + if shifted { 1.0 } else { 0.0 };
        let local = at.as_millis() as f64 / DAY_MS as f64 + hours / 24.0;
        let weekday = ((local.floor() as i64 + 3).rem_euclid(7)) as usize;
        let place = local.rem_euclid(1.0) * HALF_HOURS as f64 - 0.5;
        let (left, share) = (place.floor(), place - place.floor());
        let half_hour =
            |i: f64| self.day.get(i.rem_euclid(HALF_HOURS as f64) as usize).copied().unwrap_or(1.0);
        let day = (1.0 - share) * half_hour(left) + share * half_hour(left + 1.0);
        day * self.week.get(weekday).copied().unwrap_or(1.0)
    }
}

fn day_shape(shape: impl Fn(f64) -> f64) -> Vec<f64> {
    let raw: Vec<f64> = (0..HALF_HOURS).map(|i| shape((i as f64 + 0.5) / 2.0).max(0.0)).collect();
    let mean = raw.iter().sum::<f64>() / HALF_HOURS as f64;
    raw.into_iter().map(|value| value / mean.max(1e-9)).collect()
}

/// A bell around an hour of the day, one day around.
fn bump(hour: f64, centre: f64, width: f64) -> f64 {
    let apart = (hour - centre + 12.0).rem_euclid(24.0) - 12.0;
    (-0.5 * (apart / width).powi(2)).exp()
}

/// Standard normal noise whose correlation falls by `e` in `1 / decay` steps.
pub(super) fn correlated_noise(random: &mut Generator, length: usize, decay: f64) -> Vec<f64> {
    let keep = (-decay).exp();
    let fresh = (1.0 - keep * keep).sqrt();
    let mut value: f64 = StandardNormal.sample(random);
    (0..length)
        .map(|_| {
            let shock: f64 = StandardNormal.sample(random);
            value = keep * value + fresh * shock;
            value
        })
        .collect()
}

/// One of a few values.
pub(super) fn pick<'a, T>(random: &mut impl Rng, values: &'a [T]) -> &'a T {
    &values[random.random_range(0..values.len())]
}
