//! Work that a host knew to come: what a backtest tells a pool ahead, and at which moment of an interval it comes.

use crate::error::{Error, Result};
use crate::forecaster::DueEvents;
use crate::metrics::LARGEST_COUNT;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Most moments that a pool is told at a time: as many as it takes.
const MOST_TOLD: usize = 256;

/// Events of a history that fell due at a moment, and since when the host knew it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownWork {
    /// When they fell due.
    pub at: Timestamp,
    /// How many: among the arrivals of the history, at most as many as came in that interval.
    pub events: f64,
    /// Since when this was known; from the beginning, if none. What is known of a moment later replaces what was known of it before.
    #[serde(default)]
    pub known_at: Option<Timestamp>,
}

/// All of it, in the order of the moments and of what is known of each.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownAhead(Vec<KnownWork>);

impl KnownAhead {
    /// Takes a list in any order.
    ///
    /// # Errors
    /// A number that cannot be.
    pub(super) fn new(list: &[KnownWork]) -> Result<Self> {
        if let Some(wrong) = list.iter().find(|work| !(0.0..=LARGEST_COUNT).contains(&work.events)) {
            return Err(Error::argument(format!(
                "{} events fall due at {}, expected 0 to {LARGEST_COUNT:e}",
                wrong.events, wrong.at
            )));
        }
        let mut sorted = list.to_vec();
        sorted.sort_by_key(|work| (work.at, work.known_at));
        Ok(Self(sorted))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what was known at `now` of the moments from then on: the next ones.
    pub(super) fn told_at(&self, now: Timestamp) -> Vec<DueEvents> {
        let known = |work: &&KnownWork| work.known_at.is_none_or(|since| since <= now);
        self.moments(now).filter_map(|moment| newest(moment.iter().filter(known))).take(MOST_TOLD).collect()
    }

    /// Returns what fell due from `begin` on and before `end`.
    pub(super) fn between(&self, begin: Timestamp, end: Timestamp) -> impl Iterator<Item = DueEvents> {
        self.moments(begin).filter_map(|moment| newest(moment.iter())).take_while(move |due| due.at < end)
    }

    /// Returns the moments from `begin` on, each with all that was known of it.
    fn moments(&self, begin: Timestamp) -> impl Iterator<Item = &[KnownWork]> {
        let first = self.0.partition_point(|work| work.at < begin);
        self.0.get(first..).unwrap_or(&[]).chunk_by(|one, other| one.at == other.at)
    }
}

/// Returns what was known last of a moment; what became known at the same time is added up.
fn newest<'a>(moment: impl Iterator<Item = &'a KnownWork>) -> Option<DueEvents> {
    let mut last: Option<(Option<Timestamp>, DueEvents)> = None;
    for work in moment {
        let before = last.filter(|(since, _)| *since == work.known_at).map_or(0.0, |(_, due)| due.events);
        last = Some((work.known_at, DueEvents { at: work.at, events: before + work.events }));
    }
    last.map(|(_, due)| due)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(60 * minutes)
    }

    fn work(minutes: i64, events: f64, known: Option<i64>) -> KnownWork {
        KnownWork { at: at(minutes), events, known_at: known.map(at) }
    }

    #[test]
    fn what_is_told_is_what_was_known_then() {
        let list = [
            work(60, 10.0, None),
            work(60, 5.0, None),
            work(60, 40.0, Some(30)),
            work(90, 7.0, Some(20)),
            work(5, 1.0, None),
        ];
        let known = KnownAhead::new(&list).unwrap();
        let told =
            |minutes: i64| known.told_at(at(minutes)).iter().map(|due| due.events).collect::<Vec<f64>>();
        assert_eq!((told(0), told(6)), (vec![1.0, 15.0], vec![15.0]), "two of the same are added up");
        assert_eq!((told(20), told(30)), (vec![15.0, 7.0], vec![40.0, 7.0]), "a later one replaces them");
        assert_eq!((told(60), told(61)), (vec![40.0, 7.0], vec![7.0]));
        let fell: Vec<DueEvents> = known.between(at(60), at(90)).collect();
        assert_eq!(fell, [DueEvents { at: at(60), events: 40.0 }]);
    }

    #[test]
    fn the_next_moments_are_told_and_nonsense_is_refused() {
        let many: Vec<KnownWork> = (0..300).map(|minute| work(minute, 1.0, None)).collect();
        let told = KnownAhead::new(&many).unwrap().told_at(at(10));
        assert_eq!((told.len(), told[0].at), (256, at(10)));
        let refused = KnownAhead::new(&[work(3, -2.0, None)]).unwrap_err().to_string();
        assert!(
            refused.contains("-2 events fall due at 1970-01-01T00:03:00Z, expected 0 to 1e15"),
            "{refused}"
        );
    }
}
