//! A pool that serves classes of events in the order of their priorities, as a fluid; first in, first out within a priority.

use super::queue::NOTHING;
use super::simulated_jobs::SimulatedJobs;
use super::waits::Waits;
use crate::config::ServiceClass;
use crate::metrics::ClassCounts;
use std::collections::VecDeque;

/// Length of a substep, seconds; waits are counted in these.
pub const CLASS_SUBSTEP_SECONDS: f64 = 1.0;

/// What happened to one class in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassOutcome {
    /// Events that arrived.
    pub arrived: f64,
    /// Events taken from the queue.
    pub processed: f64,
    /// Events that wait at the end.
    pub queued: f64,
    /// Events taken that had waited longer than the SLA of the class allows.
    pub violations: f64,
}

impl ClassOutcome {
    /// Returns it as a record has it.
    pub fn counts(&self) -> ClassCounts {
        ClassCounts {
            logged_events_count: Some(self.arrived),
            processed_events_count: Some(self.processed),
            queued_events_count: Some(self.queued),
            sla_violations_count: Some(self.violations),
        }
    }

    /// Returns it as a host that counts whole events has it.
    pub(super) fn rounded(&self) -> ClassCounts {
        let [arrived, processed, queued, violations] =
            [self.arrived, self.processed, self.queued, self.violations].map(f64::round);
        Self { arrived, processed, queued, violations }.counts()
    }
}

/// What happened in one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassesOutcome {
    /// Of each class, in their order.
    pub classes: Vec<ClassOutcome>,
    /// Busy share of the ready jobs.
    pub busy_ratio: f64,
    /// Jobs at the beginning, ready and starting: what is paid for.
    pub jobs: u32,
    /// Ready jobs, mean over time.
    pub ready_jobs: f64,
    /// Waits of the events taken, summed, seconds.
    pub wait_seconds: f64,
    /// Mean time that a job worked on an event, seconds; none if it worked on none.
    pub service_seconds: Option<f64>,
}

/// Events of one class that came in one substep and wait.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    since: u64,
    class: usize,
    events: f64,
}

/// The simulated pool and the queues of its priorities.
///
/// An event that arrives in substep `j` and is taken in substep `k` has waited `k - j` seconds. A substep can work for as many
/// seconds as there are ready jobs.
#[derive(Clone, Debug)]
pub struct ClassSimulator {
    classes: Vec<ServiceClass>,
    jobs: SimulatedJobs,
    now: u64,
    /// In the order of service.
    queues: Vec<(u32, VecDeque<Waiting>)>,
    /// Of each class.
    waits: Vec<Waits>,
    /// Time that an event takes over the one that its class says.
    pace: f64,
}

impl ClassSimulator {
    /// A pool of ready jobs with empty queues.
    pub fn new(classes: &[ServiceClass], jobs: u32, startup_seconds: f64) -> Self {
        let mut priorities: Vec<u32> = classes.iter().map(|class| class.priority).collect();
        priorities.sort_unstable();
        priorities.dedup();
        Self {
            classes: classes.to_vec(),
            jobs: SimulatedJobs::new(jobs, startup_seconds, CLASS_SUBSTEP_SECONDS),
            now: 0,
            queues: priorities.into_iter().map(|priority| (priority, VecDeque::new())).collect(),
            waits: vec![Waits::new(CLASS_SUBSTEP_SECONDS); classes.len()],
            pace: 1.0,
        }
    }

    /// Goes on with events that take so many times as long as their classes say.
    pub(super) fn set_pace(&mut self, pace: f64) {
        self.pace = pace;
    }

    /// Ready and starting jobs.
    pub fn jobs(&self) -> u32 {
        self.jobs.count()
    }

    /// Asks for a number of jobs. New ones are paid for at once and ready after the startup time; on the way down the youngest
    /// starting ones leave first, then ready ones, at once.
    pub fn scale_to(&mut self, target: u32) {
        self.jobs.scale_to(target, self.now);
    }

    /// Runs one interval: the arrivals of each class per substep.
    pub fn run_interval(&mut self, arrivals: &[Vec<f64>]) -> ClassesOutcome {
        let mut out = ClassesOutcome {
            classes: vec![ClassOutcome::default(); self.classes.len()],
            jobs: self.jobs(),
            ..ClassesOutcome::default()
        };
        let (mut busy, mut available) = (0.0, 0.0);
        for substep in 0..arrivals.first().map_or(0, Vec::len) {
            let ready = self.jobs.ready_at(self.now);
            for (class, arriving) in arrivals.iter().enumerate() {
                let events = arriving.get(substep).copied().unwrap_or(0.0);
                self.arrive(class, events, &mut out);
            }
            let room = f64::from(ready) * CLASS_SUBSTEP_SECONDS;
            available += room;
            busy += self.serve(room, &mut out);
            self.now += 1;
        }
        for waiting in self.queues.iter().flat_map(|(_, queue)| queue) {
            if let Some(class) = out.classes.get_mut(waiting.class) {
                class.queued += waiting.events;
            }
        }
        let taken: f64 = out.classes.iter().map(|class| class.processed).sum();
        out.busy_ratio = if available > 0.0 { busy / available } else { 0.0 };
        let substeps = arrivals.first().map_or(0, Vec::len).max(1) as f64;
        out.ready_jobs = available / (substeps * CLASS_SUBSTEP_SECONDS);
        out.service_seconds = (taken > 0.0).then(|| busy / taken);
        out
    }

