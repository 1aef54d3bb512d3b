//! Sums over time in rings of five minutes, two hours and days, so that every window is a few additions and the memory does not
//! depend on the interval.

use crate::time::{DAY_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Length of a block, ms: what the windows of a day and longer are made of, and how often drift is looked for.
pub(crate) const BLOCK_MS: i64 = 2 * 3_600_000;
/// Blocks of a day.
pub(crate) const DAY_BLOCKS: i64 = DAY_MS / BLOCK_MS;
const SHORT_MS: i64 = 300_000;
/// Short buckets of an hour, and the present one.
const SHORT_BUCKETS: usize = 13;
const DAYS: usize = 7;

/// Declares what is summed up.
macro_rules! sums {
    ($($(#[doc = $doc:literal])* $sum:ident,)*) => {
        /// What is summed up.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Sum {
            $($(#[doc = $doc])* $sum,)*
        }

        const SUMS: usize = [$(Sum::$sum),*].len();
    };
}

sums! {
    /// Events of records that say how many were late, and the late ones. From here to `LAST_LONG` the sums are kept for a week.
    Judged,
    Late,
    /// Time of the records, seconds, and jobs times it.
    Seconds,
    JobSeconds,
    /// Job-seconds of a pool of constant size, of a HorizontalPodAutoscaler, and of the real pool in the same time.
    StaticPeak,
    Hpa,
    ComparedSeconds,
    /// Changes of the recommended number against the direction of the one before.
    Reversals,
    /// Records that were used.
    Records,
    /// Those of them that were repaired.
    Repaired,
    /// Rejected records by cause.
    RejectedRepeated,
    RejectedOutOfOrder,
    RejectedFarAhead,
    RejectedOther,
    /// Intervals without a record.
    Missed,
    /// Arrivals, and events whose processing ended.
    Events,
    Processed,
    /// Lengths of the queue, and how many.
    Queue,
    QueueRecords,
    /// Waits times events taken, seconds, and those events.
    Wait,
    WaitEvents,
    /// Busy shares, and how many.
    Utilization,
    UtilizationRecords,
    /// Time of the records that say the arrivals, seconds.
    EventSeconds,
    /// Time at `max_jobs`, and time in which a rule held the pool, seconds.
    MaximumSeconds,
    HeldSeconds,
    /// Errors of the 12-minute median without their sign, and the arrivals that it was compared with.
    Error,
    Actual,
    /// Mean quantile loss of the 12-minute forecast, and of the same time yesterday, where both are known.
    Loss,
    NaiveLoss,
    /// Noise between neighbours, and the arrivals that it was found in.
    Noise,
    NoiseActual,
    /// Model confidence.
    Confidence,
    /// Records under a decision of each source.
    ByPolicyNetwork,
    ByHostPolicy,
    ByAnalyticRule,
    ByReactiveRule,
    ByHold,
    /// Changes of the recommended number.
    Changes,
    /// Job-seconds beyond what the records show to be needed, and short of it.
    Over,
    Under,
}

/// The last sum that windows of several days have.
const LAST_LONG: Sum = Sum::Reversals;
const LONG_SUMS: usize = LAST_LONG as usize + 1;

/// Buckets of sums, the newest of which may be partial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ring<const WIDTH: usize, const BUCKETS: usize> {
    newest: i64,
    cells: Vec<f32>,
}

impl<const WIDTH: usize, const BUCKETS: usize> Ring<WIDTH, BUCKETS> {
    fn new() -> Self {
        Self { newest: i64::MIN, cells: vec![0.0; WIDTH * BUCKETS] }
    }

    fn fits(&self) -> bool {
        self.cells.len() == WIDTH * BUCKETS
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }

    fn bucket(slot: i64) -> std::ops::Range<usize> {
        let first = slot.rem_euclid(BUCKETS as i64) as usize * WIDTH;
        first..first + WIDTH
    }

    /// Goes on to a slot, or back: what lies between holds nothing.
    fn go_to(&mut self, slot: i64) {
        let (from, to) = (self.newest.min(slot), self.newest.max(slot));
        let between = to.saturating_sub(from).min(BUCKETS as i64);
        for emptied in to - between + 1..=to {
            if let Some(cells) = self.cells.get_mut(Self::bucket(emptied)) {
                cells.fill(0.0);
            }
        }
        self.newest = slot;
    }

    fn add(&mut self, index: usize, value: f64) {
        if value.is_finite()
            && let Some(cell) = self.cells.get_mut(Self::bucket(self.newest).start + index)
        {
            *cell += value as f32;
        }
    }

    /// Returns a sum over the newest buckets.
    fn sum(&self, index: usize, buckets: usize) -> f64 {
        let mut bucket = self.newest.max(0).rem_euclid(BUCKETS as i64) as usize;
        let mut sum = 0.0;
        for _ in 0..buckets.min(BUCKETS) {
            sum += self.cells.get(bucket * WIDTH + index).copied().map_or(0.0, f64::from);
            bucket = bucket.checked_sub(1).unwrap_or(BUCKETS - 1);
        }
        sum
    }
}

/// Stretches of time up to now. Each is as long as its name says, less the part of its oldest bucket that is over
/// already.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    /// The five minutes (from midnight on in steps of five) of now and those before: 5 to 10 minutes.
    FiveMinutes,
    /// 30 to 35 minutes.
    HalfHour,
    /// 60 to 65 minutes.
    Hour,
    /// The block of two hours of now alone.
    Block,
    /// Four blocks, that of now included.
    SixHours,
    /// Twelve blocks.
    Day,
    /// Three days, that of now included.
    ThreeDays,
    /// Seven days.
    Week,
}

/// The sums of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Windows {
    /// Judged and late events.
    short: Ring<2, SHORT_BUCKETS>,
    blocks: Ring<SUMS, { DAY_BLOCKS as usize }>,
    /// Blocks that are over.
    days: Ring<LONG_SUMS, DAYS>,
}

impl Windows {
    pub(crate) fn new() -> Self {
        Self { short: Ring::new(), blocks: Ring::new(), days: Ring::new() }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.short.bytes() + self.blocks.bytes() + self.days.bytes()
    }

    pub(crate) fn fits(&self) -> bool {
        self.short.fits() && self.blocks.fits() && self.days.fits()
    }

    /// Returns the block of an instant: blocks since 1970.
    pub(crate) fn block_of(at: Timestamp) -> i64 {
        at.as_millis().div_euclid(BLOCK_MS)
    }

    /// Returns the block that the sums have come to; none before the first record.
    pub(crate) fn block(&self) -> Option<i64> {
        (self.blocks.newest != i64::MIN).then_some(self.blocks.newest)
    }

    /// Takes the present block, which is over, into its day.
    pub(crate) fn close_block(&mut self) {
        for index in 0..LONG_SUMS {
            self.days.add(index, self.blocks.sum(index, 1));
        }
    }

    /// Goes on to an instant, or back.
    pub(crate) fn go_to(&mut self, at: Timestamp) {
        self.short.go_to(at.as_millis().div_euclid(SHORT_MS));
        self.blocks.go_to(Self::block_of(at));
        self.days.go_to(at.as_millis().div_euclid(DAY_MS));
    }

    pub(crate) fn add(&mut self, sum: Sum, value: f64) {
        self.blocks.add(sum as usize, value);
        match sum {
            Sum::Judged => self.short.add(0, value),
            Sum::Late => self.short.add(1, value),
            _ => (),
        }
    }

    /// Returns a sum over a window. Windows shorter than two hours have judged and late events alone, those of
    /// several days, and of today, the sums up to `LAST_LONG`.
    pub(crate) fn sum(&self, sum: Sum, window: Window) -> f64 {
        let index = sum as usize;
        let short = |buckets| self.short.sum(if matches!(sum, Sum::Late) { 1 } else { 0 }, buckets);
        let days = |days| {
            debug_assert!(index < LONG_SUMS, "{sum:?} is not kept for days");
            self.days.sum(index, days) + self.blocks.sum(index, 1)
        };
        match window {
            Window::FiveMinutes => short(2),
            Window::HalfHour => short(7),
            Window::Hour => short(SHORT_BUCKETS),
            Window::Block => self.blocks.sum(index, 1),
            Window::SixHours => self.blocks.sum(index, 4),
            Window::Day => self.blocks.sum(index, DAY_BLOCKS as usize),
            Window::ThreeDays => days(3),
            Window::Week => days(DAYS),
        }
    }

    /// Returns one sum over another; none where there is nothing to divide by.
    pub(crate) fn ratio(&self, sum: Sum, over: Sum, window: Window) -> Option<f64> {
        let over = self.sum(over, window);
        (over > 0.0).then(|| self.sum(sum, window) / over)
    }
}

/// Sums that only some pools have, over a day and a week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FewSums<const WIDTH: usize> {
    blocks: Ring<WIDTH, { DAY_BLOCKS as usize }>,
    /// Blocks that are over.
    days: Ring<WIDTH, DAYS>,
}

