//! What is known of the time to come before the records show it: announced events, the schedule of the configuration, and
//! `expected_traffic_multiplier` of the records.
//!
//! All three act in one way, outside the networks. The forecaster sees the arrivals without what a statement explains
//! ([`usual`]), so that an announced rise is no anomaly and no level; its forecast with what is stated is what everything after
//! it sees ([`told`]). When the time is over, what came is compared with what was said ([`truth`]).

#![expect(clippy::disallowed_methods, reason = "an end that is ahead is told by the sign")]

mod announcement;
mod due;
mod entry;
mod multiplier;
mod ready;
mod told;
mod truth;
mod usual;

pub use announcement::{Announced, Announcement};
use due::Due;
pub(crate) use ready::Ready;
pub(crate) use told::MOST_BETWEEN;

use crate::config::{Config, Occurrence, Timetable};
use crate::error::{Error, Result};
use crate::forecaster::{DueEvents, Forecast};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use entry::Entry;
use multiplier::TrafficMultiplier;
use serde::{Deserialize, Serialize};
use truth::{Course, Truth};

/// Most announcements of the time to come.
const MOST: usize = 64;
/// Announcements that are remembered after their end.
const REMEMBERED: usize = 8;
/// Time that the schedule is looked at ahead, beyond what a decision needs, seconds.
const LOOK_AHEAD_SECONDS: i64 = 4 * 3600;
/// Time after which it is looked at again, seconds.
const LOOK_AGAIN_SECONDS: f64 = 1800.0;
/// An announcement, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AnnouncementStatus {
    /// Number by which it is cancelled.
    pub id: u32,
    /// What was announced.
    #[serde(flatten)]
    pub announcement: Announcement,
    /// Whether its end has come.
    pub ended: bool,
    /// Share of the announced difference that is planned for, 0 to 1: less where such statements have proved wrong.
    pub believed: f64,
    /// What came, in the unit of the announcement (for `min_jobs`: the most jobs that were busy); none before its end.
    pub came: Option<f64>,
}

impl AnnouncementStatus {
    /// The list as JSON, byte for byte the same in every language.
    pub fn list_to_json(list: &[Self]) -> String {
        serde_json::to_string(list).unwrap_or_default()
    }
}

/// A statement, and how far it is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Statement {
    /// What is said, of the time in which it holds.
    said: Announcement,
    /// Length of the time of which it was said, seconds, over the size of an event in what the arrivals count.
    seconds: f64,
    weight: f64,
}

impl Statement {
    /// The same of arrivals in which an event counts as its size.
    fn of_size(self, size: f64) -> Self {
        Self { seconds: self.seconds / size, ..self }
    }
}

/// Arrivals of the newest record, as they were counted and as the history has them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Explained {
    at: Timestamp,
    counted: f64,
    usual: f64,
}

/// What is known of the time to come, for one pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Announcements {
    last_id: u32,
    entries: Vec<Entry>,
    truth: Truth,
    field: TrafficMultiplier,
    explained: Option<Explained>,
    /// Something was announced or cancelled after the last decision.
    fresh: bool,
    /// What came in the times of each entry of the schedule.
    courses: Vec<(Course, Truth)>,
    /// What falls due; none while the host has never said it.
    due: Option<Box<Due>>,
    /// Bounds of the schedule at the last decision.
    bounds: (Option<u32>, Option<u32>),
    /// The times of the schedule around the moment at which they were looked up.
    #[serde(skip)]
    times: Vec<Occurrence>,
    #[serde(skip)]
    looked: Option<Timestamp>,
}

impl Announcements {
    /// Looks up the times of the schedule around `now`. A decision needs those until `ahead_seconds` after it.
    pub(crate) fn look_ahead(&mut self, timetable: &Timetable, now: Timestamp, ahead_seconds: f64) {
        if timetable.is_empty() && self.times.is_empty() {
            return;
        }
        if self
            .looked
            .and_then(|looked| now.elapsed_since(looked))
            .is_some_and(|age| age < LOOK_AGAIN_SECONDS)
        {
            return;
        }
        self.courses.resize(timetable.len(), <(Course, Truth)>::default());
        let ahead = LOOK_AHEAD_SECONDS + ahead_seconds as i64;
        self.times = timetable.between(now.plus_seconds(-LOOK_AHEAD_SECONDS), now, now.plus_seconds(ahead));
        self.looked = Some(now);
    }

    /// Forgets the schedule, because another one holds.
    pub(crate) fn forget_schedule(&mut self) {
        (self.looked, self.courses) = (None, Vec::new());
        self.times.clear();
    }

