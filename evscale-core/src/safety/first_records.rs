//! A new pool keeps its jobs until its records tell more than a moment: it does not shrink on a quiet minute after a start,
//! and grows by what the records show and not by what a forecast from so few of them fears.

use super::{Change, Context, step};

/// Intervals that a new pool is seen for beside a startup time and the time of a decision.
const INTERVALS: f64 = 3.0;
/// Jobs that the pool may have over those that its records show to be needed.
const HEADROOM: f64 = 1.4;

/// What is known of a pool that has few records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// Time that the records cover, seconds.
    pub(crate) seen_seconds: f64,
    /// Time from the request of a job until it takes events, seconds.
    pub(crate) startup_seconds: f64,
    /// Jobs that were busy, and those for what waits; none if nobody knows.
    pub(crate) shown_jobs: Option<f64>,
    /// Two records agree on the load.
    pub(crate) agreed: bool,
    /// Events are late, whatever the load is thought to be.
    pub(crate) breached: bool,
}

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let beginning = &context.beginning;
    let least = beginning.startup_seconds
        + f64::from(context.config.decision_interval_seconds)
        + INTERVALS * f64::from(context.config.interval_seconds);
    if beginning.seen_seconds >= least {
        return None;
    }
    let current = context.current_jobs;
    if jobs < current {
        let (seen, least) = (beginning.seen_seconds / 60.0, least / 60.0);
        return Some((
            current,
            format!("{seen:.0} min of records are too few to shrink on, expected {least:.0}"),
        ));
    }
    let shown = beginning.shown_jobs.filter(|_| !beginning.breached)?;
    let mut most = context.numbers().up((HEADROOM * shown).ceil() as u32).max(current);
    if !beginning.agreed {
        most = most.min(step::highest(context));
    }
    (jobs > most).then(|| (most, format!("the first records show a need of {shown:.1} jobs")))
}
