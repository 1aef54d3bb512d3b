//! Need in jobs for a demand: the analytic rule.
//!
//! An event may be in the system for its service time `s` and the wait `w` that is planned with. By Little's law a pool
//! that keeps to this needs `N s / (s + w)` jobs for `N` events in the system (waiting and in service), and they leave
//! at `N / (s + w)`, so that
//!
//! `dN/dt = arrivals - N / (s + w)`, `need(t) = N(t) s / (s + w)`.
//!
//! Where events are short this is the offered load, arrivals times service time; where they are long it is the jobs that
//! are busy by then, and never more jobs than events. Arrivals that are uncertain by `d` in an interval of length `I`
//! make it uncertain by `d s / I sqrt(I / (s + w)) sqrt(1 - exp(-2 t / (s + w)))`: for Poisson arrivals the deviation of
//! the M/M/infinity queue's diffusion (Whitt, *Stochastic-Process Limits*, 2002, section 10.3), from which square-root
//! staffing follows (Halfin and Whitt, *Heavy-traffic limits for queues with many exponential servers*, 1981).
//! Events that wait beyond the plan are served by further jobs within the catch-up time.
//!
//! Where a job works on several events at once, all this is of its places for events, and a job is as many of them.

use super::path::{Moment, Pace, Path};
use crate::config::Config;
use crate::features::PolicyState;
use crate::forecaster::{FEW_EVENTS, Forecast, HorizonForecast};
use crate::pool::{Patience, is_long};
use crate::quantiles::normal_quantile;

/// Quantile whose distance from the median is the unit of headroom.
const HEADROOM_QUANTILE: f64 = 0.95;
const HOUR_MINUTES: u32 = 72;
const LATER_SECONDS: f64 = 1800.0;
/// Share of the need that is not worth starting a job, below which the last one leaves where events are short: another burst
/// would start it again. Long events come far apart where they need so little.
const LAST_JOB: f64 = 0.2;

/// What the rule needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) config: &'a Config,
    pub(crate) forecast: &'a Forecast,
    /// Seconds from the begin of an event to its end.
    pub(crate) service_seconds: f64,
    pub(crate) startup_seconds: f64,
    pub(crate) patience: Patience,
    /// Events that wait.
    pub(crate) backlog_events: f64,
    /// Events in service.
    pub(crate) in_service: f64,
    /// Factor on the need: what the pool needs beyond what the records explain, at least 1.
    pub(crate) correction: f64,
    /// Headroom of the leading candidate, in distances between the median and the 95 % quantile.
    pub(crate) headroom: f64,
    /// Share of the demand that the leading candidate plans for.
    pub(crate) demand_share: f64,
    /// Lowest demand that the leading candidate plans for, jobs.
    pub(crate) floor_jobs: f64,
    /// Jobs that waiting events need so that their wait does not run out.
    pub(crate) urgent_jobs: f64,
    /// Most jobs that are of use.
    pub(crate) most_jobs: u32,
}

/// Jobs needed, before rounding.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Need {
    /// Near need at the quantiles 0.5, 0.8, 0.95, 0.99.
    pub(crate) near: [f64; 4],
    pub(crate) later: [f64; 2],
    pub(crate) hour: f64,
    /// The analytic rule's answer.
    pub(crate) analytic: f64,
    /// Upper quantile over startup and cooldown: what a smaller pool must still serve.
    pub(crate) scale_down_floor: f64,
    /// Need at the emergency quantile until a job asked for at the next record would be ready.
    pub(crate) emergency: f64,
    /// Need of the backlog alone.
    pub(crate) backlog: f64,
    /// Need that no policy may undercut: of the bursts and the events that are due until a job asked for at the next decision is ready,
    /// of the events whose wait runs out, and of the classes of events that others wait for.
    pub(crate) due: f64,
    /// Nothing is there or expected that is worth a job, and one can be had in time.
    pub(crate) idle: bool,
    /// Most jobs that the events of now, those that come and those that came before can occupy.
    pub(crate) most: f64,
}

