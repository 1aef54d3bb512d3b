//! The monitor of one pool: takes what the pipeline has seen and decided, and tells how the pool is doing.

use super::comparison::Hpa;
use super::coverage::Coverage;
use super::retraining::retraining;
use super::sight::Sight;
use super::spending::Spending;
use crate::config::Config;
use crate::decision::{Action, Decision};
use crate::error::Result;
use crate::features::HORIZON_MINUTES;
use crate::indicators::{
    Alert, AlertRule, Alerts, BLOCK_MS, DayEnd, Drift, DriftKind, Drifted, FewSums, Latency, Picture, Point,
    Report, Sum, Window, Windows,
};
use crate::metrics::Metrics;
use crate::policy::Source;
use crate::quantiles::QUANTILE_LEVELS;
use crate::time::{DAY_MS, Timestamp};
use crate::validation::DataQuality;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const MEDIAN: usize = QUANTILE_LEVELS.len() / 2;

/// What is remembered of one pool: bounded, whatever the interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Monitor {
    /// The newest moment that is known, and the newest record that was used.
    pub(super) now: Timestamp,
    pub(super) newest: Option<Timestamp>,
    pub(super) windows: Windows,
    pub(super) coverage: Coverage,
    pub(super) latency: Latency,
    picture: Picture,
    pub(super) drift: Drift,
    alerts: Alerts,
    hpa: Hpa,
    /// Arrivals of the two intervals before the newest one, newest first; NaN where they are unknown.
    neighbours: [f64; 2],
    /// Length of the queue that a record told last.
    pub(super) queue: Option<f64>,
    /// Highest need so far, jobs.
    peak_jobs: f64,
    recommended: Option<u32>,
    /// Advised and real job-hours, events, and late ones in the pool that was advised; none where nothing was.
    pub(super) advised: Option<Box<FewSums<4>>>,
    /// The last change was up.
    upwards: Option<bool>,
    /// What the pool has cost; none without prices.
    pub(super) spending: Option<Box<Spending>>,
    /// Thresholds of users.
    #[serde(skip)]
    own: Vec<AlertRule>,
}

