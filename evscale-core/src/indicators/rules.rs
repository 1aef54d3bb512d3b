//! The alerts: name, condition, time, severity, action and text of each in one table, and thresholds that users set themselves.

use super::report::Report;
use crate::error::{Error, Result};
use crate::names::named;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should look at it in working hours.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

named! { Severity, "severity": Warning = "warning", Critical = "critical" }

/// Above or below a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Side {
    /// Greater than it.
    #[serde(rename = ">")]
    Above,
    /// Less than it.
    #[serde(rename = "<")]
    Below,
}

/// A metric beyond a threshold. An alert that fires goes on until the metric is back behind `resolves_at` (hysteresis).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Threshold {
    /// Name of the metric, one of [`Report::METRICS`].
    pub metric: &'static str,
    /// Side on which the alert fires.
    pub side: Side,
    /// Value beyond which it fires.
    pub fires_at: f64,
    /// Value up to which it goes on.
    pub resolves_at: f64,
}

impl Threshold {
    /// Reports whether the metric is known and beyond the threshold; `firing` uses that of an alert that fires already.
    pub(crate) fn holds(&self, report: &Report, firing: bool) -> bool {
        let threshold = if firing { self.resolves_at } else { self.fires_at };
        report.get(self.metric).is_some_and(|value| match self.side {
            Side::Above => value > threshold,
            Side::Below => value < threshold,
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.side == Side::Above { '>' } else { '<' };
        write!(f, "{} {side} {}", self.metric, self.fires_at)
    }
}

/// An alert of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AlertRule {
    /// Name in snake case; of a user's threshold its text.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// All of these must hold.
    pub condition: Vec<Threshold>,
    /// Time for which they must hold before the alert fires, seconds.
    pub for_seconds: u32,
    /// Time for which one of them must not hold before it is resolved, seconds.
    pub resolved_after_seconds: u32,
    /// Time of firing after which it is escalated, seconds; none never is.
    pub escalated_after_seconds: Option<u32>,
    /// What to do.
    pub action: &'static str,
    /// What it says.
    pub text: &'static str,
}

/// Declares the alerts.
macro_rules! alerts {
    ($($name:ident: $severity:ident, $text:literal,
        when [$($metric:ident $side:tt $fires:literal until $resolves:literal),+]
        for $seconds:literal, resolved after $after:literal, escalated after $escalated:expr,
        then $action:literal;)*) => {
        static TABLE: LazyLock<Vec<AlertRule>> = LazyLock::new(|| {
                vec![$(AlertRule {
                    name: stringify!($name).to_owned(),
                    severity: Severity::$severity,
                    condition: vec![$(Threshold {
                        metric: stringify!($metric),
                        side: side!($side),
                        fires_at: $fires,
                        resolves_at: $resolves,
                    }),+],
                    for_seconds: $seconds,
                    resolved_after_seconds: $after,
                    escalated_after_seconds: $escalated,
                    action: $action,
                    text: $text,
                },)*]
        });
    };
}

macro_rules! side {
    (>) => {
        Side::Above
    };
    (<) => {
        Side::Below
    };
}

alerts! {
    high_forecast_error: Warning, "The forecast is worse than the noise of the arrivals explains.",
        when [accuracy < 0.8 until 0.82, accuracy_gap > 0.1 until 0.08]
        for 3600, resolved after 3600, escalated after Some(86_400),
        then "Train the networks on this pool's history, or look for a cause that they cannot see.";
    sla_violation_risk: Critical, "Events wait too long, and the queue will not be served in time.",
        when [predicted_wait_ratio > 1.0 until 0.8, sla_compliance_hour < 0.95 until 0.97]
        for 0, resolved after 900, escalated after Some(1800),
        then "Add jobs by hand if the pool does not grow: raise `max_jobs`, or order a floor.";
    anomaly_detected: Warning, "The newest records are far from what was forecast.",
        when [record_anomaly_score > 0.7 until 0.5]
        for 0, resolved after 600, escalated after Some(3600),
        then "Look at the pool more often: ask for a decision with every record.";
    error_budget_fast_burn: Critical, "A week's error budget would be used up within hours.",
        when [burn_rate_1_hour > 14.4 until 7.2, burn_rate_5_minutes > 14.4 until 7.2]
        for 0, resolved after 600, escalated after Some(3600),
        then "Find out why events are late: too few jobs, slow jobs, or a limit elsewhere.";
    error_budget_slow_burn: Warning, "The error budget is used much faster than it comes.",
        when [burn_rate_6_hours > 6.0 until 3.0, burn_rate_30_minutes > 6.0 until 3.0]
        for 900, resolved after 3600, escalated after Some(86_400),
        then "Compare the jobs with the need over the day, and the SLA with what the pool can do.";
    late_at_maximum: Critical, "The pool has all the jobs that it may have, and events are late.",
        when [at_maximum > 0.5 until 0.5, burn_rate_1_hour > 1.0 until 0.5]
        for 600, resolved after 900, escalated after Some(3600),
        then "Raise `max_jobs`, or take load away.";
    overflow: Warning, "The load ahead needs more jobs than `max_jobs`.",
        when [overflow_jobs > 0.0 until 0.0]
        for 600, resolved after 1800, escalated after Some(14_400),
        then "Raise `max_jobs` before the load comes, or take load away.";
    job_hours_used: Warning, "Most of the day's job-hours are used.",
        when [job_hours_budget_used > 0.9 until 0.9]
        for 0, resolved after 0, escalated after None,
        then "Raise `job_hours_per_day`, or accept a small pool for the rest of the day.";
    job_hours_forecast_exceeded: Warning, "The day's job-hours will not last.",
        when [job_hours_budget_forecast > 1.05 until 1.0]
        for 3600, resolved after 3600, escalated after None,
        then "Raise `job_hours_per_day`, or lower what the pool is used for.";
    cost_used: Warning, "Most of the day's cost is spent.",
        when [cost_budget_used > 0.9 until 0.9]
        for 0, resolved after 0, escalated after None,
        then "Raise `cost_per_day`, or cap the pool.";
    cost_forecast_exceeded: Warning, "The day will cost more than planned.",
        when [cost_budget_forecast > 1.05 until 1.0]
        for 3600, resolved after 3600, escalated after None,
        then "Raise `cost_per_day`, or cap the pool.";
    host_does_not_act: Warning, "The pool does not follow its recommendations.",
        when [host_overdue > 0.5 until 0.5]
        for 0, resolved after 0, escalated after Some(3600),
        then "Check the scheduler: quota, permissions, images, or whether it asks for decisions at all.";
    blind: Critical, "No usable record for longer than `stale_after_seconds`.",
        when [age_ratio > 1.0 until 1.0]
        for 0, resolved after 0, escalated after Some(1800),
        then "Check the source of the records, their clock, and what `observe` says of each.";
    records_repaired: Warning, "Most records are used only in part, or corrected.",
        when [share_repaired > 0.5 until 0.25]
        for 3600, resolved after 3600, escalated after None,
        then "Read the repairs in what `observe` answers: each names the field, its value and what to send instead.";
    circuit_breaker_open: Warning, "A network failed or was too slow, and does not act.",
        when [open_circuit_breakers > 0.0 until 0.0]
        for 0, resolved after 0, escalated after Some(21_600),
        then "Read `health()` for the cause; check the bundle and the latency.";
    drift_detected: Warning, "The arrivals, or the errors of their forecast, are no longer what they were.",
        when [drifts > 0.0 until 0.0]
        for 0, resolved after 0, escalated after None,
        then "See `report().drift`; train the networks if `retraining_recommended` says so.";
}

impl AlertRule {
    /// Returns every alert of the library.
    pub fn table() -> &'static [Self] {
        &TABLE
    }

