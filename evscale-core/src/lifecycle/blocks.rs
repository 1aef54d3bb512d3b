//! What two bundles cost on the same load, in blocks of some hours.

use crate::time::{HOUR_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Logarithmic cost of the error budget by which late events are priced where they have no price: a used-up one, and one beyond it.
const BUDGET_PRICE: f64 = 0.5;

/// What an interval was like under the champion, and under the other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// Quantile losses of the forecasts that turned out, events.
    pub(crate) loss: [f64; 2],
    /// Job-hours and late events of their shadow pools.
    pub(crate) job_hours: [f64; 2],
    pub(crate) late: [f64; 2],
    /// Arrivals.
    pub(crate) events: f64,
}

impl Compared {
    fn add(&mut self, other: &Self) {
        for side in 0..2 {
            self.loss[side] += other.loss[side];
            self.job_hours[side] += other.job_hours[side];
            self.late[side] += other.late[side];
        }
        self.events += other.events;
    }
}

/// How late events are priced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LatePrice {
    /// Job-hours per late event.
    JobHours(f64),
    /// By the share of events that may be late.
    Allowed(f64),
}

/// Losses and costs of a block: the champion's and the other one's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) loss: [f64; 2],
    pub(super) cost: [f64; 2],
}

/// Sums of the block that is open, and of those before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Blocks {
    pub(super) began: Timestamp,
    hours: u32,
    /// The block that is open.
    block: i64,
    open: Compared,
    pub(super) sums: Compared,
    /// Job-hours, and late events at their price.
    pub(super) cost: [f64; 2],
    /// Squares of the differences of late events, summed over the blocks.
    late_apart: f64,
    /// Blocks with late events.
    pub(super) late_blocks: u32,
    pub(super) count: u32,
}

impl Blocks {
    pub(super) fn new(at: Timestamp, hours: u32) -> Self {
        Self {
            began: at,
            hours,
            block: block_of(at, hours),
            open: Compared::default(),
            sums: Compared::default(),
            cost: [0.0; 2],
            late_apart: 0.0,
            late_blocks: 0,
            count: 0,
        }
    }

    /// Takes an interval that ended at a time; returns the block before, if that is over.
    pub(super) fn add(&mut self, at: Timestamp, interval: &Compared, price: LatePrice) -> Option<Block> {
        let block = block_of(at, self.hours);
        let over = (block != self.block).then(|| self.close(price)).flatten();
        self.block = block;
        self.open.add(interval);
        over
    }

    /// Ends the open block. Its late events have a price that was known before it.
    fn close(&mut self, price: LatePrice) -> Option<Block> {
        let open = std::mem::take(&mut self.open);
        if open == Compared::default() {
            return None;
        }
        let price = match price {
            LatePrice::JobHours(price) => price,
            LatePrice::Allowed(share) if self.sums.events > 0.0 => {
                BUDGET_PRICE * self.sums.job_hours[0] / self.sums.events / share
            }
            LatePrice::Allowed(_) => 0.0,
        };
        let cost = [0, 1].map(|side| open.job_hours[side] + price * open.late[side]);
        self.sums.add(&open);
        self.late_blocks += u32::from(open.late[0] + open.late[1] > 0.0);
        self.late_apart += (open.late[1] - open.late[0]).powi(2);
        self.count = self.count.saturating_add(1);
        for (sum, paid) in self.cost.iter_mut().zip(cost) {
            *sum += paid;
        }
        Some(Block { loss: open.loss, cost })
    }

    /// Returns how many late events more the second one has: as they came, and half a standard deviation
    /// of what came by luck.
    pub(super) fn late_more(&self) -> f64 {
        self.sums.late[1] - self.sums.late[0] + 0.5 * self.late_apart.sqrt()
    }

    /// Returns the hours of the blocks that are over.
    pub(super) fn hours(&self) -> u32 {
        self.count.saturating_mul(self.hours)
    }

    /// Forgets the interval sums that are not in a block yet.
    pub(super) fn forget_open(&mut self) {
        self.open = Compared::default();
    }
}

fn block_of(at: Timestamp, hours: u32) -> i64 {
    at.as_millis().div_euclid(HOUR_MS * i64::from(hours.max(1)))
}

/// How much less the second is than the first, as a share of the larger one, over `most`, beyond which it is cut: -1 to 1.
pub(super) fn difference(first: f64, second: f64, most: f64) -> f64 {
    let larger = first.max(second);
    if larger > 0.0 { ((first - second) / larger / most).clamp(-1.0, 1.0) } else { 0.0 }
}
