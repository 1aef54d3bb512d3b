//! The last days by the pool's own clock: when the arrivals rose steeply, and how high. From them follow the bursts that are
//! due.
//!
//! A burst is due at a time of day at which two days rose: the newest two of the same kind (working day, weekend, holiday), or
//! the same weekday of the last two weeks. Nothing is assumed of a kind of day before one was seen: the first Saturday is
//! taken for another day. Where bursts that were due mostly did not come, none is expected any more until they do.

use crate::calendar::{Calendar, DayKind};
use crate::time::{SECOND_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Counts of a shorter time vary by chance: an interval's rate is that of as long a time, unless it is further above than
/// that by so many deviations.
const SMOOTHED_SECONDS: f64 = 60.0;
const CHANCE_DEVIATIONS: f32 = 3.0;
const BIN_MS: i64 = 600 * SECOND_MS;
const BIN_SECONDS: f64 = 600.0;
/// Bins of a local day.
const BINS: usize = 144;
/// Bins of the day before that are kept with those of a day: what its first ones rose from.
const EVENING: usize = 36;
/// Days that are kept, beside the newest holidays.
const DAYS: usize = 15;
const HOLIDAYS: usize = 2;
/// Bins before a bin that it is compared with, intervals of them where that is longer, and bins of them that must be known.
const BEFORE: usize = 9;
const INTERVALS_BEFORE: f64 = 5.0;
const LEAST_BEFORE: usize = 3;
/// A bin is steep where its peak is this multiple of what was usual before, and more above it than counts vary.
const STEEP: f32 = 2.0;
const STEEP_DEVIATIONS: f32 = 3.0;
/// Most steep bins of a day that are kept: where more of them are high than low, the high ones are usual.
const MOST_STEEP: usize = BINS / 2;
/// Two days agree on a burst where the smaller peak is at least this share of the larger one.
const AGREES: f32 = 0.33;
/// A burst that was due has come if this share of it came.
const CAME: f32 = 0.5;
/// Share of the bursts due that must have come; those that are assumed to have come of how many, so that the first one must;
/// and how slowly the past is forgotten.
const BELIEVED: f64 = 0.7;
const ASSUMED: (f64, f64) = (0.6, 1.1);
const MEMORY: f64 = 0.95;

/// Arrivals that are due by the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Burst {
    /// Begin, seconds after the newest record; 0 if it has begun.
    pub begins_seconds: f64,
    /// End, seconds after the newest record.
    pub ends_seconds: f64,
    /// Highest arrivals in it, events per second.
    pub events_per_second: f64,
}

/// A bin whose arrivals were far above those before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct SteepBin {
    bin: u8,
    /// Events per second.
    peak: f32,
}

/// A day that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PastDay {
    /// Days since 1970-01-01.
    date: i64,
    kind: DayKind,
    /// A bit for each bin that is known.
    known: Vec<u8>,
    steep: Vec<SteepBin>,
}

impl PastDay {
    /// Peak of the steep bins that are at most `wide` bins from `bin`; 0 if none is steep, none if the bin is unknown.
    fn peak(&self, bin: usize, wide: usize) -> Option<f32> {
        let known = self.known.get(bin / 8).is_some_and(|bits| bits & (1 << (bin % 8)) != 0);
        let near = self.steep.iter().filter(|steep| usize::from(steep.bin).abs_diff(bin) <= wide);
        known.then(|| near.map(|steep| steep.peak).fold(0.0, f32::max))
    }
}

/// The last days, and today so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Days {
    /// Of today, days since 1970-01-01.
    date: i64,
    /// Peaks of the evening before and of today's bins, events per second; NaN where they are unknown. Empty before the first
    /// record.
    peaks: Vec<f32>,
    /// Oldest first.
    past: Vec<PastDay>,
    /// Rates of the last minute, newest first; empty where an interval is longer.
    minute: Vec<f32>,
    /// Bins of today that are over.
    over: usize,
    /// Discounted counts of the bins in which a burst was due: it came, or did not.
    came: f64,
    stayed_away: f64,
}

