//! The pool that there would be if the advice had been followed: a shadow pool that begins as the real one, and is scaled by
//! whichever rule acts.

use super::super::need::Load;
use super::shadow_pool::{Service, ShadowPool};
use super::{Selection, ahead};
use serde::{Deserialize, Serialize};

/// What an interval was like in the pool that was advised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdvisedInterval {
    pub(crate) job_hours: f64,
    pub(crate) events: f64,
    /// Of those, late ones.
    pub(crate) late: f64,
}

/// The real pool when the advice begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin {
    pub(crate) jobs: f64,
    pub(crate) ready: f64,
    pub(crate) in_service: f64,
    pub(crate) backlog: f64,
}

/// A pool that is scaled as advised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Advised {
    pub(super) pool: ShadowPool,
    /// The newest interval, if its load was known.
    pub(super) newest: Option<AdvisedInterval>,
}

impl Advised {
    pub(super) fn new(begin: &Begin) -> Self {
        let Begin { jobs, ready, in_service, backlog } = *begin;
        let pool = ShadowPool::with_work(jobs as f32, ready as f32, in_service as f32, backlog as f32);
        Self { pool, newest: None }
    }

    /// Serves an interval in which so many events came.
    pub(super) fn serve(&mut self, service: &Service<'_>, events: f64) {
        let served = self.pool.serve(service);
        self.newest = Some(AdvisedInterval {
            job_hours: std::mem::take(&mut self.pool.cost),
            events,
            late: f64::from(served.late).min(events),
        });
    }
}

impl Selection {
    /// Begins to follow what the advice would bring from the real pool as it is, unless that is done already.
    pub(crate) fn begin_advice(&mut self, real: &Begin) {
        self.advised.get_or_insert_with(|| Box::new(Advised::new(real)));
    }

    /// Ends it.
    pub(crate) fn end_advice(&mut self) {
        self.advised = None;
    }

    /// Returns what the newest interval was like in the pool that was advised, if its load was known.
    pub(crate) fn advised(&self) -> Option<AdvisedInterval> {
        self.advised.as_ref()?.newest
    }

    /// Says that the load of the newest interval is unknown.
    pub(crate) fn miss_advice(&mut self) {
        if let Some(advised) = &mut self.advised {
            advised.newest = None;
        }
    }

    /// Scales the advised pool by what acts: by the jobs that the network asked for, else by the leading candidate.
    pub(crate) fn advise(&mut self, load: &Load<'_>, job_hour_price: Option<f64>, network: Option<f64>) {
        let (near, leader) = (load.near_path(), self.leading());
        let limits = self.limits(load, &near, job_hour_price);
        let floor = leader.floor_jobs(&self.floors) as f32;
        let Some(advised) = &mut self.advised else { return };
        match network.filter(|_| self.network_acts) {
            Some(jobs) => advised.pool.decide_for(jobs as f32, &limits),
            None => {
                let demand = ahead(load, &near, |moment| leader.headroom * load.unit(moment), true);
                advised.pool.decide(&demand, leader.demand_share as f32, floor, &limits);
            }
        }
    }
}
