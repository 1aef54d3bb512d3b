//! A tick in parts, for fleets in several processes whose pools share one budget: every fleet begins it, whoever knows what all of
//! them ask for divides, and every fleet ends it. The decisions are those of one fleet with all pools.

use super::budget::SharedBudget;
use super::demand::{BudgetClaim, BudgetDemand};
use super::pool::Pool;
use super::{Fleet, PoolTick, PoolTurn, on_threads, turns_of};
use crate::autoscaler::{Begun, Observation};
use crate::error::Result;
use crate::metrics::Metrics;
use std::collections::BTreeMap;
use std::fmt;

/// A tick that has begun in a fleet: its pools have taken their records, and wait for what they have of the budget.
#[derive(Debug)]
pub struct OpenTick {
    budget: SharedBudget,
    demand: BudgetDemand,
    turns: BTreeMap<String, OpenTurn>,
    /// One error per record of an unknown pool.
    unknown: Vec<Result<PoolTick>>,
}

/// What a pool's part of it has come to.
struct OpenTurn {
    observations: Vec<Observation>,
    begun: Option<Begun>,
    outcome: Option<Result<PoolTick>>,
}

impl fmt::Debug for OpenTurn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OpenTurn").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl OpenTick {
    /// Returns what the pools of the fleet take of the budget.
    pub fn demand(&self) -> BudgetDemand {
        self.demand
    }

    /// Goes on with the turns of the pools that are here.
    fn resume<'a>(&mut self, pools: &'a mut BTreeMap<String, Box<Pool>>) -> Vec<PoolTurn<'a>> {
        let resumed = pools.iter_mut().filter_map(|(key, pool)| {
            let OpenTurn { observations, begun, outcome } = self.turns.remove(key)?;
            Some(PoolTurn { observations, begun, outcome, ..PoolTurn::new(key, pool, Vec::new()) })
        });
        resumed.collect()
    }

    /// Keeps turns, and what they ask for.
    fn keep(&mut self, turns: Vec<PoolTurn<'_>>) {
        self.demand = self.budget.demand(self.demand.held, &turns);
        self.turns = turns.into_iter().map(|turn| (turn.key.to_owned(), OpenTurn::of(turn))).collect();
    }
}

impl OpenTurn {
    fn of(turn: PoolTurn<'_>) -> Self {
        Self { observations: turn.observations, begun: turn.begun, outcome: turn.outcome }
    }
}

impl Fleet {
    /// Takes records as [`tick`](Self::tick) does, and begins the decisions of these pools under a budget that they share with the pools
    /// of other fleets; this one has none of its own. [`OpenTick::demand`] tells what they ask for. Where that of all fleets
    /// together is not met, [`claims`](Self::claims) of each and [`SharedBudget::divide`] follow, and then, in any case,
    /// [`end_tick`](Self::end_tick).
    pub fn begin_tick(&mut self, budget: SharedBudget, records: Vec<(String, Metrics)>) -> OpenTick {
        let (held, _) = self.holding(budget);
        let (mut turns, unknown) = turns_of(&mut self.pools, records);
        on_threads(&mut self.shelves, &mut turns, |shelf, turns| shelf.run(turns, true));
        let mut tick =
            OpenTick { budget, demand: BudgetDemand::new(held, 0, 0), turns: BTreeMap::new(), unknown };
        tick.keep(turns);
        tick
    }

    /// Begins the decisions too that are not due; returns what each pool asks for.
    pub fn claims(&mut self, tick: &mut OpenTick) -> Vec<BudgetClaim> {
        let mut turns = tick.resume(&mut self.pools);
        on_threads(&mut self.shelves, &mut turns, |shelf, turns| {
            turns.iter_mut().for_each(|turn| turn.begin_early(shelf));
        });
        let claims = tick.budget.claims(&turns);
        tick.keep(turns);
        claims
    }

    /// Ends a tick: every pool of `cuts` has so many jobs at most. Answers as [`tick`](Self::tick) does.
    pub fn end_tick(&mut self, mut tick: OpenTick, cuts: &BTreeMap<String, u32>) -> Vec<Result<PoolTick>> {
        let mut turns = tick.resume(&mut self.pools);
        for turn in &mut turns {
            turn.share = cuts.get(turn.key).map(|most| tick.budget.share(*most));
        }
        on_threads(&mut self.shelves, &mut turns, |shelf, turns| {
            turns.iter_mut().for_each(|turn| turn.end(shelf));
        });
        let mut out = tick.unknown;
        out.extend(turns.into_iter().filter_map(|turn| turn.outcome));
        out
    }
}