impl Need {
    /// Returns the jobs of a network's proposal: no more than can be occupied, no fewer than what is due needs, and none where it
    /// asks for one and there is nothing to do.
    pub(crate) fn bound(&self, jobs: f64) -> f64 {
        if self.idle && jobs <= 1.0 { 0.0 } else { jobs.min(self.most).max(self.due) }
    }
}

impl<'a> Load<'a> {
    pub(crate) fn need(&self) -> Need {
        let near = self.path(0.0, self.near_seconds());
        let backlog = self.backlog_jobs();
        let at = |level| self.demand_at(&near, level) + backlog;
        let later = self.path(self.near_seconds(), self.near_seconds() + LATER_SECONDS);
        let analytic =
            self.total(self.demand_share * self.demand(&near, self.headroom), backlog, near.most_arrivals());
        let kept = self.demand_at(&self.floor_path(), self.config.scale_down_quantile);
        let kept = self.unless_idle(self.demand_share * kept + backlog, self.last_job());
        Need {
            near: [0.5, 0.8, 0.95, 0.99].map(at),
            later: [0.5, 0.95].map(|level| self.demand_at(&later, level)),
            hour: self.forecast.horizon(HOUR_MINUTES).map_or(0.0, |h| self.jobs(h.prediction)),
            analytic,
            most: self.most(near.most_arrivals()),
            scale_down_floor: kept.max(self.urgent_jobs),
            emergency: self.emergency_need(),
            backlog,
            due: self.due_jobs().max(self.urgent_jobs),
            idle: self.patience.idle_below_jobs() > 0.0 && analytic <= 0.0 && kept <= 0.0,
        }
    }

    /// Need at the emergency quantile until a job asked for at the next record would be ready.
    pub(crate) fn emergency_need(&self) -> f64 {
        let soon = self.demand_at(&self.emergency_path(), self.config.emergency_quantile);
        (self.demand_share * soon + self.backlog_jobs()).max(self.urgent_jobs)
    }

    /// Jobs for the bursts and the events that are due until a job asked for at the next decision is ready.
    pub(crate) fn due_jobs(&self) -> f64 {
        if self.forecast.bursts.is_empty() && self.forecast.due.is_empty() {
            return 0.0;
        }
        self.planned(self.near_path().moments().iter().map(|moment| moment.due).fold(0.0, f64::max))
    }

    /// Jobs for a demand, the floor and the backlog: no more than the events that can need one and the floor, no fewer than
    /// keep events.
    fn total(&self, demand: f64, backlog: f64, most_arrivals: f64) -> f64 {
        let total =
            (demand.max(self.floor_jobs) + backlog).max(self.urgent_jobs).min(self.most(most_arrivals));
        self.unless_idle(total.max(self.kept_busy()), 1.0)
    }

    /// No jobs for what may not come while a job can still be had in time.
    fn unless_idle(&self, jobs: f64, share: f64) -> f64 {
        let idle = self.in_service + self.backlog_events <= 0.0;
        if idle && jobs < share * self.patience.idle_below_jobs() { 0.0 } else { jobs }
    }

    /// Share of the need that is not worth starting a job, below which the last one leaves.
    pub(crate) fn last_job(&self) -> f64 {
        if self.is_long() { 1.0 } else { LAST_JOB }
    }

    /// Most jobs that can be occupied.
    fn most(&self, most_arrivals: f64) -> f64 {
        let places = self.correction * (self.in_service + self.backlog_events + most_arrivals);
        (places / self.config.places()).max(self.floor_jobs)
    }

    /// Time until a job asked for at the next decision is ready, seconds.
    pub(crate) fn near_seconds(&self) -> f64 {
        self.startup_seconds + f64::from(self.config.decision_interval_seconds)
    }

    /// What a scale-down looks back on, seconds.
    pub(crate) fn window_seconds(&self) -> f64 {
        self.patience.window_seconds(self.config, self.startup_seconds)
    }

