//! What a pool may have of a budget that it shares with others.
//!
//! Growth gives way at once. Jobs that are there leave only as far as the rules let the pool shrink that protect it from harm; the
//! rules that speak of its demand alone (tolerance, stabilization window, forecast floor, spare jobs, price of changes, what is
//! announced) give way, because the demand of all pools is what was weighed.

use super::{Change, Context, Rule, Safety, Way};
use super::{bounds, data_quality, first_records, maintenance, manual, memory, pause, step};

/// What a pool has of a shared budget.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    /// Most jobs of the pool.
    pub(crate) most: u32,
    /// Why.
    pub(crate) detail: String,
}

/// What a pool would have without the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Fewest jobs that the others can leave it.
    pub(crate) least: u32,
    /// Jobs that its own rules allow.
    pub(crate) wanted: u32,
}

impl Safety {
    /// Returns what the rules make of a proposal but for a shared budget. Nothing is remembered.
    pub(crate) fn wish(&self, context: &Context<'_>, proposed: u32) -> Wish {
        let alone = Context { share: None, ..context.clone() };
        Wish { least: self.least(context), wanted: self.clone().apply(&alone, proposed).jobs() }
    }

    /// Returns the fewest jobs to which the pool may shrink for the sake of others.
    fn least(&self, context: &Context<'_>) -> u32 {
        let fewest = context.numbers().up(context.config.min_jobs);
        let mut way = Way::new(context, fewest.min(context.current_jobs));
        way.pass(Rule::MemoryFloor, memory::apply(context, way.jobs));
        way.pass_either(step::apply(context, way.jobs));
        way.pass(Rule::FlapDamping, self.flap.apply(context, way.jobs));
        way.pass_either(self.cooldown.apply(context, way.jobs));
        way.pass(Rule::FirstRecords, first_records::apply(context, way.jobs));
        way.pass(Rule::SharedBudget, busy(context, way.jobs));
        way.pass_either(data_quality::apply(context, way.jobs));
        way.pass(Rule::MaintenanceWindow, maintenance::apply(context, way.jobs));
        way.pass_either(manual::apply(context, way.jobs));
        way.pass(Rule::Pause, pause::apply(context, way.jobs));
        way.pass(Rule::Bounds, bounds::apply(context, way.jobs));
        way.jobs
    }
}

/// Keeps the jobs that are busy with long events.
fn busy(context: &Context<'_>, jobs: u32) -> Change {
    let kept = context.busy_jobs.min(context.current_jobs);
    (kept > jobs).then(|| (kept, format!("{kept} are busy with long events")))
}

pub(super) fn apply(safety: &Safety, context: &Context<'_>, jobs: u32) -> Change {
    let share = context.share.as_ref().filter(|share| jobs > share.most)?;
    let most = share.most.max(safety.least(context));
    (jobs > most).then(|| (most, share.detail.clone()))
}
