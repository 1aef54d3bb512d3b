//! A tick in parts, for fleets on actors whose pools share one budget.

use crate::arguments::{MOST_RECORDS, MOST_ROWS, Text, entries, items, text};
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
    fn end(&self, py: Python<'_>, cuts: &Bound<'_, PyAny>) -> Door<FleetTick> {
        door(py, || {
            let cuts = entries("`cuts`", cuts, MOST_RECORDS)?
                .into_iter()
                .map(|(key, jobs)| Ok((text(&key)?, plain::whole("jobs", &jobs)?)))
                .collect::<PyResult<BTreeMap<String, u32>>>()?;
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
pub fn budget_total(py: Python<'_>, budget: Text, demands: &Bound<'_, PyAny>) -> Door<(u64, bool)> {
    door(py, || {
        let demand = together(demands)?;
        contained(py, || {
            let budget = SharedBudget::from_json(&budget.0)?;
            Ok((demand.total(), demand.is_met_by(budget)))
        })
    })
}

/// Divides a budget among the pools of several fleets; the jobs of each that has fewer than it asks for.
#[pyfunction]
pub fn divide_budget(
    py: Python<'_>,
    budget: Text,
    demands: &Bound<'_, PyAny>,
    claims: &Bound<'_, PyAny>,
) -> Door<BTreeMap<String, u32>> {
    door(py, || {
        let demand = together(demands)?;
        let claims =
            items("`claims`", claims, MOST_RECORDS)?.iter().map(claim).collect::<PyResult<Vec<_>>>()?;
        contained(py, || Ok(SharedBudget::from_json(&budget.0)?.divide(demand, claims)))
    })
}

fn claim(given: &Bound<'_, PyAny>) -> PyResult<BudgetClaim> {
    let [key, wanted, price, late] = parts("a claim", given)?;
    let late = items("late events", &late, MOST_ROWS)?;
    let late = late.iter().map(|one| {
        let [jobs, late] = parts("late events", one)?;
        Ok((plain::whole("jobs", &jobs)?, plain::number("late", &late)?))
    });
    let (wanted, price) = (plain::whole("wanted", &wanted)?, plain::unsigned("price", &price)?);
    Ok(BudgetClaim::new(text(&key)?, wanted, price, late.collect::<PyResult<_>>()?))
}

/// Returns so many items.
fn parts<'py, const N: usize>(what: &str, given: &Bound<'py, PyAny>) -> PyResult<[Bound<'py, PyAny>; N]> {
    items(what, given, N)?.try_into().map_err(|found: Vec<_>| {
        refused(given.py(), &format!("{what} has {} entries, expected {N}", found.len()))
    })
}

fn together(demands: &Bound<'_, PyAny>) -> PyResult<BudgetDemand> {
    let demands = items("`demands`", demands, MOST_RECORDS)?;
    let demand = |given: &Bound<'_, PyAny>| {
        let [held, deciding, wanted] = parts("a demand", given)?;
        let units = |name, given: &Bound<'_, PyAny>| plain::unsigned(name, given);
        Ok(BudgetDemand::new(units("held", &held)?, units("deciding", &deciding)?, units("wanted", &wanted)?))
    };
    Ok(BudgetDemand::of_all(demands.iter().map(demand).collect::<PyResult<Vec<_>>>()?))
}

/// What became of a budget of several fleets, as `Fleet.budget` tells it.
#[pyfunction]
pub fn budget_status<'py>(
    py: Python<'py>,
    budget: Text,
    held: &Bound<'_, PyAny>,
    wanted: &Bound<'_, PyAny>,
    gave_way: &Bound<'_, PyAny>,
) -> Door<Bound<'py, PyAny>> {
    door(py, || {
        let (held, wanted) = (plain::unsigned("held", held)?, plain::unsigned("wanted", wanted)?);
        let gave_way = plain::whole("gave_way", gave_way)?;
        let status = contained(py, || {
            Ok(BudgetStatus::new(SharedBudget::from_json(&budget.0)?, held, wanted, gave_way).to_json())
        })?;
        plain::loads(py, &status)
    })
}
