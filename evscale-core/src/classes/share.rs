//! How much of the pool's work is that of the classes of a level and those before it: a share with a memory of the day.
//!
//! Two forecasts of it are compared on what really came as long ahead as a job needs: the share of the last records, and the one of
//! this time of the last days towards which the last one returns. The work that came, in turn, tells by how much the quantiles of the
//! pool's forecast have to be spread for a part of it.

use crate::calendar::Calendar;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Hours of working days, and as many of days off.
const HOURS: usize = 48;
const HOUR_MS: i64 = 3_600_000;
/// Of an hour that was never seen.
const UNSEEN: f32 = -1.0;
/// Weight of a day in what is usual at an hour, and time over which the share of the last records is averaged, seconds.
const DAY_WEIGHT: f64 = 0.35;
const RECENT_SECONDS: f64 = 600.0;
/// Time in which the last share returns to the usual one by two thirds, seconds.
const RETURNS_SECONDS: f64 = 3600.0;
/// Time over which the two forecasts are compared, seconds.
const COMPARED_SECONDS: f64 = 86_400.0;
/// Forecasts that wait for what comes.
const WAITING: usize = 16;
/// Share of what comes that may exceed the 95 % quantile, how fast the spread follows, and its limits.
const EXCEEDS: f64 = 0.05;
const SPREAD_STEP: f64 = 0.1;
const SPREAD: (f64, f64) = (1.0, 10.0);

/// A forecast that waits for what comes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    due: Timestamp,
    recent: f32,
    usual: f32,
    upper: f32,
}

/// The share of a level's work in that of the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Share {
    recent: f64,
    seen: bool,
    hours: Vec<f32>,
    /// Discounted errors of the last share, and of the usual one.
    errors: [f64; 2],
    waiting: Vec<Waiting>,
    spread: f64,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            recent: 1.0,
            seen: false,
            hours: vec![UNSEEN; HOURS],
            errors: [0.0, 0.0],
            waiting: Vec::new(),
            spread: 1.0,
        }
    }
}

impl Share {
    /// Returns the share of the last records.
    pub(super) fn recent(&self) -> f64 {
        self.recent
    }

    /// Returns the factor on the distances of quantiles from the median.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// Returns the share that is expected at `at`, `seconds` ahead.
    pub(super) fn expected(&self, calendar: &Calendar, at: Timestamp, seconds: f64) -> f64 {
        let usual = self.usual(calendar, at, seconds);
        if self.errors[1] < self.errors[0] { usual } else { self.recent }
    }

    fn usual(&self, calendar: &Calendar, at: Timestamp, seconds: f64) -> f64 {
        let now = at.plus_millis((-1000.0 * seconds) as i64);
        let (then, here) = (self.hour(calendar, at), self.hour(calendar, now));
        let Some((then, here)) = then.zip(here) else { return self.recent };
        (then + (self.recent - here) * (-seconds / RETURNS_SECONDS).exp()).clamp(0.0, 1.0)
    }

    /// Returns what is usual at a time, between the middles of two hours.
    fn hour(&self, calendar: &Calendar, at: Timestamp) -> Option<f64> {
        let early = self.cell(calendar, at.plus_millis(-HOUR_MS / 2))?;
        let late = self.cell(calendar, at.plus_millis(HOUR_MS / 2)).unwrap_or(early);
        let (_, time) = calendar.local(at.plus_millis(-HOUR_MS / 2));
        let part = (time.rem_euclid(HOUR_MS)) as f64 / HOUR_MS as f64;
        Some(early + part * (late - early))
    }

    fn place(calendar: &Calendar, at: Timestamp) -> usize {
        let (day, time) = calendar.local(at);
        let off = calendar.kind(day) != crate::calendar::DayKind::Working;
        (time / HOUR_MS).clamp(0, 23) as usize + if off { HOURS / 2 } else { 0 }
    }

    /// Returns what was seen in an hour; that of the other kind of day where nothing was.
    fn cell(&self, calendar: &Calendar, at: Timestamp) -> Option<f64> {
        let place = Self::place(calendar, at);
        let seen = |place: usize| self.hours.get(place).copied().filter(|share| *share >= 0.0);
        seen(place).or_else(|| seen((place + HOURS / 2) % HOURS)).map(f64::from)
    }

    /// Learns the share of the interval that ended at `at`, in which the level had so much `work`.
    pub(super) fn observe(
        &mut self,
        calendar: &Calendar,
        at: Timestamp,
        share: f64,
        work: f64,
        interval: f64,
    ) {
        self.compare(at, share, work, interval);
        let weight = if self.seen { 1.0 - (-interval / RECENT_SECONDS).exp() } else { 1.0 };
        self.recent += weight * (share - self.recent);
        self.seen = true;
        let middle = at.plus_millis((-500.0 * interval) as i64);
        if let Some(cell) = self.hours.get_mut(Self::place(calendar, middle)) {
            let weight = if *cell < 0.0 { 1.0 } else { DAY_WEIGHT * (interval / 3600.0).min(1.0) };
            let last = if *cell < 0.0 { 0.0 } else { f64::from(*cell) };
            *cell = (last + weight * (share - last)) as f32;
        }
    }

    fn compare(&mut self, at: Timestamp, share: f64, work: f64, interval: f64) {
        let discount = (-interval / COMPARED_SECONDS).exp();
        self.errors.iter_mut().for_each(|error| *error *= discount);
        let come = self.waiting.iter().take_while(|waiting| waiting.due <= at).count();
        let Some(last) =
            self.waiting.drain(..come).next_back().filter(|last| last.due.seconds_apart(at) < interval)
        else {
            return;
        };
        for (error, told) in self.errors.iter_mut().zip([last.recent, last.usual]) {
            *error += (f64::from(told) - share).abs();
        }
        let exceeds = f64::from(u8::from(work > f64::from(last.upper)));
        self.spread = (self.spread * (SPREAD_STEP * (exceeds - EXCEEDS)).exp()).clamp(SPREAD.0, SPREAD.1);
    }

    /// Remembers what is forecast `seconds` ahead, with the 95 % quantile of the level's work.
    pub(super) fn remember(&mut self, calendar: &Calendar, now: Timestamp, seconds: f64, upper: f64) {
        let due = now.plus_millis((1000.0 * seconds) as i64);
        if self.waiting.len() >= WAITING {
            return;
        }
        let usual = self.usual(calendar, due, seconds);
        self.waiting.push(Waiting {
            due,
            recent: self.recent as f32,
            usual: usual as f32,
            upper: upper as f32,
        });
    }

    /// Forgets what waits, because the clock went back.
    pub(super) fn rewind(&mut self) {
        self.waiting.clear();
    }
}
