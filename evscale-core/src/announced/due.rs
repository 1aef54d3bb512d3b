//! Events whose time is known: delayed messages, jobs that are enqueued for a time, a batch that is delivered at two o'clock.
//!
//! The host says them again and again as they are known then. They come beside the usual load, all at their moment: the history
//! has the arrivals without them, and the forecast has them in the interval in which they fall due.

#![expect(clippy::disallowed_methods, reason = "moments before the newest record are none ahead")]

use super::truth::Truth;
use crate::error::{Error, Result};
use crate::forecaster::DueEvents;
use crate::metrics::{LARGEST_COUNT, Metrics};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Most moments that are known at a time.
const MOST: usize = 256;
/// Moments that are told in words.
const TOLD: usize = 4;
/// Longest time for which events that have fallen due are still expected, seconds, and in intervals where that is longer.
const AWAITED: (f64, f64) = (600.0, 2.0);
/// Share of the usual load below which events that fell due cannot be told from it, and events that are too few.
const VISIBLE: f64 = 0.5;
const FEW_EVENTS: f64 = 5.0;
/// Share of what fell due that must have come, else it is told.
const CAME: f64 = 0.5;
/// Records for which a count of events that are not due is taken for that of the last one.
const REMEMBERED: u32 = 5;

/// Events that fell due and may not be in the records yet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Wave {
    since: Timestamp,
    due: f64,
    came: f64,
    /// Arrivals that are usual in the time.
    usual: f64,
}

/// What falls due, and how far the last of it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Due {
    /// What is to come, in order.
    coming: Vec<DueEvents>,
    wave: Option<Wave>,
    truth: Truth,
    /// Events of the queue that are not due, those that are, and for how many records the first has not been told.
    scheduled: Option<f64>,
    queued: Option<f64>,
    untold: u32,
}

impl Due {
    /// Takes what is known at `now`: what was said of later times is replaced.
    ///
    /// # Errors
    /// A number that cannot be, or too many moments. What was known stays.
    pub(super) fn replace(&mut self, now: Timestamp, due: &[DueEvents]) -> Result<()> {
        if due.len() > MOST {
            let count = due.len();
            return Err(Error::argument(format!(
                "{count} moments at which events fall due, expected at most {MOST}; add up those of a minute, or leave out the last"
            )));
        }
        if let Some(wrong) = due.iter().find(|due| !(0.0..=LARGEST_COUNT).contains(&due.events)) {
            return Err(Error::argument(format!(
                "{} events fall due at {}, expected 0 to {LARGEST_COUNT:e}",
                wrong.events, wrong.at
            )));
        }
        self.coming.retain(|known| known.at < now);
        let later = due.iter().filter(|due| due.at >= now && due.events > 0.0);
        self.coming.extend(later.copied());
        self.coming.sort_by_key(|due| due.at);
        Ok(())
    }

    /// Reports whether nothing is due and nothing is awaited.
    pub(super) fn silent(&self) -> bool {
        self.coming.is_empty() && self.wave.is_none()
    }

    /// Returns how far it is believed, 0 to 1.
    pub(super) fn weight(&self) -> f64 {
        self.truth.weight()
    }

    /// Returns that it is believed in part only.
    pub(super) fn distrust(&self) -> Option<String> {
        self.truth.distrust("what falls due")
    }

    /// Takes the interval that ends at `at`, in which so many events arrived where `usual` are expected otherwise; returns how many
    /// of them had fallen due, and what is to be told.
    pub(super) fn observe(
        &mut self,
        at: Timestamp,
        interval: f64,
        events: f64,
        usual: f64,
    ) -> (f64, Option<String>) {
        let fallen = self.coming.iter().take_while(|due| due.at < at).count();
        let due: f64 = self.coming.drain(..fallen).map(|due| due.events).sum();
        if due <= 0.0 && self.wave.is_none() {
            return (0.0, None);
        }
        let begin = at.plus_millis((-1000.0 * interval) as i64);
        let wave = self.wave.get_or_insert(Wave { since: begin, due: 0.0, came: 0.0, usual: 0.0 });
        wave.due += due;
        let above = if usual.is_finite() { events - usual } else { events };
        let came = above.clamp(0.0, (wave.due - wave.came).max(0.0));
        let came = if came.is_finite() { came } else { 0.0 };
        wave.came += came;
        wave.usual += if usual.is_finite() { usual } else { 0.0 };
        let over = at.seconds_since(wave.since) >= AWAITED.0.max(AWAITED.1 * interval);
        let all = wave.due - wave.came <= 0.01 * wave.due;
        let told = if over || all { self.judge() } else { None };
        (came, told)
    }