    /// Reads a threshold that a user sets: a metric, `>` or `<`, a number, and as far as wished `for` a time (`90s`, `10m`, `2h`, `1d`)
    /// and `critical`; such as `queue_length > 500 for 10m critical`. It resolves when the metric is back for as long.
    ///
    /// # Errors
    /// There is no such metric, or the text has another form.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |what: String| {
            let form = "expected such as \"queue_length > 500 for 10m critical\"";
            Error::config(format!("`alerts` has {text:?}: {what}; {form}"))
        };
        let mut words = text.split_whitespace();
        let metric = words.next().unwrap_or_default();
        let known = Report::METRICS.iter().find(|known| known.name == metric);
        let metric = known.ok_or_else(|| refused(format!("there is no metric {metric:?}")))?.name;
        let side = match words.next() {
            Some(">") => Side::Above,
            Some("<") => Side::Below,
            other => return Err(refused(format!("the comparison is {:?}", other.unwrap_or_default()))),
        };
        let number = words.next().unwrap_or_default();
        let finite = number.parse::<f64>().ok().filter(|value| value.is_finite());
        let fires_at = finite.ok_or_else(|| refused(format!("the threshold is {number:?}")))?;
        let (mut for_seconds, mut severity) = (0, Severity::Warning);
        while let Some(word) = words.next() {
            match word {
                "for" => {
                    let time = words.next().unwrap_or_default();
                    for_seconds = seconds(time).ok_or_else(|| refused(format!("the time is {time:?}")))?;
                }
                "critical" => severity = Severity::Critical,
                other => return Err(refused(format!("{other:?} is not understood"))),
            }
        }
        Ok(Self {
            name: text.split_whitespace().collect::<Vec<_>>().join(" "),
            severity,
            condition: vec![Threshold { metric, side, fires_at, resolves_at: fires_at }],
            for_seconds,
            resolved_after_seconds: for_seconds,
            escalated_after_seconds: None,
            action: "As whoever set the threshold meant it.",
            text: "A threshold that was set for this pool is crossed.",
        })
    }

    /// Returns the condition in words, such as `accuracy < 0.8 and accuracy_gap > 0.1`.
    pub fn condition_text(&self) -> String {
        self.condition.iter().map(Threshold::to_string).collect::<Vec<_>>().join(" and ")
    }
}

