//! The metrics of a pool by name, unit and formula: the one list that reports, alerts, exporters and documentation read.

use super::classes::ClassReport;
use super::drift::DriftKind;
use super::models::LifecycleStatus;
use super::picture::DayPicture;
use crate::names::named;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// A metric as it is documented.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricInfo {
    /// Name, as the field of [`Report`] and the key in JSON.
    pub name: &'static str,
    /// Unit; `1` for numbers without one.
    pub unit: &'static str,
    /// Meaning, window and formula.
    #[serde(serialize_with = "in_one_line")]
    pub description: &'static str,
    /// Whether the values of several pools add up to one of all of them.
    pub adds_up: bool,
}

impl MetricInfo {
    /// Returns the name under which Prometheus has it, with base units as its conventions ask for: `latency_p50_ms` is
    /// `evscale_pool_latency_p50_seconds`.
    pub fn exported_name(&self) -> String {
        let suffix = if self.unit == "ms" { "_seconds" } else { "" };
        format!("evscale_pool_{}{suffix}", self.name.strip_suffix("_ms").unwrap_or(self.name))
    }
}

fn in_one_line<S: Serializer>(text: &&str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Declares the metrics: name, unit, whether those of pools add up, meaning.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident: $unit:literal $($adds:ident up)?;)*) => {
        /// How a pool is doing. A number that is not known is none.
        ///
        /// Windows are counted in blocks of two hours from midnight UTC on: a *day* is the present block and the eleven
        /// before, a *week* the present day (UTC) and the six before. Shorter ones are counted in five minutes: *an hour* is the
        /// present five minutes and the twelve times before. Sums are kept in single precision.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct Report {
            /// The newest moment that the pool knows of.
            pub at: Timestamp,
            $($(#[doc = $doc])+ #[doc = ""] #[doc = concat!("Unit: ", $unit, ".")] pub $name: Option<f64>,)*
            /// Coverage of the 80 % interval by horizon in minutes, discounted over a day (a factor of `exp(-interval / day)` per
            /// record).
            pub coverage_80: BTreeMap<u32, Option<f64>>,
            /// Circuit breakers: of the forecasting network, and of the policy network.
            pub circuit_breakers: CircuitBreakers,
            /// Drift that was found and is not over.
            pub drift: Vec<Drifted>,
            /// Why the networks should be trained anew; none if nothing speaks for it.
            pub retraining_recommended: Option<String>,
            /// Which models act, which run beside them, and what happened; none while there was one bundle alone.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub models: Option<LifecycleStatus>,
            /// How each class of events is doing; empty in a pool of one kind.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub classes: Vec<ClassReport>,
            /// The last day in bins.
            pub day: DayPicture,
        }

        impl Report {
            /// Every metric that is a number, in the order of the fields.
            pub const METRICS: &[MetricInfo] = &[$(MetricInfo {
                name: stringify!($name),
                unit: $unit,
                description: concat!($($doc, "\n"),+),
                adds_up: false $(|| stringify!($adds).len() > 0)?,
            },)*];

            /// Returns a metric by its name; none if it is unknown, or if there is no such metric.
            pub fn get(&self, name: &str) -> Option<f64> {
                match name {
                    $(stringify!($name) => self.$name,)*
                    _ => None,
                }
            }
        }
    };
}