    fn arrive(&mut self, class: usize, events: f64, out: &mut ClassesOutcome) {
        let Some(known) = self.classes.get(class).filter(|_| events > 0.0) else { return };
        let queue = self.queues.iter_mut().find(|(priority, _)| *priority == known.priority);
        if let (Some((_, queue)), Some(counts)) = (queue, out.classes.get_mut(class)) {
            queue.push_back(Waiting { since: self.now, class, events });
            counts.arrived += events;
        }
    }

    /// Takes as many events as there is time for, in seconds of a job; returns how much was used.
    fn serve(&mut self, room: f64, out: &mut ClassesOutcome) -> f64 {
        let mut left = room;
        for (_, queue) in &mut self.queues {
            while left > NOTHING
                && let Some(first) = queue.front_mut()
                && let Some(class) = self.classes.get(first.class)
            {
                let seconds = self.pace * class.service_time_seconds;
                let taken = first.events.min(left / seconds);
                left -= taken * seconds;
                let lag = self.now - first.since;
                let waited = lag as f64 * CLASS_SUBSTEP_SECONDS;
                if let Some(counts) = out.classes.get_mut(first.class) {
                    counts.processed += taken;
                    counts.violations += if waited > class.sla_wait_seconds { taken } else { 0.0 };
                }
                if let Some(waits) = self.waits.get_mut(first.class) {
                    waits.add(lag, taken);
                }
                out.wait_seconds += waited * taken;
                first.events -= taken;
                if first.events > NOTHING {
                    break;
                }
                queue.pop_front();
            }
        }
        room - left
    }

    /// Forgets the waits so far.
    pub(super) fn reset_waits(&mut self) {
        self.waits.iter_mut().for_each(Waits::clear);
    }

    /// How long the events of each class waited; those that still wait count with their age.
    pub(super) fn waited(&self) -> Vec<Waits> {
        let mut waits = self.waits.clone();
        for waiting in self.queues.iter().flat_map(|(_, queue)| queue) {
            if let Some(waits) = waits.get_mut(waiting.class) {
                waits.add(self.now - waiting.since, waiting.events);
            }
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    fn classes(priorities: [u32; 2]) -> [ServiceClass; 2] {
        let mut pair = [ServiceClass::new("soon", 0.5, 5.0), ServiceClass::new("later", 2.0, 60.0)];
        pair.iter_mut().zip(priorities).for_each(|(class, priority)| class.priority = priority);
        pair
    }

    /// One job, 100 seconds of work of the second class at once, and one event a second of the first.
    fn run(priorities: [u32; 2]) -> ClassesOutcome {
        let mut pool = ClassSimulator::new(&classes(priorities), 1, 30.0);
        let mut bulk = vec![0.0; 120];
        bulk[0] = 50.0;
        pool.run_interval(&[vec![1.0; 120], bulk])
    }

    #[test]
    fn the_first_priority_is_served_first_and_the_others_get_what_is_left() {
        let out = run([0, 1]);
        assert_eq!((out.classes[0].processed, out.classes[0].violations), (120.0, 0.0));
        // half a second of each is left for the second class: 60 seconds of the 100
        assert!(
            abs_diff_eq!(out.classes[1].processed, 30.0, epsilon = 0.5)
                && abs_diff_eq!(out.classes[1].queued, 20.0, epsilon = 0.5)
        );
        // a quarter of an event a second, late from the 61st on
        assert!(
            abs_diff_eq!(out.classes[1].violations, 59.0 / 4.0, epsilon = 0.5) && out.busy_ratio > 0.999,
            "{out:?}"
        );
    }

    #[test]
    fn one_priority_is_served_as_it_came() {
        let out = run([0, 0]);
        assert!(abs_diff_eq!(out.classes[1].processed, 50.0, epsilon = 1e-6), "{out:?}");
        assert!(out.classes[0].violations > 30.0, "what came after the batch waits for it: {out:?}");
    }

    #[test]
    fn new_jobs_work_after_the_startup_time() {
        let mut pool = ClassSimulator::new(&classes([0, 1]), 1, 30.0);
        pool.scale_to(3);
        let out = pool.run_interval(&[vec![10.0; 60], vec![0.0; 60]]);
        assert_eq!(out.jobs, 3);
        // one job takes two events a second for 30 seconds, three take six
        assert!(abs_diff_eq!(out.classes[0].processed, 240.0, epsilon = 1e-6), "{out:?}");
        pool.scale_to(1);
        assert_eq!(pool.jobs(), 1);
    }
}
