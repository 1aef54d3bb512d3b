//! What a person has ordered, from a time on until another, and what is switched off.

use crate::config::{Config, Pause};
use crate::error::{Error, Result};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A person's order for one pool. It goes beyond step limits, cooldowns and the forecast floor; a pause, the budget
/// and the bounds hold nevertheless.
///
/// ```
/// use evscale_core::{ManualOrder, ManualOverride, Timestamp};
/// let [from, until]: [Timestamp; 2] = ["2026-01-05T18:00:00Z".parse()?, "2026-01-05T22:00:00Z".parse()?];
/// let order = ManualOverride::new(ManualOrder::Floor(40), until).starting(from);
/// assert_eq!(order.to_string(), "at least 40 jobs from 2026-01-05T18:00:00Z until 2026-01-05T22:00:00Z");
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ManualOverride {
    /// What is ordered.
    pub order: ManualOrder,
    /// The order ends at this time.
    pub until: Timestamp,
    /// It begins at this time; at once by default.
    #[serde(default)]
    pub from: Option<Timestamp>,
}

/// What a person can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualOrder {
    /// Exactly so many jobs.
    Fixed(u32),
    /// At most so many jobs.
    Cap(u32),
    /// At least so many jobs.
    Floor(u32),
}

impl ManualOverride {
    /// Returns an order that begins at once.
    pub fn new(order: ManualOrder, until: Timestamp) -> Self {
        Self { order, until, from: None }
    }

    /// Returns the order with another beginning.
    #[must_use]
    pub fn starting(self, from: Timestamp) -> Self {
        Self { from: Some(from), ..self }
    }

    /// Checks that the order can be carried out by a pool whose newest record is of `newest`.
    ///
    /// # Errors
    /// It ends before it begins or before the newest record, or asks for a number outside the bounds of the configuration.
    pub(crate) fn check(&self, config: &Config, newest: Option<Timestamp>) -> Result<()> {
        if let Some(newest) = newest.filter(|newest| self.until <= *newest) {
            return Err(Error::argument(format!(
                "the order of {self} has ended already, expected an end after {newest}, the time of the newest record"
            )));
        }
        if let Some(from) = self.from.filter(|from| self.until <= *from) {
            return Err(Error::argument(format!(
                "the order ends at {}, expected later than {from}",
                self.until
            )));
        }
        let (low, high) = (config.min_jobs, config.max_jobs);
        let (jobs, possible) = match self.order {
            ManualOrder::Fixed(jobs) => (jobs, low..=high),
            ManualOrder::Cap(jobs) => (jobs, low..=u32::MAX),
            ManualOrder::Floor(jobs) => (jobs, 0..=high),
        };
        let numbers = config.job_numbers();
        if matches!(self.order, ManualOrder::Fixed(_)) && !numbers.contains(jobs) {
            return Err(Error::argument(format!(
                "the order of {self} asks for {jobs} jobs, expected one of {numbers}: {} or {}",
                numbers.down(jobs),
                numbers.up(jobs)
            )));
        }
        if possible.contains(&jobs) {
            return Ok(());
        }
        Err(Error::argument(format!(
            "the order of {self} asks for {jobs} jobs, expected `min_jobs`, which is {low}, to `max_jobs`, which is {high}"
        )))
    }

    fn in_force(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && now < self.until
    }
}

impl fmt::Display for ManualOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(jobs) => write!(f, "{jobs} jobs"),
            Self::Cap(jobs) => write!(f, "at most {jobs} jobs"),
            Self::Floor(jobs) => write!(f, "at least {jobs} jobs"),
        }
    }
}

impl fmt::Display for ManualOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.order)?;
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        write!(f, " until {}", self.until)
    }
}

/// An order, as the last decision knew it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Known {
    #[default]
    Idle,
    InForce,
    /// The records have passed its end, which was told. It is kept, as their clock may have been wrong.
    Over,
}

/// What a person has ordered and switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orders {
    pause: Pause,
    manual: Option<ManualOverride>,
    known: Known,
    /// An order or a pause came after the last decision.
    fresh: bool,
}

impl Orders {
    /// Starts with a pause of the configuration.
    pub(crate) fn new(pause: Pause) -> Self {
        Self { pause, ..Self::default() }
    }

    pub(crate) fn pause(&self) -> Pause {
        self.pause
    }

    /// Switches changes off or on.
    pub(crate) fn set_pause(&mut self, pause: Pause) {
        (self.pause, self.fresh) = (pause, true);
    }

    /// Takes an order, or takes one back.
    pub(crate) fn set_manual(&mut self, manual: Option<ManualOverride>) {
        (self.manual, self.known, self.fresh) = (manual, Known::Idle, true);
    }

    /// Takes back an order that another configuration does not allow; returns that in words.
    pub(crate) fn keep_possible(&mut self, config: &Config) -> Option<String> {
        let problem = self.manual?.check(config, None).err()?;
        let over = self.known == Known::Over;
        self.set_manual(None);
        (!over).then(|| format!("{problem}; it is taken back"))
    }

    /// Returns the order that is in force at `now`.
    pub(crate) fn in_force(&self, now: Timestamp) -> Option<ManualOverride> {
        self.manual.filter(|manual| manual.in_force(now))
    }

    /// Returns the number of jobs that a person has ordered at `now`, unless changes are switched off.
    pub(crate) fn number(&self, now: Timestamp) -> Option<u32> {
        match self.in_force(now).filter(|_| self.pause == Pause::Off)?.order {
            ManualOrder::Fixed(jobs) => Some(jobs),
            ManualOrder::Cap(_) | ManualOrder::Floor(_) => None,
        }
    }

