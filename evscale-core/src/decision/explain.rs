//! From what the safety rules allow to a decision: the only way to make one.

use super::{Action, Decision, Drain, Reasoning, plan};
use crate::config::Config;
use crate::policy::{Outlook, Proposal, Selection, Source, jobs_for};
use crate::pool::Pool;
use crate::quantiles::rounded;
use crate::safety::Outcome;
use crate::time::Timestamp;

/// Change of the demand that is called increasing or decreasing, as a share.
const TREND_SHARE: f64 = 0.1;

/// What a decision is explained with.
#[derive(Clone, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Timestamp,
    pub(crate) pool: &'a Pool,
    pub(crate) outlook: &'a Outlook<'a>,
    pub(crate) selection: &'a Selection,
    /// Networks that act again, or do not.
    pub(crate) notes: Vec<String>,
}

impl Evidence<'_> {
    /// Returns the need of the newest arrivals alone, jobs.
    fn need_now(&self) -> Option<f64> {
        let (events, service) = self.pool.events().zip(self.pool.service_seconds())?;
        Some(jobs_for(events, service, self.config))
    }

    /// Returns how the jobs that are too many should leave.
    fn drain(&self, leaving: u32) -> Option<Drain> {
        let idle = self.pool.utilization().map(|busy| 1.0 - busy);
        let config = self.config;
        let current = self.pool.current_jobs(config);
        (leaving > 0).then(|| {
            Drain::new(leaving, current, idle, config.drain_busy_jobs, config.decision_interval_seconds)
        })
    }
}

/// Makes the decision out of what the safety rules allow.
pub(crate) fn explain(outcome: Outcome, proposal: Proposal, evidence: &Evidence<'_>) -> Decision {
    let recommended = outcome.jobs();
    let current = evidence.pool.current_jobs(evidence.config);
    let trail = outcome.into_trail();
    let trust = match proposal.source {
        Source::PolicyNetwork | Source::HostPolicy => 1.0,
        Source::AnalyticRule => 0.95,
        Source::ReactiveRule => 0.5,
        Source::Hold => 0.2,
    };
    let reasoning = reasoning(evidence, current, recommended);
    let action = match recommended.cmp(&current) {
        std::cmp::Ordering::Greater => Action::ScaleUp,
        std::cmp::Ordering::Less => Action::ScaleDown,
        std::cmp::Ordering::Equal => Action::Hold,
    };
    let mut explanation = match action {
        Action::ScaleUp => format!("grow from {current} to {recommended} jobs"),
        Action::ScaleDown => format!("shrink from {current} to {recommended} jobs"),
        Action::Hold => format!("stay at {current} jobs"),
    };
    if let Some(need) = evidence.outlook.need() {
        explanation.push_str(&format!(
            ": the forecast needs {:.1} jobs (median) to {:.1} (95 % quantile)",
            need.near[0], need.near[2]
        ));
    }
    if let Some(load) = evidence.outlook.load() {
        let (rule, late) = (evidence.selection.describe(), evidence.selection.expected_late_share(load));
        explanation.push_str(&format!("; rule: {rule} ({:.2} % late in shadow evaluation)", 100.0 * late));
    }
    if evidence.outlook.emergency {
        explanation.push_str("; emergency");
    }
    if let Some(reason) = &proposal.fallback {
        explanation.push_str(&format!("; {reason}"));
    }
    for note in &evidence.notes {
        explanation.push_str(&format!("; {note}"));
    }
    for entry in &trail {
        explanation.push_str(&format!(
            "; {} ({}) made {} of {}",
            entry.rule, entry.detail, entry.after, entry.before
        ));
    }
    Decision {
        recommended_jobs: recommended,
        current_jobs: current,
        change: i64::from(recommended) - i64::from(current),
        confidence: rounded((evidence.outlook.forecast.model_confidence * trust).clamp(0.0, 1.0)),
        reasoning,
        action,
        graceful: true,
        source: proposal.source,
        proposed_jobs: proposal.jobs,
        limited_by: trail.iter().map(|entry| entry.rule).collect(),
        trail,
        plan: evidence.outlook.load().map(plan).unwrap_or_default(),
        drain: evidence.drain(current.saturating_sub(recommended)),
        emergency: evidence.outlook.emergency,
        fallback_reason: proposal.fallback,
        explanation,
        decided_at: evidence.now,
        valid_until: evidence.now.plus_seconds(i64::from(evidence.config.decision_interval_seconds)),
    }
}

fn reasoning(evidence: &Evidence<'_>, current: u32, recommended: u32) -> Reasoning {
    let jobs = f64::from(recommended);
    let breached = evidence.pool.breached(evidence.config);
    let (indicates, risk) = match evidence.outlook.need() {
        None => ("unknown_load", if breached { "breach" } else { "medium" }),
        Some(need) => {
            let [median, _, upper, _] = need.near;
            let indicates = match evidence.need_now() {
                Some(now) if median > now * (1.0 + TREND_SHARE) => "increasing_load",
                Some(now) if median < now * (1.0 - TREND_SHARE) => "decreasing_load",
                _ => "steady_load",
            };
            let risk = if breached {
                "breach"
            } else if jobs + 1.0 < median {
                "high"
            } else if jobs + 0.5 < upper {
                "medium"
            } else {
                "low"
            };
            (indicates, risk)
        }
    };
    let share = (jobs - f64::from(current)) / f64::from(current.max(1));
    let cost = match share {
        s if s < 0.0 => "saving",
        0.0 => "none",
        s if s < 0.1 => "low",
        s if s < 0.5 => "moderate",
        _ => "high",
    };
    Reasoning {
        forecast_indicates: indicates.to_owned(),
        current_utilization: evidence.pool.utilization().map(rounded),
        sla_risk: risk.to_owned(),
        cost_impact: cost.to_owned(),
    }
}