    /// Returns the most jobs that the schedule allows at `now`, and why.
    pub(crate) fn most_jobs(&self, now: Timestamp) -> Option<(u32, String)> {
        let holding = self.times.iter().filter(|time| time.holds(now));
        let (most, end) = holding.filter_map(|time| Some((time.max_jobs?, time.end))).min()?;
        Some((most, format!("the schedule allows at most {most} jobs until {end}")))
    }

    /// Returns the price of a job-hour at `now`: the highest that the schedule names, else that of the configuration.
    pub(crate) fn job_hour_price(&self, config: &Config, now: Timestamp) -> Option<f64> {
        let holding = self.times.iter().filter(|time| time.holds(now));
        holding.filter_map(|time| time.job_hour_price).max_by(f64::total_cmp).or(config.job_hour_price)
    }

    /// Returns the bounds of the schedule at `now`.
    fn bounds(&self, now: Timestamp) -> (Option<u32>, Option<u32>) {
        let holding = || self.times.iter().filter(|time| time.holds(now));
        (holding().filter_map(|time| time.min_jobs).max(), holding().filter_map(|time| time.max_jobs).min())
    }

    /// Takes an announcement; returns the number by which it is cancelled.
    ///
    /// # Errors
    /// It cannot be true, contradicts one that is there, or there are too many.
    pub(crate) fn announce(
        &mut self,
        config: &Config,
        newest: Option<Timestamp>,
        announcement: Announcement,
    ) -> Result<u32> {
        announcement.check(config, newest)?;
        if let Some(other) = self.coming().find(|other| other.announcement.overlaps(&announcement)) {
            return Err(Error::argument(format!(
                "the announcement of {announcement} contradicts number {}, {}; cancel that one, or announce another time",
                other.id, other.announcement
            )));
        }
        if self.coming().count() >= MOST {
            return Err(Error::argument(format!(
                "{MOST} announcements are known already, expected fewer; cancel one, or announce it later"
            )));
        }
        self.last_id = self.last_id.wrapping_add(1);
        self.fresh = true;
        self.entries.push(Entry {
            id: self.last_id,
            announcement,
            course: Course::default(),
            outcome: None,
            ended: false,
            shown: None,
        });
        Ok(self.last_id)
    }

    /// Takes what is known at `now` of the events that fall due.
    ///
    /// # Errors
    /// A number that cannot be, or too many moments.
    pub(crate) fn set_due(&mut self, now: Timestamp, due: &[DueEvents]) -> Result<()> {
        let mut known = self.due.clone().unwrap_or_default();
        known.replace(now, due)?;
        self.due = Some(known);
        Ok(())
    }

    /// Takes the events that are not due out of a record: they wait for their time, not for a job.
    pub(crate) fn leave_out_scheduled(&mut self, record: &mut Metrics) {
        if record.scheduled_events_count.is_some() || self.due.is_some() {
            self.due.get_or_insert_default().leave_out_scheduled(record);
        }
    }

    /// Takes an announcement back.
    ///
    /// # Errors
    /// There is none of this number, or its end has come.
    pub(crate) fn cancel(&mut self, id: u32) -> Result<()> {
        let Some(place) = self.entries.iter().position(|entry| entry.id == id && !entry.ended) else {
            let known: Vec<String> = self.coming().map(|entry| entry.id.to_string()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Error::argument(format!(
                "announcement {id} is not known or has ended, expected one of: {known}"
            )));
        };
        self.entries.remove(place);
        self.fresh = true;
        Ok(())
    }

    /// Returns every announcement that is remembered, and what became of it.
    pub(crate) fn statuses(&self) -> Vec<AnnouncementStatus> {
        let status = |entry: &Entry| AnnouncementStatus {
            id: entry.id,
            announcement: entry.announcement,
            ended: entry.ended,
            believed: self.weight(entry.announcement.what),
            came: entry.outcome.filter(|_| entry.ended).map(|outcome| outcome.came),
        };
        self.entries.iter().map(status).collect()
    }

