//! A budget for all pools of a fleet: what it is, what became of it, and what every pool holds of it.

use super::Fleet;
use super::pool::Pool;
use crate::error::{Error, Result};
use crate::safety::Share;
use serde::{Deserialize, Serialize};

/// Units that a job or a unit of money is counted in, so that sums do not depend on their order.
const UNITS: f64 = 1e6;
/// Largest budget.
const LARGEST: f64 = 1e12;

/// What all pools of a fleet may have together.
///
/// ```
/// use evscale_core::{Config, Fleet, ModelBundle, SharedBudget};
/// let mut fleet = Fleet::new(&ModelBundle::bundled()?);
/// fleet.set_budget(Some(SharedBudget::from_json(r#"{"jobs": 500}"#)?))?;
/// assert_eq!(fleet.budget(), Some(SharedBudget::Jobs(500)));
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SharedBudget {
    /// At most so many jobs.
    Jobs(u32),
    /// At most so much per hour, by the price of a job-hour of each pool; a pool without one counts 1.
    CostPerHour(f64),
}

/// What became of a shared budget in the last tick.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The budget.
    pub budget: SharedBudget,
    /// What the pools hold of it, in jobs or money per hour.
    pub held: f64,
    /// What the pools would hold without it.
    pub wanted: f64,
    /// Pools that have fewer jobs than they asked for.
    pub pools_that_gave_way: u32,
    /// Why the pools hold more than the budget; none if they do not.
    pub exceeded: Option<String>,
}

/// A budget at work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) budget: SharedBudget,
    /// What all pools hold, in units.
    held: u64,
    wanted: u64,
    gave_way: u32,
}