impl Monitor {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            now: Timestamp::EPOCH,
            newest: None,
            windows: Windows::new(),
            coverage: Coverage::default(),
            latency: Latency::new(),
            picture: Picture::new(),
            drift: Drift::new(),
            alerts: Alerts::default(),
            hpa: Hpa::default(),
            neighbours: [f64::NAN; 2],
            queue: None,
            peak_jobs: 0.0,
            recommended: None,
            advised: None,
            upwards: None,
            spending: None,
            own: own_rules(config),
        }
    }

    /// Reports whether everything has the size that it should have.
    pub(crate) fn fits(&self) -> bool {
        self.advised.as_ref().is_none_or(|advised| advised.fits())
            && self.spending.as_ref().is_none_or(|spending| spending.fits())
            && self.windows.fits()
            && self.latency.fits()
            && self.picture.fits()
            && self.drift.fits()
    }

    /// Goes on under another configuration.
    pub(crate) fn reconfigure(&mut self, before: &Config, now: &Config) {
        self.own = own_rules(now);
        self.spending.take_if(|_| now.job_hour_price.is_none());
        if before.alerts != now.alerts {
            self.alerts.forget_own();
        }
        if before.mode != now.mode {
            self.advised = None;
        }
        if before.interval_seconds != now.interval_seconds {
            self.neighbours = [f64::NAN; 2];
        }
    }

    /// Takes a record that was used, after the pipeline has learned from it.
    pub(crate) fn observe(&mut self, sight: &Sight<'_>, record: &Metrics, repaired: bool) {
        let interval = f64::from(sight.config.interval_seconds);
        let at = record.timestamp;
        self.go_to(at);
        let apart = at.elapsed_since(self.newest.replace(at).unwrap_or(at)).unwrap_or(0.0);
        let missed = ((apart / interval).round() - 1.0).clamp(0.0, 1e6);
        self.count(Sum::Missed, missed);
        self.count(Sum::Records, 1.0);
        self.count(Sum::Repaired, if repaired { 1.0 } else { 0.0 });
        self.count(Sum::Seconds, interval);
        self.count(Sum::Confidence, sight.outlook.forecast.model_confidence);
        self.observe_load(record, interval, missed > 0.0);
        self.observe_service(sight, record);
        let needed = self.observe_jobs(sight, interval);
        let forecast = self.observe_forecast(sight, interval);
        if let Some((advised, jobs)) = sight.advised.zip(sight.pool.jobs()) {
            let sums = self.advised.get_or_insert_with(|| Box::new(FewSums::new()));
            sums.add(at, [advised.job_hours, jobs * interval / 3600.0, advised.events, advised.late]);
        }
        if let Some(standing) = sight.standing {
            self.count(by(standing.source), 1.0);
            if held(standing) {
                self.count(Sum::HeldSeconds, interval);
            }
        }
        let late_share = sight.pool.late_events().zip(judged(record)).map(|(late, of)| late / of.max(1.0));
        self.picture.add(
            at,
            &Point {
                arrivals: record.logged_events_count,
                forecast: forecast.unwrap_or(f64::NAN),
                jobs: sight.pool.jobs().unwrap_or(f64::NAN),
                needed_jobs: needed.unwrap_or(f64::NAN),
                late_share: late_share.unwrap_or(f64::NAN),
            },
        );
        self.judge(sight);
    }

    /// Takes a record that was rejected for a reason, at the time that is known since.
    pub(crate) fn reject(&mut self, reason: DataQuality, now: Timestamp) {
        self.go_to(now);
        self.count(
            match reason {
                DataQuality::Repeated => Sum::RejectedRepeated,
                DataQuality::OutOfOrder => Sum::RejectedOutOfOrder,
                DataQuality::FarAhead => Sum::RejectedFarAhead,
                _ => Sum::RejectedOther,
            },
            1.0,
        );
    }

    /// Pays for so much, where it has a price.
    fn pay(&mut self, price: Option<f64>, amount: f64) {
        let Some(price) = price else { return };
        self.spending.get_or_insert_with(|| Box::new(Spending::new())).pay(self.now, price * amount);
    }

    /// Takes a new decision.
    pub(crate) fn decided(&mut self, sight: &Sight<'_>, decision: &Decision) {
        if decision.decided_at > self.now {
            self.go_to(decision.decided_at);
        }
        if let Some(jobs) = decision.recommended_jobs {
            let before = self.recommended.replace(jobs).unwrap_or(jobs);
            if jobs != before {
                self.count(Sum::Changes, 1.0);
                let reversed =
                    self.upwards.replace(jobs > before).is_some_and(|upwards| upwards != (jobs > before));
                self.count(Sum::Reversals, if reversed { 1.0 } else { 0.0 });
                let config = sight.config;
                self.pay(config.change_price, 1.0);
                self.pay(config.reversal_price.filter(|_| reversed), 1.0);
            }
        }
        self.judge(sight);
    }

    /// Takes the latency of a call by the host's clock.
    pub(crate) fn timed(&mut self, took: Duration) {
        self.latency.observe(self.now, took);
    }

    /// Silences an alert until a time; none takes a silence back.
    pub(crate) fn silence(&mut self, name: &str, until: Option<Timestamp>) -> Result<()> {
        self.alerts.silence(&self.own, name, until)
    }

    /// Returns every alert.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &AlertRule> {
        AlertRule::table().iter().chain(&self.own)
    }

    /// Returns the alerts that fire, or were resolved within the last day.
    pub(crate) fn alerts(&self, sight: &Sight<'_>) -> Vec<Alert> {
        self.alerts.told(&self.own, &self.metrics(sight))
    }

    /// Returns how the pool is doing.
    pub(crate) fn report(&self, sight: &Sight<'_>) -> Report {
        let mut report = self.metrics(sight);
        report.coverage_80 = HORIZON_MINUTES.into_iter().zip(self.coverage.shares()).collect();
        report.drift = self
            .drift
            .detected()
            .map(|(kind, found)| Drifted {
                kind,
                onset: block_begin(found.onset),
                detected_at: block_begin(found.at.saturating_add(1)),
                upwards: found.upwards,
            })
            .collect();
        report.retraining_recommended = retraining(&report);
        report.day = self.picture.day(self.now);
        report
    }

    /// Reports whether the errors of the forecast have grown, as far as their drift tells.
    pub(crate) fn errors_have_grown(&self) -> bool {
        self.drift.detected().any(|(kind, _)| kind == DriftKind::Residuals)
    }

    fn judge(&mut self, sight: &Sight<'_>) {
        let metrics = self.metrics(sight);
        self.alerts.update(&self.own, &metrics);
    }

    fn count(&mut self, sum: Sum, value: f64) {
        self.windows.add(sum, value);
    }

    /// Goes on to a moment, or back; where a block of two hours is over, drift is looked for.
    fn go_to(&mut self, at: Timestamp) {
        if let Some(block) = self.windows.block()
            && Windows::block_of(at) > block
        {
            let sum = |sum| self.windows.sum(sum, Window::Block);
            let known = sum(Sum::EventSeconds);
            let day = |sum, over| self.windows.ratio(sum, over, Window::Day).unwrap_or(f64::NAN);
            let end = DayEnd {
                arrivals_per_second: if known >= BLOCK_MS as f64 / 2000.0 {
                    sum(Sum::Events) / known
                } else {
                    f64::NAN
                },
                noise: day(Sum::Noise, Sum::NoiseActual),
                error: day(Sum::Error, Sum::Actual),
            };
            self.drift.update(block, &end);
            self.windows.close_block();
        }
        self.windows.go_to(at);
        self.now = at;
    }

    fn observe_load(&mut self, record: &Metrics, interval: f64, after_gap: bool) {
        let events = record.logged_events_count;
        self.count(Sum::Events, events);
        if events.is_finite() {
            self.count(Sum::EventSeconds, interval);
        }
        if after_gap {
            self.neighbours = [f64::NAN; 2];
        }
        let [middle, before] = self.neighbours;
        let noise = (middle - (before + events) / 2.0).abs() / 1.5f64.sqrt();
        if noise.is_finite() {
            self.count(Sum::Noise, noise);
            self.count(Sum::NoiseActual, middle);
        }
        self.neighbours = [events, middle];
    }

    fn observe_service(&mut self, sight: &Sight<'_>, record: &Metrics) {
        self.count(Sum::Processed, record.processed_events_count.unwrap_or(0.0));
        if let Some((late, events)) = sight.pool.late_events().zip(judged(record)) {
            self.count(Sum::Judged, events);
            self.count(Sum::Late, late.min(events));
            self.pay(sight.config.late_event_price, late);
        }
        if let Some(queued) = record.queued_events_count {
            self.count(Sum::Queue, queued);
            self.count(Sum::QueueRecords, 1.0);
        }
        self.queue = record.queued_events_count.or(self.queue);
        if let Some((wait, taken)) = record.average_queue_wait_time_ms.zip(record.processed_events_count) {
            self.count(Sum::Wait, wait / 1000.0 * taken);
            self.count(Sum::WaitEvents, taken);
        }
        if let Some(busy) = sight.pool.utilization() {
            self.count(Sum::Utilization, busy);
            self.count(Sum::UtilizationRecords, 1.0);
        }
    }

    /// Charges the jobs of an interval, and those that would have been enough; returns the latter.
    fn observe_jobs(&mut self, sight: &Sight<'_>, interval: f64) -> Option<f64> {
        let config = sight.config;
        let needed = sight.needed_jobs();
        let jobs = sight.pool.jobs()?;
        self.count(Sum::JobSeconds, jobs * interval);
        self.pay(sight.job_hour_price, jobs * interval / 3600.0);
        let (fewest, most) = config.fewest_and_most();
        let bounds = (f64::from(fewest), f64::from(most));
        if jobs >= bounds.1 {
            self.count(Sum::MaximumSeconds, interval);
        }
        let needed = needed?;
        self.count(Sum::Over, (jobs - needed).max(0.0) * interval);
        self.count(Sum::Under, (needed - jobs).max(0.0) * interval);
        self.peak_jobs = self.peak_jobs.max(needed.clamp(bounds.0, bounds.1));
        self.count(Sum::StaticPeak, self.peak_jobs * interval);
        let busy = sight.pool.events().zip(sight.pool.job_seconds(config));
        let busy = busy.map_or(0.0, |(events, service)| events * service / interval);
        let hpa = self.hpa.observe(busy, interval, bounds);
        self.count(Sum::Hpa, hpa * interval);
        self.count(Sum::ComparedSeconds, jobs * interval);
        Some(needed)
    }

    /// Compares what was forecast with what came; returns the median of 12 minutes before, if it was kept.
    fn observe_forecast(&mut self, sight: &Sight<'_>, interval: f64) -> Option<f64> {
        let settled = sight.ensemble.settled();
        self.coverage.observe(&settled.inside, interval);
        // of what was forecast: the usual load, without what statements explain
        let usual = sight.history.at(sight.history.newest_slot());
        let (near, events) = settled.near.zip(Some(usual).filter(|events| events.is_finite()))?;
        let median = near.get(MEDIAN).copied().map(f64::from)?;
        self.count(Sum::Error, (events - median).abs());
        self.count(Sum::Actual, events);
        let day = (DAY_MS as f64 / 1000.0 / interval).round() as i64;
        let yesterday = sight.history.at(sight.history.newest_slot() - day);
        if yesterday.is_finite() {
            let losses = QUANTILE_LEVELS.iter().zip(near).map(|(level, value)| {
                let error = events - f64::from(value);
                (level * error).max((level - 1.0) * error)
            });
            self.count(Sum::Loss, losses.sum::<f64>() / QUANTILE_LEVELS.len() as f64);
            self.count(Sum::NaiveLoss, (events - yesterday).abs() / 2.0);
        }
        Some(median)
    }
}

