//! A shadow pool: what would have happened under another rule.

use crate::config::LOOK_BACK;
use serde::{Deserialize, Serialize};

/// Groups of starting jobs that are followed; more are merged into the first one, which then starts anew.
const GROUPS: usize = 4;
/// Most proposals that the stabilization looks back on.
pub(super) const PROPOSALS: usize = 8;

/// One interval's arrivals and how they are served, the same for all shadow pools.
#[derive(Clone, Debug)]
pub(super) struct Service<'a> {
    /// Events of each substep.
    pub(super) arrivals: &'a [f32],
    pub(super) substep_seconds: f32,
    /// Seconds of one job per event.
    pub(super) service_seconds: f32,
    /// Longest wait that meets the SLA, seconds.
    pub(super) sla_wait_seconds: f32,
}

/// What holds for the decisions of all shadow pools at one time.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) due: bool,
    pub(super) startup_seconds: f32,
    pub(super) service_seconds: f32,
    pub(super) catch_up_seconds: f32,
    pub(super) sla_wait_seconds: f32,
    /// Need by the emergency quantile until a job asked for at the next record is ready.
    pub(super) emergency_need: f32,
    /// Need by the quantile that a scale-down must prove.
    pub(super) scale_down_floor: f32,
    pub(super) tolerance: f32,
    /// Proposals that a small scale-down looks back on, 1 to [`PROPOSALS`].
    pub(super) proposals: usize,
    pub(super) min_jobs: f32,
    pub(super) max_jobs: f32,
}

/// What an interval was like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    /// Late events.
    pub(super) late: f32,
    /// Events taken from the queue.
    pub(super) taken: f32,
    /// Busy share of the ready jobs.
    pub(super) busy_share: f32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ShadowPool {
    jobs: f32,
    ready: f32,
    backlog: f32,
    /// Seconds until ready, and jobs; unused groups have no jobs.
    starting: [(f32, f32); GROUPS],
    /// The last proposals, newest first.
    proposals: [f32; PROPOSALS],
    /// Discounted job-hours.
    pub(super) cost: f64,
    /// Discounted late events.
    pub(super) late: f64,
}

impl ShadowPool {
    pub(super) fn new(jobs: f32) -> Self {
        Self { jobs, ready: jobs, ..Self::default() }
    }

    /// Ready and starting jobs.
    pub(super) fn jobs(&self) -> f32 {
        self.jobs
    }

    /// Jobs that are not ready.
    pub(super) fn starting(&self) -> f32 {
        (self.jobs - self.ready).max(0.0)
    }

    /// Events that wait.
    pub(super) fn backlog(&self) -> f32 {
        self.backlog
    }

    /// Serves one interval as a fluid: an event is late if the work before it takes longer than the SLA allows.
    pub(super) fn serve(&mut self, service: &Service<'_>) -> Served {
        let substep = service.substep_seconds;
        let (mut late, mut taken, mut room) = (0.0f32, 0.0f32, 0.0f32);
        let mut backlog = self.backlog;
        for arriving in service.arrivals {
            for (left, count) in &mut self.starting {
                if *count > 0.0 {
                    if *left <= 0.0 {
                        self.ready += *count;
                        *count = 0.0;
                    }
                    *left -= substep;
                }
            }
            let rate = self.ready / service.service_seconds;
            backlog += arriving;
            let over = backlog - rate * (service.sla_wait_seconds + substep);
            late += over.clamp(0.0, *arriving);
            let done = backlog.min(rate * substep);
            backlog -= done;
            taken += done;
            room += rate * substep;
        }
        self.backlog = backlog;
        self.late += f64::from(late);
        let hours = service.arrivals.len() as f32 * substep / 3600.0;
        self.cost += f64::from(self.jobs * hours);
        Served { late, taken, busy_share: if room > 0.0 { taken / room } else { 0.0 } }
    }

    /// Forgets a share of the past.
    pub(super) fn discount(&mut self, factor: f64) {
        self.cost *= factor;
        self.late *= factor;
    }

    fn backlog_need(&self, limits: &Limits) -> f32 {
        self.backlog * limits.service_seconds / limits.catch_up_seconds
    }

    fn emergency(&self, limits: &Limits) -> bool {
        let waits = self.backlog * limits.service_seconds > limits.sla_wait_seconds * self.jobs.max(1.0);
        waits || limits.emergency_need + self.backlog_need(limits) > self.jobs
    }

