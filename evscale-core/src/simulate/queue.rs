//! A fluid first-in first-out queue with event ages, and a pool whose jobs take a while to start.

use super::simulated_jobs::SimulatedJobs;
use super::waits::Waits;
use std::collections::VecDeque;

/// Length of a substep, seconds; waits are counted in these.
pub(crate) const SUBSTEP_SECONDS: f64 = 10.0;
/// Events fewer than this are none.
pub(super) const NOTHING: f64 = 1e-9;

/// What happened in one interval.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct IntervalOutcome {
    /// Events that arrived.
    pub arrived: f64,
    /// Events taken from the queue.
    pub processed: f64,
    /// Events that wait at the end.
    pub queued: f64,
    /// Those of them that arrived in this interval.
    pub queued_of_interval: f64,
    /// Busy share of the ready jobs.
    pub busy_ratio: f64,
    /// Waits of the events taken, summed, seconds.
    pub wait_seconds: f64,
    /// Events taken that had waited longer than the SLA allows.
    pub violations: f64,
    /// Jobs at the beginning, ready and starting: what is paid for.
    pub jobs: u32,
    /// Ready jobs, mean over time.
    pub ready_jobs: f64,
}

/// The simulated pool and its queue.
///
/// An event that arrives in substep `j` and is taken in substep `k` has waited `10 (k - j)` seconds. A substep
/// can take `ready jobs * 10 s / service time` events.
#[derive(Clone, Debug)]
pub struct PoolSimulator {
    jobs: SimulatedJobs,
    allowed_lag: u64,
    now: u64,
    /// Arrival substep and events that wait; oldest first.
    queue: VecDeque<(u64, f64)>,
    /// Most events that are taken in a substep.
    most_taken: f64,
    waits: Waits,
}

impl PoolSimulator {
    /// A pool of ready jobs with an empty queue.
    pub fn new(jobs: u32, startup_seconds: f64, sla_wait_seconds: f64) -> Self {
        Self {
            jobs: SimulatedJobs::new(jobs, startup_seconds, SUBSTEP_SECONDS),
            allowed_lag: (sla_wait_seconds / SUBSTEP_SECONDS).floor().max(0.0) as u64,
            now: 0,
            queue: VecDeque::new(),
            most_taken: f64::INFINITY,
            waits: Waits::new(SUBSTEP_SECONDS),
        }
    }

    /// The same pool where so many events per second can be taken by all jobs together.
    #[must_use]
    pub fn limited_to(self, events_per_second: Option<f64>) -> Self {
        let most_taken = events_per_second.map_or(f64::INFINITY, |most| most * SUBSTEP_SECONDS);
        Self { most_taken, ..self }
    }

    /// Ready and starting jobs.
    pub fn jobs(&self) -> u32 {
        self.jobs.count()
    }

    /// Asks for a number of jobs. New ones are paid for at once and ready after the startup time; on the way down
    /// the youngest starting ones leave first, then ready ones, at once.
    pub fn scale_to(&mut self, target: u32) {
        self.jobs.scale_to(target, self.now);
    }

    /// Runs one interval: arrivals per substep, and the mean service time of an event in seconds.
    pub fn run_interval(&mut self, arrivals: &[f64], service_seconds: f64) -> IntervalOutcome {
        let first = self.now;
        let mut out = IntervalOutcome { jobs: self.jobs(), ..IntervalOutcome::default() };
        let (mut busy, mut available) = (0.0, 0.0);
        for arriving in arrivals {
            let ready = self.jobs.ready_at(self.now);
            if *arriving > 0.0 {
                self.queue.push_back((self.now, *arriving));
                out.arrived += arriving;
            }
            let job_seconds = f64::from(ready) * SUBSTEP_SECONDS;
            let taken = self.serve((job_seconds / service_seconds).min(self.most_taken), &mut out);
            busy += taken * service_seconds;
            available += job_seconds;
            self.now += 1;
        }
        for (since, events) in &self.queue {
            out.queued += events;
            if *since >= first {
                out.queued_of_interval += events;
            }
        }
        out.busy_ratio = if available > 0.0 { busy / available } else { 0.0 };
        out.ready_jobs = available / (arrivals.len().max(1) as f64 * SUBSTEP_SECONDS);
        out
    }