    /// The moments up to the effect of the next decision.
    pub(crate) fn near_path(&self) -> Path {
        self.path(0.0, self.near_seconds())
    }

    /// The moments that a smaller pool must still serve.
    pub(crate) fn floor_path(&self) -> Path {
        self.path(0.0, self.startup_seconds + f64::from(self.config.cooldown_down_seconds))
    }

    /// The moments until a job asked for at the next record is ready: what comes later can wait for that record.
    pub(crate) fn emergency_path(&self) -> Path {
        self.path(0.0, self.startup_seconds + f64::from(self.config.interval_seconds))
    }

    /// Highest demand of a path at the median plus `headroom` units of headroom, jobs.
    pub(crate) fn demand(&self, path: &Path, headroom: f64) -> f64 {
        let system = self.planned_events();
        let highest = path.moments().iter().map(|moment| {
            (moment.kept * system + (moment.coming + headroom * self.unit(moment)).max(moment.due))
                .min(system + moment.most_arrivals)
        });
        self.planned(highest.fold(0.0, f64::max))
    }

    /// Highest demand of a path at a quantile of the arrivals, jobs.
    pub(crate) fn demand_at(&self, path: &Path, level: f64) -> f64 {
        let system = self.planned_events();
        let highest = path
            .moments()
            .iter()
            .map(|moment| moment.kept * system + moment.coming + self.above_median(moment, level));
        self.planned(highest.fold(0.0, f64::max))
    }

    /// Demand at a time ahead at quantiles of the arrivals, jobs.
    pub(crate) fn demand_then<const N: usize>(&self, seconds: f64, levels: [f64; N]) -> [f64; N] {
        let path = self.path(0.0, seconds);
        let last = path.moments().last().copied().unwrap_or_default();
        let median = last.kept * self.planned_events() + last.coming;
        levels.map(|level| self.planned((median + self.above_median(&last, level)).max(0.0)))
    }

    /// Distance of a quantile of the need from the median, jobs.
    pub(crate) fn above_median(&self, moment: &Moment, level: f64) -> f64 {
        let above = |index: usize| {
            self.forecast.horizons.get(index).map_or(0.0, |horizon| above_expected(horizon, level))
        };
        let first = above(moment.from);
        if moment.from == moment.to {
            return moment.unit * first;
        }
        moment.unit * (first + moment.share * (above(moment.to) - first))
    }

    /// Headroom of a moment at the unit's quantile, jobs.
    pub(crate) fn unit(&self, moment: &Moment) -> f64 {
        self.above_median(moment, HEADROOM_QUANTILE)
    }

    /// Jobs at the planned utilization for places that are busy.
    pub(crate) fn planned(&self, busy: f64) -> f64 {
        let utilization = self.patience.utilization(self.config.target_utilization);
        busy * self.correction / utilization / self.config.places()
    }

    /// Jobs for a number of events per interval.
    pub(crate) fn jobs(&self, events: f64) -> f64 {
        self.planned(events * self.service_seconds / f64::from(self.config.interval_seconds))
    }

    /// Time that an event may be in the system, seconds.
    pub(crate) fn sojourn_seconds(&self) -> f64 {
        self.service_seconds + self.patience.absorbed_seconds
    }

    /// Events that may wait without being late for the plan.
    pub(crate) fn planned_queue(&self) -> f64 {
        let per_interval = self.forecast.horizons.first().map_or(0.0, HorizonForecast::expected);
        per_interval * self.patience.standing_seconds / f64::from(self.config.interval_seconds)
    }

    /// Events in the system, those aside that wait beyond the plan.
    pub(crate) fn planned_events(&self) -> f64 {
        self.in_service + self.backlog_events.min(self.planned_queue())
    }

    fn backlog_jobs(&self) -> f64 {
        let late = (self.backlog_events - self.planned_queue()).max(0.0);
        self.correction * late * self.backlog_share()
    }

    /// Jobs per event that waits beyond the plan.
    pub(crate) fn backlog_share(&self) -> f64 {
        (self.service_seconds / self.patience.catch_up_seconds).min(1.0) / self.config.places()
    }

