//! Running totals of one or more sources, and their resets.

use super::counts::{Counts, Seen};
use super::refused;
use crate::error::{Error, Result};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Most sources at once, and how long one is remembered that tells nothing any more, seconds.
const MOST_SOURCES: usize = 10_000;
const FORGET_SECONDS: f64 = 3600.0;
/// Most resets that are told at once.
const MOST_RESETS: usize = 8;

/// Running totals of a source; those that it does not have are None.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Events that have arrived.
    pub arrived: Option<f64>,
    /// Events whose processing has ended, well or not.
    pub finished: Option<f64>,
    /// Of those, how many failed.
    pub failed: Option<f64>,
    /// Seconds that the finished events kept their jobs.
    pub busy_seconds: Option<f64>,
    /// Seconds that the finished events had waited in the queue.
    pub waited_seconds: Option<f64>,
    /// Events that had waited longer than `sla_wait_seconds`.
    pub late: Option<f64>,
}

impl Totals {
    /// Refuses what is no total.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |total: f64| !(total.is_finite() && total >= 0.0);
        match self.named().into_iter().find_map(|(name, total)| Some((name, total.filter(|t| wrong(*t))?))) {
            Some((name, total)) => Err(refused(name, total)),
            None => Ok(()),
        }
    }

    fn named(&self) -> [(&'static str, Option<f64>); 6] {
        [
            ("arrived", self.arrived),
            ("finished", self.finished),
            ("failed", self.failed),
            ("busy_seconds", self.busy_seconds),
            ("waited_seconds", self.waited_seconds),
            ("late", self.late),
        ]
    }
}

/// What the sources told last.
#[derive(Debug, Default)]
pub(super) struct Sources {
    last: BTreeMap<String, ([Option<f64>; 6], Timestamp)>,
    resets: Vec<String>,
}

impl Sources {
    /// Adds what is more than before to `fresh`. `now` is the time of the last tick.
    pub(super) fn take(
        &mut self,
        source: &str,
        totals: &Totals,
        now: Timestamp,
        seen: &mut Seen,
        fresh: &mut Counts,
    ) -> Result<()> {
        if !self.last.contains_key(source) && self.last.len() >= MOST_SOURCES {
            self.last.retain(|_, (_, told)| told.seconds_apart(now) < FORGET_SECONDS);
            if self.last.len() >= MOST_SOURCES {
                return Err(Error::argument(format!(
                    "`source` {source:?} is one more than the {MOST_SOURCES} that a meter takes; add the totals up before"
                )));
            }
        }
        let (last, told) = self.last.entry(source.to_owned()).or_insert(([None; 6], now));
        *told = now;
        let mut more = [0.0; 6];
        for (((name, total), before), more) in totals.named().into_iter().zip(last).zip(&mut more) {
            let Some(total) = total else { continue };
            if let Some(before) = before.replace(total) {
                *more = if total < before { total } else { total - before };
                if total < before && self.resets.len() < MOST_RESETS {
                    let of = if source.is_empty() { String::new() } else { format!(" of {source:?}") };
                    self.resets.push(format!(
                        "the total `{name}`{of} fell from {before} to {total}: counted from 0; what came between its last reading \
                         and the reset is missing"
                    ));
                }
            }
        }
        let [arrived, finished, failed, busy_seconds, waited_seconds, late] = more;
        seen.arrived |= totals.arrived.is_some();
        seen.finished |= totals.finished.is_some();
        seen.failed |= totals.failed.is_some();
        seen.late |= totals.late.is_some();
        seen.timed |= totals.busy_seconds.is_some();
        let of_finished = |told: Option<f64>| if told.is_some() { finished } else { 0.0 };
        fresh.add(Counts {
            arrived,
            finished,
            failed,
            timed: of_finished(totals.busy_seconds),
            busy_seconds,
            waits: of_finished(totals.waited_seconds),
            waited_seconds,
            late,
        });
        Ok(())
    }

    /// Returns the resets since the last call.
    pub(super) fn resets(&mut self) -> Vec<String> {
        std::mem::take(&mut self.resets)
    }
}