impl<const WIDTH: usize> FewSums<WIDTH> {
    pub(crate) fn new() -> Self {
        Self { blocks: Ring::new(), days: Ring::new() }
    }

    pub(crate) fn fits(&self) -> bool {
        self.blocks.fits() && self.days.fits()
    }

    /// Adds the values of an interval that ends at an instant.
    pub(crate) fn add(&mut self, at: Timestamp, values: [f64; WIDTH]) {
        let block = Windows::block_of(at);
        if self.blocks.newest != i64::MIN && block > self.blocks.newest {
            (0..WIDTH).for_each(|index| self.days.add(index, self.blocks.sum(index, 1)));
        }
        self.blocks.go_to(block);
        self.days.go_to(at.as_millis().div_euclid(DAY_MS));
        values.into_iter().enumerate().for_each(|(index, value)| self.blocks.add(index, value));
    }

    /// Returns the sums of a day, or of a week.
    pub(crate) fn sums(&self, week: bool) -> [f64; WIDTH] {
        std::array::from_fn(|index| match week {
            true => self.days.sum(index, DAYS) + self.blocks.sum(index, 1),
            false => self.blocks.sum(index, DAY_BLOCKS as usize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(60 * minutes)
    }

    #[test]
    fn every_window_holds_its_time_and_forgets_what_is_older() {
        let mut windows = Windows::new();
        let go = |windows: &mut Windows, minutes: i64| {
            let next = Windows::block_of(at(minutes));
            if windows.block().is_some_and(|block| next > block) {
                windows.close_block();
            }
            windows.go_to(at(minutes));
            windows.add(Sum::Judged, 1.0);
        };
        (0..30 * 1440).for_each(|minutes| go(&mut windows, minutes));
        let newest = 30 * 1440 - 1;
        let counted = |window| windows.sum(Sum::Judged, window);
        let since = |length: i64, buckets: i64| (newest % length + 1 + (buckets - 1) * length) as f64;
        assert_eq!(counted(Window::FiveMinutes), since(5, 2));
        assert_eq!(counted(Window::Hour), since(5, 13));
        assert_eq!(counted(Window::SixHours), since(120, 4));
        assert_eq!(counted(Window::Day), since(120, 12));
        assert_eq!(counted(Window::Week), since(1440, 7));
        go(&mut windows, newest + 20 * 1440);
        assert_eq!(windows.sum(Sum::Judged, Window::Week), 1.0, "three weeks without a record");
    }
}
