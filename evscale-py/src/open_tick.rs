//! A tick in parts, for fleets on actors whose pools share one budget.

use crate::arguments::Text;
use crate::door::{Door, door};
use crate::errors::refused;
use crate::fleet::{Fleet, FleetTick};
use crate::plain;
use crate::ticks::keyed;
use crate::turns::{Shared, contained, locked};
use evscale_core::{BudgetClaim, BudgetDemand, BudgetStatus, SharedBudget};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Units of a budget: held by all pools, of that by those that decide, and asked for by these.
type Units = (u64, u64, u64);
/// Key of a pool, jobs that it asks for, units that one takes, and weighed late events by the number of jobs.
type Claim = (String, u32, u64, Vec<(u32, f64)>);

/// A tick that has begun: its pools have taken their records, and wait for what they have of the budget.
#[pyclass(frozen, module = "evscale._evscale", name = "OpenTick")]
pub struct OpenTick {
    fleet: Py<Fleet>,
    /// None once it has ended.
    tick: Shared<Option<evscale_core::OpenTick>>,
}

#[pymethods]
impl OpenTick {
    #[new]
    fn new(py: Python<'_>, fleet: Py<Fleet>, records: &Bound<'_, PyAny>, budget: Text) -> Door<Self> {
        door(py, || {
            let records = keyed(records)?;
            let tick = locked(py, &fleet.get().0, |fleet| {
                Ok(fleet.begin_tick(SharedBudget::from_json(&budget.0)?, records))
            })?;
            Ok(Self { fleet, tick: Shared::new(Some(tick)) })
        })
    }
    /// What the pools of the fleet hold of the budget, what those that decide hold of that, and what these ask for.
    fn demand(&self, py: Python<'_>) -> Door<Units> {
        door(py, || {
            let found = locked(py, &self.tick, |tick| Ok(tick.as_ref().map(|tick| tick.demand())))?;
            let demand = found.ok_or_else(|| refused(py, ENDED))?;
            Ok((demand.held, demand.deciding, demand.wanted))
        })
    }
    /// Begins the decisions too that are not due; what each pool asks for.
    fn claims(&self, py: Python<'_>) -> Door<Vec<Claim>> {
        door(py, || {
            let mut tick =
                locked(py, &self.tick, |tick| Ok(tick.take()))?.ok_or_else(|| refused(py, ENDED))?;
            let (claims, tick) = locked(py, &self.fleet.get().0, |fleet| {
                let claims = fleet.claims(&mut tick);
                Ok((claims, tick))
            })?;
            locked(py, &self.tick, |kept| {
                *kept = Some(tick);
                Ok(())
            })?;
            Ok(claims.into_iter().map(|claim| (claim.key, claim.wanted, claim.price, claim.late)).collect())
        })
    }
    /// Ends the tick: every pool of `cuts` has so many jobs at most.
    fn end(&self, py: Python<'_>, cuts: BTreeMap<String, u32>) -> Door<FleetTick> {
        door(py, || {
            let tick = locked(py, &self.tick, |tick| Ok(tick.take()))?.ok_or_else(|| refused(py, ENDED))?;
            let fleet = self.fleet.get();
            let answers = locked(py, &fleet.0, |fleet| Ok(fleet.end_tick(tick, &cuts)))?;
            fleet.told(py, answers)
        })
    }
}

const ENDED: &str = "the tick has ended, expected one that is open";

/// What the pools of a fleet hold of a budget, in its units, and how many of them gave way.
#[pyfunction]
pub fn budget_holding(py: Python<'_>, fleet: Py<Fleet>, budget: Text) -> Door<(u64, u32)> {
    door(py, || locked(py, &fleet.get().0, |fleet| Ok(fleet.holding(SharedBudget::from_json(&budget.0)?))))
}

/// What all pools take of a budget in one number of units, and whether they ask for no more than there is.
#[pyfunction]
pub fn budget_total(py: Python<'_>, budget: Text, demands: Vec<Units>) -> Door<(u64, bool)> {
    door(py, || {
        contained(py, || {
            let budget = SharedBudget::from_json(&budget.0)?;
            let demand = together(demands);
            Ok((demand.total(), demand.is_met_by(budget)))
        })
    })
}

/// Divides a budget among the pools of several fleets; the jobs of each that has fewer than it asks for.
#[pyfunction]
pub fn divide_budget(
    py: Python<'_>,
    budget: Text,
    demands: Vec<Units>,
    claims: Vec<Claim>,
) -> Door<BTreeMap<String, u32>> {
    door(py, || {
        contained(py, || {
            let claim = |(key, wanted, price, late)| BudgetClaim::new(key, wanted, price, late);
            let claims = claims.into_iter().map(claim).collect();
            Ok(SharedBudget::from_json(&budget.0)?.divide(together(demands), claims))
        })
    })
}

fn together(demands: Vec<Units>) -> BudgetDemand {
    BudgetDemand::of_all(
        demands.into_iter().map(|(held, deciding, wanted)| BudgetDemand::new(held, deciding, wanted)),
    )
}

/// What became of a budget of several fleets, as `Fleet.budget` tells it.
#[pyfunction]
pub fn budget_status(
    py: Python<'_>,
    budget: Text,
    held: u64,
    wanted: u64,
    gave_way: u32,
) -> Door<Bound<'_, PyAny>> {
    door(py, || {
        let status = contained(py, || {
            Ok(BudgetStatus::new(SharedBudget::from_json(&budget.0)?, held, wanted, gave_way).to_json())
        })?;
        plain::loads(py, &status)
    })
}