    /// Compares what came with what was said.
    fn judge(&mut self) -> Option<String> {
        let Wave { due, came, usual, since } = self.wave.take()?;
        if due < FEW_EVENTS.max(VISIBLE * usual) {
            return None;
        }
        let share = came / due;
        self.truth.learn(share);
        (share < CAME).then(|| format!("of {due:.0} events that fell due from {since} on, {came:.0} came"))
    }

    /// Returns what is to come after `at`, as far as it is believed; what has fallen due and not come may come at once.
    pub(super) fn ahead(&self, at: Timestamp) -> Vec<DueEvents> {
        let weight = self.weight();
        let awaited = self.wave.map(|wave| DueEvents { at, events: wave.due - wave.came });
        let coming = self.coming.iter().map(|due| DueEvents { at: due.at.max(at), events: due.events });
        awaited
            .into_iter()
            .chain(coming)
            .map(|due| DueEvents { events: weight * due.events, ..due })
            .filter(|due| due.events > 0.0)
            .collect()
    }

    /// Takes the events that are not due out of the queue of a record, and counts the others as arrived when they fall due.
    pub(super) fn leave_out_scheduled(&mut self, record: &mut Metrics) {
        let before = self.scheduled;
        self.untold = if record.scheduled_events_count.is_some() { 0 } else { self.untold.saturating_add(1) };
        let known = before.filter(|_| self.untold <= REMEMBERED);
        self.scheduled = record.scheduled_events_count.or(known);
        let Some(scheduled) = self.scheduled else {
            self.queued = None;
            return;
        };
        let queued = record.queued_events_count.map(|queued| (queued - scheduled).max(0.0));
        let queued_before = std::mem::replace(&mut self.queued, queued);
        record.queued_events_count = queued;
        let Some(fell_due) = before.map(|before| before - scheduled).filter(|moved| *moved != 0.0) else {
            return;
        };
        let counted = record.logged_events_count;
        // some hosts count an event when it is sent, some when it falls due: what was taken and what waits tells
        let taken = record.processed_events_count.zip(queued).zip(queued_before);
        let balance = taken.map_or(f64::NAN, |((done, queued), before)| done + queued - before);
        let moved = counted + fell_due;
        let when_due = if balance.is_finite() {
            (balance - moved).abs() < (balance - counted).abs()
        } else {
            moved >= 0.0
        };
        if when_due {
            record.logged_events_count = moved.max(0.0);
        }
    }

    /// Returns what falls due, in words.
    pub(super) fn in_words(&self) -> impl Iterator<Item = String> {
        let rest: f64 = self.coming.iter().skip(TOLD).map(|due| due.events).sum();
        let last = self.coming.last().map(|due| due.at).filter(|_| self.coming.len() > TOLD);
        let near = self.coming.iter().take(TOLD).map(DueEvents::to_string);
        near.chain(last.map(|last| format!("{rest:.0} more events fall due until {last}")))
            .map(|due| format!("due: {due}"))
    }

    /// Goes back to a time before that of the newest record: what was seen is void.
    pub(super) fn rewind(&mut self) {
        self.wave = None;
        (self.scheduled, self.queued) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(60 * minutes)
    }

    fn due(minutes: i64, events: f64) -> DueEvents {
        DueEvents { at: at(minutes), events }
    }

