//! A shadow pool: what would have happened under another rule.

use super::super::path::MOMENTS;
use super::super::saving::Saving;
use super::chance::late_probability;
use super::urgency::Urgency;
use crate::config::{JobNumbers, LOOK_BACK};
use serde::{Deserialize, Serialize};

/// Groups of starting jobs that are followed; of more the closest ones are joined.
const GROUPS: usize = 4;
/// Events fewer than this are none.
const NOTHING: f32 = 0.05;
/// Most proposals that the stabilization looks back on.
pub(super) const PROPOSALS: usize = 8;

/// A part of an interval, the same for all shadow pools.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Substep {
    /// Events that arrive in it.
    pub(super) arriving: f32,
    /// Arrivals that need not be late after it.
    pub(super) within: f32,
    /// Arrivals whose wait runs out in it.
    pub(super) expiring: f32,
}

/// One interval's load, the same for all shadow pools.
#[derive(Clone, Debug)]
pub(super) struct Service<'a> {
    pub(super) substeps: &'a [Substep],
    pub(super) substep_seconds: f32,
    /// Seconds from the begin of an event to its end.
    pub(super) service_seconds: f32,
    /// Share of the busy places that are busy still after a substep, and places that an event keeps busy in it.
    pub(super) kept: f32,
    pub(super) held: f32,
    /// Places for events that a job has.
    pub(super) places: f32,
    /// Most events that are taken in a substep.
    pub(super) most_taken: f32,
    /// Longest wait that meets the SLA, seconds.
    pub(super) wait_seconds: f32,
    /// Events come and end at random within the interval; else they end as the real ones did.
    pub(super) by_chance: bool,
}

impl Service<'_> {
    /// Returns the share of the busy places that are busy still after a substep, and the places that an event keeps busy in it.
    pub(super) fn kept_and_held(substep_seconds: f32, service_seconds: f32) -> (f32, f32) {
        let kept = (-substep_seconds / service_seconds).exp();
        (kept, service_seconds / substep_seconds * (1.0 - kept))
    }
}

/// Demand up to a time ahead, by the events that are in the system now.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead {
    /// Jobs per event in the system, jobs for what comes, and most events that come: per moment.
    pub(super) moments: [(f32, f32, f32); MOMENTS],
    pub(super) length: usize,
    /// Jobs to plan per busy job.
    pub(super) planned: f32,
}

impl Ahead {
    /// Returns the jobs for a share of the demand.
    fn jobs(&self, system: f32, share: f32) -> f32 {
        let moments = self.moments.get(..self.length).unwrap_or_default();
        let busy = moments.iter().map(|(kept, coming, most)| (kept * system + coming).min(system + most));
        self.planned * share * busy.fold(0.0, f32::max)
    }
}

/// What holds for the decisions of all shadow pools at one time.
#[derive(Clone, Debug)]
pub(crate) struct Limits<'a> {
    pub(super) due: bool,
    /// The last proposal belongs to an earlier part of the stabilization window.
    pub(super) turns: bool,
    pub(super) startup_seconds: f32,
    pub(super) service_seconds: f32,
    /// Places for events that a job has.
    pub(super) places: f32,
    /// Events that may wait without being late for the plan.
    pub(super) planned_queue: f32,
    /// Jobs per event that waits beyond it.
    pub(super) backlog_share: f32,
    /// What waiting events ask for by their age.
    pub(super) urgency: Urgency,
    pub(super) sla_wait_seconds: f32,
    /// Most events that come until the next decision has its effect, and jobs per event that can need one.
    pub(super) most_arrivals: f32,
    pub(super) correction: f32,
    /// Need of a pool without events below which it has no job.
    pub(super) idle_below: f32,
    /// Upper quantile of it below which the last job leaves.
    pub(super) last_below: f32,
    /// Long events keep their job.
    pub(super) keeps_busy: bool,
    /// Demand by the emergency quantile until a job asked for at the next record is ready.
    pub(super) emergency: Ahead,
    /// Demand by the quantile that a scale-down must prove.
    pub(super) floor: Ahead,
    /// Jobs that are kept idle above the expected demand, and that demand; none are kept by default.
    pub(super) spare: Option<(f32, Ahead)>,
    /// What a step down must save; none where changes cost nothing.
    pub(super) saving: Option<Saving>,
    pub(super) tolerance: f32,
    /// Share of the pool by which the demand may exceed it without an emergency.
    pub(super) dead_band: f32,
    /// Proposals that a small scale-down looks back on, 1 to [`PROPOSALS`].
    pub(super) proposals: usize,
    pub(super) min_jobs: f32,
    pub(super) max_jobs: f32,
    /// Numbers of jobs that exist.
    pub(super) numbers: JobNumbers<'a>,
}

