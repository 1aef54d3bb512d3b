//! What the parts of an answer mean: words of the reasoning, health, plan, and what a policy is shown.

use crate::support::{Pool, eager};
use approx::abs_diff_eq;
use evscale_core::features::PolicyState;
use evscale_core::{
    Config, CostImpact, Decision, HealthStatus, HostError, HostPolicy, LoadTrend, ManualOrder,
    ManualOverride, PlanStep, SlaRisk, Source,
};
use std::sync::{Arc, Mutex};

/// At 600 ms per event and half of each job planned, a job takes 100 events per interval of 120 s.
const EVENTS_PER_JOB: f64 = 100.0;

/// A pool of 20 jobs after a day of about 2000 events per interval.
fn settled(change: impl FnOnce(&mut Config)) -> Pool {
    let mut pool = Pool::new(eager(|config| {
        config.target_utilization = 0.5;
        change(config);
    }));
    (pool.jobs, pool.service_ms) = (20, 600.0);
    for step in 0..720 {
        pool.tick(1900.0 + (step * 37 % 200) as f64);
    }
    pool
}

/// The decision on the next record of a pool that a person has ordered to a number.
fn ordered(pool: &mut Pool, jobs: u32) -> Decision {
    let until = pool.now().plus_seconds(3600);
    pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Fixed(jobs), until))).unwrap();
    let decision = pool.tick(2000.0);
    assert_eq!(decision.recommended_jobs.unwrap(), jobs, "{}", decision.to_json());
    decision
}

#[test]
fn the_cost_of_a_change_is_named_by_its_share_of_the_pool() {
    let mut pool = settled(|_| ());
    let named = [
        (5, CostImpact::Saving),
        (19, CostImpact::Saving),
        (20, CostImpact::None),
        (21, CostImpact::Low),      // 5 %
        (22, CostImpact::Moderate), // 10 %
        (29, CostImpact::Moderate), // 45 %
        (30, CostImpact::High),     // 50 %
        (60, CostImpact::High),
    ];
    for (jobs, words) in named {
        assert_eq!(ordered(&mut pool, jobs).reasoning.cost_impact, words, "{jobs} of 20 jobs");
    }
}

#[test]
fn the_risk_falls_from_high_to_low_as_the_need_is_met() {
    let mut pool = settled(|_| ());
    let mut words = Vec::new();
    for jobs in 1..60 {
        let decision = ordered(&mut pool, jobs);
        // the decision after the next one is four minutes away, and a job takes three: six minutes, in three intervals
        let forecast = pool.scaler.forecast();
        let highest = |level: f64| {
            let demands = [2, 4, 6].map(|lead| forecast.horizon(lead).unwrap().quantile(level));
            demands.into_iter().fold(0.0, f64::max) / EVENTS_PER_JOB
        };
        let risk = decision.reasoning.sla_risk;
        if f64::from(jobs) >= highest(0.95) {
            assert_eq!(risk, SlaRisk::Low, "{jobs} jobs meet the upper need of {:.2}", highest(0.95));
        }
        if f64::from(jobs) + 1.5 < highest(0.5) {
            assert_eq!(
                risk,
                SlaRisk::High,
                "{jobs} jobs are far below the median need of {:.2}",
                highest(0.5)
            );
        }
        if f64::from(jobs) + 1.0 < highest(0.95) {
            assert_ne!(risk, SlaRisk::Low, "{jobs} jobs are more than one short of {:.2}", highest(0.95));
        }
        words.push(risk);
    }
    words.dedup();
    assert_eq!(words, [SlaRisk::High, SlaRisk::Medium, SlaRisk::Low]);
}

#[test]
fn a_wait_beyond_the_sla_is_a_breach_whatever_the_pool_will_have() {
    let mut pool = settled(|_| ());
    for (wait_seconds, breach) in [(29.0, false), (31.0, true)] {
        let until = pool.now().plus_seconds(3600);
        pool.scaler.set_override(Some(ManualOverride::new(ManualOrder::Fixed(80), until))).unwrap();
        let decision =
            pool.tick_with(2000.0, |record| record.average_queue_wait_time_ms = Some(1000.0 * wait_seconds));
        assert_eq!(
            decision.reasoning.sla_risk,
            if breach { SlaRisk::Breach } else { SlaRisk::Low },
            "{}",
            decision.to_json()
        );
    }
}

#[test]
fn a_backlog_that_takes_longer_than_the_sla_allows_is_a_breach() {
    // 20 jobs work off 1000 events of 600 ms in 30 s, the longest wait
    for (waiting, breach) in [(990.0, false), (1010.0, true)] {
        let mut pool = settled(|_| ());
        let decision = pool.tick_with(2000.0, |record| record.queued_events_count = Some(waiting));
        assert_eq!(
            decision.reasoning.sla_risk == SlaRisk::Breach,
            breach,
            "{waiting}: {}",
            decision.to_json()
        );
    }
}

