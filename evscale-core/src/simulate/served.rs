//! A simulated pool on its way through a load: of one kind of events, or of several classes.

use super::class_pool::{CLASS_SUBSTEP_SECONDS, ClassSimulator, ClassesOutcome};
use super::queue::{IntervalOutcome, PoolSimulator, SUBSTEP_SECONDS};
use super::simulated_load::SimulatedLoad;
use super::simulated_pool::SimulatedPool;
use super::waits::Waits;
use crate::config::ServiceClass;
use crate::metrics::Metrics;
use serde::Serialize;

/// Scores of one class of events.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassScores {
    /// Its name.
    pub name: String,
    /// Share of its events that waited no longer than its SLA allows; those that still wait at the end count as late.
    pub sla_compliance_percent: f64,
    /// Its events.
    pub events: f64,
    /// Mean wait, ms.
    pub mean_wait_ms: f64,
    /// 99th percentile of the waits, ms.
    pub p99_wait_ms: f64,
}

/// The queue and the jobs.
pub(super) enum Served {
    One(Box<PoolSimulator>),
    Classes(Box<ClassSimulator>, Vec<ServiceClass>),
}

/// How long all events waited, how many of them too long, and the same by class.
pub(super) struct Waited {
    pub(super) all: Waits,
    pub(super) late: f64,
    pub(super) classes: Vec<ClassScores>,
}

impl Served {
    /// Begins with ready jobs and nothing that waits. A load of one kind of events is served as one, whatever the pool could serve.
    pub(super) fn new(load: &SimulatedLoad, pool: &SimulatedPool, jobs: u32) -> Self {
        if pool.classes.is_empty() || !load.has_classes(pool.classes.len()) {
            let queue = PoolSimulator::new(jobs, pool.startup_seconds, pool.sla_wait_seconds);
            return Self::One(Box::new(queue.limited_to(pool.most_events_per_second)));
        }
        let queue = ClassSimulator::new(&pool.classes, jobs, pool.startup_seconds);
        Self::Classes(Box::new(queue), pool.classes.clone())
    }

    pub(super) fn jobs(&self) -> u32 {
        match self {
            Self::One(queue) => queue.jobs(),
            Self::Classes(queue, _) => queue.jobs(),
        }
    }

    pub(super) fn scale_to(&mut self, jobs: u32) {
        match self {
            Self::One(queue) => queue.scale_to(jobs),
            Self::Classes(queue, _) => queue.scale_to(jobs),
        }
    }

    pub(super) fn reset_waits(&mut self) {
        match self {
            Self::One(queue) => queue.reset_waits(),
            Self::Classes(queue, _) => queue.reset_waits(),
        }
    }

    /// Serves an interval of the load; returns what happened, and its record.
    pub(super) fn interval(&mut self, load: &SimulatedLoad, index: usize) -> (IntervalOutcome, Metrics) {
        match self {
            Self::One(queue) => {
                let mut arrivals = Vec::new();
                load.arrivals(index, &mut arrivals);
                let outcome = queue.run_interval(&arrivals, load.job_seconds(index));
                let record = load.record(index, &outcome);
                (outcome, record)
            }
            Self::Classes(queue, classes) => {
                let each = (SUBSTEP_SECONDS / CLASS_SUBSTEP_SECONDS) as usize;
                let finer = |coarse: Vec<f64>| {
                    let parts = |events: f64| std::iter::repeat_n(events / each as f64, each);
                    coarse.into_iter().flat_map(parts).collect::<Vec<f64>>()
                };
                let arrivals: Vec<Vec<f64>> = load.class_arrivals(index).into_iter().map(finer).collect();
                queue.set_pace(load.pace(index));
                let outcome = queue.run_interval(&arrivals);
                let record = class_record(load, index, &outcome, classes);
                (whole(&outcome), record)
            }
        }
    }

    /// Returns how long events waited since the waits were forgotten.
    pub(super) fn waited(&self, sla_wait_seconds: f64) -> Waited {
        match self {
            Self::One(queue) => {
                let all = queue.waited();
                Waited { late: all.later_than(sla_wait_seconds), all, classes: Vec::new() }
            }
            Self::Classes(queue, classes) => {
                let mut sum =
                    Waited { all: Waits::new(CLASS_SUBSTEP_SECONDS), late: 0.0, classes: Vec::new() };
                for (class, waits) in classes.iter().zip(queue.waited()) {
                    let (events, late) = (waits.events(), waits.later_than(class.sla_wait_seconds));
                    sum.all.merge(&waits);
                    sum.late += late;
                    sum.classes.push(ClassScores {
                        name: class.name.clone(),
                        sla_compliance_percent: on_time_percent(late, events),
                        events: events.round(),
                        mean_wait_ms: 1000.0 * waits.mean_seconds(),
                        p99_wait_ms: 1000.0 * waits.quantile_seconds(0.99),
                    });
                }
                sum
            }
        }
    }
}

/// Returns the share of events that are not late, percent.
pub(super) fn on_time_percent(late: f64, events: f64) -> f64 {
    100.0 * (1.0 - if events > 0.0 { late / events } else { 0.0 })
}

/// Returns what happened to all classes together.
fn whole(outcome: &ClassesOutcome) -> IntervalOutcome {
    let mut whole = IntervalOutcome {
        busy_ratio: outcome.busy_ratio,
        wait_seconds: outcome.wait_seconds,
        jobs: outcome.jobs,
        ready_jobs: outcome.ready_jobs,
        ..IntervalOutcome::default()
    };
    for class in &outcome.classes {
        whole.arrived += class.arrived;
        whole.processed += class.processed;
        whole.queued += class.queued;
        whole.violations += class.violations;
    }
    whole
}

/// Returns the record of an interval, with the counts of each class.
fn class_record(
    load: &SimulatedLoad,
    index: usize,
    outcome: &ClassesOutcome,
    classes: &[ServiceClass],
) -> Metrics {
    let mut record = load.record(index, &whole(outcome));
    // of what was served, which may be another mix than what came
    let places = load.service_seconds(index) / load.job_seconds(index);
    record.average_processing_duration_ms = outcome.service_seconds.map(|seconds| 1000.0 * places * seconds);
    record.unprocessed_events_count = None;
    let counts = classes.iter().zip(&outcome.classes);
    record.classes = counts.map(|(class, counts)| (class.name.clone(), counts.rounded())).collect();
    record
}
