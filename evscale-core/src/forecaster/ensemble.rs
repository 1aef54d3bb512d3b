//! All horizons together, moved on by one record.

use super::aggregation::{at_scored, quantile_loss};
use super::anomaly::AnomalyScore;
use super::experts;
use super::forecast::{Forecast, HorizonForecast};
use super::horizon::Horizon;
use super::network::{ForecastSource, Quantiles};
use super::{HIGH_80, LOW_80, MEDIAN};
use crate::features::{ForecasterInput, HORIZON_MINUTES, HORIZONS, LEVELS, lead_steps};
use crate::inference::{CircuitBreaker, CircuitState};
use crate::metrics::History;
use serde::{Deserialize, Serialize};

/// Quantiles above this multiple of the highest arrivals known are cut: nothing speaks for them.
const CEILING: f64 = 1.5;
/// Agreement where there is no second opinion.
const ALONE: f64 = 0.8;
/// Weight of a new count in the usual size of a count that is not zero.
const TYPICAL_WEIGHT: f64 = 0.05;
/// Index of the 48-minute horizon, on whose errors shifts are seen.
const SHIFT_HORIZON: usize = 8;
/// Index of the 12-minute horizon, from which the confidence and the accuracy are read.
const NEAR_HORIZON: usize = 4;

/// The online state of the forecaster of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ensemble {
    steps: [i64; HORIZONS],
    horizons: Vec<Horizon>,
    anomaly: AnomalyScore,
    highest: f64,
    typical: f64,
    agreement: f64,
    quantiles: Option<Vec<[f64; LEVELS]>>,
    breaker: CircuitBreaker,
    /// The network ran at the newest record.
    #[serde(skip)]
    ran: bool,
    #[serde(skip)]
    settled: Settled,
}

/// Forecasts that have turned out with the newest record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Settled {
    /// The quantiles that were forecast of it 12 minutes before.
    pub(crate) near: Option<[f32; LEVELS]>,
    /// Whether it lies inside the 80 % interval, by horizon; none where no forecast was kept.
    pub(crate) inside: [Option<bool>; HORIZONS],
    /// Sum of the mean quantile losses of all, events.
    pub(crate) loss: f64,
}

impl Ensemble {
    pub(crate) fn new(interval_seconds: f64) -> Self {
        let steps = lead_steps(interval_seconds);
        Self {
            steps,
            horizons: steps.iter().map(|steps| Horizon::new(*steps, interval_seconds)).collect(),
            anomaly: AnomalyScore::default(),
            highest: 0.0,
            typical: 0.0,
            agreement: ALONE,
            quantiles: None,
            breaker: CircuitBreaker::default(),
            ran: false,
            settled: Settled::default(),
        }
    }

    /// The same with what others have learned of the experts of each horizon.
    pub(crate) fn like(mut self, others: &[&Self]) -> Self {
        for (index, horizon) in self.horizons.iter_mut().enumerate() {
            let theirs: Vec<&Horizon> = others.iter().filter_map(|other| other.horizons.get(index)).collect();
            *horizon = horizon.like(&theirs);
        }
        self
    }

    /// Learns that so many arrivals are nothing unheard of.
    pub(crate) fn know_of(&mut self, events: f64) {
        self.highest = self.highest.max(events);
    }

    /// Whether this is the state of a forecaster on `history`, whose interval is given.
    pub(crate) fn fits(&self, history: &History, interval_seconds: f64) -> bool {
        let steps = lead_steps(interval_seconds);
        self.steps == steps
            && self.horizons.len() == HORIZONS
            && self
                .horizons
                .iter()
                .zip(steps)
                .all(|(horizon, steps)| horizon.fits(steps, history.newest_slot()))
            && self.quantiles.as_ref().is_none_or(|rows| rows.len() == HORIZONS)
    }

    /// Takes a count into what is known of the series as a whole; no forecast is compared with it.
    pub(crate) fn backfill(&mut self, events: f64) {
        self.anomaly.observe(events);
        self.highest = self.highest.max(events);
        if events >= 0.5 {
            let weight = if self.typical == 0.0 { 1.0 } else { TYPICAL_WEIGHT };
            self.typical += weight * (events - self.typical);
        }
    }