#[test]
fn a_pool_that_nobody_knows_enough_about_holds_and_says_what_is_missing() {
    let mut pool = Pool::new(eager(|_| ()));
    let unknown = |record: &mut evscale_core::Metrics| record.average_processing_duration_ms = None;
    for _ in 0..5 {
        let decision = pool.tick_with(2000.0, unknown);
        assert_eq!((decision.source, decision.recommended_jobs.unwrap()), (Source::Hold, 10));
        assert_eq!(decision.reasoning.forecast_indicates, LoadTrend::UnknownLoad);
        let health = pool.scaler.health();
        assert_eq!((health.status, health.source), (HealthStatus::Holding, Some(Source::Hold)));
        assert!(decision.fallback_reason.unwrap().contains("the service time is unknown"));
    }
    let decision = pool.tick(2000.0);
    assert_ne!(decision.source, Source::Hold, "{}", decision.to_json());
    assert_eq!(pool.scaler.health().status, HealthStatus::Healthy);
}

/// Whole jobs for a number of events per interval.
fn jobs_for(events: f64) -> u32 {
    (events / EVENTS_PER_JOB - 0.001).ceil() as u32
}

/// The plan of a decision, and the 10 %, 50 % and 95 % quantiles of the events at its leads.
fn planned(pool: &mut Pool, waiting: f64) -> Vec<(PlanStep, [f64; 3])> {
    let decision = pool.tick_with(2000.0, |record| record.queued_events_count = Some(waiting));
    let forecast = pool.scaler.forecast();
    let leads: Vec<u32> = decision.plan.iter().map(|step| step.minutes_ahead).collect();
    assert_eq!(leads, [12, 24, 48, 120]);
    let quantiles = |lead| [0.1, 0.5, 0.95].map(|level| forecast.horizon(lead).unwrap().quantile(level));
    decision.plan.into_iter().map(|step| (step.clone(), quantiles(step.minutes_ahead))).collect()
}

#[test]
fn the_plan_has_the_jobs_of_the_median_and_half_the_way_to_the_upper_quantile() {
    for (step, [low, median, high]) in planned(&mut settled(|_| ()), 0.0) {
        assert_eq!(step.low, jobs_for(low), "{step:?} of {low}");
        assert_eq!(step.jobs, jobs_for((median + high) / 2.0), "{step:?} of {median} and {high}");
        assert_eq!(step.high, jobs_for(high), "{step:?} of {high}");
        assert!(step.low < step.high, "{step:?}");
    }
}

#[test]
fn the_plan_knows_no_backlog() {
    let (without, with) = (planned(&mut settled(|_| ()), 0.0), planned(&mut settled(|_| ()), 50_000.0));
    assert_eq!(without, with);
}

#[test]
fn the_plan_stays_within_the_bounds() {
    for (step, [low, _, high]) in
        planned(&mut settled(|config| (config.min_jobs, config.max_jobs) = (20, 20)), 0.0)
    {
        assert!(jobs_for(low) < 20 && jobs_for(high) > 20, "the bounds bind at {} min", step.minutes_ahead);
        assert_eq!((step.low, step.jobs, step.high), (20, 20, 20));
    }
}

/// A policy that writes down what it is shown.
struct Listening(Arc<Mutex<Vec<f64>>>);

impl HostPolicy for Listening {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        self.0.lock().unwrap().push(state.load_ratio);
        Ok(state.analytic_need)
    }
}

#[test]
fn the_load_ratio_compares_with_three_intervals_before() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let mut pool = Pool::new(eager(|config| config.use_networks = true));
    pool.scaler.use_policy(Box::new(Listening(Arc::clone(&shown)))).unwrap();
    for _ in 0..20 {
        pool.tick(1000.0);
    }
    assert!(shown.lock().unwrap().len() > 10, "the policy is asked");
    // one interval of twice the load: seen while it is the newest one, and three intervals later
    for (events, expected) in [(2000.0, 2.0), (1000.0, 1.0), (1000.0, 1.0), (1000.0, 0.5), (1000.0, 1.0)] {
        shown.lock().unwrap().clear();
        pool.tick(events);
        let ratios = shown.lock().unwrap().clone();
        assert!(!ratios.is_empty());
        assert!(
            ratios.iter().all(|ratio| abs_diff_eq!(ratio / expected, 1.0, epsilon = 0.002)),
            "{ratios:?}, expected {expected}"
        );
    }
}

#[test]
fn the_load_ratio_is_one_where_an_interval_is_unknown() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let mut pool = Pool::new(eager(|config| config.use_networks = true));
    pool.scaler.use_policy(Box::new(Listening(Arc::clone(&shown)))).unwrap();
    for _ in 0..20 {
        pool.tick(1000.0);
    }
    pool.tick_with(f64::NAN, |record| record.processed_events_count = None);
    for _ in 0..2 {
        pool.tick(3000.0);
    }
    shown.lock().unwrap().clear();
    pool.tick(3000.0);
    let ratios = shown.lock().unwrap().clone();
    assert!(!ratios.is_empty() && ratios.iter().all(|ratio| *ratio == 1.0), "{ratios:?}");
}

#[test]
fn a_reader_of_decisions_goes_on_with_fields_of_a_later_version() {
    let decision = settled(|_| ()).tick(2000.0);
    let later = decision.to_json().replacen('{', "{\"of_a_later_version\": 1, ", 1);
    let drained = later.replacen(
        "\"drain\":null",
        "\"drain\":{\"jobs\":1,\"at_once\":1,\"then_one_per_seconds\":0,\"new\":1}",
        1,
    );
    let read: Decision = serde_json::from_str(&drained).unwrap();
    assert_eq!((read.recommended_jobs, read.explanation), (decision.recommended_jobs, decision.explanation));
}
