//! Which rule suits this pool: every candidate is evaluated in the shadow, on the load that really came.
//!
//! Arrivals do not depend on what a scaler does, so all candidates can be judged by the same past: after each interval
//! every candidate's shadow pool serves the arrivals, with the measured service and startup times, and is scaled by the
//! candidate from the same forecast as the real pool. The candidate that acts has the lowest
//!
//! `ln(job-hours) + 0.18 * b + 0.32 * max(0, b - 1)`, with `b` its late share over the one that it is held to,
//!
//! both discounted over a week. Where the host names the price of a late event, money decides in its place: `ln(job-hours + late
//! events * their price over that of a job-hour now)`. A candidate is held to the allowed share, and to less where a week proves too little
//! (`held_to` in `score.rs`). This is following the leader with full information (Cesa-Bianchi and Lugosi,
//! *Prediction, Learning, and Games*, 2006, chapter 4), in the manner of Autopilot's choice among window models
//! (Rzadca et al., *Autopilot: workload autoscaling at Google*, EuroSys 2020). A bonus for the present leader prevents
//! needless changes. The policy network has a shadow pool of its own and acts while its score is no worse than the leading
//! candidate's: that is what trust in it means. What the records say about late events corrects what the shadow pools say, and
//! late events that no shadow pool shows are assumed of every candidate, fewer the more headroom it has.

mod advised;
mod candidates;
mod chance;
mod deadlines;
mod prices;
mod prior;
mod recent_peaks;
mod rival;
mod score;
mod service_change;
mod shadow_network;
mod shadow_pool;
mod synthetic_arrivals;
mod urgency;

use super::need::Load;
use super::network::PolicySource;
use super::path::{Moment, Path};
use crate::calendar::Calendar;
use crate::error::Result;
use crate::features::PolicyState;
use crate::time::Timestamp;
use advised::Advised;
pub(crate) use advised::{AdvisedInterval, Begin};
use candidates::{CANDIDATES, Candidate, FEW, FIRST, FLOORS, Floor, HEADROOMS, candidate, headroom_of};
use deadlines::Deadlines;
use prices::{Moves, NETWORK, Prices};
pub(crate) use prior::Prior;
use recent_peaks::RecentPeaks;
use rival::Rival;
pub(crate) use rival::RivalInterval;
use serde::{Deserialize, Serialize};
use service_change::smoothing;
use shadow_network::ShadowNetwork;
use shadow_pool::{Ahead, Limits, PROPOSALS, Service, ShadowPool, Substep, Tally};
use synthetic_arrivals::{MOST_SUBSTEPS, SyntheticArrivals, substep_seconds};
use urgency::Urgency;

/// Seconds after which the past counts a third; of a younger pool this share of its age, so that what candidates did while
/// they knew nothing is soon forgotten.
const MEMORY_SECONDS: f64 = 7.0 * 86_400.0;
const MEMORY_OF_AGE: f64 = 2.0;
const LEAST_MEMORY_SECONDS: f64 = 6.0 * 3600.0;
/// Advantage of the present leader, logarithmic.
const LEADER_BONUS: f64 = 0.02;
/// Score by which the network must be worse than the rule to lose its place, and better to get it back, logarithmic.
const NETWORK_LOSES: f64 = 0.02;
const NETWORK_WINS: f64 = 0.005;
/// Service time from which the waits of single events are looked at, in longest waits in time: a queue of shorter ones evens
/// out within the wait.
const BY_CHANCE_WAITS: f64 = 0.5;
/// Weight of what was evaluated under another SLA.
const KEPT_OF_PAST: f64 = 0.07;

/// What an interval was like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) calendar: &'a Calendar,
    /// Its end.
    pub(crate) at: Timestamp,
    /// Arrivals.
    pub(crate) events: f64,
    /// Arrivals without what was announced: what it needed is no floor of other days.
    pub(crate) usual_events: f64,
    /// Price of a job-hour in it.
    pub(crate) job_hour_price: Option<f64>,
    /// Late events of the real pool, if the record says them and the pool was as asked for.
    pub(crate) late_events: Option<f64>,
    /// Busy seconds of a place per event that ended in it.
    pub(crate) service_seconds: f64,
    /// Those of the arrivals that are late if they wait; all of them where there are none.
    pub(crate) own: Option<OwnEvents>,
}