    fn serve(&mut self, mut capacity: f64, out: &mut IntervalOutcome) -> f64 {
        let mut taken = 0.0;
        while capacity > NOTHING
            && let Some((since, events)) = self.queue.front_mut()
        {
            let take = events.min(capacity);
            let lag = self.now - *since;
            *events -= take;
            capacity -= take;
            taken += take;
            out.wait_seconds += take * lag as f64 * SUBSTEP_SECONDS;
            if lag > self.allowed_lag {
                out.violations += take;
            }
            let done = *events <= NOTHING;
            self.waits.add(lag, take);
            if done {
                self.queue.pop_front();
            }
        }
        out.processed += taken;
        taken
    }

    /// Forgets the waits so far.
    pub fn reset_waits(&mut self) {
        self.waits.clear();
    }

    /// Events by wait in substeps; those that still wait count with their age.
    pub fn waits(&self) -> Vec<f64> {
        self.waited().into_bins()
    }

    /// How long events waited; those that still wait count with their age.
    pub(super) fn waited(&self) -> Waits {
        let mut waits = self.waits.clone();
        for (since, events) in &self.queue {
            waits.add(self.now - since, *events);
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{abs_diff_eq, assert_abs_diff_eq};

    #[test]
    fn a_queue_by_hand() {
        // 1 job, 5 s per event: 2 events per substep
        let mut pool = PoolSimulator::new(1, 180.0, 10.0);
        let out = pool.run_interval(&[6.0, 0.0, 0.0, 0.0], 5.0);
        assert_eq!((out.processed, out.queued, out.arrived), (6.0, 0.0, 6.0));
        assert_eq!(out.wait_seconds, 2.0 * 10.0 + 2.0 * 20.0);
        assert_eq!(out.violations, 2.0, "only those that waited 20 s");
        assert_eq!(out.busy_ratio, 0.75);
        assert_eq!(pool.waits(), [2.0, 2.0, 2.0]);
    }

    #[test]
    fn what_arrives_is_processed_or_waits() {
        let mut pool = PoolSimulator::new(2, 30.0, 30.0);
        let (mut arrived, mut processed, mut queued) = (0.0, 0.0, 0.0);
        for i in 0..50u32 {
            let out = pool.run_interval(&[f64::from(i % 7), 3.0, f64::from(i % 3)], 4.0);
            arrived += out.arrived;
            processed += out.processed;
            queued = out.queued;
            pool.scale_to(i % 5);
        }
        assert!(abs_diff_eq!(arrived, processed + queued, epsilon = 1e-6));
        assert_abs_diff_eq!(pool.waits().iter().sum::<f64>(), arrived, epsilon = 1e-6);
    }

    #[test]
    fn new_jobs_are_paid_for_at_once_and_ready_after_the_startup_time() {
        let mut pool = PoolSimulator::new(1, 30.0, 30.0);
        pool.scale_to(3);
        assert_eq!(pool.jobs(), 3);
        let out = pool.run_interval(&[0.0; 6], 1.0);
        assert_eq!(out.jobs, 3);
        assert_eq!(out.ready_jobs, (3.0 * 1.0 + 3.0 * 3.0) / 6.0);
    }

    #[test]
    fn the_youngest_starting_jobs_leave_first() {
        let mut pool = PoolSimulator::new(4, 100.0, 30.0);
        pool.scale_to(6);
        pool.run_interval(&[0.0], 1.0);
        pool.scale_to(9);
        pool.scale_to(5);
        assert_eq!((pool.jobs.ready_at(pool.now), pool.jobs()), (4, 5));
        pool.scale_to(2);
        assert_eq!((pool.jobs.ready_at(pool.now), pool.jobs()), (2, 2));
    }
}
