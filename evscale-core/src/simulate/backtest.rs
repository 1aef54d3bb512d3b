//! Backtest: a user's own history, under evscale, under the rules people use today, and against a clairvoyant schedule.

use super::baselines::{
    BaselinePool, Flink, HpaCpu, HpaRate, KedaQueue, RayServe, SeasonalQuantile, StaticPeak,
};
use super::clairvoyant::clairvoyant_job_seconds;
use super::history::{History, ServiceTimeSource};
use super::money;
use super::replay::{Replay, ReplayRow, ScalingRule, Scores, replay_while};
use super::served::ClassScores;
use super::simulated_load::SimulatedLoad;
use crate::autoscaler::Autoscaler;
use crate::bundle::ModelBundle;
use crate::config::{Config, Mode};
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::forecaster::DueEvents;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use serde::Serialize;

/// Target of the baselines that take one: CPU percent, share of a job's capacity, utilization.
const BASELINE_TARGET: f64 = 0.7;
/// Longest warm-up, seconds: a week.
const WARM_UP_SECONDS: usize = 7 * 86_400;

/// Scores of one rule over the scored part.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BacktestScores {
    /// Compliance, cost, waits and changes.
    #[serde(flatten)]
    pub replay: Scores,
    /// Job-hours over those of the clairvoyant schedule.
    pub cost_ratio: f64,
    /// Job-hours above those of the clairvoyant schedule.
    pub regret_job_hours: f64,
    /// SPEC RG elasticity: surplus and lack of ready jobs, percent of the demand (offered load in whole jobs).
    pub theta_over_percent: f64,
    /// See above: lack.
    pub theta_under_percent: f64,
    /// SPEC RG elasticity: time with a surplus of half a job and more, percent.
    pub tau_over_percent: f64,
    /// See above: with a lack.
    pub tau_under_percent: f64,
}

/// One rule in a backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BacktestRun {
    /// Name of the rule.
    pub name: String,
    /// Scores.
    pub scores: BacktestScores,
    /// Scores of each class, where the configuration has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassScores>,
    /// Every interval, warm-up included.
    pub rows: Vec<ReplayRow>,
}

/// Result of [`backtest`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Backtest {
    /// Length of an interval as replayed, seconds.
    pub interval_seconds: u32,
    /// First scored interval.
    pub scored_from: usize,
    /// Where the service time comes from.
    pub service_time_source: ServiceTimeSource,
    /// Median service time, ms.
    pub service_time_ms: f64,
    /// Job-hours of the clairvoyant schedule over the scored part.
    pub clairvoyant_job_hours: f64,
    /// evscale first, then the baselines.
    pub runs: Vec<BacktestRun>,
    /// evscale's decisions, warm-up included.
    pub decisions: Vec<Decision>,
}

/// evscale with its decisions written down.
struct Recorded {
    scaler: Autoscaler,
    decisions: Vec<Decision>,
}

impl ScalingRule for Recorded {
    fn observe(&mut self, record: &Metrics) {
        ScalingRule::observe(&mut self.scaler, record);
    }

    fn decide(&mut self) -> Option<u32> {
        let decision = self.scaler.decide();
        let jobs = decision.recommended_jobs;
        if self.decisions.last().is_none_or(|last| last.decided_at != decision.decided_at) {
            self.decisions.push(decision);
        }
        jobs
    }

    fn set_due(&mut self, now: Timestamp, due: &[DueEvents]) {
        ScalingRule::set_due(&mut self.scaler, now, due);
    }

    fn expected(&self) -> Option<[f64; 3]> {
        self.scaler.expected()
    }
}

