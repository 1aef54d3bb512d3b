//! The monitor of one pool: takes what the pipeline has seen and decided, and tells how the pool is doing.

use super::comparison::Hpa;
use super::coverage::Coverage;
use super::prediction::{FluidPool, longest_queue};
use crate::config::Config;
use crate::decision::{Action, Decision};
use crate::error::Result;
use crate::features::HORIZON_MINUTES;
use crate::forecaster::{Ensemble, Forecast};
use crate::indicators::{
    Alert, AlertRule, Alerts, BLOCK_MS, BreakerState, CircuitBreakers, DayEnd, Drift, DriftKind, Drifted,
    Latency, Picture, Point, Report, Sum, Window, Windows,
};
use crate::inference::CircuitBreaker;
use crate::metrics::{History, Metrics};
use crate::policy::{Outlook, Source, whole_jobs};
use crate::pool::Pool;
use crate::quantiles::QUANTILE_LEVELS;
use crate::time::{DAY_MS, Timestamp};
use crate::validation::DataQuality;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Time that must be known before the rest of a day is told from it, seconds.
const LEAST_KNOWN_SECONDS: f64 = 6.0 * 3600.0;
const MEDIAN: usize = QUANTILE_LEVELS.len() / 2;

/// A pool as the pipeline has left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) config: &'a Config,
    pub(crate) pool: &'a Pool,
    pub(crate) history: &'a History,
    pub(crate) ensemble: &'a Ensemble,
    pub(crate) forecast: &'a Forecast,
    pub(crate) outlook: &'a Outlook<'a>,
    pub(crate) standing: Option<&'a Decision>,
    pub(crate) policy_breaker: &'a CircuitBreaker,
}

