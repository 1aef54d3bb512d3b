//! What pools ask for of a budget, whether they are in one fleet or in several.

use super::PoolTurn;
use super::budget::SharedBudget;
use super::division::{Claim, divide};
use crate::autoscaler::Begun;
use crate::safety::Wish;
use std::collections::BTreeMap;

/// What the pools of a fleet take of a budget, in its units: a millionth of a job, or of money per hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetDemand {
    /// All pools before the tick.
    pub held: u64,
    /// Those that decide in it, of that.
    pub deciding: u64,
    /// What these ask for.
    pub wanted: u64,
}

/// What a pool asks for of a budget.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BudgetClaim {
    /// Key of the pool.
    pub key: String,
    /// Jobs that it asks for.
    pub wanted: u32,
    /// Units that a job takes of the budget.
    pub price: u64,
    /// Weighed late events by the number of jobs: fewest first, which the pool has in any case, and `wanted` last.
    pub late: Vec<(u32, f64)>,
}

impl BudgetClaim {
    /// A claim of the pool `key`.
    pub fn new(key: String, wanted: u32, price: u64, late: Vec<(u32, f64)>) -> Self {
        Self { key, wanted, price, late }
    }
}

impl BudgetDemand {
    /// A demand of so many units.
    pub fn new(held: u64, deciding: u64, wanted: u64) -> Self {
        Self { held, deciding, wanted }
    }

    /// Returns the demand of several fleets together.
    pub fn of_all(demands: impl IntoIterator<Item = Self>) -> Self {
        demands.into_iter().fold(Self::default(), |sum, one| Self {
            held: sum.held.saturating_add(one.held),
            deciding: sum.deciding.saturating_add(one.deciding),
            wanted: sum.wanted.saturating_add(one.wanted),
        })
    }

    /// Returns what the pools hold that do not decide.
    fn others(self) -> u64 {
        self.held.saturating_sub(self.deciding)
    }

    /// Returns what all pools would hold if every one had what it asks for.
    pub fn total(self) -> u64 {
        self.others().saturating_add(self.wanted)
    }

    /// Reports whether the pools ask for no more than there is.
    pub fn is_met_by(self, budget: SharedBudget) -> bool {
        self.total() <= budget.units()
    }
}

impl SharedBudget {
    /// Divides the budget among all pools that decide; returns the jobs of each that has fewer than it asks for. What the other pools
    /// hold is theirs.
    pub fn divide(self, demand: BudgetDemand, mut claims: Vec<BudgetClaim>) -> BTreeMap<String, u32> {
        if demand.is_met_by(self) {
            return BTreeMap::new();
        }
        // of several fleets, too, in the order of one
        claims.sort_by(|one, other| one.key.cmp(&other.key));
        let (asked, curves): (Vec<(String, u32)>, Vec<Claim>) = claims
            .into_iter()
            .map(|claim| ((claim.key, claim.wanted), Claim { price: claim.price, late: claim.late }))
            .unzip();
        let got = divide(self.units().saturating_sub(demand.others()), &curves);
        let cut = asked.into_iter().zip(got).filter(|((_, wanted), most)| most < wanted);
        cut.map(|((key, _), most)| (key, most)).collect()
    }

    /// Returns what the pools take whose turn it is, where all of the fleet `held` so much.
    pub(super) fn demand(self, held: u64, turns: &[PoolTurn<'_>]) -> BudgetDemand {
        let mut demand = BudgetDemand { held, ..BudgetDemand::default() };
        for turn in turns {
            if let Some(wish) = turn.wish() {
                let wanted = u64::from(wish.wanted).saturating_mul(self.price(turn.pool));
                demand.deciding = demand.deciding.saturating_add(self.units_of(turn.pool));
                demand.wanted = demand.wanted.saturating_add(wanted);
            }
        }
        demand
    }

    /// Returns what each of the pools asks for whose turn it is, and that decides.
    pub(super) fn claims(self, turns: &[PoolTurn<'_>]) -> Vec<BudgetClaim> {
        let claim = |turn: &PoolTurn<'_>| {
            let Wish { least, wanted, .. } = turn.wish()?;
            let late = turn.pool.held().late_ahead(least.min(wanted), wanted);
            Some(BudgetClaim { key: turn.key.to_owned(), wanted, price: self.price(turn.pool), late })
        };
        turns.iter().filter_map(claim).collect()
    }
}

impl PoolTurn<'_> {
    /// Returns what the pool would have without the others; none where it does not decide, or not on a number.
    fn wish(&self) -> Option<Wish> {
        match self.begun.as_ref()? {
            Begun::Proposed { wish, .. } => *wish,
            Begun::Standing(_) => None,
        }
    }
}
