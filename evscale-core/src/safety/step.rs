//! Limits on one step: the larger of a share of the pool and a number of jobs, and at least to the next number that exists.

use super::{Change, Context, Rule};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> (Rule, Change) {
    let current = context.current_jobs;
    if jobs > current {
        (Rule::MaxStepUp, up(context, jobs))
    } else {
        (Rule::MaxStepDown, down(context, jobs))
    }
}

/// Returns the most jobs that one decision may ask for.
pub(super) fn highest(context: &Context<'_>) -> u32 {
    let (percent, count) = (context.config.max_step_up_percent, context.config.max_step_up_jobs);
    let highest = context.current_jobs.saturating_add(largest(context.current_jobs, percent, count));
    highest.max(context.numbers().above(context.current_jobs))
}

fn up(context: &Context<'_>, jobs: u32) -> Change {
    let (percent, count) = (context.config.max_step_up_percent, context.config.max_step_up_jobs);
    let highest = highest(context);
    (jobs > highest && !context.emergency)
        .then(|| (highest, format!("at most {percent} % or {count} jobs more per decision")))
}

fn down(context: &Context<'_>, jobs: u32) -> Change {
    let (percent, count) = (context.config.max_step_down_percent, context.config.max_step_down_jobs);
    let lowest = context.current_jobs.saturating_sub(largest(context.current_jobs, percent, count));
    let lowest = lowest.min(context.numbers().below(context.current_jobs));
    (jobs < lowest).then(|| (lowest, format!("at most {percent} % or {count} jobs fewer per decision")))
}

fn largest(current: u32, percent: f64, count: u32) -> u32 {
    ((f64::from(current) * percent / 100.0).floor() as u32).max(count)
}
