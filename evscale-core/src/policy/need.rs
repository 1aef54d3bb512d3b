//! Need in jobs for a demand: the analytic rule.
//!
//! `need = demand * service time / (interval * utilization) + backlog * service time / catch-up time`
//! (offered load in Erlangs over the planned utilization, and the work that waits).

use crate::config::Config;
use crate::features::PolicyState;
use crate::forecaster::{Forecast, HorizonForecast, normal_quantile};

/// Quantile whose distance from the median is the unit of headroom.
const SPREAD_QUANTILE: f64 = 0.95;
/// Headroom per quantile of the normal distribution at the SLA target, in that unit.
const SPREAD_PER_DEVIATION: f64 = 0.55;
/// Time in which a backlog is to be worked off, beyond the startup time, seconds.
const CATCH_UP_SECONDS: f64 = 60.0;
const HOUR_MINUTES: u32 = 72;
const LATER_SECONDS: f64 = 1800.0;

/// What the rule needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeedInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) forecast: &'a Forecast,
    /// Seconds of one job per event.
    pub(crate) service_seconds: f64,
    pub(crate) startup_seconds: f64,
    pub(crate) backlog_events: f64,
    /// Factor on the spread, from the error budget.
    pub(crate) headroom: f64,
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
    pub(crate) proof: f64,
    /// Need at the emergency quantile until a job asked for now would be ready.
    pub(crate) emergency: f64,
    /// Need of the backlog alone.
    pub(crate) backlog: f64,
}

impl NeedInput<'_> {
    pub(crate) fn need(&self) -> Need {
        let config = self.config;
        let decision = f64::from(config.decision_interval_seconds);
        let near = self.startup_seconds + decision;
        let cooldown = self.startup_seconds + f64::from(config.cooldown_down_seconds);
        let backlog = self.backlog_jobs();
        let spread = self.spread();
        let at = |from: f64, to: f64, level: f64| self.highest(from, to, |h| h.quantile(level));
        Need {
            near: [0.5, 0.8, 0.95, 0.99].map(|level| at(0.0, near, level) + backlog),
            later: [0.5, 0.95].map(|level| at(near, near + LATER_SECONDS, level)),
            hour: self.forecast.horizon(HOUR_MINUTES).map_or(0.0, |h| self.jobs(h.prediction)),
            analytic: self.highest(0.0, near, |h| {
                let median = h.prediction;
                median + spread * (h.quantile(SPREAD_QUANTILE) - median)
            }) + backlog,
            proof: at(0.0, cooldown, config.scale_down_quantile) + backlog,
            emergency: at(0.0, self.startup_seconds, config.emergency_quantile) + backlog,
            backlog,
        }
    }

    /// Jobs for a number of events per interval.
    pub(crate) fn jobs(&self, events: f64) -> f64 {
        let interval = f64::from(self.config.interval_seconds);
        events * self.service_seconds / (interval * self.config.target_utilization)
    }

    /// Headroom in distances between median and 95 % quantile: grows with the SLA target and the error budget.
    fn spread(&self) -> f64 {
        let deviations = normal_quantile(self.config.sla_target);
        (SPREAD_PER_DEVIATION * deviations * self.headroom).max(0.0)
    }

    fn backlog_jobs(&self) -> f64 {
        self.backlog_events * self.service_seconds / (self.startup_seconds + CATCH_UP_SECONDS)
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
        let input = NeedInput {
            config: &config,
            forecast: &forecast,
            service_seconds: 0.6,
            startup_seconds: 180.0,
            backlog_events: 400.0,
            headroom: 1.0,
        };
        let need = input.need();
        // 1000 events * 0.6 s / (120 s * 0.5) = 10 jobs; backlog 400 * 0.6 s / 240 s = 1 job
        assert_relative_eq!(need.backlog, 1.0);
        assert_relative_eq!(need.near[0], 11.0, epsilon = 1e-9);
        assert_relative_eq!(need.near[2], 13.0, epsilon = 1e-9);
        assert_relative_eq!(need.later[0], 12.0, epsilon = 1e-9);
        assert_relative_eq!(need.hour, 12.0, epsilon = 1e-9);
        assert!(need.analytic > need.near[0] && need.analytic < 14.0);
        let generous = NeedInput { headroom: 2.0, ..input }.need();
        assert!(generous.analytic > need.analytic);
    }
}