    /// Whether events keep their jobs busy beyond the next record.
    pub(crate) fn is_long(&self) -> bool {
        is_long(self.service_seconds, f64::from(self.config.interval_seconds))
    }

    /// Jobs that long events keep busy, unless busy jobs may be told to leave.
    pub(crate) fn kept_busy(&self) -> f64 {
        if self.is_long() && !self.config.drain_busy_jobs {
            self.in_service / self.config.places()
        } else {
            0.0
        }
    }

    /// The moments of `from..to` seconds from now.
    fn path(&self, from: f64, to: f64) -> Path {
        let pace = Pace {
            interval_seconds: f64::from(self.config.interval_seconds),
            service_seconds: self.service_seconds,
            sojourn_seconds: self.sojourn_seconds(),
            target: self.config.sla_target,
            due_seconds: self.service_seconds + self.patience.due_seconds,
        };
        Path::ahead(self.forecast, &pace, from, to)
    }
}

/// Distance of a quantile of the arrivals from what is expected. Where they are few, it is that of a normal distribution
/// of the same deviation: the quantiles are whole numbers, the sums over many intervals are not.
fn above_expected(horizon: &HorizonForecast, level: f64) -> f64 {
    if horizon.prediction >= FEW_EVENTS {
        return horizon.quantile(level) - horizon.prediction;
    }
    normal_quantile(level) * horizon.moments().1
}

/// Jobs at the planned utilization for a number of events per interval, each of which takes so many seconds of a job.
pub(crate) fn jobs_for(events: f64, job_seconds: f64, config: &Config) -> f64 {
    events * job_seconds / (f64::from(config.interval_seconds) * config.target_utilization)
}

impl Need {
    /// Returns the need of a pool that has to do what the other one says too.
    pub(super) fn raised(self, other: &Self) -> Self {
        let near = std::array::from_fn(|at| {
            self.near.get(at).copied().unwrap_or(0.0).max(other.near.get(at).copied().unwrap_or(0.0))
        });
        let later = std::array::from_fn(|at| {
            self.later.get(at).copied().unwrap_or(0.0).max(other.later.get(at).copied().unwrap_or(0.0))
        });
        Self {
            near,
            later,
            hour: self.hour.max(other.hour),
            analytic: self.analytic.max(other.analytic),
            scale_down_floor: self.scale_down_floor.max(other.scale_down_floor),
            emergency: self.emergency.max(other.emergency),
            backlog: self.backlog.max(other.backlog),
            due: self.due.max(other.analytic),
            most: self.most.max(other.most),
            idle: self.idle && other.idle,
        }
    }

