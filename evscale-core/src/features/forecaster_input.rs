//! History and calendar to the tensors of the forecaster.

use super::local_days::LocalDays;
use super::schema::{COARSE_BINS, FINE_STEPS, HORIZON_MINUTES, HORIZONS};
use super::table::*;
use super::window::Window;
use crate::calendar::Calendar;
use crate::metrics::History;
use crate::time::{HOUR_MS, SECOND_MS};
use ndarray::{Array2, ArrayView2};
use std::f64::consts::TAU;

/// Compression of the coordinate: `z = ln(1 + COMPRESSION x / scale)`.
const COMPRESSION: f64 = 8.0;
/// Span of the recent level, seconds.
const LEVEL_SECONDS: f64 = 600.0;
/// Half width of the smoothed values of other days, seconds.
const SMOOTH_SECONDS: f64 = 900.0;
/// Days whose same time of day is averaged.
const SAME_TIME_DAYS: i64 = 7;

/// The forecaster's tensors for one moment, row-major, and the way back to events.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecasterInput {
    fine: Array2<f32>,
    coarse: Array2<f32>,
    future: Array2<f32>,
    statics: [f32; STATIC_FEATURES],
    /// Mean of the known arrivals per interval; 1 where all are zero or none is known.
    pub scale: f64,
    /// The recent level in the coordinate `ln(1 + 8 x / scale)`.
    pub level_z: f64,
    /// Whether any count of the last two weeks is known.
    known: bool,
}

impl ForecasterInput {
    /// Puts together tensors of the right shapes; `value` names the number at a place of a tensor.
    pub(crate) fn from_fn(value: impl Fn(usize) -> f32) -> Self {
        let tensor = |rows: usize, columns: usize| {
            Array2::from_shape_fn((rows, columns), |(row, column)| value(row * columns + column))
        };
        Self {
            fine: tensor(FINE_STEPS, FINE_CHANNELS),
            coarse: tensor(COARSE_BINS, COARSE_CHANNELS),
            future: tensor(HORIZONS, FUTURE_FEATURES),
            statics: std::array::from_fn(value),
            scale: 1.0,
            level_z: 0.0,
            known: true,
        }
    }

    /// Reports whether any count of the last two weeks is known: without one there is nothing that a forecast could be judged by.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// Returns the fine context, `[FINE_STEPS, FINE_CHANNELS]`, oldest first.
    pub fn fine(&self) -> &[f32] {
        self.fine.as_slice().unwrap_or_default()
    }

    /// Returns the coarse context, `[COARSE_BINS, COARSE_CHANNELS]`, oldest first.
    pub fn coarse(&self) -> &[f32] {
        self.coarse.as_slice().unwrap_or_default()
    }

    /// Returns the covariates of the future intervals, `[HORIZONS, FUTURE_FEATURES]`.
    pub fn future(&self) -> &[f32] {
        self.future.as_slice().unwrap_or_default()
    }

    /// Returns the features of the series as a whole, `[STATIC_FEATURES]`.
    pub fn statics(&self) -> &[f32] {
        &self.statics
    }

    /// Returns the covariates of a horizon.
    pub(crate) fn future_row(&self, horizon: usize) -> FutureRow {
        self.future.rows().into_iter().nth(horizon).map(FutureRow::read).unwrap_or_default()
    }

    /// Returns the features of the series as a whole by name.
    pub(crate) fn static_row(&self) -> StaticRow {
        StaticRow::of(self.statics)
    }

    /// Events per interval to the network's coordinate.
    pub fn to_z(&self, events: f64) -> f64 {
        Self::z_at(self.scale, self.level_z, events)
    }

    /// As [`Self::to_z`], for a scale and a level that were kept.
    pub(crate) fn z_at(scale: f64, level_z: f64, events: f64) -> f64 {
        coordinate(COMPRESSION / scale, level_z, events)
    }

    /// The network's coordinate to events per interval, never negative.
    pub fn to_events(&self, z: f64) -> f64 {
        (self.scale * ((z + self.level_z).min(60.0).exp() - 1.0) / COMPRESSION).max(0.0)
    }
}