    /// Learns from the newest record of `history` and forecasts from it; `input` was made there.
    pub(crate) fn advance(
        &mut self,
        history: &History,
        input: &ForecasterInput,
        network: Option<&mut (dyn ForecastSource + 'static)>,
    ) {
        let now = history.newest_slot();
        let events = history.at(now);
        self.backfill(events);
        let ceiling = CEILING * self.highest;
        let answers = self.run(network, history, input);
        let mut quantiles = Vec::with_capacity(HORIZONS);
        self.settled = Settled::default();
        for (index, horizon) in self.horizons.iter_mut().enumerate() {
            if let Some(earlier) = horizon.evaluate(now, events) {
                if index == SHIFT_HORIZON {
                    self.anomaly.turned_out(&earlier, events);
                }
                self.settled.learn(index, earlier, events);
            }
            let network = answers.as_ref().and_then(|rows| rows.get(index)).copied();
            let answer = horizon.predict(now, input, experts::points(input, index), network, self.typical);
            quantiles.push(answer.map(|value| value.min(ceiling)));
        }
        self.agreement = agreement(input, answers.as_ref(), &quantiles);
        if let Some(next) = quantiles.first() {
            self.anomaly.expect(*next);
        }
        self.quantiles = Some(quantiles);
    }

    /// The forecast at the newest record.
    pub(crate) fn forecast(&self, history: &History) -> Forecast {
        let at = history.end_of(history.newest_slot().max(0));
        let mut forecast = Forecast::nothing(at, &HORIZON_MINUTES, &self.steps);
        if let Some(quantiles) = &self.quantiles {
            forecast.horizons = HORIZON_MINUTES
                .iter()
                .zip(self.steps)
                .zip(quantiles)
                .map(|((minutes, steps), values)| HorizonForecast::new(*minutes, steps as u32, *values))
                .collect();
            forecast.anomaly_score = self.anomaly.score();
            forecast.model_confidence = self.confidence(history, &forecast);
        }
        forecast
    }

    /// Returns the forecasts that have turned out with the newest record.
    pub(crate) fn settled(&self) -> &Settled {
        &self.settled
    }

    /// Returns the circuit breaker of the network.
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// Returns the part of the anomaly score that is a data-quality issue of the newest records.
    pub(crate) fn record_anomaly(&self) -> f64 {
        self.anomaly.of_records()
    }

    /// Why the network is not taking part.
    pub(crate) fn network_fault(&self) -> Option<String> {
        self.breaker.cause()
    }

    /// The same with another network, of whose failures nothing is known.
    pub(crate) fn for_another_network(&self) -> Self {
        Self { breaker: CircuitBreaker::default(), ..self.clone() }
    }

    /// Forgets the series; whether its network may run stays.
    pub(crate) fn begin_anew(&mut self, interval_seconds: f64) {
        *self = Self { breaker: self.breaker.clone(), ..Self::new(interval_seconds) };
    }

    /// Forgets forecasts whose time will not come, because the clock went back.
    pub(crate) fn rewind(&mut self) {
        self.horizons.iter_mut().for_each(Horizon::forget_pending);
    }

    /// Returns, in words, that the forecast is made without its network; none while it is not.
    pub(crate) fn without_network(&self) -> Option<String> {
        self.network_fault().map(|fault| format!("forecast without its network: {fault}"))
    }

    /// The network failed for a reason that only the host sees.
    pub(crate) fn network_failed(&mut self, cause: String) {
        self.breaker.failed(cause);
    }

    /// Whether the network was asked at the newest record.
    pub(crate) fn network_ran(&self) -> bool {
        self.ran
    }

    /// See [`Breaker::take_recovery`].
    pub(crate) fn take_recovery(&mut self, network: &str) -> Option<String> {
        self.breaker.take_recovery(network)
    }

    fn run(
        &mut self,
        network: Option<&mut (dyn ForecastSource + 'static)>,
        history: &History,
        input: &ForecasterInput,
    ) -> Option<Quantiles> {
        self.ran = false;
        let network = network?;
        let state = self.breaker.next();
        if state == CircuitState::Open {
            return None;
        }
        self.ran = true;
        match network.quantiles(history, input) {
            Ok(rows) => {
                self.breaker.succeeded();
                (state == CircuitState::Closed).then_some(rows)
            }
            Err(problem) => {
                self.breaker.failed(problem.to_string());
                None
            }
        }
    }

    /// `(1 - |c - 0.8| / 0.8) * 1 / (1 + w / 2) * a * k`: `c` the recent coverage of the 80 % interval at 12 minutes,
    /// `w` that interval's width over its median, `a` the agreement of network and mixture (1 where their medians are the
    /// same, 1/2 where they are a width of the interval apart, 0.8 without the network), `k` the share of the last 24
    /// intervals that is known.
    fn confidence(&self, history: &History, forecast: &Forecast) -> f64 {
        let (Some(horizon), Some(ahead)) =
            (self.horizons.get(NEAR_HORIZON), forecast.horizons.get(NEAR_HORIZON))
        else {
            return 0.0;
        };
        let coverage = 1.0 - (horizon.coverage_80() - 0.8).abs() / 0.8;
        let width = 2.0 * ahead.uncertainty / ahead.prediction.max(1.0);
        let now = history.newest_slot();
        let known = (now - 23..=now).filter(|slot| history.at(*slot).is_finite()).count();
        (coverage / (1.0 + width / 2.0) * self.agreement * known as f64 / 24.0).clamp(0.0, 1.0)
    }
}

impl Settled {
    fn learn(&mut self, index: usize, earlier: [f32; LEVELS], events: f64) {
        self.loss += quantile_loss(&at_scored(&earlier), events);
        let inside = f64::from(earlier[LOW_80]) <= events && events <= f64::from(earlier[HIGH_80]);
        if let Some(known) = self.inside.get_mut(index) {
            *known = Some(inside);
        }
        if index == NEAR_HORIZON {
            self.near = Some(earlier);
        }
    }
}

/// How far the network and the mixture agree on the next 12 minutes, 0 to 1.
fn agreement(input: &ForecasterInput, network: Option<&Quantiles>, mixture: &[[f64; LEVELS]]) -> f64 {
    let (Some(network), Some(mixture)) =
        (network.and_then(|rows| rows.get(NEAR_HORIZON)), mixture.get(NEAR_HORIZON))
    else {
        return ALONE;
    };
    let apart = (input.to_events(f64::from(network[MEDIAN])) - mixture[MEDIAN]).abs();
    1.0 / (1.0 + apart / (mixture[HIGH_80] - mixture[LOW_80]).max(1.0))
}
