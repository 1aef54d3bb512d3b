//! Need in jobs for a demand: the analytic rule.
//!
//! `need = demand * service time / (interval * utilization) + backlog * service time / catch-up time`
//! (offered load in Erlangs over the planned utilization, and the work that waits).

use super::CATCH_UP_SECONDS;
use crate::config::Config;
use crate::features::PolicyState;
use crate::forecaster::{Forecast, HorizonForecast};

/// Quantile whose distance from the median is the unit of headroom.
const HEADROOM_QUANTILE: f64 = 0.95;
const HOUR_MINUTES: u32 = 72;
const LATER_SECONDS: f64 = 1800.0;

/// The load as the forecast has it, and what is known of the jobs that serve it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) config: &'a Config,
    pub(crate) forecast: &'a Forecast,
    /// Seconds of one job per event.
    pub(crate) service_seconds: f64,
    pub(crate) startup_seconds: f64,
    pub(crate) backlog_events: f64,
    /// Headroom of the leading candidate, in distances between the median and the 95 % quantile.
    pub(crate) headroom: f64,
    /// Lowest demand that the leading candidate plans for, jobs.
    pub(crate) floor_jobs: f64,
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
}

impl Load<'_> {
    pub(crate) fn need(&self) -> Need {
        let near = self.near_seconds();
        let backlog = self.backlog_jobs();
        let at = |from: f64, to: f64, level: f64| self.highest(from, to, |h| h.quantile(level));
        Need {
            near: [0.5, 0.8, 0.95, 0.99].map(|level| at(0.0, near, level) + backlog),
            later: [0.5, 0.95].map(|level| at(near, near + LATER_SECONDS, level)),
            hour: self.forecast.horizon(HOUR_MINUTES).map_or(0.0, |h| self.jobs(h.prediction)),
            analytic: self.demand(self.headroom).max(self.floor_jobs) + backlog,
            scale_down_floor: self.scale_down_floor() + backlog,
            emergency: self.emergency_demand() + backlog,
            backlog,
        }
    }

    /// Time until a job asked for at the next decision is ready, seconds.
    pub(crate) fn near_seconds(&self) -> f64 {
        self.startup_seconds + f64::from(self.config.decision_interval_seconds)
    }

    /// Highest demand until then at the median plus `headroom` distances to the 95 % quantile, jobs.
    pub(crate) fn demand(&self, headroom: f64) -> f64 {
        self.highest(0.0, self.near_seconds(), |h| {
            h.prediction + headroom * (h.quantile(HEADROOM_QUANTILE) - h.prediction)
        })
    }

    /// Demand that a smaller pool must still serve, jobs.
    pub(crate) fn scale_down_floor(&self) -> f64 {
        let reach = self.startup_seconds + f64::from(self.config.cooldown_down_seconds);
        self.highest(0.0, reach, |h| h.quantile(self.config.scale_down_quantile))
    }

    /// Demand at the emergency quantile until a job asked for at the next record is ready, jobs: what comes later can
    /// wait for that record.
    pub(crate) fn emergency_demand(&self) -> f64 {
        let reach = self.startup_seconds + f64::from(self.config.interval_seconds);
        self.highest(0.0, reach, |h| h.quantile(self.config.emergency_quantile))
    }

    /// Jobs for a number of events per interval.
    pub(crate) fn jobs(&self, events: f64) -> f64 {
        jobs_for(events, self.service_seconds, self.config)
    }

    fn backlog_jobs(&self) -> f64 {
        self.backlog_events * self.service_seconds / CATCH_UP_SECONDS
    }

    /// Highest need of the intervals that begin within `from..to` seconds from now.
    fn highest(&self, from: f64, to: f64, demand: impl Fn(&HorizonForecast) -> f64) -> f64 {
        let interval = f64::from(self.config.interval_seconds);
        let begins = |h: &&HorizonForecast| f64::from(h.steps - 1) * interval;
        let inside = self.forecast.horizons.iter().filter(|h| begins(h) >= from && begins(h) < to);
        let highest = inside.map(&demand).fold(f64::NAN, f64::max);
        let highest = if highest.is_nan() {
            let next = self.forecast.horizons.iter().find(|h| begins(h) >= from);
            next.or(self.forecast.horizons.last()).map_or(0.0, demand)
        } else {
            highest
        };
        self.jobs(highest)
    }
}

/// Jobs at the planned utilization for a number of events per interval.
pub(crate) fn jobs_for(events: f64, service_seconds: f64, config: &Config) -> f64 {
    events * service_seconds / (f64::from(config.interval_seconds) * config.target_utilization)
}

impl Need {
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

    #[test]
    fn needs_by_hand() {
        let config = Config { target_utilization: 0.5, ..Config::default() };
        let forecast = forecast();
        let input = Load {
            config: &config,
            forecast: &forecast,
            service_seconds: 0.6,
            startup_seconds: 180.0,
            backlog_events: 75.0,
            headroom: 0.5,
            floor_jobs: 0.0,
        };
        let need = input.need();
        // 1000 events * 0.6 s / (120 s * 0.5) = 10 jobs; backlog 75 * 0.6 s / 45 s = 1 job
        assert_relative_eq!(need.backlog, 1.0);
        assert_relative_eq!(need.near[0], 11.0, epsilon = 1e-9);
        assert_relative_eq!(need.near[2], 13.0, epsilon = 1e-9);
        assert_relative_eq!(need.later[0], 12.0, epsilon = 1e-9);
        assert_relative_eq!(need.hour, 12.0, epsilon = 1e-9);
        assert_relative_eq!(need.analytic, 12.0, epsilon = 1e-9);
        let kept = Load { floor_jobs: 20.0, ..input }.need();
        assert_relative_eq!(kept.analytic, 21.0, epsilon = 1e-9);
    }
}