metrics! {
    /// Weighted error of the 12-minute forecast over a day: the sum of `|arrivals - median|` over the sum of the arrivals, of
    /// every interval whose forecast was kept. Intervals without arrivals weigh nothing.
    weighted_error: "1";
    /// 1 less the weighted error, 0 at least.
    accuracy: "1";
    /// The accuracy that the noise between neighbouring intervals allows: 1 less the sum of `|y - (before + after) / 2| / sqrt(1.5)` over
    /// the sum of `y`, over a day, 0 at least.
    attainable_accuracy: "1";
    /// `attainable_accuracy` less `accuracy`.
    accuracy_gap: "1";
    /// Mean quantile loss of the 12-minute forecast over that of the same interval yesterday, `|error| / 2`; over a day, below 1
    /// is better.
    relative_quantile_loss: "1";
    /// Share of arrivals inside the 80 % interval that was forecast 12 minutes before; discounted as `coverage_80`.
    coverage_80_12_minutes: "1";
    /// Share of arrivals inside the 80 % interval that was forecast 48 minutes before; discounted as `coverage_80`.
    coverage_80_48_minutes: "1";
    /// Share of arrivals inside the 80 % interval that was forecast 180 minutes before; discounted as `coverage_80`.
    coverage_80_180_minutes: "1";
    /// Model confidence, mean over a day.
    mean_confidence: "1";
    /// Anomaly score of the newest record.
    anomaly_score: "1";
    /// The part of the anomaly score that a spike, a drop or a stuck counter makes: all but a lasting shift.
    record_anomaly_score: "1";
    /// Median of the latencies that the host reported, today and yesterday, within 16 %.
    latency_p50_ms: "ms";
    /// 99 % quantile of the latencies that the host reported, today and yesterday, within 16 %.
    latency_p99_ms: "ms";
    /// Share of the day's records under a decision of the policy network.
    share_policy_network: "1";
    /// Share of the day's records under a decision of the host's own policy.
    share_host_policy: "1";
    /// Share of the day's records under a decision of the analytic rule.
    share_analytic_rule: "1";
    /// Share of the day's records under a decision of the reactive rule.
    share_reactive_rule: "1";
    /// Share of the day's records under a decision to hold, because no source knew enough.
    share_hold: "1";
    /// Circuit breakers that are not closed.
    open_circuit_breakers: "breakers" adds up;

    /// Share of the day's records that were used as they came.
    share_accepted: "1";
    /// Share of the day's records that was used without the fields that made no sense.
    share_repaired: "1";
    /// Share of the day's records that was rejected.
    share_rejected: "1";
    /// Share of the day's records that was rejected because the interval was there already.
    share_rejected_repeated: "1";
    /// Share of the day's records that was rejected because a later one was there.
    share_rejected_out_of_order: "1";
    /// Share of the day's records that was rejected because its time is far ahead.
    share_rejected_far_ahead: "1";
    /// Intervals without a record, over a day.
    missed_intervals: "intervals" adds up;
    /// Time from the newest record that was used until now.
    age_seconds: "s";
    /// `age_seconds` over `stale_after_seconds`.
    age_ratio: "1";

    /// Share of the events of an hour that waited no longer than `sla_wait_seconds`.
    sla_compliance_hour: "1";
    /// Share of the events of a day that waited no longer than `sla_wait_seconds`.
    sla_compliance_day: "1";
    /// Share of the events of a week that waited no longer than `sla_wait_seconds`.
    sla_compliance_week: "1";
    /// What is left of the week's error budget: 1 less the late share over `1 - sla_target`. Below 0 more was used than there is.
    error_budget_left: "1";
    /// Share of late events over `1 - sla_target` in the last 5 to 10 minutes.
    burn_rate_5_minutes: "1";
    /// Share of late events over `1 - sla_target` in the last 30 to 35 minutes.
    burn_rate_30_minutes: "1";
    /// Share of late events over `1 - sla_target` in the last hour.
    burn_rate_1_hour: "1";
    /// Share of late events over `1 - sla_target` in the present block of two hours and the three before.
    burn_rate_6_hours: "1";
    /// Share of late events over `1 - sla_target` in three days.
    burn_rate_3_days: "1";
    /// Events that wait at the newest record.
    queue_length: "events" adds up;
    /// Mean of the queue's lengths that records told, over a day.
    mean_queue_length: "events" adds up;
    /// Mean wait over a day, weighted by the events processed.
    mean_wait_seconds: "s";
    /// The longest queue of the coming hour in a fluid pool: events that wait now, and come by the median of the forecast, less
    /// what the jobs can do that there are now and, a startup time from now, those of the last decision.
    predicted_queue: "events" adds up;
    /// The wait that the longest queue of the coming hour means: `predicted_queue` times the service time over the jobs that serve it then.
    predicted_wait_seconds: "s";
    /// `predicted_wait_seconds` over `sla_wait_seconds`.
    predicted_wait_ratio: "1";
    /// Jobs that the analytic rule needs beyond `max_jobs`.
    overflow_jobs: "jobs" adds up;
    /// Events processed per job and interval, over a day.
    events_per_job: "events";
    /// Mean busy share of the ready jobs, over a day.
    utilization: "1";
    /// Jobs of the newest record.
    jobs: "jobs" adds up;
    /// Jobs of the last decision.
    recommended_jobs: "jobs" adds up;
    /// Jobs that the newest record shows to be needed: busy ones over `target_utilization`, and those for what waits.
    needed_jobs: "jobs" adds up;
    /// Time with `max_jobs` or more, over a day.
    time_at_maximum_seconds: "s" adds up;
    /// Whether the pool has `max_jobs` or more: 1 or 0.
    at_maximum: "1" adds up;
    /// Time in which a safety rule kept the pool as it was against the proposal, over a day.
    time_held_seconds: "s" adds up;
    /// Whether the host has not carried out a recommendation for long: 1 or 0.
    host_overdue: "1" adds up;

    /// Job-hours of a day's records.
    job_hours_day: "h" adds up;
    /// Job-hours of a week's records.
    job_hours_week: "h" adds up;
    /// What a day's records cost: jobs, late events and changes, each at its price at the time.
    cost_day: "currency" adds up;
    /// What a week's records cost.
    cost_week: "currency" adds up;
    /// `cost_day` over the events processed in it.
    cost_per_event: "currency";
    /// Share of job-hours saved in a week against a pool of the highest need known at each time.
    saved_against_static_peak: "1";
    /// Share of job-hours saved in a week against a HorizontalPodAutoscaler on the CPU at 70 %, whose pool serves every arrival at
    /// once.
    saved_against_hpa: "1";
    /// Changes of the recommended number per hour, over a day.
    changes_per_hour: "1/h" adds up;
    /// Changes against the direction of the one before per day, over a week.
    reversals_per_day: "1/d" adds up;
    /// Job-hours of a day beyond `needed_jobs`.
    over_provisioned_job_hours: "h" adds up;
    /// Job-hours of a day short of `needed_jobs`.
    under_provisioned_job_hours: "h" adds up;
    /// Job-hours of today over `job_hours_per_day`, as its safety rule counts them: today is a day of the pool's time zone, and a
    /// record counts for the time since the one before.
    job_hours_budget_used: "1";
    /// Job-hours of today at its end over `job_hours_per_day`, if the rest of it is as the last day was on average; of which six hours
    /// must be known.
    job_hours_budget_forecast: "1";
    /// Cost of today over `cost_per_day`.
    cost_budget_used: "1";
    /// Cost of today (UTC) at its end over `cost_per_day`, if the rest of it is as the last day was on average.
    cost_budget_forecast: "1";
    /// In `mode` `advise`, job-hours of a day of the pool that there would be if the advice had been followed: a fluid shadow pool
    /// under the acting rule, over the same records as `beside_advice_job_hours_day`.
    advised_job_hours_day: "h";
    /// The same of a week.
    advised_job_hours_week: "h";
    /// Job-hours that the real pool had in the same records of a day.
    beside_advice_job_hours_day: "h";
    /// The same of a week.
    beside_advice_job_hours_week: "h";
    /// Share of job-hours that following the advice would have saved in a week.
    saved_by_advice: "1";
    /// Share of the events of a day that would have waited no longer than `sla_wait_seconds`; beside it `sla_compliance_day` is what was.
    advised_sla_compliance_day: "1";
    /// The same of a week.
    advised_sla_compliance_week: "1";
    /// Kinds of drift that were found and are not over.
    drifts: "kinds" adds up;
}

