//! The shadow pool of a second policy, beside that of the policy network: what both cost in the same interval.

use super::super::need::Load;
use super::super::network::PolicySource;
use super::Selection;
use super::shadow_network::ShadowNetwork;
use super::shadow_pool::{Served, Service};
use crate::error::Result;
use crate::features::PolicyState;
use serde::{Deserialize, Serialize};

/// What an interval was like in the shadow pools of both policies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RivalInterval {
    pub(crate) job_hours: [f64; 2],
    /// Late events, as the records correct them.
    pub(crate) late: [f64; 2],
    pub(crate) events: f64,
}

/// A second policy's shadow pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rival {
    network: ShadowNetwork,
    newest: Option<RivalInterval>,
}

impl Rival {
    /// Serves an interval that the policy network's pool has served.
    pub(super) fn serve(
        &mut self,
        service: &Service<'_>,
        [discount, interval_seconds]: [f64; 2],
        events: f64,
        first: &Served,
        correction: f64,
    ) {
        let own = self.network.serve(service, discount, interval_seconds);
        let both = [first, &own];
        self.newest = Some(RivalInterval {
            job_hours: both.map(|served| served.job_hours.into()),
            late: both.map(|served| (correction * f64::from(served.late)).min(events)),
            events,
        });
    }

    /// Goes on with intervals `ratio` times as long.
    pub(super) fn rescale(&mut self, ratio: f64) {
        self.network.rescale(ratio);
    }
}

impl Selection {
    /// Begins to follow a second policy, from the pool that the policy network has in the shadow.
    pub(crate) fn begin_rival(&mut self) {
        self.rival = Some(Box::new(Rival { network: self.network.clone(), newest: None }));
    }

    /// Ends it.
    pub(crate) fn end_rival(&mut self) {
        self.rival = None;
    }

    /// Lets both change places.
    pub(crate) fn swap_rival(&mut self) {
        if let Some(rival) = &mut self.rival {
            std::mem::swap(&mut self.network, &mut rival.network);
        }
    }

    /// Returns, once, what the newest interval was like for both.
    pub(crate) fn take_rival_interval(&mut self) -> Option<RivalInterval> {
        self.rival.as_mut()?.newest.take()
    }

    /// Lets the second policy scale its shadow pool, if a decision is made there now; returns what it asked for. `load` is by the
    /// forecast beside it.
    ///
    /// # Errors
    /// The policy fails.
    pub(crate) fn evaluate_rival(
        &mut self,
        load: &Load<'_>,
        job_hour_price: Option<f64>,
        state: PolicyState,
        policy: &mut dyn PolicySource,
    ) -> Result<Option<f64>> {
        let limits = self.limits(load, &load.near_path(), job_hour_price);
        let Some(rival) = self.rival.as_mut().filter(|rival| rival.network.decides(&limits)) else {
            return Ok(None);
        };
        let jobs = policy.jobs(&rival.network.state(load, state))?.max(load.due_jobs());
        rival.network.decide(jobs, load, &limits);
        Ok(Some(jobs))
    }
}
