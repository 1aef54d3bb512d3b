//! From what the safety rules allow to a decision: the only way to make one.

use super::explanation::explanation;
use super::{Action, CostImpact, Decision, Drain, LoadTrend, PlanStep, Reasoning, SlaRisk, plan};
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
    /// What the classes of events that others wait for are planned to need.
    pub(crate) level_plans: Vec<Vec<PlanStep>>,
}

impl Evidence<'_> {
    /// Returns the plan of the pool, no less than that of any class of events that others wait for.
    fn plan(&self) -> Vec<PlanStep> {
        let mut steps = self.outlook.load().map(plan).unwrap_or_default();
        for own in &self.level_plans {
            for (step, own) in steps.iter_mut().zip(own) {
                step.jobs = step.jobs.max(own.jobs);
                (step.low, step.high) = (step.low.max(own.low), step.high.max(own.high));
            }
        }
        steps
    }

    /// Returns the need of the newest arrivals alone, jobs.
    fn need_now(&self) -> Option<f64> {
        let (events, service) = self.pool.events().zip(self.pool.job_seconds(self.config))?;
        Some(jobs_for(events, service, self.config))
    }

    /// Returns how the jobs that are too many should leave.
    fn drain(&self, leaving: u32) -> Option<Drain> {
        let idle = self.pool.utilization().map(|busy| 1.0 - busy);
        let (config, current) = (self.config, self.pool.known_jobs()?);
        (leaving > 0).then(|| {
            Drain::new(leaving, current, idle, config.drain_busy_jobs, config.decision_interval_seconds)
        })
    }
}

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
