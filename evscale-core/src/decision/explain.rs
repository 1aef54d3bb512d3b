//! From what the safety rules allow to a decision: the only way to make one.

use super::evidence::Evidence;
use super::explanation::explanation;
use super::{Action, CostImpact, Decision, LoadTrend, Reasoning, SlaRisk};
use crate::policy::{Proposal, Source};
use crate::quantiles::rounded;
use crate::safety::Outcome;

/// Change of the demand that is called increasing or decreasing, as a share.
const TREND_SHARE: f64 = 0.1;

/// Makes the decision out of what the safety rules allow; without a recommendation where they allow no number.
pub(crate) fn explain(outcome: Option<Outcome>, proposal: Proposal, evidence: &Evidence<'_>) -> Decision {
    let recommended = outcome.as_ref().map(Outcome::jobs);
    let current = evidence.pool.known_jobs();
    let change = recommended.zip(current).map(|(to, from)| i64::from(to) - i64::from(from));
    let trail = outcome.map(Outcome::into_trail).unwrap_or_default();
    let trust = match proposal.source {
        Source::PolicyNetwork | Source::HostPolicy => 1.0,
        Source::AnalyticRule => 0.95,
        Source::ReactiveRule => 0.5,
        Source::Hold => 0.2,
    };
    let reasoning = reasoning(evidence, recommended, change);
    let action = match change.unwrap_or(0) {
        1.. => Action::ScaleUp,
        0 => Action::Hold,
        _ => Action::ScaleDown,
    };
    let explanation = explanation(recommended, current, proposal.fallback.as_deref(), &trail, evidence);
    let config = evidence.config;
    let lasts =
        if recommended.is_some() { config.decision_interval_seconds } else { config.interval_seconds };
    Decision {
        recommended_jobs: recommended,
        current_jobs: evidence.pool.last_known_jobs(),
        change,
        confidence: rounded((evidence.outlook.forecast.model_confidence * trust).clamp(0.0, 1.0)),
        reasoning,
        action,
        graceful: true,
        source: proposal.source,
        proposed_jobs: proposal.jobs,
        limited_by: trail.iter().map(|entry| entry.rule).collect(),
        trail,
        plan: evidence.plan(),
        drain: evidence.drain(change.map_or(0, |change| change.min(0).unsigned_abs() as u32)),
        emergency: evidence.outlook.emergency,
        fallback_reason: proposal.fallback,
        explanation,
        decided_at: evidence.now,
        valid_until: evidence.now.plus_seconds(i64::from(lasts)),
    }
}

fn reasoning(evidence: &Evidence<'_>, recommended: Option<u32>, change: Option<i64>) -> Reasoning {
    let need = evidence.outlook.need();
    let indicates = match need.zip(evidence.need_now()) {
        _ if need.is_none() => LoadTrend::UnknownLoad,
        Some((need, now)) if need.near[0] > now * (1.0 + TREND_SHARE) => LoadTrend::IncreasingLoad,
        Some((need, now)) if need.near[0] < now * (1.0 - TREND_SHARE) => LoadTrend::DecreasingLoad,
        _ => LoadTrend::SteadyLoad,
    };
    let risk = match (recommended.map(f64::from), need) {
        _ if evidence.pool.breached(evidence.config) => SlaRisk::Breach,
        (None, _) => SlaRisk::Unknown,
        (Some(_), None) => SlaRisk::Medium,
        (Some(jobs), Some(need)) => {
            let [median, _, upper, _] = need.near;
            match jobs {
                jobs if jobs + 1.0 < median => SlaRisk::High,
                jobs if jobs + 0.5 < upper => SlaRisk::Medium,
                _ => SlaRisk::Low,
            }
        }
    };
    Reasoning {
        forecast_indicates: indicates,
        current_utilization: evidence.pool.utilization().map(rounded),
        sla_risk: risk,
        cost_impact: cost_impact(change, evidence.pool.known_jobs()),
    }
}

/// Returns the change as a share of the pool, in a word.
fn cost_impact(change: Option<i64>, current: Option<u32>) -> CostImpact {
    let Some((change, current)) = change.zip(current) else { return CostImpact::Unknown };
    match change as f64 / f64::from(current.max(1)) {
        s if s < 0.0 => CostImpact::Saving,
        0.0 => CostImpact::None,
        s if s < 0.1 => CostImpact::Low,
        s if s < 0.5 => CostImpact::Moderate,
        _ => CostImpact::High,
    }
}
