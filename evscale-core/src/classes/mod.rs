//! Classes of events in one pool: what each brings, what all of them need together under the order of service, and which are late.
//!
//! Jobs take events in the order of the priorities, so that a class is in the way of those after it alone. What a level needs (the
//! classes of a priority and all before it) is what their work together needs, of which as much may wait as came of its own classes
//! within their wait: what waits is theirs, as the others are served first. The pool needs the highest of these, not their sum. The last
//! level is the pool itself: its records count work, an event as so many of the smallest class as it takes time. Each level before has a
//! share of its forecast ([`share`]), and rules of its own in the shadow.

#![expect(clippy::disallowed_methods, reason = "the wait of a level is finite and not negative")]

mod order;
mod share;
mod told;

use crate::calendar::Calendar;
use crate::config::{Config, LONGEST_CLASS_NAME};
use crate::decision::{PlanStep, plan};
use crate::forecaster::{Burst, DueEvents, Forecast, HorizonForecast};
use crate::metrics::{ClassCounts, Metrics};
use crate::policy::{LevelNeed, Levels, Load, OwnEvents, Seen, Selection, load_of_level};
use crate::pool::{ErrorBudget, Pool};
use crate::text::readable;
use order::Level;
use serde::{Deserialize, Serialize};
use share::Share;

/// Time over which the mix of the classes is averaged, seconds, once so much was seen.
const MIX_SECONDS: f64 = 86_400.0;
/// What came of a class is averaged over so much of its wait, and at least over so many seconds.
const AVERAGED_OVER: f64 = 0.5;
const LEAST_AVERAGED: f64 = 600.0;

/// What is known of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Class {
    /// Its part of the pool's work, averaged.
    part: f64,
    /// Its work and that of all classes in an interval, averaged over its wait.
    work: f64,
    all: f64,
    /// Its work in the newest interval, if the record says it.
    came: Option<f64>,
    budget: ErrorBudget,
    /// Its events that wait, in its own, if the newest record says them.
    waiting: Option<f64>,
    /// Its late events in those of the smallest class, if the newest record says them.
    late: Option<f64>,
}

impl Class {
    /// Returns its part of the work that came within its wait.
    fn recent_part(&self) -> f64 {
        if self.all > 0.0 { (self.work / self.all).min(1.0) } else { self.part }
    }
}

/// What is known of a level before the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Before {
    share: Share,
    selection: Selection,
    /// Work that waits, in events of the smallest class.
    waiting: f64,
    /// Work that came with the newest record, if it says so.
    came: Option<f64>,
}

/// What is known of the classes of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Classes {
    classes: Vec<Class>,
    before: Vec<Before>,
    records: u32,
    /// Size of an event of the pool in those of the smallest class, averaged.
    size: f64,
}

/// The configuration and the forecast of a level.
struct View {
    config: Config,
    forecast: Forecast,
    size: f64,
}

impl Classes {
    /// Nothing is known yet; none where the configuration has no classes.
    pub(crate) fn new(config: &Config) -> Option<Box<Self>> {
        let levels = order::levels(config);
        let (_, before) = levels.split_last()?;
        let before = before.iter().map(|_| Before {
            share: Share::default(),
            selection: Selection::of_level(config.min_jobs),
            waiting: 0.0,
            came: None,
        });
        let even = 1.0 / config.classes.len() as f64;
        Some(Box::new(Self {
            classes: vec![Class { part: even, ..Class::default() }; config.classes.len()],
            before: before.collect(),
            records: 0,
            size: 1.0,
        }))
    }

    /// The same classes with other SLAs or priorities: what came of each stays known.
    pub(crate) fn ordered_anew(&self, config: &Config) -> Option<Box<Self>> {
        let mut anew = Self::new(config)?;
        anew.classes.clone_from(&self.classes);
        (anew.records, anew.size) = (self.records, self.size);
        anew.classes.iter_mut().for_each(|class| class.budget = ErrorBudget::default());
        Some(anew)
    }