/// Events that wait for all others: those of them are late that exceed what came of their own within their wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnEvents {
    /// Arrivals of the interval.
    pub(crate) events: f64,
    /// Longest wait that meets their SLA, seconds.
    pub(crate) wait_seconds: f64,
}

/// Returns the candidate of a shadow pool, of so many.
fn which(pools: usize, place: usize) -> usize {
    if pools == FEW.len() { FEW.get(place).copied().unwrap_or(place) } else { place }
}

/// Seconds of one part of a stabilization window, of which there are few.
fn part_of(window: f64, decision_seconds: f64) -> f64 {
    (window / PROPOSALS as f64).max(decision_seconds)
}

/// Returns the demand of a path as shadow pools need it, `limited` by the events that can come.
fn ahead(load: &Load<'_>, path: &Path, headroom: impl Fn(&Moment) -> f64, limited: bool) -> Ahead {
    let mut ahead = Ahead { planned: load.planned(1.0) as f32, ..Ahead::default() };
    for (cell, moment) in ahead.moments.iter_mut().zip(path.moments()) {
        let arrivals = if limited { moment.most_arrivals } else { f64::INFINITY };
        *cell =
            (moment.kept as f32, (moment.coming + headroom(moment)).max(moment.due) as f32, arrivals as f32);
        ahead.length += 1;
    }
    ahead
}

/// The shadow evaluation of all candidates for one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Selection {
    /// One for each candidate, or for each of [`FEW`].
    pools: Vec<ShadowPool>,
    network: ShadowNetwork,
    network_acts: bool,
    peaks: RecentPeaks,
    leader: usize,
    /// Floors for the time up to the next decision's effect, jobs.
    floors: [f64; FLOORS],
    /// Discounted events.
    events: f64,
    /// Mean arrivals of an interval, over the same memory.
    mean_events: f64,
    intervals: u32,
    since_decision: f64,
    /// Seconds of the present part of the stabilization window.
    since_turn: f64,
    deadlines: Deadlines,
    /// Arrivals of an interval, smoothed over the time that an event may be in the system.
    smooth_events: f64,
    /// Service time that the past was evaluated with, seconds, and records in a row with another one.
    service_seconds: f64,
    other_service: u32,
    /// Discounted late events of the acting candidate in the shadow, and of the real pool.
    late_in_shadow: f64,
    late_in_records: f64,
    /// Those that were assumed of the acting candidate before anything was known.
    late_assumed: f64,
    /// What there would be if the advice had been followed; none in a pool that acts.
    advised: Option<Box<Advised>>,
    /// The shadow pool of a second policy; none while there is one policy.
    rival: Option<Box<Rival>>,
    moves: Moves,
}

impl Selection {
    /// Shadow pools of `min_jobs` jobs. The network acts at first, if there is one.
    pub(crate) fn new(min_jobs: u32, network_acts: bool) -> Self {
        Self {
            pools: vec![ShadowPool::new(min_jobs.max(1) as f32); CANDIDATES],
            network: ShadowNetwork::new(min_jobs.max(1) as f32),
            network_acts,
            peaks: RecentPeaks::new(),
            leader: FIRST,
            floors: [0.0; FLOORS],
            events: 0.0,
            mean_events: 0.0,
            intervals: 0,
            since_decision: f64::INFINITY,
            since_turn: f64::INFINITY,
            deadlines: Deadlines::default(),
            smooth_events: 0.0,
            service_seconds: 0.0,
            other_service: 0,
            late_in_shadow: 0.0,
            late_in_records: 0.0,
            late_assumed: 0.0,
            advised: None,
            rival: None,
            moves: Moves::default(),
        }
    }

    /// The same of a part of a pool, with fewer candidates and without a network.
    pub(crate) fn of_level(min_jobs: u32) -> Self {
        let all = Self::new(min_jobs, false);
        let pools = vec![ShadowPool::new(min_jobs.max(1) as f32); FEW.len()];
        Self { pools, leader: FEW.iter().position(|which| *which == FIRST).unwrap_or(0), ..all }
    }