impl Days {
    /// Reports whether everything has a size that it can have.
    pub(crate) fn fits(&self) -> bool {
        let day = |day: &PastDay| day.known.len() == BINS / 8 && day.steep.len() <= MOST_STEEP;
        let today = self.peaks.is_empty() || self.peaks.len() == EVENING + BINS;
        today
            && self.past.len() <= DAYS + HOLIDAYS
            && self.past.iter().all(day)
            && self.over <= BINS
            && self.minute.len() <= 60
    }

    /// Learns the arrivals of the interval that ends at `at`; NaN is unknown.
    pub(crate) fn observe(&mut self, calendar: &Calendar, at: Timestamp, events: f64, interval_seconds: f64) {
        let length = (1000.0 * interval_seconds) as i64;
        let rate = self.without_chance((events / interval_seconds) as f32, interval_seconds);
        let mut begin = at.plus_millis(-length);
        while begin < at {
            let (date, time) = calendar.local(begin);
            let bin = (time / BIN_MS) as usize;
            self.turn_to(calendar, date, interval_seconds);
            self.judge(calendar, bin);
            if let Some(peak) = self.peaks.get_mut(EVENING + bin).filter(|_| rate.is_finite()) {
                *peak = peak.max(rate); // of an unknown peak and a number, the number
            }
            begin = begin.plus_millis(BIN_MS - time % BIN_MS);
        }
    }

    /// Returns the rate of the newest interval without what it has by chance.
    fn without_chance(&mut self, rate: f32, interval_seconds: f64) -> f32 {
        let records = (SMOOTHED_SECONDS / interval_seconds) as usize;
        if records < 2 || !rate.is_finite() {
            self.minute.clear();
            return rate;
        }
        self.minute.truncate(records - 1);
        self.minute.insert(0, rate);
        let mean = self.minute.iter().sum::<f32>() / self.minute.len() as f32;
        let seconds = interval_seconds as f32;
        let deviation = (mean * seconds).max(1.0).sqrt() / seconds;
        if rate > mean + CHANCE_DEVIATIONS * deviation { rate } else { mean }
    }

    /// Begins another day, unless it is today.
    fn turn_to(&mut self, calendar: &Calendar, date: i64, interval_seconds: f64) {
        if date == self.date && !self.peaks.is_empty() {
            return;
        }
        let mut fresh = vec![f32::NAN; EVENING + BINS];
        if date > self.date && !self.peaks.is_empty() {
            self.judge(calendar, BINS);
            self.past.push(self.ended(calendar, interval_seconds));
            self.forget();
            if date == self.date.saturating_add(1) {
                let evening = self.peaks.iter().skip(BINS);
                fresh.iter_mut().zip(evening).for_each(|(cell, peak)| *cell = *peak);
            }
        }
        self.past.retain(|day| day.date < date);
        (self.date, self.peaks, self.over) = (date, fresh, 0);
    }

    /// Today as a day that is over.
    fn ended(&self, calendar: &Calendar, interval_seconds: f64) -> PastDay {
        let mut day = PastDay {
            date: self.date,
            kind: calendar.kind(self.date),
            known: vec![0; BINS / 8],
            steep: Vec::new(),
        };
        let before = BEFORE.max((INTERVALS_BEFORE * interval_seconds / BIN_SECONDS) as usize).min(EVENING);
        for bin in 0..BINS {
            let place = EVENING + bin;
            let Some(peak) = self.peaks.get(place).copied().filter(|peak| peak.is_finite()) else { continue };
            if let Some(bits) = day.known.get_mut(bin / 8) {
                *bits |= 1 << (bin % 8);
            }
            let usual = median(self.peaks.get(place - before..place).unwrap_or_default());
            if usual.is_some_and(|usual| is_steep(peak, usual, interval_seconds as f32)) {
                day.steep.push(SteepBin { bin: bin as u8, peak });
            }
        }
        if day.steep.len() > MOST_STEEP {
            day.steep.sort_by(|a, b| b.peak.total_cmp(&a.peak));
            day.steep.truncate(MOST_STEEP);
        }
        day.steep.shrink_to_fit();
        day
    }

