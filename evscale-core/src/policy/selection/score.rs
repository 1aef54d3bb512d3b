//! The score of a candidate: what it cost in the shadow, and how late it was against what it is held to.

use super::super::need::Load;
use super::Selection;
use super::candidates::Candidate;
use super::prices::Prices;
use super::shadow_pool::ShadowPool;

/// Logarithmic cost of a used-up error budget.
const BUDGET_PRICE: f64 = 0.18;
/// Logarithmic cost of every budget beyond it.
const BREACH_PRICE: f64 = 0.32;
/// What candidates are held to over what is allowed: pools come out that much more punctual than their shadow pools.
pub(super) const REACHED: f64 = 1.08;
/// Allowed late share below which a week of shadow evaluation proves too little.
const PROVABLE_SHARE: f64 = 0.005;
/// Range of the correction of late shares by the records.
const CORRECTION: (f64, f64) = (0.35, 8.0);
/// Most late events that no shadow pool shows, over those that are assumed before anything is known.
const MOST_UNSHOWN: f64 = 2.0;
/// Late events that nobody has seen yet.
const LATE_UNSEEN: f64 = 0.25;

/// How cautiously a late share that was seen is taken.
struct Caution {
    /// Load that is assumed to have gone as a candidate's headroom lets expect, days.
    assumed_days: f64,
    /// Few events prove little: so many standard deviations of a Poisson count are added to the late events.
    luck: f64,
}

/// Against a share that must not be exceeded, and against money, where a late event too many costs no more than its price.
const HELD_TO: Caution = Caution { assumed_days: 0.5, luck: 1.5 };
const PRICED: Caution = Caution { assumed_days: 0.05, luck: 0.0 };

impl Selection {
    pub(super) fn score(
        &self,
        place: usize,
        pool: &ShadowPool,
        candidate: &Candidate,
        load: &Load<'_>,
        prices: Option<&Prices>,
    ) -> f64 {
        let priced = prices.is_some_and(|prices| prices.late_event.is_some());
        let shown = self.late_share(pool, candidate, load, if priced { &PRICED } else { &HELD_TO });
        let unshown = self.unshown(load) * candidate.assumed_late_share();
        let late_share = shown + unshown;
        let paid = prices.map_or(pool.cost, |prices| {
            prices.in_job_hours(pool.cost, late_share * self.events, self.moves.of(place))
        });
        let cost = paid.max(1e-9).ln();
        if priced {
            return cost;
        }
        // what the records show is held to what is allowed: no caution is needed for what was not seen
        let allowed = load.config.allowed_violation_share();
        let burn = shown / held_to(allowed) + unshown / (REACHED * allowed);
        cost + BUDGET_PRICE * burn + BREACH_PRICE * (burn - 1.0).max(0.0)
    }

    /// Returns the late share of a candidate: in the shadow, with the assumed load, corrected by the records.
    fn late_share(
        &self,
        pool: &ShadowPool,
        candidate: &Candidate,
        load: &Load<'_>,
        caution: &Caution,
    ) -> f64 {
        let interval = f64::from(load.config.interval_seconds);
        let assumed = caution.assumed_days * 86_400.0 / interval * self.mean_events;
        let total = self.events + assumed;
        if total <= 0.0 {
            return candidate.assumed_late_share();
        }
        let late = pool.late * self.correction(load, assumed);
        let luck = caution.luck * ((late + LATE_UNSEEN).sqrt() - LATE_UNSEEN.sqrt());
        (late + luck + assumed * candidate.assumed_late_share()) / total
    }

    /// Returns the late events that records show and no shadow pool does, however corrected, over those that were assumed of the
    /// acting candidates before anything was known. Another candidate has as many times those that are assumed of it.
    fn unshown(&self, load: &Load<'_>) -> f64 {
        let prior = 2.0 * load.config.allowed_violation_share() * self.mean_events;
        let explained = CORRECTION.1 * self.late_in_shadow + prior;
        let unshown = (self.late_in_records - explained).max(0.0) / self.late_assumed.max(1e-9);
        unshown.min(MOST_UNSHOWN)
    }

    /// Returns by how much the records correct the late events of shadow pools; `assumed` events say nothing against them.
    pub(super) fn correction(&self, load: &Load<'_>, assumed: f64) -> f64 {
        let prior = 2.0 * load.config.allowed_violation_share() * (assumed + self.mean_events).max(1e-9);
        ((self.late_in_records + prior) / (self.late_in_shadow + prior)).clamp(CORRECTION.0, CORRECTION.1)
    }

    /// Returns the late share of the acting candidate, as its past lets expect.
    pub(crate) fn expected_late_share(&self, load: &Load<'_>) -> f64 {
        let leader = self.leading();
        let pool = if self.network_acts { Some(self.network.pool()) } else { self.pools.get(self.leader) };
        let unshown = self.unshown(load) * leader.assumed_late_share();
        pool.map_or(0.0, |pool| self.late_share(pool, &leader, load, &HELD_TO) + unshown)
    }
}

/// The late share that a candidate is held to. Late events come in bursts, and a candidate that has met none yet looks
/// perfect: what a week shows of shares below half a percent is mostly luck. So stricter targets are evaluated
/// against the share times the square of its ratio to half a percent, 0.004 % for an allowed 0.1 %. Measured on pools that
/// ask for 99.9 %: 99.8 % of the events in time on steady loads, where the plain share gives 99.7 %.
pub(super) fn held_to(allowed: f64) -> f64 {
    REACHED * allowed * (allowed / PROVABLE_SHARE).min(1.0).powi(2)
}