    /// The part of the policy's state that is a need.
    pub(crate) fn fill(&self, state: &mut PolicyState) {
        state.near_need = self.near;
        state.later_need = self.later;
        state.hour_need = self.hour;
        state.analytic_need = self.analytic;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{HORIZON_MINUTES, LEVELS, QUANTILE_LEVELS, lead_steps};
    use crate::time::Timestamp;
    use approx::assert_relative_eq;

    /// Median 1000 events per interval, 1200 at 36 minutes and later; 95 % quantile 20 % above.
    fn forecast() -> Forecast {
        let mut forecast = Forecast::nothing(Timestamp::EPOCH, &HORIZON_MINUTES, &lead_steps(120.0));
        for horizon in &mut forecast.horizons {
            let median = if horizon.minutes >= 36 { 1200.0 } else { 1000.0 };
            let mut quantiles = [0.0; LEVELS];
            for (value, level) in quantiles.iter_mut().zip(QUANTILE_LEVELS) {
                *value = median * (1.0 + 0.2 * (level - 0.5) / 0.45);
            }
            *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
        }
        forecast
    }

    /// A pool that cannot wait for a job: 120 s records, 180 s to start, 30 s allowed.
    fn load<'a>(config: &'a Config, forecast: &'a Forecast) -> Load<'a> {
        Load {
            config,
            forecast,
            service_seconds: 0.6,
            startup_seconds: 180.0,
            patience: Patience::new(config, 180.0, f64::INFINITY),
            backlog_events: 0.0,
            in_service: 5.0,
            correction: 1.0,
            headroom: 0.5,
            demand_share: 1.0,
            floor_jobs: 0.0,
            urgent_jobs: 0.0,
            most_jobs: config.max_jobs,
        }
    }

    #[test]
    fn short_events_need_the_offered_load_and_what_waits() {
        let config = Config { target_utilization: 0.5, ..Config::default() };
        let forecast = forecast();
        let need = Load { backlog_events: 75.0, ..load(&config, &forecast) }.need();
        // 1000 events * 0.6 s / (120 s * 0.5) = 10 jobs; backlog 75 * 0.6 s / 45 s = 1 job
        assert_relative_eq!(need.backlog, 1.0);
        assert_relative_eq!(need.near[0], 11.0, epsilon = 1e-3);
        assert_relative_eq!(need.near[2], 13.0, epsilon = 0.05);
        assert_relative_eq!(need.later[0], 12.0, epsilon = 1e-3);
        assert_relative_eq!(need.analytic, 12.0, epsilon = 0.05);
        let kept = Load { floor_jobs: 20.0, backlog_events: 75.0, ..load(&config, &forecast) }.need();
        assert_relative_eq!(kept.analytic, 21.0, epsilon = 1e-3);
    }

    #[test]
    fn long_events_need_the_jobs_that_they_keep_and_no_more_than_there_are_events() {
        let config = Config { target_utilization: 1.0, ..Config::default() };
        let mut nothing = Forecast::nothing(Timestamp::EPOCH, &HORIZON_MINUTES, &lead_steps(120.0));
        nothing.model_confidence = 0.8;
        let hour = Load { service_seconds: 3600.0, in_service: 7.0, ..load(&config, &nothing) };
        assert_relative_eq!(hour.need().analytic, 7.0);
        let waiting = Load { backlog_events: 12.0, ..hour }.need();
        assert!(waiting.analytic <= 19.0 && waiting.analytic > 18.0, "{waiting:?}");
    }

    #[test]
    fn a_queue_within_the_plan_needs_no_more_than_the_load() {
        let patient = Config { sla_wait_seconds: 3600.0, ..Config::default() };
        let forecast = forecast();
        let load =
            Load { patience: Patience::new(&patient, 180.0, f64::INFINITY), ..load(&patient, &forecast) };
        let offered = 1000.0 * 0.6 / 120.0;
        let half = 0.5 * load.planned_queue();
        let need = Load { headroom: 0.0, backlog_events: half, in_service: offered, ..load }.need();
        assert!(need.backlog == 0.0 && need.analytic < 1.1 * offered, "{need:?}");
        let twice = Load { headroom: 0.0, backlog_events: 4.0 * half, in_service: offered, ..load }.need();
        assert!(twice.analytic > need.analytic, "{twice:?}");
    }

    #[test]
    fn counts_and_service_time_scaled_together_need_the_same_jobs() {
        let config = Config::default();
        for factor in [1e-4, 0.5, 3.0, 1e4] {
            let (one, other) = (forecast(), scaled(factor));
            let base = Load { backlog_events: 20.0, in_service: 5.0, ..load(&config, &one) };
            let same = Load {
                service_seconds: 0.6 / factor,
                backlog_events: 20.0 * factor,
                ..load(&config, &other)
            };
            if same.is_long() || factor * 1000.0 < FEW_EVENTS {
                continue;
            }
            assert_relative_eq!(base.need().analytic, same.need().analytic, max_relative = 0.12);
        }
    }

    fn scaled(factor: f64) -> Forecast {
        let mut forecast = forecast();
        for horizon in &mut forecast.horizons {
            *horizon = HorizonForecast::new(
                horizon.minutes,
                horizon.steps,
                horizon.quantiles.map(|value| factor * value),
            );
        }
        forecast
    }
}