    /// Goes on with intervals `ratio` times as long.
    pub(crate) fn rescale(&mut self, ratio: f64) {
        self.peaks = self.peaks.scaled(ratio);
        self.mean_events *= ratio;
        self.smooth_events *= ratio;
        self.intervals = (f64::from(self.intervals) / ratio) as u32;
        self.network.rescale(ratio);
        if let Some(rival) = &mut self.rival {
            rival.rescale(ratio);
        }
        self.deadlines = Deadlines::default();
    }

    /// Trusts what was evaluated so far less, because it was evaluated for another pool: a week of it counts as half a day.
    pub(crate) fn discount_past(&mut self) {
        self.pools.iter_mut().for_each(|pool| pool.discount(KEPT_OF_PAST));
        self.network.discount(KEPT_OF_PAST);
        for sum in
            [&mut self.events, &mut self.late_in_shadow, &mut self.late_in_records, &mut self.late_assumed]
        {
            *sum *= KEPT_OF_PAST;
        }
        self.moves.discount(KEPT_OF_PAST);
        self.deadlines = Deadlines::default();
    }

    /// Lets the network act at first, or no longer.
    pub(crate) fn employ_network(&mut self, acts: bool) {
        self.network_acts = acts;
    }

    /// Returns the headroom of the leading candidate, in distances between the median and the 95 % quantile.
    pub(crate) fn headroom(&self) -> f64 {
        self.leading().headroom
    }

    /// Returns the share of the demand that is planned for: that of the leading candidate, all of it where the network acts.
    pub(crate) fn demand_share(&self) -> f64 {
        if self.network_acts { 1.0 } else { self.leading().demand_share }
    }

    /// Returns the leading candidate in words.
    pub(crate) fn describe(&self) -> String {
        self.leading().describe()
    }

    fn leading(&self) -> Candidate {
        candidate(which(self.pools.len(), self.leader))
    }

    /// Reports whether the policy network has the pool's trust.
    pub(crate) fn network_acts(&self) -> bool {
        self.network_acts
    }

    /// Returns the lowest need that the leading candidate allows now, jobs.
    pub(crate) fn floor_jobs(&self) -> f64 {
        self.leading().floor_jobs(&self.floors)
    }

    /// Returns the highest need of the last weeks, jobs.
    pub(crate) fn peak_jobs(&self) -> f64 {
        self.floors.get(Floor::Peak as usize).copied().unwrap_or(0.0)
    }

    /// Returns the jobs that the load's waiting events need so that their wait does not run out.
    pub(crate) fn urgent_jobs(&self, load: &Load<'_>) -> f64 {
        f64::from(self.urgency(load).jobs(load.backlog_events as f32, load.in_service as f32))
    }

    fn urgency(&self, load: &Load<'_>) -> Urgency {
        if !Urgency::applies(load) {
            return Urgency::default();
        }
        let wait = load.config.sla_wait_seconds;
        let substep = substep_seconds(f64::from(load.config.interval_seconds), wait);
        Urgency::new(load, &self.deadlines.since(substep as f32, wait as f32))
    }

    /// Lets every shadow pool serve an interval, and then decide on the forecast of `load`.
    pub(crate) fn evaluate(&mut self, load: &Load<'_>, seen: &Seen<'_>) {
        let interval = f64::from(load.config.interval_seconds);
        self.follow_service(load, interval);
        let prices = Prices::new(load.config, seen.job_hour_price);
        self.serve(load, seen, prices.as_ref());
        let began = seen.at.plus_seconds(-i64::from(load.config.interval_seconds));
        let weight = smoothing(interval, load.sojourn_seconds());
        self.smooth_events += weight * (seen.usual_events - self.smooth_events);
        self.peaks.observe(self.smooth_events, seen.calendar, began, interval);
        let floors = self.peaks.floors(seen.calendar, seen.at, load.near_seconds());
        self.floors = floors.map(|events| load.jobs(events));
        self.scale(load, seen.job_hour_price, interval);
        self.select(load, prices.as_ref());
    }