/// Sums over the substeps of an interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    late: f32,
    taken: f32,
    /// Busy places, ready ones, and paid jobs.
    worked: f32,
    room: f32,
    paid: f32,
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
    /// Paid job-hours.
    pub(super) job_hours: f32,
}

impl Limits<'_> {
    /// Returns the fewest jobs that exist for a need.
    fn whole(&self, jobs: f32) -> f32 {
        self.numbers.up(jobs as u32) as f32
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ShadowPool {
    jobs: f32,
    ready: f32,
    busy: f32,
    backlog: f32,
    /// Seconds until ready, and jobs; unused groups have no jobs.
    starting: [(f32, f32); GROUPS],
    /// The highest proposals of the parts of the stabilization window, newest first.
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

    /// The same with jobs that start, and with work.
    pub(super) fn with_work(jobs: f32, ready: f32, busy: f32, backlog: f32) -> Self {
        Self { ready, busy, backlog, ..Self::new(jobs) }
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

    /// Events in service.
    pub(super) fn in_service(&self) -> f32 {
        self.busy
    }

    /// Serves one interval as a fluid: busy jobs become free at the rate of their number over the service time.
    pub(super) fn serve(&mut self, service: &Service<'_>) -> Served {
        let mut tally = Tally::default();
        for substep in service.substeps {
            self.pass(substep, service, &mut tally);
        }
        self.account(service, &tally)
    }

    /// Lets all of them serve one interval, substep by substep: they do not wait for each other, one substep for the other.
    pub(super) fn serve_all(pools: &mut [Self], tallies: &mut [Tally], service: &Service<'_>) {
        for substep in service.substeps {
            for (pool, tally) in pools.iter_mut().zip(&mut *tallies) {
                pool.pass(substep, service, tally);
            }
        }
    }

    fn pass(&mut self, substep: &Substep, service: &Service<'_>, tally: &mut Tally) {
        let Service { substep_seconds, kept, held, places, most_taken, .. } = *service;
        let ready = self.start(substep_seconds) * places;
        let can = ((ready - self.busy * kept) / held).max(0.0);
        let waiting = self.backlog + substep.arriving;
        let taking = waiting.min(can).min(most_taken);
        self.busy = self.busy * kept + taking * held;
        self.backlog = waiting - taking;
        tally.late += (self.backlog - substep.within).max(0.0).min(substep.expiring);
        tally.taken += taking;
        tally.worked += self.busy.min(ready);
        tally.room += ready;
        tally.paid += self.jobs + (self.busy / places - self.ready).max(0.0);
    }

    /// Adds what an interval was like to the past.
    pub(super) fn account(&mut self, service: &Service<'_>, tally: &Tally) -> Served {
        let Tally { mut late, taken, worked, room, paid } = *tally;
        if service.by_chance && room > 0.0 {
            let count = service.substeps.len() as f32;
            let (jobs, busy) = (room / count, worked / count);
            let interval = count * service.substep_seconds;
            let chance =
                late_probability(jobs, busy, service.service_seconds, service.wait_seconds, interval);
            late += chance * (taken - late).max(0.0);
        }
        let job_hours = paid * service.substep_seconds / 3600.0;
        self.late += f64::from(late);
        self.cost += f64::from(job_hours);
        Served { late, taken, busy_share: if room > 0.0 { worked / room } else { 0.0 }, job_hours }
    }

    /// Lets a substep pass for the starting jobs; returns the mean number of ready jobs in it.
    fn start(&mut self, substep: f32) -> f32 {
        let mut partly = 0.0;
        for (left, count) in &mut self.starting {
            if *count > 0.0 {
                if *left <= 0.0 {
                    self.ready += *count;
                    *count = 0.0;
                } else if *left < substep {
                    partly += *count * (1.0 - *left / substep);
                }
                *left -= substep;
            }
        }
        self.ready + partly
    }

    /// Forgets a share of the past.
    pub(super) fn discount(&mut self, factor: f64) {
        self.cost *= factor;
        self.late *= factor;
    }

    fn backlog_need(&self, limits: &Limits<'_>) -> f32 {
        (self.backlog - limits.planned_queue).max(0.0) * limits.backlog_share
    }

    /// Returns the jobs that the waiting events need so that their wait does not run out.
    fn urgent(&self, limits: &Limits<'_>) -> f32 {
        limits.urgency.jobs(self.backlog, self.busy)
    }

    /// Returns the expected demand with the jobs that are kept idle above it; 0 where none are.
    fn with_spare(&self, limits: &Limits<'_>) -> f32 {
        limits.spare.as_ref().map_or(0.0, |(spare, expected)| {
            (expected.jobs(self.system(limits), 1.0) + self.backlog_need(limits)).ceil() + spare
        })
    }

    fn system(&self, limits: &Limits<'_>) -> f32 {
        self.busy + self.backlog.min(limits.planned_queue)
    }

    fn emergency(&self, share: f32, limits: &Limits<'_>) -> bool {
        let waits = self.backlog * limits.service_seconds
            > limits.sla_wait_seconds * self.jobs.max(1.0) * limits.places;
        let room = self.jobs * (1.0 + limits.dead_band);
        let need = limits.emergency.jobs(self.system(limits), share) + self.backlog_need(limits);
        waits || need.max(self.urgent(limits)) > room
    }

    /// Whether a decision is made now.
    pub(super) fn decides(&self, limits: &Limits<'_>) -> bool {
        limits.due || self.emergency(1.0, limits)
    }

    /// Scales the pool to a share of the demand ahead, at least `floor` jobs, plus what the backlog asks for, within the limits.
    pub(super) fn decide(&mut self, ahead: &Ahead, share: f32, floor: f32, limits: &Limits<'_>) {
        let system = self.busy + self.backlog;
        let most = (limits.correction * (system + limits.most_arrivals) / limits.places).max(floor);
        let need = (ahead.jobs(self.system(limits), share).max(floor) + self.backlog_need(limits)).min(most);
        let nothing = system < NOTHING && need < limits.idle_below;
        self.scale_for(if nothing { 0.0 } else { need }, share, limits);
    }

    /// Scales the pool to `need` jobs within the limits.
    pub(super) fn decide_for(&mut self, need: f32, limits: &Limits<'_>) {
        self.scale_for(need, 1.0, limits);
    }

    fn scale_for(&mut self, need: f32, share: f32, limits: &Limits<'_>) {
        if limits.turns {
            self.proposals.rotate_right(1);
            self.proposals[0] = 0.0;
        }
        let emergency = self.emergency(share, limits);
        if !limits.due && !emergency {
            return;
        }
        let bounded = |jobs: f32| (jobs - 1e-3).ceil().clamp(limits.min_jobs, limits.max_jobs);
        let kept = if limits.keeps_busy { self.busy / limits.places } else { 0.0 };
        let want = bounded(need.max(kept).max(self.urgent(limits)).max(self.with_spare(limits)));
        self.proposals[0] = self.proposals[0].max(want);
        let band = (limits.tolerance + limits.dead_band) * self.jobs;
        let mut target = want;
        if want < self.jobs {
            // As in `safety/stabilization.rs`, in parts of the window: at least the one before.
            let back = (LOOK_BACK as f32 * want / self.jobs * limits.proposals as f32).ceil() as usize;
            let highest =
                self.proposals.iter().take(back.max(2).min(limits.proposals)).copied().fold(want, f32::max);
            let floor = limits.floor.jobs(self.system(limits), share) + self.backlog_need(limits);
            let nothing = self.busy + self.backlog < NOTHING && floor < limits.last_below;
            let floor = if nothing { 0.0 } else { floor };
            target = highest.max(bounded(floor.max(self.urgent(limits)))).min(self.jobs);
            let pays = |saving: &Saving| saving.pays(self.jobs.into(), target.into());
            if self.jobs - target <= band || !limits.saving.as_ref().is_none_or(pays) {
                target = self.jobs;
            }
        } else if want - self.jobs <= band && !emergency {
            target = self.jobs;
        }
        if target != self.jobs {
            target = limits.whole(target);
        }
        self.scale_to(target, limits.startup_seconds);
    }

    fn scale_to(&mut self, target: f32, startup_seconds: f32) {
        let mut surplus = self.jobs - target;
        self.jobs = target;
        if surplus < 0.0 {
            if let Some(group) = self.free_group() {
                *group = (startup_seconds, -surplus);
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

    /// Returns a group without jobs. Where all have some, two are joined at the time of the younger one: those whose jobs
    /// are thought to be ready too late by the least.
    fn free_group(&mut self) -> Option<&mut (f32, f32)> {
        // the oldest first, those without jobs before them
        let age = |(left, count): &(f32, f32)| if *count > 0.0 { *left } else { f32::NEG_INFINITY };
        self.starting.sort_unstable_by(|one, other| age(one).total_cmp(&age(other)));
        if self.starting.first().is_some_and(|(_, count)| *count <= 0.0) {
            return self.starting.first_mut();
        }
        let delays = self.starting.windows(2).map(|pair| match pair {
            [(older, jobs), (younger, _)] => jobs * (younger - older),
            _ => f32::INFINITY,
        });
        let (place, _) = delays.enumerate().min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        let (older, younger) = self.starting.get_mut(place..)?.split_first_mut()?;
        younger.first_mut()?.1 += std::mem::take(&mut older.1);
        Some(older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{abs_diff_eq, assert_abs_diff_eq};

    /// Substeps of 10 s that allow a wait of 10 s.
    fn serve(pool: &mut ShadowPool, service_seconds: f32, arrivals: &[f32]) -> Served {
        let substeps: Vec<Substep> = arrivals
            .iter()
            .enumerate()
            .map(|(i, arriving)| {
                let before = if i > 0 { arrivals[i - 1] } else { 0.0 };
                Substep { arriving: *arriving, within: *arriving, expiring: before }
            })
            .collect();
        let (kept, held) = Service::kept_and_held(10.0, service_seconds);
        pool.serve(&Service {
            substeps: &substeps,
            substep_seconds: 10.0,
            service_seconds,
            kept,
            held,
            wait_seconds: 10.0,
            by_chance: false,
            most_taken: f32::INFINITY,
            places: 1.0,
        })
    }

    fn ahead(jobs: f32) -> Ahead {
        let mut ahead = Ahead { planned: 1.0, length: 1, ..Ahead::default() };
        ahead.moments[0] = (0.0, jobs, f32::INFINITY);
        ahead
    }

    fn limits() -> Limits<'static> {
        Limits {
            due: true,
            turns: true,
            startup_seconds: 20.0,
            service_seconds: 5.0,
            places: 1.0,
            planned_queue: 0.0,
            backlog_share: 0.1,
            urgency: Urgency::default(),
            sla_wait_seconds: 10.0,
            most_arrivals: f32::INFINITY,
            correction: 1.0,
            idle_below: 0.0,
            last_below: 0.0,
            keeps_busy: false,
            emergency: Ahead::default(),
            floor: Ahead::default(),
            spare: None,
            saving: None,
            tolerance: 0.0,
            dead_band: 0.0,
            proposals: 2,
            min_jobs: 1.0,
            max_jobs: 10.0,
            numbers: JobNumbers::new(1, &[]),
        }
    }

    #[test]
    fn lateness_by_hand() {
        // one job, 2 events per substep: of 6 at once the last 2 wait longer than 10 s
        let mut pool = ShadowPool::new(1.0);
        serve(&mut pool, 1e-3 + 5.0, &[6.0, 0.0, 0.0]);
        assert!(abs_diff_eq!(pool.late, 2.0, epsilon = 0.6), "{}", pool.late);
        assert_abs_diff_eq!(pool.cost, 30.0 / 3600.0, epsilon = 1e-3);
    }

    #[test]
    fn long_events_keep_their_jobs() {
        let mut pool = ShadowPool::new(3.0);
        serve(&mut pool, 3600.0, &[3.0, 0.0]);
        assert!(pool.in_service() > 2.9 && pool.backlog() < 0.05);
        let served = serve(&mut pool, 3600.0, &[2.0, 0.0, 0.0]);
        assert!(pool.backlog() > 1.9 && served.late > 1.9, "nobody is free: {served:?}");
        pool.decide(&ahead(1.0), 1.0, 0.0, &Limits { keeps_busy: true, ..limits() });
        assert!(pool.jobs() >= 3.0, "busy jobs stay");
    }

    #[test]
    fn new_jobs_work_after_the_startup_time_and_the_youngest_leave_first() {
        let mut pool = ShadowPool::new(1.0);
        pool.decide(&ahead(3.0), 1.0, 0.0, &limits());
        assert_eq!((pool.jobs, pool.ready), (3.0, 1.0));
        serve(&mut pool, 5.0, &[0.0; 2]);
        assert_eq!(pool.ready, 1.0);
        serve(&mut pool, 5.0, &[0.0]);
        assert_eq!(pool.ready, 3.0);
        pool.decide(&ahead(4.0), 1.0, 0.0, &limits());
        pool.decide(&ahead(2.0), 1.0, 0.0, &limits());
        assert_eq!(pool.jobs, 4.0, "the last proposal but one still counts");
        pool.decide(&ahead(2.0), 1.0, 0.0, &limits());
        assert_eq!((pool.jobs, pool.ready), (2.0, 2.0));
    }

    #[test]
    fn jobs_of_more_groups_than_are_followed_become_ready_all_the_same() {
        let mut pool = ShadowPool::new(1.0);
        let limits = Limits { startup_seconds: 200.0, max_jobs: 100.0, ..limits() };
        for step in 1..=40u8 {
            pool.decide(&ahead(1.0 + f32::from(step)), 1.0, 0.0, &limits);
            serve(&mut pool, 5.0, &[0.0]);
        }
        // a job a step, each ready after twenty steps
        assert_eq!(pool.jobs, 41.0);
        assert!((8.0..=21.0).contains(&pool.ready), "none too soon, and most of them: {pool:?}");
        serve(&mut pool, 5.0, &[0.0; 20]);
        assert_eq!(pool.ready, 41.0);
    }

    #[test]
    fn a_backlog_is_an_emergency_and_the_floor_stops_the_way_down() {
        let mut pool = ShadowPool::new(1.0);
        serve(&mut pool, 5.0, &[24.0]);
        pool.decide(&ahead(1.0), 1.0, 0.0, &Limits { due: false, ..limits() });
        // 22 events at a tenth of a job each, and one for what comes
        assert!((3.0..=4.0).contains(&pool.jobs), "{}", pool.jobs);
        let mut calm = ShadowPool::new(6.0);
        for _ in 0..3 {
            calm.decide(&ahead(2.0), 1.0, 0.0, &Limits { floor: ahead(4.5), ..limits() });
        }
        assert_eq!(calm.jobs, 5.0);
    }
}
