//! The schedule of the configuration: which times of the week, the month or the year are not like others.

use crate::error::{Error, Result};
use crate::time::Timestamp;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Most entries of a schedule.
const MOST_ENTRIES: usize = 100;
/// Times of one entry that are looked at, of those that are over and of the others; more where they begin or end this near, seconds.
const MOST_TIMES: usize = 16;
const NEAR_SECONDS: i64 = 2 * 3600;
/// Range of a multiplier: that of the field `expected_traffic_multiplier`.
pub(crate) const MULTIPLIERS: (f64, f64) = (0.01, 100.0);
/// Highest price of a job-hour.
const MOST_PRICE: f64 = 1e9;
/// Length of a time, seconds.
const SECONDS: (u32, u32) = (60, 31 * 86_400);

/// A time that comes again and again, and what is different in it.
///
/// ```
/// use evscale_core::Config;
/// let config = Config::from_json(r#"{"schedule": [
///     {"cron": "0 8 * * MON-FRI", "seconds": 36000, "min_jobs": 10},
///     {"cron": "0 0 L * *", "seconds": 86400, "multiplier": 2.5}
/// ]}"#)?;
/// assert_eq!(config.schedule[1].multiplier, Some(2.5));
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScheduleEntry {
    /// When it begins, as minute, hour, day of the month, month and weekday, in the `time_zone` of the pool. A time that a change of
    /// the clocks leaves out is that of the change; one that comes twice counts once.
    pub cron: String,
    /// How long it lasts, seconds: 60 to 2,678,400.
    pub seconds: u32,
    /// At least so many jobs, ready when it begins.
    #[serde(default)]
    pub min_jobs: Option<u32>,
    /// At most so many jobs.
    #[serde(default)]
    pub max_jobs: Option<u32>,
    /// So many times the load that is expected otherwise, 0.01 to 100.
    #[serde(default)]
    pub multiplier: Option<f64>,
    /// Price of a job for an hour, in the currency of `job_hour_price`, 0 to 1e9.
    #[serde(default)]
    pub job_hour_price: Option<f64>,
}

/// A schedule that can be asked.
#[derive(Clone, Debug)]
pub(crate) struct Timetable {
    zone: TimeZone,
    entries: Vec<(Cron, ScheduleEntry)>,
}

/// A time of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Occurrence {
    pub(crate) entry: usize,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) min_jobs: Option<u32>,
    pub(crate) max_jobs: Option<u32>,
    pub(crate) multiplier: Option<f64>,
    pub(crate) job_hour_price: Option<f64>,
}

