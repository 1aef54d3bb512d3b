//! All candidates side by side, each in its shadow pool, against the common checks.

use super::*;
use crate::calendar::Calendar;
use crate::config::Config;
use crate::conformance::{Conformance, Member};
use crate::features::{HORIZON_MINUTES, LEVELS, QUANTILE_LEVELS, lead_steps};
use crate::forecaster::{Forecast, HorizonForecast};
use crate::pool::Patience;

const BOUNDS: (u32, u32) = (2, 60);

/// The shadow pools of all candidates, whose forecast is the last known count with a 95 % quantile a fifth above.
struct Candidates {
    config: Config,
    selection: Selection,
    last: f64,
    step: i64,
}

impl Candidates {
    fn new() -> Self {
        let config =
            Config { use_networks: false, min_jobs: BOUNDS.0, max_jobs: BOUNDS.1, ..Config::default() };
        let selection = Selection::new(config.min_jobs, false);
        Self { config, selection, last: 0.0, step: 0 }
    }
}

fn forecast(median: f64) -> Forecast {
    let mut forecast = Forecast::nothing(Timestamp::EPOCH, &HORIZON_MINUTES, &lead_steps(120.0));
    forecast.model_confidence = 0.8;
    for horizon in &mut forecast.horizons {
        let quantiles: [f64; LEVELS] =
            std::array::from_fn(|i| median * (1.0 + 0.2 * (QUANTILE_LEVELS[i] - 0.5) / 0.45));
        *horizon = HorizonForecast::new(horizon.minutes, horizon.steps, quantiles);
    }
    forecast
}

impl Member for Candidates {
    fn answer(&mut self, events: f64) -> Vec<f64> {
        self.step += 1;
        if events.is_finite() {
            self.last = events;
            let forecast = forecast(events);
            let load = Load {
                config: &self.config,
                forecast: &forecast,
                service_seconds: 0.5,
                startup_seconds: 180.0,
                patience: Patience::new(&self.config, 180.0, f64::INFINITY),
                backlog_events: 0.0,
                in_service: events * 0.5 / 120.0,
                correction: 1.0,
                urgent_jobs: 0.0,
                most_jobs: u32::MAX,
                headroom: self.selection.headroom(),
                demand_share: self.selection.demand_share(),
                floor_jobs: self.selection.floor_jobs(),
            };
            let at = Timestamp::EPOCH.plus_seconds(120 * self.step);
            self.selection.evaluate(
                &load,
                &Seen {
                    calendar: &Calendar::utc(),
                    at,
                    events,
                    usual_events: events,
                    own: None,
                    job_hour_price: None,
                    late_events: None,
                    service_seconds: 0.5,
                },
            );
        }
        let jobs: Vec<f64> = self.selection.pools.iter().map(|pool| f64::from(pool.jobs())).collect();
        assert_eq!(jobs.len(), CANDIDATES);
        jobs
    }
}

#[test]
fn every_candidate_passes_the_common_checks() {
    let made = || -> Box<dyn Member> { Box::new(Candidates::new()) };
    let bounds = |_| (f64::from(BOUNDS.0), f64::from(BOUNDS.1));
    Conformance { name: "candidates", made: &made, bounds, ordered: false, monotone_from: Some(0.0) }.check();
}

/// Of candidates with the same floor, one with more headroom keeps no fewer jobs under a steady load.
#[test]
fn more_headroom_keeps_no_fewer_jobs() {
    let mut candidates = Candidates::new();
    let mut patient = Candidates::new();
    patient.config.sla_wait_seconds = 600.0;
    let jobs = (0..400).map(|_| candidates.answer(3000.0)).last().unwrap();
    let answers: Vec<Vec<f64>> = (0..400).map(|_| patient.answer(3000.0)).collect();
    let mean = |index: usize| answers[200..].iter().map(|jobs| jobs[index]).sum::<f64>() / 200.0;
    for index in 0..CANDIDATES {
        let less = candidate(index);
        let keeps_the_same =
            |other: &usize| candidate(*other).floor == less.floor && candidate(*other).share == less.share;
        let Some(next) = (index + 1..CANDIDATES).find(keeps_the_same) else { continue };
        let more = candidate(next);
        assert!(less.demand_share <= more.demand_share);
        if less.demand_share < 1.0 {
            // for pools that may let a queue stand: what is left to it comes back as work to catch up with, so that jobs swing
            let (less, more) = (mean(index), mean(next));
            assert!(less <= 1.02 * more, "{index}, {next}: {less} {more}");
            continue;
        }
        assert!(less.headroom < more.headroom, "{index} and {next} are one");
        assert!(jobs[index] <= jobs[next], "{less:?} {more:?}: {jobs:?}");
    }
}

#[test]
fn there_are_as_many_candidates_as_stated_and_no_two_are_one() {
    let all: Vec<_> = (0..CANDIDATES).map(candidate).collect();
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{index}: {one:?}");
    }
    let beyond = candidate(CANDIDATES);
    assert!(all.contains(&beyond) && all[FIRST] == beyond, "none is left out: {beyond:?}");
    assert!((beyond.headroom, beyond.share) == (1.0, 0.0));
}