    fn coming(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.ended)
    }

    fn weight(&self, what: Announced) -> f64 {
        if matches!(what, Announced::MinJobs(_)) { 1.0 } else { self.truth.weight() }
    }

    /// Returns what is stated of the times after the newest record.
    fn statements(&self) -> impl Iterator<Item = Statement> {
        let announced = self.coming().map(|entry| self.statement(entry, entry.as_shown()));
        let scheduled = self.times.iter().flat_map(|time| {
            let believed = self.courses.get(time.entry).map_or(1.0, |(_, truth)| truth.weight());
            said(time).map(move |said| Statement {
                said,
                seconds: said.seconds(),
                weight: if matches!(said.what, Announced::MinJobs(_)) { 1.0 } else { believed },
            })
        });
        announced.chain(scheduled).chain(self.field.statement(self.field.acting()))
    }

    /// Returns what may be stated of the interval that ends at `at`, by events that are not punctual.
    fn loosely(&self, at: Timestamp) -> impl Iterator<Item = Statement> {
        let announced = self.coming().map(|entry| self.statement(entry, entry.loosely()));
        announced.chain(self.field.loosely(at))
    }

    fn statement(&self, entry: &Entry, said: Announcement) -> Statement {
        Statement { said, seconds: entry.announcement.seconds(), weight: self.weight(said.what) }
    }

    /// Reports whether nothing is stated.
    fn silent(&self) -> bool {
        self.entries.iter().all(|entry| entry.ended)
            && self.field.silent()
            && self.times.is_empty()
            && self.due.as_ref().is_none_or(|due| due.silent())
    }

    /// Learns from a checked record whose arrivals are the load, of `counted` ones, and were expected to be `usual`, in which an event
    /// counts as its `size`; returns the load without what a statement explains, and what is to be told.
    pub(crate) fn observe(
        &mut self,
        config: &Config,
        record: &Metrics,
        counted: f64,
        usual: f64,
        busy: f64,
        size: f64,
    ) -> (f64, Vec<String>) {
        self.field.next(record);
        self.explained = None;
        if self.silent() {
            let events = record.logged_events_count;
            self.explain(record, counted, events);
            return (events, Vec::new());
        }
        let interval = f64::from(config.interval_seconds);
        // the multiplier of the record before is of this interval; some hosts send the one of the interval itself
        let said = |multiplier: f64| self.field.statement(multiplier);
        let during = self.statements().chain(said(self.field.before)).map(|said| said.of_size(size));
        let at = record.timestamp;
        let mut told = told::level(usual, at, interval, during);
        let due = self.due.as_mut();
        let (fallen, note) = due.map_or((0.0, None), |due| {
            due.observe(at, interval, record.logged_events_count / size, told / size)
        });
        let events = record.logged_events_count - size * fallen;
        let loosely = self.loosely(at).map(|said| said.of_size(size));
        let loosely = told::level(usual, at, interval, loosely);
        let shown = usual::shows(events, usual, loosely);
        if shown {
            told = loosely;
        }
        self.show(at, interval, shown);
        let explained = usual::without(events, usual, told);
        self.explain(record, counted, explained);
        let mut notes = self.judge((at, events / size), usual / size, busy, interval);
        notes.extend(note);
        (explained, notes)
    }

    /// Remembers arrivals that differ from those in the history.
    fn explain(&mut self, record: &Metrics, counted: f64, usual: f64) {
        let differs = counted.is_finite() && counted != usual;
        self.explained = differs.then_some(Explained { at: record.timestamp, counted, usual });
    }

    /// Learns whether the newest interval shows what is stated: then it goes on in the next ones.
    fn show(&mut self, at: Timestamp, interval: f64, shown: bool) {
        for entry in self.entries.iter_mut().filter(|entry| !entry.ended) {
            entry.shown = (shown && entry.loosely().share_of(at, interval) > 0.0).then_some(at);
        }
        self.field.shown = shown;
    }

    /// Follows what comes while statements hold, and judges those whose time is over.
    fn judge(&mut self, (at, events): (Timestamp, f64), usual: f64, busy: f64, interval: f64) -> Vec<String> {
        let Self { entries, truth, field, times, courses, .. } = self;
        let mut notes = Vec::new();
        for entry in entries.iter_mut().filter(|entry| !entry.ended) {
            let said = entry.announcement;
            let share = said.share_of(at, interval);
            if share > 0.0 {
                entry.course.observe(events, usual, busy, interval, share);
            }
            entry.ended = at >= entry.as_shown().end;
            let lasts = matches!(said.what, Announced::Multiplier(_)) && entry.course.lasts();
            if entry.ended || lasts {
                entry.outcome = entry.course.judge(said.what, truth).or(entry.outcome);
            }
            if entry.ended {
                let came = entry
                    .outcome
                    .map_or("nothing is known of it".to_owned(), |came| came.describe(said.what));
                notes.push(format!("the announcement of {said} has ended: {came}"));
            }
        }
        let ended = entries.iter().filter(|entry| entry.ended).count();
        let mut forgotten = ended.saturating_sub(REMEMBERED);
        entries.retain(|entry| {
            let forget = entry.ended && forgotten > 0;
            forgotten -= usize::from(forget);
            !forget
        });
        field.judge(events, usual, busy, interval);
        for time in times.iter() {
            let (Some(times), Some((course, truth))) = (time.multiplier, courses.get_mut(time.entry)) else {
                continue;
            };
            let said = Announcement::new(time.start, time.end, Announced::Multiplier(times));
            let share = said.share_of(at, interval);
            if share > 0.0 {
                course.observe(events, usual, busy, interval, share);
            }
            if course.lasts() || (share > 0.0 && at >= time.end) {
                course.judge(said.what, truth);
            }
        }
        notes
    }

    /// Returns the arrivals of the newest record, without what a statement explains.
    pub(crate) fn usual_events(&self, at: Timestamp, events: f64) -> f64 {
        self.explained.filter(|explained| explained.at == at).map_or(events, |explained| explained.usual)
    }

    /// Reports whether the newest record, which the history has without what a statement explains, is of this interval and has so
    /// many arrivals.
    pub(crate) fn repeats(&self, at: Timestamp, events: f64, interval_seconds: u32) -> bool {
        self.explained.is_some_and(|newest| {
            at.seconds_apart(newest.at) < f64::from(interval_seconds) / 2.0 && events == newest.counted
        })
    }

    /// Returns a forecast of the usual load with what is stated; none if that says the same. `seen` are the newest arrivals, below
    /// which no statement lowers it.
    /// `size` is that of an event in what the forecast counts.
    pub(crate) fn told(
        &self,
        usual: &Forecast,
        interval_seconds: u32,
        seen: f64,
        size: f64,
    ) -> Option<Forecast> {
        if self.silent() {
            return None;
        }
        let statements: Vec<Statement> = self.statements().map(|said| said.of_size(size)).collect();
        let due = self.due.as_ref().map(|due| due.ahead(usual.at)).unwrap_or_default();
        let due = due.into_iter().map(|due| DueEvents { events: size * due.events, ..due }).collect();
        told::forecast(usual, f64::from(interval_seconds), seen, &statements, due)
    }

    /// Reports whether the last decision does not know everything that is announced.
    pub(crate) fn turned(&self, now: Timestamp) -> bool {
        self.fresh || self.bounds != self.bounds(now)
    }

    /// Learns that a decision is made for `now`.
    pub(crate) fn decided(&mut self, now: Timestamp) {
        (self.fresh, self.bounds) = (false, self.bounds(now));
    }

    /// Returns what is stated of the present and the time to come, in words.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let announced = self.coming().map(|entry| format!("{}: {}", entry.id, entry.announcement));
        let field = self.field.statement(self.field.multiplier);
        let field = field.map(|field| format!("`expected_traffic_multiplier`: {}", field.said.what));
        let ahead = self.times.iter().filter(|time| self.looked.is_none_or(|looked| time.end > looked));
        let scheduled = ahead.flat_map(|time| {
            let most = time
                .max_jobs
                .map(|jobs| format!("schedule: at most {jobs} jobs from {} until {}", time.start, time.end));
            said(time).map(|said| format!("schedule: {said}")).chain(most)
        });
        let due = self.due.iter().flat_map(|due| due.in_words());
        announced.chain(field).chain(scheduled).chain(due).collect()
    }

    /// Returns which statements are believed in part only.
    pub(crate) fn distrust(&self) -> Option<String> {
        let field = self.field.truth.distrust("`expected_traffic_multiplier`");
        let scheduled = self.courses.iter().enumerate().filter_map(|(entry, (_, truth))| {
            truth.distrust(&format!("entry {} of the schedule", entry + 1))
        });
        let announced = self.truth.distrust("an announcement");
        let due = self.due.as_ref().and_then(|due| due.distrust());
        let all: Vec<String> = announced.into_iter().chain(field).chain(scheduled).chain(due).collect();
        (!all.is_empty()).then(|| format!("announced: {}", all.join("; ")))
    }

    /// Goes back to `at`, before the newest record: what was seen of statements is void, and those whose end is still to come hold
    /// again, unless another one was announced for their time since.
    pub(crate) fn rewind(&mut self, at: Timestamp) {
        self.explained = None;
        self.field.rewind();
        let since: Vec<Announcement> = self.coming().map(|entry| entry.announcement).collect();
        for entry in &mut self.entries {
            let replaced = since.iter().any(|other| other.overlaps(&entry.announcement));
            entry.rewind(at, entry.ended && replaced);
        }
        self.courses.iter_mut().for_each(|(course, _)| *course = Course::default());
        if let Some(due) = &mut self.due {
            due.rewind();
        }
    }
}

/// Returns what is said of a time of the schedule.
fn said(time: &Occurrence) -> impl Iterator<Item = Announcement> {
    let Occurrence { start, end, min_jobs, multiplier, .. } = *time;
    let jobs = min_jobs.map(Announced::MinJobs);
    let times = multiplier.map(Announced::Multiplier);
    jobs.into_iter().chain(times).map(move |what| Announcement::new(start, end, what))
}