/// What is remembered of one pool: bounded, whatever the interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Monitor {
    /// The newest moment that is known, and the newest record that was used.
    now: Timestamp,
    newest: Option<Timestamp>,
    windows: Windows,
    coverage: Coverage,
    latency: Latency,
    picture: Picture,
    drift: Drift,
    alerts: Alerts,
    hpa: Hpa,
    /// Arrivals of the two intervals before the newest one, newest first; NaN where they are unknown.
    neighbours: [f64; 2],
    /// Length of the queue that a record told last.
    queue: Option<f64>,
    /// Highest need so far, jobs.
    peak_jobs: f64,
    recommended: Option<u32>,
    /// The last change was up.
    upwards: Option<bool>,
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
            upwards: None,
            own: own_rules(config),
        }
    }

    /// Reports whether everything has the size that it should have.
    pub(crate) fn fits(&self) -> bool {
        self.windows.fits() && self.latency.fits() && self.picture.fits() && self.drift.fits()
    }

    /// Goes on under another configuration.
    pub(crate) fn reconfigure(&mut self, before: &Config, now: &Config) {
        self.own = own_rules(now);
        if before.alerts != now.alerts {
            self.alerts.forget_own();
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
        self.count(Sum::Confidence, sight.forecast.model_confidence);
        self.observe_load(record, interval, missed > 0.0);
        self.observe_service(sight, record);
        let needed = self.observe_jobs(sight, interval);
        let forecast = self.observe_forecast(sight, interval);
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
        let needed = needed_jobs(sight);
        let jobs = sight.pool.jobs()?;
        self.count(Sum::JobSeconds, jobs * interval);
        if jobs >= f64::from(config.max_jobs) {
            self.count(Sum::MaximumSeconds, interval);
        }
        let needed = needed?;
        self.count(Sum::Over, (jobs - needed).max(0.0) * interval);
        self.count(Sum::Under, (needed - jobs).max(0.0) * interval);
        let bounds = (f64::from(config.min_jobs), f64::from(config.max_jobs));
        self.peak_jobs = self.peak_jobs.max(needed.clamp(bounds.0, bounds.1));
        self.count(Sum::StaticPeak, self.peak_jobs * interval);
        let busy = sight.pool.events().zip(sight.pool.service_seconds());
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
        let (near, events) = settled.near.zip(sight.pool.events())?;
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

    /// Returns every metric that is a number.
    fn metrics(&self, sight: &Sight<'_>) -> Report {
        let mut report = Report { at: self.now, ..Report::default() };
        self.tell_model(sight, &mut report);
        self.tell_data(sight, &mut report);
        self.tell_service(sight, &mut report);
        self.tell_pool(sight, &mut report);
        self.tell_business(sight, &mut report);
        report.drifts = Some(self.drift.detected().count() as f64);
        report
    }

    fn tell_model(&self, sight: &Sight<'_>, report: &mut Report) {
        let day = |sum, over| self.windows.ratio(sum, over, Window::Day);
        report.weighted_error = day(Sum::Error, Sum::Actual);
        report.accuracy = report.weighted_error.map(|error| (1.0 - error).max(0.0));
        report.attainable_accuracy = day(Sum::Noise, Sum::NoiseActual).map(|noise| (1.0 - noise).max(0.0));
        report.accuracy_gap = report.attainable_accuracy.zip(report.accuracy).map(|(best, real)| best - real);
        report.relative_quantile_loss = day(Sum::Loss, Sum::NaiveLoss);
        for (minutes, share) in HORIZON_MINUTES.into_iter().zip(self.coverage.shares()) {
            match minutes {
                12 => report.coverage_80_12_minutes = share,
                48 => report.coverage_80_48_minutes = share,
                180 => report.coverage_80_180_minutes = share,
                _ => (),
            }
        }
        report.mean_confidence = day(Sum::Confidence, Sum::Records);
        report.anomaly_score = self.newest.map(|_| sight.forecast.anomaly_score);
        report.record_anomaly_score = self.newest.map(|_| sight.ensemble.record_anomaly());
        report.latency_p50_ms = self.latency.quantile(0.5);
        report.latency_p99_ms = self.latency.quantile(0.99);
        report.share_policy_network = day(Sum::ByPolicyNetwork, Sum::Records);
        report.share_host_policy = day(Sum::ByHostPolicy, Sum::Records);
        report.share_analytic_rule = day(Sum::ByAnalyticRule, Sum::Records);
        report.share_reactive_rule = day(Sum::ByReactiveRule, Sum::Records);
        report.share_hold = day(Sum::ByHold, Sum::Records);
        report.circuit_breakers = CircuitBreakers {
            forecaster: state_of(sight.ensemble.breaker()),
            policy: state_of(sight.policy_breaker),
        };
        let CircuitBreakers { forecaster, policy } = report.circuit_breakers;
        let open = [forecaster, policy].iter().filter(|state| **state != BreakerState::Closed).count();
        report.open_circuit_breakers = Some(open as f64);
    }

    fn tell_data(&self, sight: &Sight<'_>, report: &mut Report) {
        let day = |sum| self.windows.sum(sum, Window::Day);
        let rejected = [
            day(Sum::RejectedRepeated),
            day(Sum::RejectedOutOfOrder),
            day(Sum::RejectedFarAhead),
            day(Sum::RejectedOther),
        ];
        let all = day(Sum::Records) + rejected.iter().sum::<f64>();
        let share = |count: f64| (all > 0.0).then(|| count / all);
        report.share_accepted = share(day(Sum::Records) - day(Sum::Repaired));
        report.share_repaired = share(day(Sum::Repaired));
        report.share_rejected = share(rejected.iter().sum());
        let [repeated, out_of_order, far_ahead, _] = rejected;
        report.share_rejected_repeated = share(repeated);
        report.share_rejected_out_of_order = share(out_of_order);
        report.share_rejected_far_ahead = share(far_ahead);
        report.missed_intervals = Some(day(Sum::Missed));
        report.age_seconds = self.newest.map(|newest| self.now.elapsed_since(newest).unwrap_or(0.0));
        report.age_ratio = report.age_seconds.map(|age| age / sight.config.stale_seconds());
    }

    fn tell_service(&self, sight: &Sight<'_>, report: &mut Report) {
        let late = |window| self.windows.ratio(Sum::Late, Sum::Judged, window);
        let compliance = |window| late(window).map(|share| 1.0 - share);
        let burn = |window| late(window).map(|share| share / sight.config.allowed_violation_share());
        report.sla_compliance_hour = compliance(Window::Hour);
        report.sla_compliance_day = compliance(Window::Day);
        report.sla_compliance_week = compliance(Window::Week);
        report.error_budget_left = burn(Window::Week).map(|burn| 1.0 - burn);
        report.burn_rate_5_minutes = burn(Window::FiveMinutes);
        report.burn_rate_30_minutes = burn(Window::HalfHour);
        report.burn_rate_1_hour = burn(Window::Hour);
        report.burn_rate_6_hours = burn(Window::SixHours);
        report.burn_rate_3_days = burn(Window::ThreeDays);
        report.queue_length = self.queue;
        report.mean_queue_length = self.windows.ratio(Sum::Queue, Sum::QueueRecords, Window::Day);
        report.mean_wait_seconds = self.windows.ratio(Sum::Wait, Sum::WaitEvents, Window::Day);
        let standing = sight.standing.and_then(|standing| standing.recommended_jobs);
        if let Some((load, jobs)) = sight.outlook.load().zip(sight.pool.jobs()) {
            let fluid = FluidPool {
                queue: load.backlog_events,
                ready_jobs: jobs - sight.pool.starting_now(),
                next_jobs: standing.map_or(jobs, f64::from),
                startup_seconds: load.startup_seconds,
                service_seconds: load.service_seconds,
                interval_seconds: f64::from(sight.config.interval_seconds),
            };
            let (queue, wait) = longest_queue(&fluid, sight.forecast);
            report.predicted_queue = Some(queue);
            report.predicted_wait_seconds = Some(wait);
            report.predicted_wait_ratio = Some(wait / sight.config.sla_wait_seconds);
        }
        let beyond = |need: f64| (need - f64::from(sight.config.max_jobs)).max(0.0);
        report.overflow_jobs = sight.outlook.need().map(|need| beyond(need.analytic));
    }

    fn tell_pool(&self, sight: &Sight<'_>, report: &mut Report) {
        let day = |sum| self.windows.sum(sum, Window::Day);
        let intervals = day(Sum::JobSeconds) / f64::from(sight.config.interval_seconds);
        report.events_per_job = (intervals > 0.0).then(|| day(Sum::Processed) / intervals);
        report.utilization = self.windows.ratio(Sum::Utilization, Sum::UtilizationRecords, Window::Day);
        report.jobs = sight.pool.jobs();
        report.recommended_jobs =
            sight.standing.and_then(|standing| standing.recommended_jobs).map(f64::from);
        report.needed_jobs = needed_jobs(sight);
        report.time_at_maximum_seconds = Some(day(Sum::MaximumSeconds));
        let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
        report.at_maximum = report.jobs.map(|jobs| flag(jobs >= f64::from(sight.config.max_jobs)));
        report.time_held_seconds = Some(day(Sum::HeldSeconds));
        report.host_overdue = Some(flag(sight.pool.idle_host(sight.config).is_some()));
    }

    fn tell_business(&self, sight: &Sight<'_>, report: &mut Report) {
        let config = sight.config;
        let hours = |sum, window| self.windows.sum(sum, window) / 3600.0;
        let known = |hours: f64| (hours > 0.0).then_some(hours);
        report.job_hours_day = known(hours(Sum::JobSeconds, Window::Day));
        report.job_hours_week = known(hours(Sum::JobSeconds, Window::Week));
        let cost = |hours: Option<f64>| hours.zip(config.job_hour_price).map(|(hours, price)| hours * price);
        report.cost_day = cost(report.job_hours_day);
        report.cost_week = cost(report.job_hours_week);
        let processed = known(self.windows.sum(Sum::Processed, Window::Day));
        report.cost_per_event = report.cost_day.zip(processed).map(|(cost, events)| cost / events);
        let saved =
            |other| self.windows.ratio(Sum::ComparedSeconds, other, Window::Week).map(|share| 1.0 - share);
        report.saved_against_static_peak = saved(Sum::StaticPeak);
        report.saved_against_hpa = saved(Sum::Hpa);
        let seconds = |window| self.windows.sum(Sum::Seconds, window);
        let rate = |sum, window, per: f64| {
            (seconds(window) > 0.0).then(|| self.windows.sum(sum, window) / seconds(window) * per)
        };
        report.changes_per_hour = rate(Sum::Changes, Window::Day, 3600.0);
        report.reversals_per_day = rate(Sum::Reversals, Window::Week, 86_400.0);
        report.over_provisioned_job_hours = report.job_hours_day.map(|_| hours(Sum::Over, Window::Day));
        report.under_provisioned_job_hours = report.job_hours_day.map(|_| hours(Sum::Under, Window::Day));
        let used = hours(Sum::JobSeconds, Window::Today);
        let rest = 24.0 - self.now.as_millis().rem_euclid(DAY_MS) as f64 / 3_600_000.0;
        let usual = self.windows.ratio(Sum::JobSeconds, Sum::Seconds, Window::Day);
        let usual = usual.filter(|_| seconds(Window::Day) >= LEAST_KNOWN_SECONDS);
        let ahead = usual.map(|jobs| used + jobs * rest);
        if let Some(budget) = config.job_hours_per_day {
            report.job_hours_budget_used = Some(used / budget);
            report.job_hours_budget_forecast = ahead.map(|hours| hours / budget);
        }
        if let Some((price, budget)) = config.job_hour_price.zip(config.cost_per_day) {
            report.cost_budget_used = Some(used * price / budget);
            report.cost_budget_forecast = ahead.map(|hours| hours * price / budget);
        }
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

/// Jobs that the newest record shows to be needed at the planned utilization.
fn needed_jobs(sight: &Sight<'_>) -> Option<f64> {
    let shown = sight.pool.shown_jobs(sight.config)?;
    Some(f64::from(whole_jobs(shown / sight.config.target_utilization).max(sight.config.min_jobs)))
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

fn state_of(breaker: &CircuitBreaker) -> BreakerState {
    match (breaker.is_closed(), breaker.is_half_open()) {
        (true, _) => BreakerState::Closed,
        (_, true) => BreakerState::HalfOpen,
        _ => BreakerState::Open,
    }
}

fn block_begin(block: i64) -> Timestamp {
    Timestamp::EPOCH.plus_millis(block.saturating_mul(BLOCK_MS))
}

/// Returns why the networks should be trained anew. A new level alone is no reason: they do not see it.
fn retraining(report: &Report) -> Option<String> {
    let beyond = |metric: Option<f64>, limit: f64| metric.is_some_and(|value| value > limit);
    let told = |share: Option<f64>| 100.0 * share.unwrap_or_default();
    if let Some(worse) = report.drift.iter().find(|drift| drift.kind == DriftKind::Residuals) {
        return Some(format!("the errors of the forecast have grown since {}", worse.onset));
    }
    let other = report.drift.iter().find(|drift| drift.kind != DriftKind::Level);
    if let Some(drift) = other
        && beyond(report.accuracy_gap, 0.1)
    {
        return Some(format!(
            "the arrivals have changed since {}, and the accuracy is {:.0} % where their noise allows {:.0} %",
            drift.onset,
            told(report.accuracy),
            told(report.attainable_accuracy)
        ));
    }
    (report.accuracy.is_some_and(|accuracy| accuracy < 0.8) && beyond(report.accuracy_gap, 0.1)).then(|| {
        format!(
            "the accuracy is {:.0} % where the noise of the arrivals allows {:.0} %",
            told(report.accuracy),
            told(report.attainable_accuracy)
        )
    })
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