    /// Whether a decision is made now.
    pub(super) fn decides(&self, limits: &Limits) -> bool {
        limits.due || self.emergency(limits)
    }

    /// Scales the pool to `need` jobs plus what the backlog asks for, within the limits.
    pub(super) fn decide(&mut self, need: f32, limits: &Limits) {
        let emergency = self.emergency(limits);
        if !limits.due && !emergency {
            return;
        }
        let bounded = |jobs: f32| (jobs - 1e-3).ceil().clamp(limits.min_jobs, limits.max_jobs);
        let want = bounded(need + self.backlog_need(limits));
        self.proposals.rotate_right(1);
        self.proposals[0] = want;
        let band = limits.tolerance * self.jobs;
        let mut target = want;
        if want < self.jobs {
            // As in `safety/stabilization.rs`, in proposals: at least the one before.
            let back = (LOOK_BACK as f32 * want / self.jobs * limits.proposals as f32).ceil() as usize;
            let highest =
                self.proposals.iter().take(back.max(2).min(limits.proposals)).copied().fold(want, f32::max);
            target = highest.max(bounded(limits.scale_down_floor)).min(self.jobs);
            if self.jobs - target <= band {
                target = self.jobs;
            }
        } else if want - self.jobs <= band && !emergency {
            target = self.jobs;
        }
        self.scale_to(target, limits.startup_seconds);
    }

    fn scale_to(&mut self, target: f32, startup_seconds: f32) {
        let mut surplus = self.jobs - target;
        self.jobs = target;
        if surplus < 0.0 {
            let free = self.starting.iter().position(|(_, count)| *count <= 0.0);
            if let Some(group) = self.starting.get_mut(free.unwrap_or(0)) {
                *group = (startup_seconds, group.1.max(0.0) - surplus);
            }
            return;
        }
        while surplus > 0.0 {
            let youngest =
                self.starting.iter_mut().filter(|(_, count)| *count > 0.0).max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, count)) = youngest else { break };
            let gone = surplus.min(*count);
            *count -= gone;
            surplus -= gone;
        }
        self.ready -= surplus;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(arrivals: &[f32]) -> Service<'_> {
        Service { arrivals, substep_seconds: 10.0, service_seconds: 5.0, sla_wait_seconds: 10.0 }
    }

    fn limits() -> Limits {
        Limits {
            due: true,
            startup_seconds: 20.0,
            service_seconds: 5.0,
            catch_up_seconds: 50.0,
            sla_wait_seconds: 10.0,
            emergency_need: 0.0,
            scale_down_floor: 0.0,
            tolerance: 0.0,
            proposals: 2,
            min_jobs: 1.0,
            max_jobs: 10.0,
        }
    }

    #[test]
    fn lateness_by_hand() {
        // one job, 2 events per substep, 4 within the SLA: of 6 at once the last 2 are late
        let mut pool = ShadowPool::new(1.0);
        pool.serve(&service(&[6.0, 0.0, 0.0]));
        assert_eq!((pool.late, pool.backlog), (2.0, 0.0));
        assert!((pool.cost - 30.0 / 3600.0).abs() < 1e-9);
    }

    #[test]
    fn new_jobs_work_after_the_startup_time_and_the_youngest_leave_first() {
        let mut pool = ShadowPool::new(1.0);
        pool.decide(3.0, &limits());
        assert_eq!((pool.jobs, pool.ready), (3.0, 1.0));
        pool.serve(&service(&[0.0; 2]));
        assert_eq!(pool.ready, 1.0);
        pool.serve(&service(&[0.0]));
        assert_eq!(pool.ready, 3.0);
        pool.decide(4.0, &limits());
        pool.decide(2.0, &limits());
        assert_eq!(pool.jobs, 4.0, "the last proposal but one still counts");
        pool.decide(2.0, &limits());
        assert_eq!((pool.jobs, pool.ready), (2.0, 2.0));
    }

    #[test]
    fn a_backlog_is_an_emergency_and_the_floor_stops_the_way_down() {
        let mut pool = ShadowPool::new(1.0);
        pool.serve(&service(&[24.0]));
        pool.decide(1.0, &Limits { due: false, ..limits() });
        // 22 events of 5 s in 50 s: 2.2 jobs more
        assert_eq!(pool.jobs, 4.0);
        let mut calm = ShadowPool::new(6.0);
        for _ in 0..3 {
            calm.decide(2.0, &Limits { scale_down_floor: 4.5, ..limits() });
        }
        assert_eq!(calm.jobs, 5.0);
    }
}