    fn serve(&mut self, load: &Load<'_>, seen: &Seen<'_>, prices: Option<&Prices>) {
        let interval = f64::from(load.config.interval_seconds);
        let usual = OwnEvents { events: seen.events, wait_seconds: load.config.sla_wait_seconds };
        let own = seen.own.unwrap_or(usual);
        let part = if seen.own.is_some() && seen.events > 0.0 { own.events / seen.events } else { 1.0 };
        let wait = own.wait_seconds;
        let age = f64::from(self.intervals) * interval;
        let memory = (MEMORY_OF_AGE * age).clamp(LEAST_MEMORY_SECONDS, MEMORY_SECONDS);
        let discount = (-interval / memory).exp();
        self.moves.turn(prices, discount);
        let events = seen.events;
        let arrivals = SyntheticArrivals::new(seen.at, events, interval, wait);
        let substep = arrivals.substep_seconds();
        let mut substeps = [Substep::default(); MOST_SUBSTEPS];
        for (cell, arriving) in substeps.iter_mut().zip(arrivals.per_substep()) {
            let (within, expiring) =
                self.deadlines.advance(*arriving * part as f32, substep as f32, wait as f32);
            *cell = Substep { arriving: *arriving, within, expiring };
        }
        let (kept, held) = Service::kept_and_held(substep as f32, seen.service_seconds as f32);
        let service = Service {
            substeps: substeps.get(..arrivals.per_substep().len()).unwrap_or_default(),
            substep_seconds: substep as f32,
            service_seconds: seen.service_seconds as f32,
            kept,
            held,
            places: load.config.places() as f32,
            most_taken: load
                .config
                .most_events_per_second
                .map_or(f32::INFINITY, |most| (most * substep) as f32),
            wait_seconds: usual.wait_seconds as f32,
            by_chance: !load.is_long() && load.service_seconds > BY_CHANCE_WAITS * usual.wait_seconds,
        };
        let mut late_in_shadow = 0.0;
        let mut tallies = [Tally::default(); CANDIDATES];
        ShadowPool::serve_all(&mut self.pools, &mut tallies, &service);
        for (index, (pool, tally)) in self.pools.iter_mut().zip(&tallies).enumerate() {
            pool.discount(discount);
            let served = pool.account(&service, tally);
            if index == self.leader {
                late_in_shadow = f64::from(served.late);
            }
        }
        if let Some(advised) = &mut self.advised {
            advised.serve(&service, events);
        }
        let served = self.network.serve(&service, discount, interval);
        if let Some(mut rival) = self.rival.take() {
            rival.serve(&service, [discount, interval], events, &served, self.correction(load, 0.0));
            self.rival = Some(rival);
        }
        if self.network_acts {
            late_in_shadow = f64::from(served.late);
        }
        self.late_in_shadow *= discount;
        self.late_in_records *= discount;
        self.late_assumed *= discount;
        if let Some(late) = seen.late_events {
            self.late_in_shadow += late_in_shadow;
            self.late_assumed += own.events * self.leading().assumed_late_share();
            // More late events than the interval had are those of an old queue: a quarter of them is new.
            self.late_in_records += late.min(own.events.max(late / 4.0));
        }
        self.events = self.events * discount + own.events;
        self.intervals = self.intervals.saturating_add(1);
        self.mean_events +=
            (1.0 - discount).max(1.0 / f64::from(self.intervals)) * (own.events - self.mean_events);
    }