    /// Forgets the oldest days but the newest holidays.
    fn forget(&mut self) {
        let holidays = self.past.iter().filter(|day| day.kind == DayKind::Holiday).count();
        let mut spare = holidays.saturating_sub(HOLIDAYS);
        let recent = self.date.saturating_sub(DAYS as i64);
        self.past.retain(|day| {
            let holiday = day.kind == DayKind::Holiday;
            let kept = day.date > recent || (holiday && spare == 0);
            spare = spare.saturating_sub(usize::from(holiday));
            kept
        });
    }

    /// Compares the bins of today before `bin` with what was due.
    fn judge(&mut self, calendar: &Calendar, bin: usize) {
        let kind = calendar.kind(self.date);
        let seen = self.past.iter().any(|day| day.kind == kind);
        for over in self.over..bin {
            let due = self.due(kind, self.date, over, 0);
            let actual = [over, over.saturating_sub(1)].map(|bin| self.peaks.get(EVENING + bin).copied());
            let actual = actual.into_iter().flatten().filter(|peak| peak.is_finite()).reduce(f32::max);
            if let Some(actual) = actual.filter(|_| seen && due > 0.0) {
                let came = f64::from(u8::from(actual >= CAME * due));
                self.came = MEMORY * self.came + came;
                self.stayed_away = MEMORY * self.stayed_away + 1.0 - came;
            }
        }
        self.over = self.over.max(bin);
    }

    /// Reports whether bursts that were due mostly came.
    fn believed(&self) -> bool {
        let (came, all) = ASSUMED;
        self.came + came >= BELIEVED * (self.came + self.stayed_away + all)
    }

    /// Peak that is due in a bin of a date, events per second; 0 if none is.
    fn due(&self, kind: DayKind, date: i64, bin: usize, wide: usize) -> f32 {
        if self.past.iter().all(|day| day.steep.is_empty()) {
            return 0.0;
        }
        let peaks = |wanted: &dyn Fn(&PastDay) -> bool| {
            let mut days = self.past.iter().rev().filter(|day| wanted(day));
            let mut next = || days.find_map(|day| day.peak(bin, wide));
            (next(), next())
        };
        let by_kind = match peaks(&|day| day.kind == kind) {
            (Some(last), Some(before)) => agreed(last, before),
            (Some(only), None) => peaks(&|day| day.kind != kind).0.map_or(0.0, |other| agreed(only, other)),
            _ => {
                let (last, before) = peaks(&|_| true);
                last.zip(before).map_or(0.0, |(last, before)| agreed(last, before))
            }
        };
        let (week, fortnight) = peaks(&|day| date.saturating_sub(day.date) % 7 == 0);
        by_kind.max(week.zip(fortnight).map_or(0.0, |(week, fortnight)| agreed(week, fortnight)))
    }

    /// Returns the bursts that are due within `reach_seconds` after `now`, in order.
    pub(crate) fn bursts(
        &self,
        calendar: &Calendar,
        now: Timestamp,
        reach_seconds: f64,
        interval_seconds: f64,
    ) -> Vec<Burst> {
        let mut bursts: Vec<Burst> = Vec::new();
        if !self.believed() || self.past.len() < 2 {
            return bursts;
        }
        // the record of an interval does not tell when in it a burst began
        let wide = (interval_seconds / BIN_SECONDS).round() as usize;
        let reach = (1000.0 * reach_seconds) as i64;
        let mut ahead = 0;
        while ahead < reach {
            let (date, time) = calendar.local(now.plus_millis(ahead));
            let next = ahead + BIN_MS - time % BIN_MS;
            let peak = self.due(self.taken_for(calendar, date), date, (time / BIN_MS) as usize, wide);
            if peak > 0.0 {
                let (begins_seconds, ends_seconds) = (ahead as f64 / 1000.0, next as f64 / 1000.0);
                let events_per_second = f64::from(peak);
                match bursts.last_mut() {
                    Some(last)
                        if last.ends_seconds == begins_seconds
                            && last.events_per_second == events_per_second =>
                    {
                        last.ends_seconds = ends_seconds;
                    }
                    _ => bursts.push(Burst { begins_seconds, ends_seconds, events_per_second }),
                }
            }
            ahead = next;
        }
        bursts
    }

