//! From a ruling to a decision: the only way to make one.

use super::{Action, Decision, Drain, PlanStep, Reasoning};
use crate::forecaster::rounded;
use crate::policy::{Need, Proposal, Source};
use crate::safety::Ruling;
use crate::time::Timestamp;

/// Change of the demand that is called increasing or decreasing, as a share.
const TREND_SHARE: f64 = 0.1;

/// What is known beside the ruling.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) now: Timestamp,
    pub(crate) valid_until: Timestamp,
    pub(crate) current_jobs: u32,
    pub(crate) emergency: bool,
    pub(crate) need: Option<Need>,
    /// The acting rule in words, and the late share that its past lets expect.
    pub(crate) rule: Option<(String, f64)>,
    /// Need of the newest arrivals alone, jobs.
    pub(crate) need_now: Option<f64>,
    pub(crate) utilization: Option<f64>,
    pub(crate) confidence: f64,
    pub(crate) breached: bool,
    /// Networks that act again, or do not.
    pub(crate) notes: Vec<String>,
    pub(crate) plan: Vec<PlanStep>,
    pub(crate) drain_busy_jobs: bool,
    pub(crate) decision_interval_seconds: u32,
}

/// Makes the decision out of what the safety rules allow.
pub(crate) fn explain(ruling: Ruling, proposal: Proposal, facts: Facts) -> Decision {
    let recommended = ruling.jobs();
    let current = facts.current_jobs;
    let trail = ruling.into_trail();
    let trust = match proposal.source {
        Source::PolicyNetwork | Source::HostPolicy => 1.0,
        Source::AnalyticRule => 0.95,
        Source::ReactiveRule => 0.5,
        Source::Hold => 0.2,
    };
    let reasoning = reasoning(&facts, recommended);
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
    if let Some(need) = &facts.need {
        explanation.push_str(&format!(
            ": the forecast needs {:.1} jobs (median) to {:.1} (95 % quantile)",
            need.near[0], need.near[2]
        ));
    }
    if let Some((rule, late)) = &facts.rule {
        explanation.push_str(&format!("; rule: {rule} ({:.2} % late when rehearsed)", 100.0 * late));
    }
    if facts.emergency {
        explanation.push_str("; emergency");
    }
    if let Some(reason) = &proposal.fallback {
        explanation.push_str(&format!("; {reason}"));
    }
    for note in &facts.notes {
        explanation.push_str(&format!("; {note}"));
    }
    for entry in &trail {
        explanation.push_str(&format!(
            "; {} ({}) made {} of {}",
            entry.rule, entry.detail, entry.after, entry.before
        ));
    }
    let leaving = current.saturating_sub(recommended);
    let drain = (leaving > 0).then(|| {
        let idle = facts.utilization.map(|busy| 1.0 - busy);
        Drain::new(leaving, current, idle, facts.drain_busy_jobs, facts.decision_interval_seconds)
    });
    Decision {
        recommended_jobs: recommended,
        current_jobs: current,
        change: i64::from(recommended) - i64::from(current),
        confidence: rounded((facts.confidence * trust).clamp(0.0, 1.0)),
        reasoning,
        action,
        graceful: true,
        source: proposal.source,
        proposed_jobs: proposal.jobs,
        limited_by: trail.iter().map(|entry| entry.rule.clone()).collect(),
        trail,
        plan: facts.plan,
        drain,
        emergency: facts.emergency,
        fallback_reason: proposal.fallback,
        explanation,
        decided_at: facts.now,
        valid_until: facts.valid_until,
    }
}

fn reasoning(facts: &Facts, recommended: u32) -> Reasoning {
    let jobs = f64::from(recommended);
    let (indicates, risk) = match &facts.need {
        None => ("unknown_load", if facts.breached { "breach" } else { "medium" }),
        Some(need) => {
            let [median, _, upper, _] = need.near;
            let indicates = match facts.need_now {
                Some(now) if median > now * (1.0 + TREND_SHARE) => "increasing_load",
                Some(now) if median < now * (1.0 - TREND_SHARE) => "decreasing_load",
                _ => "steady_load",
            };
            let risk = if facts.breached {
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
    let share = (jobs - f64::from(facts.current_jobs)) / f64::from(facts.current_jobs.max(1));
    let cost = match share {
        s if s < 0.0 => "saving",
        0.0 => "none",
        s if s < 0.1 => "low",
        s if s < 0.5 => "moderate",
        _ => "high",
    };
    Reasoning {
        forecast_indicates: indicates.to_owned(),
        current_utilization: facts.utilization.map(rounded),
        sla_risk: risk.to_owned(),
        cost_impact: cost.to_owned(),
    }
}