    fn limits<'a>(&self, load: &Load<'a>, near: &Path, job_hour_price: Option<f64>) -> Limits<'a> {
        let config = load.config;
        let (fewest, most) = config.fewest_and_most();
        let window = load.window_seconds();
        let part = part_of(window, config.decision_interval_seconds.into());
        let at = |level| move |moment: &Moment| load.above_median(moment, level);
        Limits {
            due: self.since_decision == 0.0,
            turns: self.since_turn == 0.0,
            startup_seconds: load.startup_seconds as f32,
            service_seconds: load.service_seconds as f32,
            places: config.places() as f32,
            planned_queue: load.planned_queue() as f32,
            backlog_share: (load.correction * load.backlog_share()) as f32,
            urgency: self.urgency(load),
            sla_wait_seconds: config.sla_wait_seconds as f32,
            keeps_busy: load.is_long() && !config.drain_busy_jobs,
            emergency: ahead(load, &load.emergency_path(), at(config.emergency_quantile), false),
            floor: ahead(load, &load.floor_path(), at(config.scale_down_quantile), false),
            most_arrivals: near.most_arrivals() as f32,
            correction: load.correction as f32,
            idle_below: load.patience.idle_below_jobs() as f32,
            last_below: (load.last_job() * load.patience.idle_below_jobs()) as f32,
            spare: (config.spare_jobs > 0)
                .then(|| (config.spare_jobs as f32, ahead(load, near, at(0.5), true))),
            saving: load.saving(job_hour_price),
            tolerance: config.tolerance as f32,
            dead_band: load.patience.dead_band(config.tolerance) as f32,
            proposals: ((window / part).ceil() as usize).clamp(1, PROPOSALS),
            min_jobs: fewest as f32,
            max_jobs: load.most_jobs.min(most) as f32,
            numbers: config.job_numbers(),
        }
    }

    fn scale(&mut self, load: &Load<'_>, job_hour_price: Option<f64>, interval: f64) {
        let decision = f64::from(load.config.decision_interval_seconds);
        self.since_decision += interval;
        if self.since_decision >= decision - interval / 4.0 {
            self.since_decision = 0.0;
        }
        self.since_turn += interval;
        if self.since_turn >= part_of(load.window_seconds(), decision) - interval / 4.0 {
            self.since_turn = 0.0;
        }
        let near = load.near_path();
        let limits = self.limits(load, &near, job_hour_price);
        let demands =
            HEADROOMS.map(|(headroom, _)| ahead(load, &near, |moment| headroom * load.unit(moment), true));
        let count = self.pools.len();
        for (index, pool) in self.pools.iter_mut().enumerate() {
            let which = which(count, index);
            if let Some(demand) = demands.get(headroom_of(which)) {
                let (before, own) = (pool.jobs(), candidate(which));
                pool.decide(demand, own.demand_share as f32, own.floor_jobs(&self.floors) as f32, &limits);
                self.moves.count(index, before, pool);
            }
        }
    }

    /// Returns what holds for a decision of the network in its shadow pool, if one is made there now.
    pub(crate) fn network_limits<'a>(
        &self,
        load: &Load<'a>,
        job_hour_price: Option<f64>,
    ) -> Option<Limits<'a>> {
        Some(self.limits(load, &load.near_path(), job_hour_price))
            .filter(|limits| self.network.decides(limits))
    }

    /// Lets the network scale its shadow pool within the limits; returns what it asked for. `state` is that of the real pool.
    ///
    /// # Errors
    /// The network fails.
    pub(crate) fn evaluate_network(
        &mut self,
        load: &Load<'_>,
        limits: &Limits<'_>,
        state: PolicyState,
        policy: &mut dyn PolicySource,
    ) -> Result<f64> {
        let jobs = policy.jobs(&self.network.state(load, state))?.max(load.due_jobs());
        let before = self.network.pool().jobs();
        self.network.decide(jobs, load, limits);
        self.moves.count(NETWORK, before, self.network.pool());
        Ok(jobs)
    }

    fn select(&mut self, load: &Load<'_>, prices: Option<&Prices>) {
        let mut best = (f64::INFINITY, self.leader);
        let patient = load.config.sla_wait_seconds >= f64::from(load.config.interval_seconds);
        for (index, pool) in self.pools.iter().enumerate() {
            let own = candidate(which(self.pools.len(), index));
            if own.demand_share < 1.0 && !patient {
                continue; // a queue would be late before a record shows it
            }
            let bonus = if index == self.leader { LEADER_BONUS } else { 0.0 };
            let score = self.score(index, pool, &own, load, prices) - bonus;
            if score < best.0 {
                best = (score, index);
            }
        }
        self.leader = best.1;
        let leader = self.leading();
        if load.config.use_networks
            && let Some(pool) = self.pools.get(self.leader)
        {
            let lead = self.score(NETWORK, self.network.pool(), &leader, load, prices)
                - self.score(self.leader, pool, &leader, load, prices);
            self.network_acts = lead < if self.network_acts { NETWORK_LOSES } else { -NETWORK_WINS };
        }
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