    /// Kind that a date is taken for: a holiday is its weekday until one was seen.
    fn taken_for(&self, calendar: &Calendar, date: i64) -> DayKind {
        let kind = calendar.kind(date);
        if self.past.iter().any(|day| day.kind == kind) { kind } else { calendar.kind_by_weekday(date) }
    }
}

/// Peak on which two days agree: the higher one, or the lower one where they do not.
fn agreed(one: f32, other: f32) -> f32 {
    let (low, high) = (one.min(other), one.max(other));
    if low >= AGREES * high { high } else { low }
}

fn is_steep(peak: f32, usual: f32, interval_seconds: f32) -> bool {
    let counts = (usual * interval_seconds).max(1.0);
    peak > STEEP * usual && (peak - usual) * interval_seconds > STEEP_DEVIATIONS * (counts.sqrt() + 1.0)
}

/// Median of the known values; none if they are too few.
fn median(values: &[f32]) -> Option<f32> {
    let mut known = [0.0f32; EVENING];
    let mut count = 0;
    for (cell, value) in known.iter_mut().zip(values.iter().filter(|value| value.is_finite())) {
        *cell = *value;
        count += 1;
    }
    let known = known.get_mut(..count).filter(|known| known.len() >= LEAST_BEFORE)?;
    known.sort_by(f32::total_cmp);
    known.get(known.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    const HOUR: i64 = 3600;

    fn calendar(zone: &str, holidays: &[&str]) -> Calendar {
        let holidays: Vec<String> = holidays.iter().map(|day| (*day).to_owned()).collect();
        Calendar::new(zone, &holidays).unwrap()
    }

    /// Days from the midnight at `begin` on, with 20 events per second, and 200 in the hours of the local clock that `burst`
    /// names by date, counted from the first, and hour.
    fn days(
        calendar: &Calendar,
        begin: &str,
        count: i64,
        burst: impl Fn(i64, i64) -> bool,
    ) -> (Days, Timestamp) {
        let (mut days, begin) = (Days::default(), begin.parse::<Timestamp>().unwrap());
        let first = calendar.local(begin).0;
        let mut at = begin;
        for _ in 0..count * 720 {
            let (date, time) = calendar.local(at);
            let high = burst(date - first, time / (1000 * HOUR)) && time / 1000 % HOUR < 1200;
            at = at.plus_seconds(120);
            days.observe(calendar, at, if high { 24_000.0 } else { 2400.0 }, 120.0);
        }
        (days, at)
    }

    /// Hours after `now` at which bursts begin within a day.
    fn due(days: &Days, calendar: &Calendar, now: Timestamp) -> Vec<f64> {
        let bursts = days.bursts(calendar, now, 86_400.0, 120.0);
        assert!(
            bursts.iter().all(|burst| abs_diff_eq!(burst.events_per_second, 200.0, epsilon = 1e-3)),
            "{bursts:?}"
        );
        bursts.iter().map(|burst| burst.begins_seconds / 3600.0).collect()
    }

    #[test]
    fn a_burst_is_due_after_it_came_on_three_days() {
        let utc = Calendar::utc();
        for (count, wanted) in [(1, vec![]), (2, vec![]), (3, vec![18.0]), (4, vec![18.0])] {
            let (days, now) = days(&utc, "2026-01-05T00:00:00Z", count, |_, hour| hour == 18);
            assert_eq!(due(&days, &utc, now), wanted, "after {count} days");
        }
        let (days, now) = days(&utc, "2026-01-05T00:00:00Z", 4, |date, hour| hour == 3 * date);
        assert_eq!(due(&days, &utc, now), [0.0f64; 0], "each day at another hour");
    }

    #[test]
    fn a_burst_in_every_hour_is_due_in_every_hour() {
        let utc = Calendar::utc();
        let (days, now) = days(&utc, "2026-01-05T00:00:00Z", 4, |_, _| true);
        let hours: Vec<f64> = (0..24).map(f64::from).collect();
        assert_eq!(due(&days, &utc, now), hours);
        assert!(days.fits());
    }

    #[test]
    fn bursts_that_stay_away_are_no_longer_expected_and_are_again_when_they_come() {
        let utc = Calendar::utc();
        // where two came on the days before, the third stays away
        let fickle = |date: i64| date % 3 != 2;
        let (days, _) = days(&utc, "2026-01-05T00:00:00Z", 20, |date, hour| hour == 18 && fickle(date));
        assert!(!days.believed(), "{} came, {} did not", days.came, days.stayed_away);
        let steady = |date, hour| hour == 18 && (date >= 20 || fickle(date));
        let (days, now) = self::days(&utc, "2026-01-05T00:00:00Z", 34, steady);
        assert_eq!(due(&days, &utc, now), [18.0], "two weeks later");
    }

    #[test]
    fn working_days_are_apart_from_weekends_once_one_was_seen() {
        let utc = Calendar::utc();
        let working = |date: i64, hour: i64| date % 7 < 5 && hour == 18;
        let next = |count| {
            let (days, now) = days(&utc, "2026-01-05T00:00:00Z", count, working);
            due(&days, &utc, now)
        };
        assert_eq!(next(5), [18.0], "the first Saturday is taken for another day");
        assert_eq!(next(12), [0.0f64; 0], "the second one is not");
        assert_eq!(next(14), [18.0], "the third Monday follows a Friday");
        let (weekly, now) = days(&utc, "2026-01-05T00:00:00Z", 20, |date, hour| date % 7 == 6 && hour == 8);
        assert_eq!(due(&weekly, &utc, now), [0.0f64; 0], "two Sundays were not enough to be believed");
        let (weekly, now) = days(&utc, "2026-01-05T00:00:00Z", 27, |date, hour| date % 7 == 6 && hour == 8);
        assert_eq!(due(&weekly, &utc, now), [8.0], "the fourth one");
    }

    #[test]
    fn a_burst_keeps_its_local_time_when_the_clocks_change() {
        let berlin = calendar("Europe/Berlin", &[]);
        // six days before 29 March 2026, a Sunday, on which 18:00 is 17 hours after midnight
        let (days, now) = days(&berlin, "2026-03-22T23:00:00Z", 6, |_, hour| hour == 18);
        assert_eq!(due(&days, &berlin, now), [17.0]);
    }

    #[test]
    fn holidays_are_days_of_their_own_kind_once_one_was_seen() {
        let holidays = calendar("UTC", &["2026-01-14", "2026-01-16"]);
        let (days, now) = days(&holidays, "2026-01-05T00:00:00Z", 9, |date, hour| date % 7 < 5 && hour == 18);
        assert_eq!(due(&days, &holidays, now), [18.0], "the first holiday may be like its weekday");
        let (days, now) = self::days(&holidays, "2026-01-05T00:00:00Z", 11, |date, hour| {
            date % 7 < 5 && date != 9 && hour == 18
        });
        assert_eq!(due(&days, &holidays, now), [0.0f64; 0], "the second one is like the first");
    }

    #[test]
    fn memory_is_bounded_and_a_clock_that_goes_back_forgets_what_is_later() {
        let utc = Calendar::utc();
        let (mut days, now) = days(&utc, "2026-01-05T00:00:00Z", 60, |_, hour| hour % 2 == 0);
        assert!(days.past.len() <= DAYS + HOLIDAYS, "{}", days.past.len());
        assert!(days.past.iter().all(|day| day.steep.len() <= MOST_STEEP));
        assert!(days.fits());
        let mut foreign = days.clone();
        foreign.past.extend(days.past.clone());
        assert!(!foreign.fits(), "days of two pools");
        days.observe(&utc, now.plus_seconds(-10 * 86_400), 5.0, 120.0);
        let today = utc.local(now.plus_seconds(-10 * 86_400 - 120)).0;
        assert!(days.date == today && days.past.iter().all(|day| day.date < today), "{days:?}");
    }
}
