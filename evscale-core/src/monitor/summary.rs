//! The numbers of the report, from what the monitor remembers.

use super::prediction::{FluidPool, longest_queue};
use super::sight::Sight;
use super::watch::Monitor;
use crate::config::Mode;
use crate::features::HORIZON_MINUTES;
use crate::indicators::{BreakerState, CircuitBreakers, Report, Sum, Window};
use crate::inference::CircuitBreaker;
use crate::time::DAY_MS;

/// Time that must be known before the rest of a day is told from it, seconds.
const LEAST_KNOWN_SECONDS: f64 = 6.0 * 3600.0;

impl Monitor {
    /// Returns every metric that is a number.
    pub(super) fn metrics(&self, sight: &Sight<'_>) -> Report {
        let mut report = Report { at: self.now, ..Report::default() };
        self.tell_model(sight, &mut report);
        self.tell_data(sight, &mut report);
        self.tell_service(sight, &mut report);
        self.tell_pool(sight, &mut report);
        self.tell_business(sight, &mut report);
        self.tell_advice(&mut report);
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
        report.anomaly_score = self.newest.map(|_| sight.outlook.forecast.anomaly_score);
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
        let standing = standing.filter(|_| sight.config.mode == Mode::Act);
        if let Some((load, jobs)) = sight.outlook.load().zip(sight.pool.jobs()) {
            let fluid = FluidPool {
                queue: load.backlog_events,
                ready_jobs: jobs - sight.pool.starting_now(),
                next_jobs: standing.map_or(jobs, f64::from),
                startup_seconds: load.startup_seconds,
                job_seconds: load.service_seconds / sight.config.places(),
                interval_seconds: f64::from(sight.config.interval_seconds),
            };
            let (queue, wait) = longest_queue(&fluid, sight.outlook.forecast);
            report.predicted_queue = Some(queue);
            report.predicted_wait_seconds = Some(wait);
            report.predicted_wait_ratio = Some(wait / sight.config.sla_wait_seconds);
        }
        let beyond = |need: f64| (need - f64::from(sight.config.fewest_and_most().1)).max(0.0);
        report.overflow_jobs = sight.outlook.need().map(|need| beyond(need.analytic));
    }

    fn tell_advice(&self, report: &mut Report) {
        let Some(sums) = &self.advised else { return };
        let kept = |events: f64, late: f64| (events > 0.0).then(|| 1.0 - late / events);
        let [advised, beside, events, late] = sums.sums(false);
        (report.advised_job_hours_day, report.beside_advice_job_hours_day) = (Some(advised), Some(beside));
        report.advised_sla_compliance_day = kept(events, late);
        let [advised, beside, events, late] = sums.sums(true);
        (report.advised_job_hours_week, report.beside_advice_job_hours_week) = (Some(advised), Some(beside));
        report.advised_sla_compliance_week = kept(events, late);
        report.saved_by_advice = (beside > 0.0).then(|| 1.0 - advised / beside);
    }

    fn tell_pool(&self, sight: &Sight<'_>, report: &mut Report) {
        let day = |sum| self.windows.sum(sum, Window::Day);
        let intervals = day(Sum::JobSeconds) / f64::from(sight.config.interval_seconds);
        report.events_per_job = (intervals > 0.0).then(|| day(Sum::Processed) / intervals);
        report.utilization = self.windows.ratio(Sum::Utilization, Sum::UtilizationRecords, Window::Day);
        report.jobs = sight.pool.jobs();
        report.recommended_jobs =
            sight.standing.and_then(|standing| standing.recommended_jobs).map(f64::from);
        report.needed_jobs = sight.needed_jobs();
        report.time_at_maximum_seconds = Some(day(Sum::MaximumSeconds));
        let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
        report.at_maximum = report.jobs.map(|jobs| flag(jobs >= f64::from(sight.config.fewest_and_most().1)));
        report.time_held_seconds = Some(day(Sum::HeldSeconds));
        report.host_overdue = Some(flag(sight.pool.idle_host(sight.config).is_some()));
    }

    fn tell_business(&self, sight: &Sight<'_>, report: &mut Report) {
        let config = sight.config;
        let hours = |sum, window| self.windows.sum(sum, window) / 3600.0;
        let known = |hours: f64| (hours > 0.0).then_some(hours);
        report.job_hours_day = known(hours(Sum::JobSeconds, Window::Day));
        report.job_hours_week = known(hours(Sum::JobSeconds, Window::Week));
        let paid = self.spending.as_ref().map(|spending| spending.told(self.now));
        report.cost_day = paid.map(|[day, ..]| day);
        report.cost_week = paid.map(|[_, week, _]| week);
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
        let rest = 24.0 - self.now.as_millis().rem_euclid(DAY_MS) as f64 / 3_600_000.0;
        let usual = self.windows.ratio(Sum::JobSeconds, Sum::Seconds, Window::Day);
        let usual = usual.filter(|_| seconds(Window::Day) >= LEAST_KNOWN_SECONDS);
        if let Some(budget) = config.job_hours_per_day {
            let (used, rest) = sight.safety.job_hours_today(sight.calendar, self.now);
            report.job_hours_budget_used = Some(used / budget);
            report.job_hours_budget_forecast = usual.map(|jobs| (used + jobs * rest) / budget);
        }
        if let Some(([day, _, today], budget)) = paid.zip(config.cost_per_day) {
            report.cost_budget_used = Some(today / budget);
            let hours = seconds(Window::Day) / 3600.0;
            report.cost_budget_forecast = usual.map(|_| (today + day / hours * rest) / budget);
        }
    }
}

fn state_of(breaker: &CircuitBreaker) -> BreakerState {
    match (breaker.is_closed(), breaker.is_half_open()) {
        (true, _) => BreakerState::Closed,
        (_, true) => BreakerState::HalfOpen,
        _ => BreakerState::Open,
    }
}