    #[test]
    fn later_times_are_replaced_and_what_has_fallen_due_since_stays() {
        let mut list = Due::default();
        list.replace(at(0), &[due(9, 50.0), due(1, 10.0), due(5, 0.0)]).unwrap();
        list.replace(at(3), &[due(20, 7.0)]).unwrap();
        assert_eq!(list.coming, [due(1, 10.0), due(20, 7.0)]);
        let told = list.replace(at(3), &[due(4, f64::NAN)]).unwrap_err().to_string();
        assert!(told.contains("NaN events fall due at 1970-01-01T00:04:00Z, expected 0 to 1e15"), "{told}");
        let told = list.replace(at(3), &[due(4, 1.0); 257]).unwrap_err().to_string();
        assert!(told.contains("257 moments") && told.contains("at most 256"), "{told}");
        assert_eq!(list.coming.len(), 2, "what was known stays");
    }

    #[test]
    fn what_is_above_the_usual_load_has_fallen_due_also_a_record_later() {
        let mut list = Due::default();
        list.replace(at(0), &[due(2, 4000.0)]).unwrap();
        assert_eq!(list.observe(at(2), 60.0, 100.0, 100.0), (0.0, None), "it falls due at the end");
        assert_eq!(list.observe(at(3), 60.0, 110.0, 100.0).0, 10.0);
        assert_eq!(list.ahead(at(3)), [due(3, 3990.0)], "it may come at once");
        assert_eq!(list.observe(at(4), 60.0, 4090.0, 100.0).0, 3990.0);
        assert!(list.silent() && list.weight() == 1.0);
    }

    #[test]
    fn what_never_comes_is_told_and_believed_less() {
        let mut list = Due::default();
        let mut told = Vec::new();
        for minute in 0..80 {
            let batch = [due(minute, 4000.0)];
            list.replace(at(minute), if minute % 20 == 0 { &batch } else { &[] }).unwrap();
            told.extend(list.observe(at(minute + 1), 60.0, 100.0, 100.0).1);
        }
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].starts_with("of 4000 events that fell due from 1970-01-01T00:00:00Z on, 0 came"));
        assert!(list.weight() < 0.1 && list.distrust().is_some());
    }

    #[test]
    fn events_that_are_not_due_are_no_backlog_and_arrive_when_they_are_however_the_host_counts() {
        for when_sent in [true, false] {
            let mut list = Due::default();
            let mut seen = Vec::new();
            // 500 are sent for later in the second interval, and fall due in the fourth; 60 come and end in each
            for (sent, scheduled, waiting) in
                [(60.0, 0.0, 3.0), (560.0, 500.0, 3.0), (60.0, 500.0, 3.0), (60.0, 0.0, 503.0)]
            {
                let fell_due = if scheduled == 0.0 && waiting > 100.0 { 500.0 } else { 0.0 };
                let counted = if when_sent { sent } else { f64::min(sent, 60.0) + fell_due };
                let mut record = Metrics::new(at(1), counted, 2.0);
                record.processed_events_count = Some(60.0);
                record.queued_events_count = Some(waiting + scheduled);
                record.scheduled_events_count = Some(scheduled);
                list.leave_out_scheduled(&mut record);
                seen.push((record.logged_events_count, record.queued_events_count.unwrap()));
            }
            assert_eq!(seen, [(60.0, 3.0), (60.0, 3.0), (60.0, 3.0), (560.0, 503.0)], "{when_sent}");
        }
    }

    #[test]
    fn a_count_that_is_missing_for_a_record_is_the_last_one() {
        let mut list = Due::default();
        let mut queue = |scheduled: Option<f64>| {
            let mut record = Metrics::new(at(1), 60.0, 2.0);
            record.queued_events_count = Some(800.0);
            record.scheduled_events_count = scheduled;
            list.leave_out_scheduled(&mut record);
            record.queued_events_count.unwrap()
        };
        assert_eq!(queue(Some(790.0)), 10.0);
        assert_eq!([None; 6].map(&mut queue), [10.0, 10.0, 10.0, 10.0, 10.0, 800.0]);
    }
}