/// `unit` is the compression over the scale. `ln_1p` would take three times as long, and what it knows better is far below
/// the last bit of the tensors.
fn coordinate(unit: f64, level_z: f64, events: f64) -> f64 {
    (1.0 + unit * events.max(0.0)).ln() - level_z
}

/// Whole intervals from now to the end of the forecast interval of each horizon, at least one.
pub fn lead_steps(interval_seconds: f64) -> [i64; HORIZONS] {
    HORIZON_MINUTES.map(|minutes| ((f64::from(minutes) * 60.0 / interval_seconds).round() as i64).max(1))
}

/// Builds the tensors at the newest record of `history`.
///
/// `traffic_multiplier` is what the host expects of the future over the usual traffic; 1 where it says nothing.
pub fn forecaster_input(history: &History, calendar: &Calendar, traffic_multiplier: f64) -> ForecasterInput {
    Builder::new(history, calendar).build(traffic_multiplier)
}

struct Builder<'a> {
    history: &'a History,
    now: i64,
    days: LocalDays<'a>,
    smooth: i64,
    scale: f64,
    /// [`COMPRESSION`] over the scale.
    unit: f64,
    /// Share of the last two weeks that is known.
    known_share: f64,
    level_z: f64,
}

impl<'a> Builder<'a> {
    fn new(history: &'a History, calendar: &'a Calendar) -> Self {
        let interval = history.interval_seconds();
        let now = history.newest_slot();
        let bins = (LEVEL_SECONDS / interval).round().max(1.0) as i64;
        let (scale, known_share) = scale_of(history, now);
        let mut level = history.mean(now - bins + 1, now);
        if !level.is_finite() {
            level = history.mean(now - FINE_STEPS as i64 + 1, now);
        }
        let level = if level.is_finite() { level } else { scale };
        Self {
            history,
            now,
            days: LocalDays::new(history, calendar),
            smooth: (SMOOTH_SECONDS / interval).round() as i64,
            scale,
            unit: COMPRESSION / scale,
            known_share,
            level_z: ForecasterInput::z_at(scale, 0.0, level),
        }
    }

    fn build(self, traffic_multiplier: f64) -> ForecasterInput {
        let fine = self.fine();
        let statics = self.statics(fine.view());
        ForecasterInput {
            coarse: self.coarse(),
            future: self.future(traffic_multiplier, statics.level_yesterday),
            fine,
            statics: statics.values(),
            scale: self.scale,
            level_z: self.level_z,
            known: self.known_share > 0.0,
        }
    }

    /// Coordinate of a value; 0 (the recent level) where it is unknown.
    fn z(&self, events: f64) -> f32 {
        if events.is_finite() { coordinate(self.unit, self.level_z, events) as f32 } else { 0.0 }
    }

    /// The value at a slot, from the coarse ring where the fine one no longer reaches.
    fn value(&self, slot: i64) -> f64 {
        let fine = self.history.at(slot);
        if fine.is_finite() || slot > self.now - self.history.len() as i64 {
            fine
        } else {
            self.history.coarse_at(slot)
        }
    }

    fn fine(&self) -> Array2<f32> {
        let mut fine = Array2::zeros((FINE_STEPS, FINE_CHANNELS));
        for (row, back) in fine.rows_mut().into_iter().zip((0..FINE_STEPS as i64).rev()) {
            let slot = self.now - back;
            let value = self.history.at(slot);
            let (yesterday, last_week) =
                (self.value(self.days.before(slot, 1)), self.value(self.days.before(slot, 7)));
            let features = FineRow {
                value: self.z(value),
                value_known: known(value),
                yesterday: self.z(yesterday),
                yesterday_known: known(yesterday),
                last_week: self.z(last_week),
                last_week_known: known(last_week),
            };
            features.write(row);
        }
        fine
    }

    fn coarse(&self) -> Array2<f32> {
        let hour = HOUR_MS as f64 / SECOND_MS as f64 / self.history.interval_seconds();
        let end_of = |back: usize| self.now - (back as f64 * hour + 0.5) as i64;
        let mut coarse = Array2::zeros((COARSE_BINS, COARSE_CHANNELS));
        let mut before = end_of(COARSE_BINS);
        for (row, back) in coarse.rows_mut().into_iter().zip((0..COARSE_BINS).rev()) {
            let last = end_of(back);
            let (mean, share) = self.history.coarse_mean((before + 1).min(last), last);
            before = last;
            CoarseRow { hourly_mean: self.z(mean), share_known: share.min(1.0) as f32 }.write(row);
        }
        coarse
    }