/// Reads a time such as `10m`, at most a week.
fn seconds(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(unit).filter(|seconds| *seconds <= 7 * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_on_a_metric_and_resolves_no_sooner_than_it_fires() {
        let table = AlertRule::table();
        for rule in table {
            assert_eq!(table.iter().filter(|other| other.name == rule.name).count(), 1);
            assert!(rule.text.ends_with('.') && rule.action.ends_with('.'), "{}", rule.name);
            for threshold in &rule.condition {
                assert!(Report::METRICS.iter().any(|metric| metric.name == threshold.metric), "{threshold}");
                let wider = match threshold.side {
                    Side::Above => threshold.resolves_at <= threshold.fires_at,
                    Side::Below => threshold.resolves_at >= threshold.fires_at,
                };
                assert!(wider, "{}: {threshold}", rule.name);
            }
        }
    }

    #[test]
    fn thresholds_of_users_are_read_and_refused_by_what_is_wrong() {
        let rule = AlertRule::parse("queue_length >  500 for 10m critical").unwrap();
        assert_eq!((rule.name.as_str(), rule.for_seconds), ("queue_length > 500 for 10m critical", 600));
        assert_eq!(
            (rule.severity, rule.condition_text().as_str()),
            (Severity::Critical, "queue_length > 500")
        );
        for (text, named) in [
            ("", "no metric \"\""),
            ("queue > 5", "no metric \"queue\""),
            ("jobs = 5", "comparison is \"=\""),
            ("jobs > many", "threshold is \"many\""),
            ("jobs > inf", "threshold is \"inf\""),
            ("jobs > 5 for 10", "time is \"10\""),
            ("jobs > 5 for 8d", "time is \"8d\""),
            ("jobs > 5 for €", "time is \"€\""),
            ("jobs > 5 soon", "\"soon\" is not understood"),
        ] {
            let message = AlertRule::parse(text).unwrap_err().to_string();
            assert!(message.contains(named) && message.contains("expected"), "{text}: {message}");
        }
    }
}