/// The thresholds that users have set; those that cannot be read were refused with the configuration.
fn own_rules(config: &Config) -> Vec<AlertRule> {
    config.alerts.iter().filter_map(|text| AlertRule::parse(text).ok()).collect()
}

/// Events that a record says the late ones of.
fn judged(record: &Metrics) -> Option<f64> {
    Some(record.processed_events_count.unwrap_or(record.logged_events_count))
        .filter(|events| events.is_finite())
}

/// Reports whether a rule keeps the pool as it is against the proposal.
fn held(decision: &Decision) -> bool {
    decision.action == Action::Hold
        && !decision.limited_by.is_empty()
        && decision.proposed_jobs.is_some_and(|proposed| Some(proposed) != decision.current_jobs)
}

fn by(source: Source) -> Sum {
    match source {
        Source::PolicyNetwork => Sum::ByPolicyNetwork,
        Source::HostPolicy => Sum::ByHostPolicy,
        Source::AnalyticRule => Sum::ByAnalyticRule,
        Source::ReactiveRule => Sum::ByReactiveRule,
        Source::Hold => Sum::ByHold,
    }
}

fn block_begin(block: i64) -> Timestamp {
    Timestamp::EPOCH.plus_millis(block.saturating_mul(BLOCK_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number, flag and length that is kept is written in a snapshot; in memory it takes no more than this beside the
    /// monitor itself.
    #[test]
    fn a_monitor_is_small_whatever_the_interval() {
        let config = Config { alerts: vec!["jobs > 3".to_owned(); 16], ..Config::default() };
        let fresh = Monitor::new(&config);
        let heap =
            fresh.windows.bytes() + fresh.picture.bytes() + fresh.drift.bytes() + fresh.latency.bytes();
        let alerts = 32 * Alerts::PHASE_BYTES;
        let all = size_of::<Monitor>() + heap + alerts;
        println!("{all} bytes: {} of its own, {heap} of rings, {alerts} of alerts", size_of::<Monitor>());
        assert!(all <= 6 * 1024, "{all} bytes");
    }
}