    fn future(&self, traffic_multiplier: f64, level_yesterday: f32) -> Array2<f32> {
        let interval = self.history.interval_seconds();
        let hour = (HOUR_MS as f64 / SECOND_MS as f64 / interval).round().max(1.0) as i64;
        let mut future = Array2::zeros((HORIZONS, FUTURE_FEATURES));
        for (row, steps) in future.rows_mut().into_iter().zip(lead_steps(interval)) {
            let target = self.now + steps;
            let (at, holiday) = self.days.position(target);
            let (day_angle, week_angle) = (TAU * at.day_fraction, TAU * at.week_fraction);
            let (day_before, week_before) = (self.days.before(target, 1), self.days.before(target, 7));
            let yesterday = self.value(day_before);
            let last_week = self.value(week_before);
            let yesterday_smooth = self.smoothed(day_before);
            let (mean, max, share) = self.same_time(target);
            let (hour_last, hour_max) = self.hours_before(target, hour);
            let smooth_z = self.z(yesterday_smooth);
            let features = FutureRow {
                ln_1p_lead_intervals_over_5: (steps as f64).ln_1p() as f32 / 5.0,
                lead_hours_over_3: (steps as f64 * interval / 3600.0 / 3.0) as f32,
                sin_day: day_angle.sin() as f32,
                cos_day: day_angle.cos() as f32,
                sin_half_day: (2.0 * day_angle).sin() as f32,
                cos_half_day: (2.0 * day_angle).cos() as f32,
                sin_week: week_angle.sin() as f32,
                cos_week: week_angle.cos() as f32,
                weekend: flag(at.weekend),
                holiday: flag(holiday),
                business_hours: flag(at.business_hours),
                ln_expected_traffic_multiplier: traffic_multiplier.ln() as f32,
                yesterday: self.z(yesterday),
                yesterday_known: known(yesterday),
                last_week: self.z(last_week),
                last_week_known: known(last_week),
                yesterday_smooth: smooth_z,
                last_week_smooth: self.z(self.smoothed(week_before)),
                same_time_mean_7_days: self.z(mean),
                same_time_max_7_days: self.z(max),
                same_time_share_known: share,
                hour_mark_last: self.z(hour_last),
                hour_mark_max_3: self.z(hour_max),
                yesterday_at_todays_level: if yesterday_smooth.is_finite() {
                    smooth_z - level_yesterday
                } else {
                    0.0
                },
            };
            features.write(row);
        }
        future
    }

    fn statics(&self, fine: ArrayView2<'_, f32>) -> StaticRow {
        let interval = self.history.interval_seconds();
        let window = Window::of(fine);
        let bins = (LEVEL_SECONDS / interval).round().max(1.0) as i64;
        let level_at = |slot: i64| {
            let level = self.history.mean(slot - bins + 1, slot);
            if level.is_finite() { level } else { self.value(slot) }
        };
        let (yesterday, last_week) =
            (level_at(self.days.before(self.now, 1)), level_at(self.days.before(self.now, 7)));
        StaticRow {
            ln_interval_over_120s_over_3: ((interval / 120.0).ln() / 3.0) as f32,
            counting_noise_ratio: (1.0 / (1.0 + self.scale).sqrt()) as f32,
            zero_share: self.zero_share(),
            level_z: self.level_z as f32,
            fine_std: window.deviation,
            fine_difference_std: window.difference_deviation,
            ln_1p_days_known_over_3: ((14.0 * self.known_share).ln_1p() / 3.0) as f32,
            level_yesterday: self.z(yesterday),
            level_yesterday_known: known(yesterday),
            level_last_week: self.z(last_week),
            level_last_week_known: known(last_week),
            last_value: self.z(self.history.at(self.now)),
            long_level: self.z(self.history.mean(self.now - 23, self.now)),
            lag_1_autocorrelation: window.autocorrelation,
        }
    }