impl Timetable {
    /// Reads a schedule of a pool with so many jobs at least and at most, in a zone.
    ///
    /// # Errors
    /// An entry cannot be read, says nothing, or contradicts itself or the bounds.
    pub(super) fn new(schedule: &[ScheduleEntry], bounds: (u32, u32), zone: TimeZone) -> Result<Self> {
        if schedule.len() > MOST_ENTRIES {
            return Err(Error::config(format!(
                "`schedule` has {} entries, expected at most {MOST_ENTRIES}",
                schedule.len()
            )));
        }
        let read = |(number, entry): (usize, &ScheduleEntry)| {
            let cron = entry.read(bounds, &zone).map_err(|problem| {
                Error::config(format!("`schedule` has an entry {} that {problem}", number + 1))
            })?;
            Ok((cron, entry.clone()))
        };
        let entries = schedule.iter().enumerate().map(read).collect::<Result<_>>()?;
        Ok(Self { zone, entries })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the times around `now` that touch `from` to `until`. Times of an entry that overlap are one.
    pub(crate) fn between(&self, from: Timestamp, now: Timestamp, until: Timestamp) -> Vec<Occurrence> {
        self.entries.iter().enumerate().flat_map(|entry| self.of_entry(entry, from, now, until)).collect()
    }

    fn of_entry(
        &self,
        (entry, (cron, said)): (usize, &(Cron, ScheduleEntry)),
        from: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Vec<Occurrence> {
        let seconds = i64::from(said.seconds);
        let (recently, soon) = (now.plus_seconds(-NEAR_SECONDS), now.plus_seconds(NEAR_SECONDS));
        let mut times: Vec<Occurrence> = Vec::new();
        let mut coming = 0;
        let mut after = from.plus_seconds(-seconds);
        while let Some(start) = next(cron, &self.zone, after).filter(|start| *start < until)
            && (coming < MOST_TIMES || start < soon)
        {
            after = start;
            let end = start.plus_seconds(seconds);
            match times.last_mut().filter(|before| start < before.end) {
                Some(before) => before.end = end,
                None => times.push(Occurrence {
                    entry,
                    start,
                    end,
                    min_jobs: said.min_jobs,
                    max_jobs: said.max_jobs,
                    multiplier: said.multiplier,
                    job_hour_price: said.job_hour_price,
                }),
            }
            if end >= until {
                break;
            }
            coming += usize::from(end > now);
        }
        let over = times.iter().take_while(|time| time.end <= recently).count();
        let old = times.iter().take_while(|time| time.end <= now).count().saturating_sub(MOST_TIMES);
        times.drain(..old.min(over));
        times
    }
}

/// Returns the first time of a pattern after another one; none if there is none.
fn next(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let after = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?;
    let next = cron.find_next_occurrence(&Zoned::new(after, zone.clone()), false).ok()?;
    Timestamp::from_millis(next.timestamp().as_millisecond()).ok()
}

impl ScheduleEntry {
    fn read(&self, (fewest, most): (u32, u32), zone: &TimeZone) -> std::result::Result<Cron, String> {
        let Self { cron, seconds, min_jobs, max_jobs, multiplier, job_hour_price } = self;
        let unreadable = |why: String| {
            format!(
                "has the `cron` {cron:?}, expected minute, hour, day of the month, month and weekday, such as \"0 8 * * MON-FRI\" \
                 ({why})"
            )
        };
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(cron).map_err(|problem| unreadable(problem.to_string()))?;
        if next(&pattern, zone, Timestamp::EPOCH).is_none() {
            return Err(unreadable("it never comes".to_owned()));
        }
        if !(SECONDS.0..=SECONDS.1).contains(seconds) {
            return Err(format!("lasts {seconds} `seconds`, expected {} to {}", SECONDS.0, SECONDS.1));
        }
        if min_jobs.is_none() && max_jobs.is_none() && multiplier.is_none() && job_hour_price.is_none() {
            return Err(
                "says nothing, expected `min_jobs`, `max_jobs`, `multiplier` or `job_hour_price`".to_owned()
            );
        }
        if let (Some(low), Some(high)) = (min_jobs, max_jobs)
            && low > high
        {
            return Err(format!("has {low} `min_jobs`, expected at most its `max_jobs`, which is {high}"));
        }
        for jobs in [min_jobs, max_jobs].into_iter().flatten() {
            if !(fewest..=most).contains(jobs) {
                return Err(format!(
                    "asks for {jobs} jobs, expected `min_jobs` of the pool, which is {fewest}, to its `max_jobs`, which is {most}"
                ));
            }
        }
        let (low, high) = MULTIPLIERS;
        if let Some(times) = multiplier
            && !(low..=high).contains(times)
        {
            return Err(format!("has the multiplier {times}, expected {low} to {high}"));
        }
        if let Some(price) = job_hour_price
            && !(0.0..=MOST_PRICE).contains(price)
        {
            return Err(format!("has the `job_hour_price` {price}, expected 0 to {MOST_PRICE:e}"));
        }
        Ok(pattern)
    }
}

impl Occurrence {
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.start <= now && now < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable(zone: &str, cron: &str, seconds: u32) -> Result<Timetable> {
        let entry =
            ScheduleEntry { cron: cron.to_owned(), seconds, min_jobs: Some(5), ..ScheduleEntry::default() };
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap();
        Timetable::new(&[entry], (1, 100), zone)
    }

    fn starts(zone: &str, cron: &str, from: &str, days: i64) -> Vec<String> {
        let from: Timestamp = from.parse().unwrap();
        let times =
            timetable(zone, cron, 3600).unwrap().between(from, from, from.plus_seconds(86_400 * days));
        times.iter().map(|time| time.start.to_string()).collect()
    }

    #[test]
    fn local_times_move_with_the_clocks() {
        assert_eq!(
            starts("America/New_York", "0 18 * * *", "2026-03-07T00:00:00Z", 3),
            ["2026-03-07T23:00:00Z", "2026-03-08T22:00:00Z", "2026-03-09T22:00:00Z"]
        );
        let spring = starts("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring[1], "2026-03-29T01:00:00Z", "half past two is left out: the change itself");
        assert_eq!(spring.len(), 3);
        let autumn = starts("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"], "once, the first of the two");
    }

    #[test]
    fn the_last_day_and_the_first_monday_of_a_month_can_be_said() {
        assert_eq!(
            starts("UTC", "0 6 L * *", "2026-02-01T00:00:00Z", 60),
            ["2026-02-28T06:00:00Z", "2026-03-31T06:00:00Z"]
        );
        assert_eq!(
            starts("UTC", "0 6 * * MON#1", "2026-02-01T00:00:00Z", 60),
            ["2026-02-02T06:00:00Z", "2026-03-02T06:00:00Z"]
        );
    }

    #[test]
    fn a_time_that_has_begun_is_there() {
        let at: Timestamp = "2026-01-05T08:30:00Z".parse().unwrap();
        let times = timetable("UTC", "0 8 * * *", 3600).unwrap().between(at, at, at.plus_seconds(60));
        assert!(times.len() == 1 && times[0].holds(at) && !times[0].holds(at.plus_seconds(1800)));
    }

    #[test]
    fn however_often_a_time_comes_those_around_now_are_there() {
        let now: Timestamp = "2026-01-05T08:32:00Z".parse().unwrap();
        let around = |cron: &str, seconds| {
            let (from, until) = (now.plus_seconds(-4 * 3600), now.plus_seconds(8 * 3600));
            timetable("UTC", cron, seconds).unwrap().between(from, now, until)
        };
        for minutes in [1, 2, 5, 10, 15, 20, 30] {
            let times = around(&format!("*/{minutes} * * * *"), 60);
            for minute in -60..115i64 {
                let then = now.plus_seconds(60 * minute);
                let holds = (32 + minute).rem_euclid(minutes) == 0;
                assert_eq!(
                    times.iter().any(|time| time.holds(then)),
                    holds,
                    "every {minutes}, {minute} min from now"
                );
            }
            assert!(times.len() <= 245, "{}", times.len());
        }
        let always = around("* * * * *", 31 * 86_400);
        assert!(always.len() == 1 && (0..480).all(|minute| always[0].holds(now.plus_seconds(60 * minute))));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_number_and_an_example() {
        for (cron, seconds, told) in [
            ("0 25 * * *", 3600, "entry 1 that has the `cron` \"0 25 * * *\""),
            ("0 0 8 * * *", 3600, "minute, hour, day of the month"),
            ("0 8 30 2 *", 3600, "never comes"),
            ("0 8 * * *", 59, "59 `seconds`, expected 60 to 2678400"),
        ] {
            let problem = timetable("UTC", cron, seconds).unwrap_err().to_string();
            assert!(problem.contains(told), "{cron}: {problem}");
        }
    }
}
