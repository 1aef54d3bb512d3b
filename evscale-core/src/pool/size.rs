//! How many jobs there are now: what the newest record tells, and what was asked for since.
//!
//! A record tells the count of its own time. Where records come late, or the host takes its time, a decision shows in the
//! count some records after it was made. Rules that start from such a count would ask for the same change again, or take
//! it back. So the count of each record is compared with what was asked for before: the delay whose numbers the records
//! repeat is the host's, and until then what was asked for is the size of the pool.

use super::Recommended;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Longest delay that is recognised, records.
const DELAYS: usize = 16;
/// Weight of a record in the share of matches of a delay.
const WEIGHT: f64 = 0.1;
/// Share of matches from which on the host follows at a delay, and advantage of that delay over none.
const FOLLOWS: f64 = 0.5;
const ADVANTAGE: f64 = 0.2;

/// The number of jobs of a pool, as far as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Size {
    /// The last count.
    told: Option<u32>,
    /// The count is older than a restore.
    #[serde(skip)]
    outdated: bool,
    /// What the last decision asked for, and whether no count has come since.
    asked: Option<Recommended>,
    unseen: bool,
    /// What stood when each of the last records came, newest first.
    stood: VecDeque<u32>,
    /// Share of the records whose count moved as what was asked for at each delay.
    matches: [f64; DELAYS],
}

impl Default for Size {
    /// Nothing is known, and the host is expected to act at once.
    fn default() -> Self {
        let mut matches = [0.0; DELAYS];
        matches[0] = 1.0;
        Self { told: None, outdated: false, asked: None, unseen: false, stood: VecDeque::new(), matches }
    }
}

impl Size {
    /// Learns the count of a record, and compares it with what was asked for. One that tells no count changes nothing.
    pub(super) fn observe(&mut self, told: Option<u32>) {
        if let Some(asked) = self.asked {
            self.stood.truncate(DELAYS);
            self.stood.push_front(asked.jobs);
        }
        if let Some(jobs) = told {
            self.compare(jobs);
            (self.told, self.outdated, self.unseen) = (told, false, false);
        }
    }

    /// Compares the last step of the count with that of what was asked for at each delay. Where nothing moves and both are
    /// the same, they agree by chance as well.
    fn compare(&mut self, jobs: u32) {
        let before = self.told.unwrap_or(jobs);
        let steps = self.stood.iter().zip(self.stood.iter().skip(1));
        for (share, (stood, earlier)) in self.matches.iter_mut().zip(steps) {
            let agrees = (*stood, *earlier) == (jobs, before);
            if !agrees || stood != earlier {
                *share += WEIGHT * (f64::from(u8::from(agrees)) - *share);
            }
        }
    }

    /// Returns after how many records the host shows what was asked for; none if it does something else.
    fn delay(&self) -> Option<usize> {
        let [at_once, ..] = self.matches;
        let most = self.matches.iter().copied().fold(0.0, f64::max);
        let later = most >= at_once + ADVANTAGE;
        let delay = if later { self.matches.iter().position(|share| *share >= most)? } else { 0 };
        (most >= FOLLOWS).then_some(delay)
    }

    /// Learns what a decision asks for.
    pub(super) fn ask(&mut self, asked: Recommended) {
        (self.asked, self.unseen) = (Some(asked), true);
    }

    /// Forgets what was asked for, and how the host follows.
    pub(super) fn forget_requests(&mut self) {
        let Self { told, outdated, .. } = *self;
        *self = Self { told, outdated, ..Self::default() };
    }

    /// Learns at `now` that of the last request so many jobs could not be had.
    pub(super) fn refused(&mut self, now: Timestamp, jobs: u32) {
        if let Some(asked) = &mut self.asked
            && now >= asked.at
        {
            asked.jobs = asked.jobs.saturating_sub(jobs);
        }
    }

    /// Takes the count for an old one until a record tells another.
    pub(super) fn outdate(&mut self) {
        self.outdated = true;
    }

    /// Returns the number of jobs; none if nobody has told it since the start.
    pub(super) fn known(&self) -> Option<u32> {
        self.last().filter(|_| !self.outdated)
    }

    /// Returns the last known number of jobs, however old.
    pub(super) fn last(&self) -> Option<u32> {
        let told = self.told?;
        let asked = self.asked.filter(|_| self.delay().is_some_and(|delay| delay > 0 || self.unseen));
        Some(asked.map_or(told, |asked| asked.jobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that shows each of `asked` after so many records; the size after all of them.
    fn after(asked: &[u32], shown: impl Fn(&[u32], usize) -> u32) -> Size {
        let mut size = Size::default();
        for (step, jobs) in asked.iter().enumerate() {
            size.observe(Some(shown(asked, step)));
            size.ask(asked_for(*jobs));
        }
        size.observe(Some(shown(asked, asked.len())));
        size
    }

    fn asked_for(jobs: u32) -> Recommended {
        Recommended { jobs, at: Timestamp::EPOCH, as_proposed: true, kept_small: false }
    }

    fn wave() -> Vec<u32> {
        (0..40).map(|step| 20 + (step * step) % 7).collect()
    }

    #[test]
    fn the_size_is_the_count_where_the_host_acts_at_once_or_not_at_all() {
        let prompt = after(&wave(), |asked, step| step.checked_sub(1).map_or(20, |before| asked[before]));
        assert_eq!(prompt.known(), wave().last().copied());
        let idle = after(&wave(), |_, _| 11);
        assert_eq!(idle.known(), Some(11));
        let other = after(&wave(), |_, step| 30 + step as u32 % 5);
        assert_eq!(other.known(), Some(30));
    }

    #[test]
    fn the_size_is_what_was_asked_for_where_records_are_late() {
        for late in [2, 5, 9] {
            let size = after(&wave(), |asked, step| step.checked_sub(late).map_or(20, |then| asked[then]));
            assert_eq!(size.known(), wave().last().copied(), "{late}");
            let mut refused = size.clone();
            refused.refused(Timestamp::EPOCH, 3);
            assert_eq!(refused.known(), wave().last().map(|jobs| jobs - 3));
        }
    }

    #[test]
    fn nothing_is_known_before_a_count_and_after_a_restore_until_the_next() {
        let mut size = Size::default();
        size.observe(None);
        assert_eq!((size.known(), size.last()), (None, None));
        size.observe(Some(7));
        size.outdate();
        size.observe(None);
        assert_eq!((size.known(), size.last()), (None, Some(7)));
        size.observe(Some(9));
        assert_eq!(size.known(), Some(9));
    }

    #[test]
    fn until_the_next_record_a_decision_is_taken_for_carried_out() {
        let mut size = Size::default();
        size.observe(Some(7));
        size.ask(asked_for(12));
        assert_eq!(size.known(), Some(12));
        size.observe(Some(8));
        assert_eq!(size.known(), Some(8), "the record knows better");
    }
}