    fn smoothed(&self, centre: i64) -> f64 {
        let last = (centre + self.smooth).min(self.now);
        let mean = self.history.mean(centre - self.smooth, last);
        if mean.is_finite() { mean } else { self.value(centre) }
    }

    /// Mean and maximum of the same time of day on the last days, and the share of the days known.
    fn same_time(&self, target: i64) -> (f64, f64, f32) {
        let (mut sum, mut max, mut days) = (0.0, f64::NAN, 0.0);
        for back in 1..=SAME_TIME_DAYS {
            let value = self.history.coarse_at(self.days.before(target, back));
            if value.is_finite() {
                sum += value;
                max = if max > value { max } else { value };
                days += 1.0;
            }
        }
        let mean = if days > 0.0 { sum / days } else { f64::NAN };
        (mean, max, (days / SAME_TIME_DAYS as f64) as f32)
    }

    /// The value whole hours before the target, as near as it is known, and the highest of three such.
    fn hours_before(&self, target: i64, hour: i64) -> (f64, f64) {
        let nearest = (target - self.now + hour - 1) / hour;
        let mut max = f64::NAN;
        for hours in nearest..nearest + 3 {
            let value = self.history.at(target - hours * hour);
            max = if max > value || !value.is_finite() { max } else { value };
        }
        (self.history.at(target - nearest * hour), max)
    }

    fn zero_share(&self) -> f32 {
        let (mut zeros, mut known) = (0.0f32, 0.0f32);
        for slot in (self.now - FINE_STEPS as i64 + 1)..=self.now {
            let value = self.history.at(slot);
            if value.is_finite() {
                known += 1.0;
                zeros += flag(value == 0.0);
            }
        }
        if known > 0.0 { zeros / known } else { 0.0 }
    }
}

/// Mean of the known arrivals per interval: the larger of the two weeks' mean and a quarter of the recent one; and the
/// share of the two weeks that is known.
fn scale_of(history: &History, now: i64) -> (f64, f64) {
    let interval = history.interval_seconds();
    let fortnight = (14.0 * 86_400.0 / interval).round() as i64;
    let (long, share) = history.coarse_mean(now - fortnight + 1, now);
    let recent = history.mean(now - FINE_STEPS as i64 + 1, now);
    let scale = long.max(recent / 4.0);
    (if scale > 0.0 && scale.is_finite() { scale } else { 1.0 }, share)
}

fn known(value: f64) -> f32 {
    flag(value.is_finite())
}

