//! A decision in two halves, between which a fleet divides a budget that its pools share.

use super::offer::{offer, standing};
use super::{Autoscaler, conclusion};
use crate::decision::Decision;
use crate::policy::{LateAhead, Proposal};
use crate::safety::{Rule, Share, TrailEntry, Wish};
use crate::time::Timestamp;
use std::sync::Arc;

/// A decision between its halves.
pub(crate) enum Begun {
    /// No decision is due: this one stands.
    Standing(Box<Decision>),
    /// A proposal that the safety rules have yet to see.
    Proposed {
        now: Timestamp,
        proposal: Proposal,
        notes: Vec<String>,
        /// None where the size of the pool is unknown.
        wish: Option<Wish>,
    },
}

impl Autoscaler {
    /// Begins the decision at the time of the newest record: a new one if it is due, there is an emergency, the last one gave way to
    /// other pools, or it is wanted `early`.
    pub(crate) fn begin_decision(&mut self, early: bool) -> Begun {
        let early = early || self.cut().is_some();
        let now = self.state.expectation.now().unwrap_or(Timestamp::EPOCH);
        let networks = self.networks.as_mut().filter(|_| self.config.use_networks);
        self.state.look_ahead(&self.config, &self.timetable, now);
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        let (calendar, state) = (&self.calendar, &mut self.state);
        if !early && let Some(standing) = standing(config, calendar, state, now) {
            return Begun::Standing(Box::new(standing.clone()));
        }
        let forecast = Arc::clone(&state.forecast);
        let outlook = state.outlook(config, calendar, &forecast);
        let (proposal, notes) = offer(config, state, networks, now, &outlook);
        let notes = conclusion::begin(config, state, now, notes);
        let wish = conclusion::wish(config, calendar, state, now, &outlook, &proposal);
        Begun::Proposed { now, proposal, notes, wish }
    }

    /// Ends a decision that has begun, with what the pool has of a shared budget; none if it has all that it asks for.
    pub(crate) fn end_decision(&mut self, begun: Begun, share: Option<Share>) -> Decision {
        let (now, proposal, notes) = match begun {
            Begun::Standing(decision) => return *decision,
            Begun::Proposed { now, proposal, notes, .. } => (now, proposal, notes),
        };
        self.set_share(share);
        let config = self.with_classes.as_deref().unwrap_or(&self.config);
        let (calendar, state) = (&self.calendar, &mut self.state);
        let forecast = Arc::clone(&state.forecast);
        let outlook = state.outlook(config, calendar, &forecast);
        let decision = conclusion::end(config, calendar, state, now, &outlook, proposal, notes);
        self.set_share(None);
        decision
    }

    /// Sets what the pool has of a shared budget in the decisions that follow.
    pub(crate) fn set_share(&mut self, share: Option<Share>) {
        self.state.share = share.map(Box::new);
    }

    /// Returns the jobs that the pool is to have: those that were asked for last, else those that it had, else the fewest.
    pub(crate) fn held_jobs(&self) -> u32 {
        let asked = self.state.schedule.recommended().map(|asked| asked.jobs);
        asked.or(self.state.pool.last_known_jobs()).unwrap_or(self.config.min_jobs)
    }

    /// Returns the price of a job-hour at the newest record, 1 where there is none.
    // inlined, the compiler rounds a price that is not there before it looks whether it is
    #[inline(never)]
    pub(crate) fn job_hour_price(&self) -> f64 {
        self.state.job_hour_price(&self.config).unwrap_or(1.0)
    }

    /// Returns the late events of the time ahead by numbers of jobs from `least` to `most`, weighed by what one counts: its priority
    /// times its price, or, where it has none, times the seconds that it keeps a job busy, whatever the number of events.
    pub(crate) fn late_ahead(&self, least: u32, most: u32) -> Vec<(u32, f64)> {
        let outlook = self.state.outlook(self.run_by(), &self.calendar, &self.state.forecast);
        let current = self.state.pool.known_jobs().unwrap_or(least);
        let worth = self.config.late_event_price.or(self.state.pool.job_seconds(&self.config));
        let weight = self.config.priority * worth.unwrap_or(1.0);
        let ready = f64::from(current) - self.state.pool.starting_now();
        let late = match outlook.load() {
            Some(load) => LateAhead::new(load, ready),
            None => LateAhead::unknown(self.state.pool.last_events().unwrap_or(0.0), most, &self.config),
        };
        late.curve(self.config.job_numbers(), [least, current, most], weight)
    }

    /// Returns why the last decision has fewer jobs than the pool asked for; none if no shared budget took any.
    pub(crate) fn gave_way(&self) -> Option<String> {
        self.cut()
            .map(|cut| format!("shared budget: {} of {} jobs, as {}", cut.after, cut.before, cut.detail))
    }

    /// Returns what a shared budget took in the last decision.
    pub(crate) fn cut(&self) -> Option<&TrailEntry> {
        let standing = self.state.schedule.standing()?;
        standing.trail.iter().find(|entry| entry.rule == Rule::SharedBudget)
    }
}