/// Replays a history through the decision code of an [`Autoscaler`] and, beside it, through the rules people use
/// today; scored after a warm-up of a week, or of 40 % of a shorter history.
///
/// Records shorter than the interval of the configuration are summed; longer ones set it. The records that evscale sees
/// come from a simulated queue (first in, first out, substeps of 10 s; by classes in the order of their priorities, of 1 s), since
/// other decisions would have led to other backlogs than those measured. Where the host knew what falls due, it says so after each
/// record, as it was known then. `progress` is told the intervals done and all, and says whether to go on.
///
/// ```
/// use evscale_core::simulate::{History, Workload, backtest};
/// use evscale_core::Config;
/// let mut history = History::new(Workload::random(1, 0.2, 600)); // instead of `Workload::from_csv`
/// history.baselines = false;
/// let config = Config::builder().use_networks(false).service_time_ms(400.0).build()?;
/// let result = backtest(&history, &config, None, &mut |_done, _all| true)?;
/// assert!(result.runs[0].scores.replay.job_hours > 0.0);
/// # Ok::<(), evscale_core::Error>(())
/// ```
///
/// # Errors
/// A configuration or history that makes no sense; a replay that was stopped.
pub fn backtest(
    history: &History,
    config: &Config,
    bundle: Option<ModelBundle>,
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Backtest> {
    // what is replayed is what would come of acting
    let mut config = Config { mode: Mode::Act, ..config.clone() };
    let (world, source) = history.load(&mut config)?;
    let builder = Autoscaler::builder(config.clone());
    let scaler = match bundle {
        Some(bundle) => builder.bundle(bundle).build()?,
        None => builder.build()?,
    };
    let scored_from = (WARM_UP_SECONDS / world.interval_seconds() as usize).min(world.len() * 2 / 5);
    let reference = clairvoyant_job_seconds(&world, scored_from, &config) / 3600.0;
    let mut evscale = Recorded { scaler, decisions: Vec::new() };
    let mut baselines: Vec<(String, Box<dyn ScalingRule>)> =
        if history.baselines { baselines(&world, &config) } else { Vec::new() };
    let all = world.len() * (1 + baselines.len());
    let mut before = 0;
    let mut runs = Vec::with_capacity(1 + baselines.len());
    let mut run = |name: &str, rule: &mut dyn ScalingRule| {
        let mut go_on = |done: usize, _: usize| progress(before + done, all);
        let played = replay_while(&world, &config, rule, scored_from, &mut go_on)
            .ok_or_else(|| Error::argument("backtest was stopped"))?;
        before += world.len();
        let cost = money::cost(&played, &config)?;
        runs.push(scored(name, played, &world, reference, config.fewest_and_most().0, cost));
        Ok(())
    };
    run("evscale", &mut evscale)?;
    for (name, rule) in &mut baselines {
        run(name, rule.as_mut())?;
    }
    Ok(Backtest {
        interval_seconds: world.interval_seconds(),
        scored_from,
        service_time_source: source,
        service_time_ms: 1000.0 * world.base_service_seconds(),
        clairvoyant_job_hours: reference,
        runs,
        decisions: evscale.decisions,
    })
}

fn baselines(world: &SimulatedLoad, config: &Config) -> Vec<(String, Box<dyn ScalingRule>)> {
    let pool = BaselinePool {
        bounds: config.fewest_and_most(),
        interval_seconds: world.interval_seconds(),
        startup_seconds: f64::from(config.job_startup_seconds),
        service_seconds: world.base_job_seconds(),
    };
    let mut loads: Vec<f64> = (0..world.len()).map(|index| world.offered_jobs(index)).collect();
    loads.sort_by(f64::total_cmp);
    let peak = loads.get(loads.len() * 999 / 1000).copied().unwrap_or(1.0).ceil() as u32;
    vec![
        ("static peak".to_owned(), Box::new(StaticPeak(peak.clamp(pool.bounds.0, pool.bounds.1))) as _),
        ("HPA on CPU".to_owned(), Box::new(HpaCpu::new(pool, 100.0 * BASELINE_TARGET)) as _),
        ("HPA on rate".to_owned(), Box::new(HpaRate::new(pool, BASELINE_TARGET)) as _),
        ("KEDA queue".to_owned(), Box::new(KedaQueue::new(pool, BASELINE_TARGET)) as _),
        ("Flink".to_owned(), Box::new(Flink::new(pool, BASELINE_TARGET)) as _),
        ("Ray Serve".to_owned(), Box::new(RayServe::new(pool, BASELINE_TARGET)) as _),
        ("seasonal quantile".to_owned(), Box::new(SeasonalQuantile::new(pool, BASELINE_TARGET)) as _),
    ]
}

fn scored(
    name: &str,
    played: Replay,
    world: &SimulatedLoad,
    reference: f64,
    min_jobs: u32,
    cost: Option<f64>,
) -> BacktestRun {
    let rows = played.rows.get(played.scored_from..).unwrap_or(&[]);
    let (mut over, mut under, mut over_time, mut under_time) = (0.0, 0.0, 0.0, 0.0);
    for (place, row) in rows.iter().enumerate() {
        let demand = world.offered_jobs(played.scored_from + place).ceil().max(f64::from(min_jobs)).max(1.0);
        let surplus = row.ready_jobs - demand;
        over += surplus.max(0.0) / demand;
        under += (-surplus).max(0.0) / demand;
        over_time += f64::from(u8::from(surplus >= 0.5));
        under_time += f64::from(u8::from(surplus <= -0.5));
    }
    let percent = |sum: f64| 100.0 * sum / rows.len().max(1) as f64;
    let scores = BacktestScores {
        cost_ratio: played.scores.job_hours / reference.max(1e-9),
        regret_job_hours: played.scores.job_hours - reference,
        theta_over_percent: percent(over),
        theta_under_percent: percent(under),
        tau_over_percent: percent(over_time),
        tau_under_percent: percent(under_time),
        replay: Scores { cost, ..played.scores },
    };
    BacktestRun { name: name.to_owned(), scores, classes: played.classes, rows: played.rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Workload;

    fn history(days: usize, baselines: bool) -> History {
        let rate = |i: usize| 600.0 + 400.0 * (i as f64 * std::f64::consts::TAU / 144.0).sin();
        let workload = Workload {
            name: "sine".into(),
            start: Timestamp::EPOCH.plus_seconds(1_767_571_200),
            interval_seconds: 600,
            events: (0..days * 144).map(rate).collect(),
        };
        History { jobs_at_peak: Some(20.0), baselines, ..History::new(workload) }
    }

    #[test]
    fn every_rule_is_scored_against_the_clairvoyant_schedule() {
        let config = Config { max_jobs: 40, ..Config::default() };
        let report = backtest(&history(3, true), &config, None, &mut |_, _| true).unwrap();
        assert_eq!(report.runs.len(), 8);
        assert_eq!((report.interval_seconds, report.scored_from), (600, 172));
        assert!(!report.decisions.is_empty());
        for run in &report.runs {
            assert_eq!(run.rows.len(), 3 * 144);
            if run.scores.replay.sla_compliance_percent > 99.9 {
                assert!(run.scores.cost_ratio >= 1.0, "{} {:?}", run.name, run.scores);
            }
        }
        let jobs = report.runs[1].rows.last().unwrap().jobs;
        assert_eq!(report.runs[1].scores.replay.scale_actions, 0, "static peak with {jobs} jobs");
        let again = backtest(&history(3, true), &config, None, &mut |_, _| true).unwrap();
        assert_eq!(report, again);
    }

    #[test]
    fn the_measured_service_time_counts_first_then_the_configured_one() {
        let mut config = Config::default();
        let mut given = history(1, false);
        assert_eq!(
            backtest(&given, &config, None, &mut |_, _| true).unwrap().service_time_source,
            ServiceTimeSource::Assumed
        );
        config.service_time_ms = Some(900.0);
        let report = backtest(&given, &config, None, &mut |_, _| true).unwrap();
        assert_eq!(
            (report.service_time_source, report.service_time_ms.round()),
            (ServiceTimeSource::Config, 900.0)
        );
        given.service_seconds = Some((0..144).map(|i| if i % 2 == 0 { f64::NAN } else { 2.0 }).collect());
        let report = backtest(&given, &config, None, &mut |_, _| true).unwrap();
        assert_eq!(
            (report.service_time_source, report.service_time_ms.round()),
            (ServiceTimeSource::History, 2000.0)
        );
    }

    #[test]
    fn a_stop_and_nonsense_are_refused() {
        let stopped = backtest(&history(3, true), &Config::default(), None, &mut |done, _| done < 5);
        assert!(stopped.unwrap_err().to_string().contains("stopped"));
        let mut negative = history(1, false);
        negative.workload.events[3] = -1.0;
        assert!(backtest(&negative, &Config::default(), None, &mut |_, _| true).is_err());
        for jobs in [-1.0, 0.0, 1e308, f64::INFINITY, f64::NAN] {
            let mut odd = history(1, false);
            odd.jobs_at_peak = Some(jobs);
            let refused = backtest(&odd, &Config::default(), None, &mut |_, _| true).unwrap_err().to_string();
            assert!(refused.contains("`jobs_at_peak` is "), "{refused}");
        }
    }
}