/// State of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// The network acts.
    #[default]
    Closed,
    /// The network runs, and its answers are only checked.
    HalfOpen,
    /// The network does not run.
    Open,
}

named! { BreakerState, "circuit breaker": Closed = "closed", HalfOpen = "half_open", Open = "open" }

/// The circuit breakers of a pool's networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CircuitBreakers {
    /// Of the forecasting network.
    pub forecaster: BreakerState,
    /// Of the policy network.
    pub policy: BreakerState,
}

/// A drift that was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Drifted {
    /// What drifts.
    pub kind: DriftKind,
    /// Since when, as far as can be told: within a day.
    pub onset: Timestamp,
    /// When it was found.
    pub detected_at: Timestamp,
    /// To higher values.
    pub upwards: bool,
}

impl Report {
    /// Reports whether a drift was found that is not over.
    pub fn drift_detected(&self) -> bool {
        !self.drift.is_empty()
    }

    /// The report as JSON: every metric by its name, `null` where it is not known.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_documented_and_found_by_its_name() {
        let report = Report { accuracy: Some(0.9), ..Report::default() };
        assert_eq!(
            (report.get("accuracy"), report.get("jobs"), report.get("nonsense")),
            (Some(0.9), None, None)
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        for metric in Report::METRICS {
            assert!(metric.description.trim().ends_with('.'), "{metric:?}");
            assert!(json.get(metric.name).is_some(), "{metric:?}");
        }
    }
}