    /// Returns what the rules of the last level are evaluated on: of all arrivals, its own are late if they wait.
    pub(crate) fn seen_of_last<'a>(&self, config: &Config, seen: &Seen<'a>) -> Seen<'a> {
        let levels = order::levels(config);
        let Some(last) = levels.last() else { return *seen };
        let late_events = self.sum(last, |class| class.late).filter(|_| seen.late_events.is_some());
        Seen { late_events, own: self.own_events(last, seen.events), ..*seen }
    }

    /// Returns the arrivals of a level's own classes, in events of the smallest; as many as usual where the record does not say it.
    fn own_events(&self, level: &Level, all: f64) -> Option<OwnEvents> {
        let usual: f64 =
            level.classes.iter().filter_map(|place| self.classes.get(*place)).map(Class::recent_part).sum();
        let events = self.sum(level, |class| class.came).unwrap_or(all * usual).min(all);
        Some(OwnEvents { events, wait_seconds: level.wait_seconds })
    }

    /// Returns what a level's own classes have together, if it is known of each.
    fn sum(&self, level: &Level, value: impl Fn(&Class) -> Option<f64>) -> Option<f64> {
        level.classes.iter().map(|place| value(self.classes.get(*place)?)).sum()
    }

    /// Reports whether the state is that of a configuration.
    pub(crate) fn fits(&self, config: &Config) -> bool {
        let levels = order::levels(config).len();
        self.classes.len() == config.classes.len() && self.before.len() + 1 == levels
    }

    /// Returns the configuration of the pool as a whole: the wait, the target and the size of the level that is served last.
    pub(crate) fn of_pool(&self, config: &Config) -> Config {
        let levels = order::levels(config);
        let mut whole = config.clone();
        if let Some(last) = levels.last() {
            whole.sla_wait_seconds = self.wait_seconds(&levels);
            whole.sla_target = last.target;
        }
        whole.service_time_ms = Some(1000.0 * order::smallest_seconds(config));
        whole
    }

    /// Returns how long the work of levels may wait on average: that of the last of them as long as it may, and the others, which are
    /// served before it, no longer than the strictest class.
    fn wait_seconds(&self, levels: &[Level]) -> f64 {
        let part = |place: &usize| self.classes.get(*place).map_or(0.0, Class::recent_part);
        let of = |level: &Level| level.classes.iter().map(part).sum::<f64>();
        let work: f64 = levels.iter().map(of).sum();
        let strictest = levels.iter().map(|level| level.wait_seconds).fold(f64::INFINITY, f64::min);
        let own = levels.last().map_or(0.0, |last| of(last) * last.wait_seconds);
        if work > 0.0 { (own / work).max(strictest) } else { strictest }
    }

    /// Puts the work of the classes in the place of the counts of a record; returns what was set to unknown.
    fn weigh(&mut self, config: &Config, record: &mut Metrics) -> Vec<String> {
        let mut repairs = Vec::new();
        let mut told = std::mem::take(&mut record.classes);
        let counts: Vec<ClassCounts> = config
            .classes
            .iter()
            .map(|class| {
                let mut counts = told.remove(&class.name).unwrap_or_default();
                for (field, value) in counts.check() {
                    repairs.push(format!(
                        "metrics record at {}: `{field}` of class \"{}\" is {value}, expected 0 or more; taken as unknown",
                        record.timestamp, class.name
                    ));
                }
                counts
            })
            .collect();
        for name in told.keys() {
            repairs.push(format!(
                "metrics record at {}: class \"{}\" is none of `classes` in the configuration; left out",
                record.timestamp,
                readable(name, LONGEST_CLASS_NAME)
            ));
        }
        let sizes = order::sizes(config);
        let sum = |count: fn(&ClassCounts) -> Option<f64>, size: fn(f64) -> f64| -> Option<f64> {
            counts.iter().zip(&sizes).map(|(one, own)| Some(count(one)? * size(*own))).sum()
        };
        let arrived: fn(&ClassCounts) -> Option<f64> = |one| one.logged_events_count;
        let done: fn(&ClassCounts) -> Option<f64> = |one| one.processed_events_count;
        let waits: fn(&ClassCounts) -> Option<f64> = |one| one.queued_events_count;
        self.mix(config, &counts, &sizes);
        let usual = self.size;
        let events = sum(done, |_| 1.0).or(record.processed_events_count);
        let work = sum(done, |size| size).or(record.processed_events_count.map(|count| usual * count));
        if let (Some(events), Some(work), Some(ms)) = (events, work, record.average_processing_duration_ms) {
            record.average_processing_duration_ms = (work > 0.0).then(|| ms * events / work);
        }
        record.logged_events_count =
            sum(arrived, |size| size).unwrap_or(usual * record.logged_events_count).round();
        record.processed_events_count = work;
        record.queued_events_count =
            sum(waits, |size| size).or(record.queued_events_count.map(|count| usual * count));
        let scaled = [
            &mut record.unprocessed_events_count,
            &mut record.dropped_events_count,
            &mut record.queue_capacity,
        ];
        scaled.into_iter().flatten().for_each(|count| *count *= usual);
        self.follow_levels(config, &counts, &sizes);
        if let Some(share) = self.follow_lateness(config, &counts) {
            let events = record.processed_events_count.unwrap_or(record.logged_events_count);
            record.sla_violations_count = Some(share * events).filter(|late| late.is_finite());
            record.average_queue_wait_time_ms = None;
        }
        repairs
    }

    /// Learns the parts of the classes in the work.
    fn mix(&mut self, config: &Config, counts: &[ClassCounts], sizes: &[f64]) {
        let arrived: Option<Vec<f64>> = counts.iter().map(|counts| counts.logged_events_count).collect();
        let Some(arrived) = arrived else { return };
        let work: f64 = arrived.iter().zip(sizes).map(|(events, size)| events * size).sum();
        let events: f64 = arrived.iter().sum();
        if work <= 0.0 || events <= 0.0 {
            return;
        }
        self.records = self.records.saturating_add(1);
        let weight = (f64::from(config.interval_seconds) / MIX_SECONDS).max(1.0 / f64::from(self.records));
        self.size += weight * (work / events - self.size);
        let interval = f64::from(config.interval_seconds);
        for (((class, known), events), size) in
            self.classes.iter_mut().zip(&config.classes).zip(&arrived).zip(sizes)
        {
            class.part += weight * (events * size / work - class.part);
            let weight =
                1.0 - (-interval / (AVERAGED_OVER * known.sla_wait_seconds).max(LEAST_AVERAGED)).exp();
            let weight = if class.all > 0.0 { weight } else { 1.0 };
            class.work += weight * (events * size - class.work);
            class.all += weight * (work - class.all);
        }
    }

    /// Takes what came and waits of each level before the last.
    fn follow_levels(&mut self, config: &Config, counts: &[ClassCounts], sizes: &[f64]) {
        let (mut came, mut waiting) = (Some(0.0), 0.0);
        for ((class, counts), size) in self.classes.iter_mut().zip(counts).zip(sizes) {
            class.waiting = counts.queued_events_count;
            class.came = counts.logged_events_count.map(|events| events * size);
        }
        for (level, before) in order::levels(config).iter().zip(&mut self.before) {
            for place in &level.classes {
                let (counts, size) = (counts.get(*place).copied().unwrap_or_default(), sizes.get(*place));
                let size = size.copied().unwrap_or(1.0);
                came = came.zip(counts.logged_events_count).map(|(came, events)| came + events * size);
                waiting += counts.queued_events_count.unwrap_or(0.0) * size;
            }
            (before.came, before.waiting) = (came, waiting);
        }
    }

    /// Follows the late events of each class; returns the share of the pool's events that is as far beyond what is allowed as that of
    /// the class that is furthest beyond; none where no class says its own.
    fn follow_lateness(&mut self, config: &Config, counts: &[ClassCounts]) -> Option<f64> {
        let interval = f64::from(config.interval_seconds);
        let allowed_last = order::levels(config).last().map_or(0.005, |last| 1.0 - last.target);
        let smallest = order::smallest_seconds(config);
        let mut worst: Option<f64> = None;
        for ((class, counts), known) in self.classes.iter_mut().zip(counts).zip(&config.classes) {
            let events = counts.processed_events_count.or(counts.logged_events_count).unwrap_or(0.0);
            let told = counts.sla_violations_count.map(|late| late.min(events));
            class.late = told.map(|late| late * known.service_time_seconds / smallest);
            let Some(late) = told else { continue };
            let share = if events > 0.0 { late / events } else { 0.0 };
            class.budget.count(share, events, late, interval);
            let beyond = share / (1.0 - known.sla_target);
            worst = Some(worst.unwrap_or(0.0).max(beyond));
        }
        worst.map(|beyond| (beyond * allowed_last).min(1.0))
    }

    /// Lets the rules of each level before the last serve the newest interval in the shadow, and decide.
    pub(crate) fn evaluate(&mut self, config: &Config, forecast: &Forecast, pool: &Pool, seen: &Seen<'_>) {
        let all = seen.events;
        let interval = f64::from(config.interval_seconds);
        let levels = order::levels(config);
        for index in 0..self.before.len() {
            if let Some(before) = self.before.get_mut(index)
                && let Some(came) = before.came
                && all > 0.0
            {
                before.share.observe(seen.calendar, seen.at, (came / all).min(1.0), came, interval);
            }
            let Some(view) = self.view(config, forecast, index, seen.calendar) else { continue };
            let Some(level) = levels.get(index) else { continue };
            let late = self.sum(level, |class| class.late).map(|late| late / view.size);
            let own = self.own_events(level, all);
            let own = own.map(|own| OwnEvents { events: own.events / view.size, ..own });
            let Some(before) = self.before.get_mut(index) else { continue };
            let Some(load) = level_load(&view, before, pool) else { continue };
            let part =
                before.came.map_or(before.share.recent(), |came| if all > 0.0 { came / all } else { 0.0 });
            let events = all * part / view.size;
            let usual_events = seen.usual_events * part / view.size;
            let late_events = late.filter(|_| seen.late_events.is_some());
            let service_seconds = seen.service_seconds * view.size;
            let ahead = load.near_seconds();
            let upper = expected_upper(&view.forecast, ahead, interval) * view.size;
            let own = Seen { events, usual_events, late_events, service_seconds, own, ..*seen };
            before.selection.evaluate(&load, &own);
            before.share.remember(seen.calendar, seen.at, ahead, upper);
        }
    }

    /// Returns the configuration and the forecast of a level before the last.
    fn view(&self, config: &Config, forecast: &Forecast, index: usize, calendar: &Calendar) -> Option<View> {
        let levels = order::levels(config);
        let (level, before) = (levels.get(index)?, self.before.get(index)?);
        let mut own = config.clone();
        own.sla_wait_seconds = self.wait_seconds(levels.get(..=index)?);
        own.sla_target = level.target;
        let interval = f64::from(config.interval_seconds);
        let part_at = |seconds: f64| {
            let at = forecast.at.plus_millis((1000.0 * seconds) as i64);
            before.share.expected(calendar, at, seconds) / level.size
        };
        let spread = before.share.spread();
        let horizon = |horizon: &HorizonForecast| {
            let part = part_at(interval * f64::from(horizon.steps));
            let median = horizon.prediction;
            let quantiles =
                horizon.quantiles.map(|value| (part * (median + spread * (value - median))).max(0.0));
            HorizonForecast::new(horizon.minutes, horizon.steps, quantiles)
        };
        let burst = |burst: &Burst| Burst {
            events_per_second: burst.events_per_second * part_at(burst.begins_seconds),
            ..*burst
        };
        let horizons = forecast.horizons.iter().map(horizon).collect();
        let bursts = forecast.bursts.iter().map(burst).collect();
        let due = forecast
            .due
            .iter()
            .map(|due| DueEvents { events: due.events * part_at(due.at.seconds_since(forecast.at)), ..*due });
        let due = due.collect();
        let forecast = Forecast { horizons, bursts, due, ..forecast.clone() };
        Some(View { config: own, forecast, size: level.size })
    }

    /// Returns what each level needs.
    pub(crate) fn needs(
        &self,
        config: &Config,
        calendar: &Calendar,
        forecast: &Forecast,
        pool: &Pool,
    ) -> Levels {
        let levels = order::levels(config);
        let need = |(index, level): (usize, &Level)| {
            let (view, before) = (self.view(config, forecast, index, calendar)?, self.before.get(index)?);
            let load = level_load(&view, before, pool)?;
            Some(LevelNeed { names: order::names(config, level), need: load.need() })
        };
        let before = levels.iter().enumerate().filter_map(need).collect();
        Levels { before, last: levels.last().map(|last| order::names(config, last)).unwrap_or_default() }
    }

    /// Returns the plan of each level before the last.
    pub(crate) fn plans(
        &self,
        config: &Config,
        calendar: &Calendar,
        forecast: &Forecast,
        pool: &Pool,
    ) -> Vec<Vec<PlanStep>> {
        let planned = |(index, before): (usize, &Before)| {
            let view = self.view(config, forecast, index, calendar)?;
            Some(plan(&level_load(&view, before, pool)?))
        };
        self.before.iter().enumerate().filter_map(planned).collect()
    }

    /// Returns a forecast of work in events, as many as it has on average.
    pub(crate) fn in_events(&self, forecast: Forecast) -> Forecast {
        let horizon = |horizon: &HorizonForecast| {
            HorizonForecast::new(
                horizon.minutes,
                horizon.steps,
                horizon.quantiles.map(|work| work / self.size),
            )
        };
        let burst =
            |burst: &Burst| Burst { events_per_second: burst.events_per_second / self.size, ..*burst };
        let due = |due: &DueEvents| DueEvents { events: due.events / self.size, ..*due };
        Forecast {
            horizons: forecast.horizons.iter().map(horizon).collect(),
            bursts: forecast.bursts.iter().map(burst).collect(),
            due: forecast.due.iter().map(due).collect(),
            ..forecast
        }
    }

    /// Returns how many events of the smallest class an event is on average.
    pub(crate) fn event_size(&self) -> f64 {
        self.size
    }

    /// Goes back to a time before that of the newest record.
    pub(crate) fn rewind(&mut self) {
        self.before.iter_mut().for_each(|before| before.share.rewind());
    }

    /// Goes on with intervals `ratio` times as long.
    pub(crate) fn rescale(&mut self, ratio: f64) {
        for before in &mut self.before {
            before.selection.rescale(ratio);
            before.share.rewind();
        }
        self.records = (f64::from(self.records) / ratio) as u32;
    }
}

/// Puts the work of the classes in the place of the counts of a record, where the pool has classes; returns what was set to unknown.
pub(crate) fn weigh(classes: Option<&mut Classes>, config: &Config, record: &mut Metrics) -> Vec<String> {
    match classes {
        Some(classes) => classes.weigh(config, record),
        None if record.classes.is_empty() => Vec::new(),
        None => {
            record.classes.clear();
            let at = record.timestamp;
            vec![format!("metrics record at {at}: `classes` is left out, as the configuration has none")]
        }
    }
}

/// Returns the load of a level.
fn level_load<'a>(view: &'a View, before: &Before, pool: &Pool) -> Option<Load<'a>> {
    load_of_level(
        &view.config,
        &view.forecast,
        pool,
        &before.selection,
        (view.size, before.waiting, before.share.recent()),
    )
}

/// Returns the 95 % quantile of the interval that ends `seconds` ahead.
fn expected_upper(forecast: &Forecast, seconds: f64, interval: f64) -> f64 {
    let end = forecast.at.plus_millis((1000.0 * seconds) as i64);
    forecast.expected_at(end, interval)[1]
}
