//! A forecaster and a policy of the host's own: trusted as little as the networks.

mod support;

use evscale_core::features::PolicyState;
use evscale_core::{Config, Decision, HostForecaster, HostPolicy, Series, Source};
use support::{Pool, built, without_networks};

type Jobs = fn(&PolicyState) -> Result<f64, String>;
type Quantiles = fn(&Series) -> Result<Vec<Vec<f64>>, String>;

struct Policy(Jobs);

impl HostPolicy for Policy {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, String> {
        (self.0)(state)
    }
}

struct Forecaster(Quantiles);

impl HostForecaster for Forecaster {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, String> {
        (self.0)(series)
    }
}

fn networked() -> Pool {
    Pool::new(Config::default())
}

/// The decisions on `count` records of a rising and falling load.
fn run(pool: &mut Pool, count: usize) -> Vec<Decision> {
    pool.run(count, |index| 2000.0 + 900.0 * (index as f64 / 30.0).sin())
}

#[test]
fn a_policy_acts_under_the_same_rules_and_is_named() {
    let mut pool = networked();
    pool.scaler.use_policy(Box::new(Policy(|state| Ok(state.analytic_need)))).expect("networks are on");
    let decisions = run(&mut pool, 60);
    assert!(decisions.iter().any(|decision| decision.source == Source::HostPolicy));
    assert!(decisions.iter().all(|decision| (1..=100).contains(&decision.recommended_jobs.unwrap())));
}

#[test]
fn a_policy_that_fails_or_answers_nonsense_leaves_the_analytic_rule() {
    let broken: [(Jobs, &str); 4] = [
        (|_| Err("no luck today".to_owned()), "no luck today"),
        (|_| Ok(f64::NAN), "NaN jobs"),
        (|_| Ok(-1.0), "-1 jobs"),
        (|_| Ok(1e12), "1000000000000 jobs"),
    ];
    for (policy, part) in broken {
        let mut pool = networked();
        pool.scaler.use_policy(Box::new(Policy(policy))).expect("networks are on");
        let decisions = run(&mut pool, 60);
        assert!(decisions.iter().all(|decision| decision.source != Source::HostPolicy));
        assert!(
            decisions
                .iter()
                .any(|decision| decision.fallback_reason.as_ref().is_some_and(|why| why.contains(part)))
        );
    }
}

#[test]
fn a_forecaster_is_asked_with_the_history_and_checked() {
    let mut pool = networked();
    let good = |series: &Series| {
        assert_eq!(series.interval_seconds, 120.0);
        let last = series.counts.last().copied().unwrap_or(0.0);
        Ok(vec![(0..15).map(|level| last * (0.8 + 0.02 * f64::from(level))).collect(); 12])
    };
    pool.scaler.use_forecaster(Box::new(Forecaster(good))).expect("networks are on");
    run(&mut pool, 60);
    assert!(pool.scaler.health().causes.is_empty(), "{:?}", pool.scaler.health());
    let broken: [(Quantiles, &str); 4] = [
        (|_| Err("no luck today".to_owned()), "no luck today"),
        (|_| Ok(vec![vec![1.0; 15]; 3]), "3 rows of 15, expected 12 of 15"),
        (|_| Ok(vec![vec![f64::NAN; 15]; 12]), "NaN, expected 0 to 1e15"),
        (|_| Ok(vec![(0..15).rev().map(f64::from).collect(); 12]), "decrease"),
    ];
    for (forecaster, part) in broken {
        let mut pool = networked();
        pool.scaler.use_forecaster(Box::new(Forecaster(forecaster))).expect("networks are on");
        run(&mut pool, 20);
        assert!(
            pool.scaler.health().causes.iter().any(|cause| cause.contains(part)),
            "{:?}",
            pool.scaler.health()
        );
        assert!(pool.scaler.forecast().model_confidence > 0.0);
    }
}

#[test]
fn a_pool_without_networks_has_no_place_for_them() {
    let mut scaler = built(without_networks(|_| ()));
    let refused = scaler.use_policy(Box::new(Policy(|_| Ok(1.0)))).expect_err("there is none to replace");
    assert!(refused.to_string().contains("`use_networks` is false"));
}