    /// Reports whether the last decision does not know what is ordered at `now`.
    pub(crate) fn turned(&self, now: Timestamp) -> bool {
        self.fresh || (self.known == Known::InForce) != self.in_force(now).is_some()
    }

    /// Learns that a decision is made at `now` by a pool whose newest record is of `newest`; returns that an order has ended
    /// since the last one. Neither a `now` beyond the records nor a clock of theirs that was wrong ends it for good.
    pub(crate) fn decided(&mut self, now: Timestamp, newest: Option<Timestamp>) -> Option<String> {
        let ended = self.manual.filter(|manual| manual.until <= now);
        let over = ended.is_some_and(|ended| newest.is_some_and(|newest| ended.until <= newest));
        let knows = match self.in_force(now) {
            Some(_) => Known::InForce,
            None if over => Known::Over,
            None => Known::Idle,
        };
        let knew = std::mem::replace(&mut self.known, knows);
        self.fresh = false;
        let told = knew == Known::InForce || (over && knew != Known::Over);
        ended
            .filter(|_| told)
            .map(|ended| format!("the order of {} has ended at {}", ended.order, ended.until))
    }

    /// Returns in words that a person holds the pool at `now`, or will.
    pub(crate) fn hold(&self, now: Option<Timestamp>) -> Option<String> {
        let manual = self.manual.filter(|manual| now.is_none_or(|now| now < manual.until));
        let order = manual.map(|manual| format!("order: {manual}"));
        let pause = match self.pause {
            Pause::Off => None,
            Pause::All => Some("pause: no change is made until it is taken back".to_owned()),
            Pause::Down => Some("pause: the pool does not shrink until it is taken back".to_owned()),
            Pause::Up => Some("pause: the pool does not grow until it is taken back".to_owned()),
        };
        match (pause, order) {
            (Some(pause), Some(order)) => Some(format!("{pause}; {order}")),
            (pause, order) => pause.or(order),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    #[test]
    fn an_order_that_cannot_be_is_refused_with_the_reason() {
        let mut config = Config::default();
        (config.min_jobs, config.max_jobs) = (5, 60);
        let refused = |order, from: Option<i64>, until| {
            let order = ManualOverride { from: from.map(at), ..ManualOverride::new(order, at(until)) };
            order.check(&config, Some(at(100))).err().map(|problem| problem.to_string())
        };
        for order in
            [ManualOrder::Fixed(5), ManualOrder::Fixed(60), ManualOrder::Cap(400), ManualOrder::Floor(0)]
        {
            assert_eq!(refused(order, None, 101), None);
            assert_eq!(refused(order, Some(200), 201), None, "later");
            assert!(refused(order, None, 100).unwrap().contains("ended already"));
            assert!(refused(order, Some(200), 200).unwrap().contains("expected later than"));
        }
        for order in
            [ManualOrder::Fixed(4), ManualOrder::Fixed(61), ManualOrder::Cap(4), ManualOrder::Floor(61)]
        {
            let told = refused(order, None, 200).unwrap();
            assert!(told.contains("`min_jobs`, which is 5, to `max_jobs`, which is 60"), "{told}");
        }
    }

    #[test]
    fn a_decision_is_wanted_whenever_what_is_ordered_changes() {
        let mut orders = Orders::new(Pause::Off);
        assert!(!orders.turned(at(0)));
        orders.set_manual(Some(ManualOverride::new(ManualOrder::Fixed(9), at(300)).starting(at(100))));
        assert!(
            orders.turned(at(0)) && orders.decided(at(0), Some(at(0))).is_none() && !orders.turned(at(99))
        );
        assert!(orders.turned(at(100)) && orders.decided(at(100), Some(at(100))).is_none());
        assert!(!orders.turned(at(299)) && orders.turned(at(300)));
        assert!(orders.decided(at(9000), Some(at(200))).unwrap().contains("9 jobs"), "by a later clock");
        assert!(
            orders.turned(at(200)) && orders.decided(at(200), Some(at(200))).is_none(),
            "by the right one"
        );
        assert!(orders.decided(at(300), Some(at(300))).unwrap().contains("has ended"));
        assert!(!orders.turned(at(300)) && orders.hold(Some(at(300))).is_none());
        assert!(orders.decided(at(400), Some(at(400))).is_none(), "it is told once");
        assert!(orders.turned(at(200)), "the clock of the records was wrong");
        assert!(orders.decided(at(200), Some(at(200))).is_none() && orders.number(at(200)) == Some(9));
        assert!(orders.decided(at(301), Some(at(301))).unwrap().contains("has ended"));
    }

    #[test]
    fn an_order_that_is_over_is_no_objection_to_another_configuration() {
        let config = Config { max_jobs: 5, ..Config::default() };
        for (now, told) in [(200, true), (300, false)] {
            let mut orders = Orders::new(Pause::Off);
            orders.set_manual(Some(ManualOverride::new(ManualOrder::Fixed(9), at(300))));
            orders.decided(at(now), Some(at(now)));
            assert_eq!(orders.keep_possible(&config).is_some(), told, "{now}");
            assert_eq!(orders.number(at(200)), None);
        }
    }

    #[test]
    fn an_order_that_no_decision_heard_is_told_as_ended() {
        let mut orders = Orders::new(Pause::Down);
        orders.set_manual(Some(ManualOverride::new(ManualOrder::Cap(9), at(300))));
        let held = orders.hold(Some(at(0))).unwrap();
        assert!(held.contains("does not shrink") && held.contains("at most 9 jobs"), "{held}");
        assert!(orders.decided(at(400), Some(at(400))).is_some());
    }
}