fn flag(yes: bool) -> f32 {
    f32::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use approx::{abs_diff_eq, assert_abs_diff_eq};

    fn history(interval: u32, count: usize, value: impl Fn(usize) -> f64) -> History {
        let mut history = History::new(interval);
        let start = Timestamp::from_millis(1_767_571_200_000).unwrap();
        for i in 0..count {
            history.push(start.plus_seconds(i as i64 * i64::from(interval)), value(i));
        }
        history
    }

    fn wave(i: usize) -> f64 {
        100.0 + 50.0 * (i as f64 * TAU / 720.0).sin() + (i % 7) as f64
    }

    #[test]
    fn features_do_not_depend_on_the_scale() {
        let small = forecaster_input(&history(120, 6000, wave), &Calendar::utc(), 1.0);
        let large = forecaster_input(&history(120, 6000, |i| 1e6 * wave(i)), &Calendar::utc(), 1.0);
        let noise = 1; // the counting noise of the statics is meant to differ
        for (a, b) in small
            .fine()
            .iter()
            .chain(small.coarse())
            .chain(small.future())
            .zip(large.fine().iter().chain(large.coarse()).chain(large.future()))
        {
            assert!(abs_diff_eq!(a, b, epsilon = 1e-4), "{a} {b}");
        }
        for (i, (a, b)) in small.statics().iter().zip(large.statics()).enumerate() {
            assert!(i == noise || abs_diff_eq!(a, b, epsilon = 1e-4), "static {i}: {a} {b}");
        }
    }

    #[test]
    fn shapes_hold_and_nothing_is_nan_whatever_the_history() {
        let cases = [
            history(120, 0, wave),
            history(120, 1, wave),
            history(120, 3000, |_| 0.0),
            history(120, 3000, |i| if i % 3 == 0 { f64::NAN } else { 5.0 }),
            history(120, 500, |_| f64::NAN),
            history(3600, 900, wave),
            history(30, 9000, |i| 1e15 * wave(i)),
        ];
        for case in cases {
            let input = forecaster_input(&case, &Calendar::utc(), 1.0);
            assert_eq!(input.fine().len(), FINE_STEPS * FINE_CHANNELS);
            assert_eq!(input.coarse().len(), COARSE_BINS * COARSE_CHANNELS);
            assert_eq!(input.future().len(), HORIZONS * FUTURE_FEATURES);
            assert_eq!(input.statics().len(), STATIC_FEATURES);
            let all = input.fine().iter().chain(input.coarse()).chain(input.future()).chain(input.statics());
            assert!(all.into_iter().all(|v| v.is_finite()));
            assert!(input.scale > 0.0 && input.level_z.is_finite());
        }
    }

    #[test]
    fn yesterday_and_last_week_are_aligned_with_the_target() {
        let case = history(120, 7 * 720 + 200, |i| if (i % 720) == 100 { 1000.0 } else { 10.0 });
        let input = forecaster_input(&case, &Calendar::utc(), 1.0);
        // the newest slot is 7 * 720 + 199; a lead of 90 intervals is 289 of the day, none is at 100 of the next
        assert!((0..HORIZONS).all(|horizon| input.future_row(horizon).yesterday < 1.0));
        let case = history(120, 8 * 720 + 95, |i| if (i % 720) == 100 { 1000.0 } else { 10.0 });
        let input = forecaster_input(&case, &Calendar::utc(), 1.0);
        let six_ahead = input.future_row(4);
        // last week is known in means of 20 minutes
        assert!(six_ahead.yesterday > 3.0 && (1.0..3.0).contains(&six_ahead.last_week), "{six_ahead:?}");
    }

    #[test]
    fn yesterday_is_the_same_local_time_where_the_clocks_changed() {
        // records of an hour since a midnight in Berlin until 08:00 on 29 March 2026, when the clock was put forward at 02:00
        let start: Timestamp = "2026-03-17T23:00:00Z".parse().unwrap();
        for (zone, shifted) in [("Europe/Berlin", true), ("UTC", false)] {
            let calendar = Calendar::new(zone, &[]).unwrap();
            let berlin = Calendar::new("Europe/Berlin", &[]).unwrap();
            let mut history = History::new(3600);
            for hour in 1..=11 * 24 + 7 {
                let end = start.plus_seconds(3600 * hour);
                let (_, time) = berlin.local(end);
                history.push(end, if time == 10 * HOUR_MS { 1000.0 } else { 10.0 });
            }
            let input = forecaster_input(&history, &calendar, 1.0);
            // the twelfth horizon is three hours ahead, the eleventh two
            let [two, three] = [10, 11].map(|horizon| input.future_row(horizon).yesterday > 2.0);
            assert_eq!([two, three], [shifted, !shifted], "{zone}");
        }
    }

    #[test]
    fn a_weekend_is_not_told_before_one_was_seen() {
        let weekend = |days: usize| {
            let case = history(3600, days * 24 + 2, |_| 10.0); // since Monday, 2026-01-05, 00:00 UTC
            forecaster_input(&case, &Calendar::utc(), 1.0).future_row(11).weekend > 0.0
        };
        assert!(!weekend(5), "the first Saturday");
        assert!(weekend(6) && weekend(12) && !weekend(7), "its Sunday, the second Saturday, a Monday");
    }

    #[test]
    fn the_way_back_is_the_inverse() {
        let input = forecaster_input(&history(120, 2000, wave), &Calendar::utc(), 1.0);
        for events in [0.0, 1.0, 99.0, 1e5] {
            assert_abs_diff_eq!(input.to_events(input.to_z(events)), events, epsilon = 1e-6 * (1.0 + events));
        }
    }

    #[test]
    fn leads_are_whole_intervals_and_at_least_one() {
        assert_eq!(lead_steps(120.0), [1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 60, 90]);
        assert_eq!(lead_steps(600.0)[4], 1);
        assert_eq!(lead_steps(600.0)[8], 5);
        assert_eq!(lead_steps(3600.0)[11], 3);
    }
}