impl SharedBudget {
    /// Reads a budget: `{"jobs": 500}` or `{"cost_per_hour": 120.5}`.
    ///
    /// # Errors
    /// Not such JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        let expected = r#"expected {"jobs": 500} or {"cost_per_hour": 120.5}"#;
        serde_json::from_str(text)
            .map_err(|problem| Error::argument(format!("the shared budget is {text}, {expected}: {problem}")))
    }

    fn check(self) -> Result<()> {
        match self {
            Self::CostPerHour(most) if !(0.0..=LARGEST).contains(&most) => Err(Error::argument(format!(
                "`cost_per_hour` of the shared budget is {most}, expected 0 to {LARGEST:e}"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the budget in units.
    pub(super) fn units(self) -> u64 {
        match self {
            Self::Jobs(most) => u64::from(most) * UNITS as u64,
            Self::CostPerHour(most) => (most * UNITS) as u64,
        }
    }

    /// Returns what a job of a pool takes of it.
    pub(super) fn price(self, pool: &Pool) -> u64 {
        match self {
            Self::Jobs(_) => UNITS as u64,
            Self::CostPerHour(_) => (pool.held().job_hour_price() * UNITS).round() as u64,
        }
    }

    /// Returns what a pool holds.
    pub(super) fn units_of(self, pool: &Pool) -> u64 {
        u64::from(pool.held().held_jobs()).saturating_mul(self.price(pool))
    }

    /// Returns what pools hold, and how many of them gave way.
    fn holding<'a>(self, pools: impl Iterator<Item = &'a Pool>) -> (u64, u32) {
        pools.fold((0, 0), |(held, gave_way), pool| {
            (held.saturating_add(self.units_of(pool)), gave_way + u32::from(pool.held().cut().is_some()))
        })
    }

    /// Returns what a pool has that may have so many jobs.
    pub(super) fn share(self, most: u32) -> Share {
        let detail = format!("all pools share {} and others need theirs more", self.in_words());
        Share { most, detail }
    }

    fn in_words(self) -> String {
        match self {
            Self::Jobs(most) => format!("{most} jobs"),
            Self::CostPerHour(most) => format!("{most} per hour"),
        }
    }
}

impl BudgetStatus {
    /// The status of pools that hold and would hold so many units, of which some gave way.
    pub fn new(budget: SharedBudget, held: u64, wanted: u64, pools_that_gave_way: u32) -> Self {
        let in_budget = |units: u64| units as f64 / UNITS;
        let exceeded = (held > budget.units()).then(|| {
            format!(
                "the pools hold {}, more than {}: their safety rules and the pools that did not decide keep it",
                in_budget(held),
                budget.in_words()
            )
        });
        Self { budget, held: in_budget(held), wanted: in_budget(wanted), pools_that_gave_way, exceeded }
    }

    /// Returns the status as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Account {
    fn new(budget: SharedBudget) -> Self {
        Self { budget, held: 0, wanted: 0, gave_way: 0 }
    }

    /// Returns what a pool holds.
    pub(super) fn units_of(&self, pool: &Pool) -> u64 {
        self.budget.units_of(pool)
    }

    /// Learns that a pool holds something else than before.
    pub(super) fn moved(&mut self, before: u64, after: u64) {
        self.held = self.held.saturating_sub(before).saturating_add(after);
    }

    /// Returns what a pool may have that decides alone: what the others leave.
    pub(super) fn rest(&self, pool: &Pool) -> Share {
        let left = self.budget.units().saturating_sub(self.held.saturating_sub(self.units_of(pool)));
        let most = left.checked_div(self.budget.price(pool)).unwrap_or(u64::MAX);
        self.budget.share(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Returns what all pools hold.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Learns what all pools would hold in a tick if every one had what it asks for.
    pub(super) fn follow(&mut self, wanted: u64) {
        self.wanted = wanted;
    }

    /// Learns what the pools hold after a tick, and how many gave way in it.
    pub(super) fn close<'a>(&mut self, pools: impl Iterator<Item = &'a Pool>) {
        (self.held, self.gave_way) = self.budget.holding(pools);
    }
}

impl Fleet {
    /// Sets what all pools may have together, or takes that back.
    ///
    /// Whenever the pools ask for more, every pool with a record decides in that [`tick`](Fleet::tick), and it is divided among them: every pool keeps what its
    /// safety rules keep (`min_jobs`, jobs that are busy with long events, step limits, cooldowns, orders, what is not known well
    /// enough to shrink), and the rest goes where a job prevents most late events of the time ahead for its price, each weighed
    /// with `priority` and `late_event_price` of its pool (without a price, with the time that an event keeps a job busy; give all
    /// pools of a fleet one, or none). The decisions tell what they gave in their trail, as `shared_budget`, and
    /// so does the health of the pools. A pool that decides alone gets what the others leave. While the pools ask for no more than
    /// there is, and without a budget, they decide as if they were alone.
    ///
    /// The increments are taken by their value, best first, as in Fox, *Discrete optimization via marginal analysis*, Management
    /// Science 13 (1966), along the lower convex hull of each pool's late events, which need not be convex.
    ///
    /// # Errors
    /// The cost is not 0 to 1e12.
    pub fn set_budget(&mut self, budget: Option<SharedBudget>) -> Result<()> {
        budget.map_or(Ok(()), SharedBudget::check)?;
        self.account = budget.map(|budget| {
            let mut account = Account::new(budget);
            account.close(self.pools.values().map(AsRef::as_ref));
            account.wanted = account.held;
            account
        });
        Ok(())
    }

    /// Returns the budget that the pools share.
    pub fn budget(&self) -> Option<SharedBudget> {
        self.account.map(|account| account.budget)
    }

    /// Returns what became of the budget in the last tick; none without one.
    pub fn budget_status(&self) -> Option<BudgetStatus> {
        let Account { budget, held, wanted, gave_way } = self.account?;
        Some(BudgetStatus::new(budget, held, wanted, gave_way))
    }

    /// Returns what the pools hold of a budget that they share with those of other fleets, in its units, and how many of them gave way.
    pub fn holding(&self, budget: SharedBudget) -> (u64, u32) {
        budget.holding(self.pools.values().map(AsRef::as_ref))
    }
}
