//! The fallback chain under networks that are broken on purpose: every fallback has a cause, every recovery good runs.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use crate::support::Pool;
use evscale_core::{
    Autoscaler, Config, Decision, ErrorKind, HealthStatus, Metrics, ModelBundle, ScalingOutcome, Source,
    Timestamp,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

const MANIFEST: &str = include_str!("../../../models/onnx/manifest.json");
const FORECASTER: &[u8] = include_bytes!("../../../models/onnx/forecaster.onnx");
const POLICY: &[u8] = include_bytes!("../../../models/onnx/policy.onnx");
/// Failures that only show when a network runs.
const BROKEN: [&str; 4] = ["nan", "huge", "divides_by_zero", "divides_whole_by_zero"];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/fixtures/broken/{name}.onnx")).unwrap()
}

/// A bundle whose manifest vouches for these networks.
fn bundle(forecaster: &[u8], policy: &[u8]) -> evscale_core::Result<ModelBundle> {
    let sha256 = |bytes: &[u8]| format!("{:x}", Sha256::digest(bytes));
    let manifest =
        MANIFEST.replace(&sha256(FORECASTER), &sha256(forecaster)).replace(&sha256(POLICY), &sha256(policy));
    ModelBundle::from_files(manifest.as_bytes(), forecaster, policy)
}

/// A pool under a load by the clock, times a factor.
struct Watched {
    pool: Pool,
    factor: f64,
}

impl Watched {
    fn new(bundle: ModelBundle) -> Self {
        let mut config = Config::default();
        config.decision_interval_seconds = config.interval_seconds;
        let mut pool = Pool::of(Autoscaler::builder(config).bundle(bundle).build().unwrap());
        pool.service_ms = 400.0;
        Self { pool, factor: 1.0 }
    }

    fn tick(&mut self) -> Decision {
        let events = (self.factor * (2000.0 + 500.0 * (self.pool.step as f64 / 60.0).sin())).round();
        let decision = self.pool.tick_with(events, |_| ());
        self.pool.jobs = decision.recommended_jobs.unwrap();
        decision
    }

    fn ticks(&mut self, count: u32) -> Decision {
        (0..count).map(|_| self.tick()).last().unwrap()
    }

    /// Ticks until a decision is as wanted; how many it took.
    fn until(&mut self, wanted: impl Fn(&Decision, &Autoscaler) -> bool) -> (u32, Decision) {
        for count in 1..2000 {
            let decision = self.tick();
            if wanted(&decision, &self.pool.scaler) {
                return (count, decision);
            }
        }
        panic!("not within 2000 records: {:?}", self.pool.scaler.health());
    }

    fn started(&mut self, seconds: f64) {
        for _ in 0..40 {
            let mut outcome = ScalingOutcome::new(Timestamp::EPOCH);
            outcome.ready = 1;
            outcome.startup_seconds = Some(seconds);
            self.pool.scaler.acknowledge(&outcome);
        }
    }
}

#[test]
fn a_wrong_shape_is_refused_when_it_is_loaded() {
    let refused = |forecaster: &[u8], policy: &[u8]| {
        let problem = bundle(forecaster, policy).unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::InvalidBundle, "{problem}");
        assert!(problem.to_string().contains("expected"), "{problem}");
    };
    refused(&fixture("forecaster_shape"), POLICY);
    refused(FORECASTER, &fixture("policy_shape"));
}

#[test]
fn a_broken_policy_network_gives_way_to_the_analytic_rule() {
    let healthy = bundle(FORECASTER, &fixture("policy_healthy")).unwrap();
    Watched::new(healthy).until(|decision, _| decision.source == Source::PolicyNetwork);
    for kind in BROKEN {
        let mut watched = Watched::new(bundle(FORECASTER, &fixture(&format!("policy_{kind}"))).unwrap());
        for _ in 0..200 {
            let decision = watched.tick();
            assert_eq!(decision.source, Source::AnalyticRule, "{kind}: {}", decision.to_json());
            let reason = decision.fallback_reason.clone().unwrap();
            assert!(reason.starts_with("policy "), "{kind}: {reason}");
            assert!(decision.explanation.contains(&reason), "{kind}: {}", decision.explanation);
            let health = watched.pool.scaler.health();
            assert_eq!(health.status, HealthStatus::Degraded, "{kind}");
            assert!(watched.pool.cause("policy ").is_some(), "{kind}: {health:?}");
        }
    }
}

#[test]
fn a_broken_forecaster_network_gives_way_to_the_experts() {
    let healthy = bundle(&fixture("forecaster_healthy"), POLICY).unwrap();
    let mut watched = Watched::new(healthy);
    watched.ticks(60);
    assert_eq!(watched.pool.cause("forecast without its network"), None);
    for kind in BROKEN {
        let mut watched = Watched::new(bundle(&fixture(&format!("forecaster_{kind}")), POLICY).unwrap());
        for _ in 0..200 {
            let decision = watched.tick();
            assert_ne!(decision.source, Source::Hold, "{kind}: {}", decision.to_json());
            assert!(watched.pool.cause("forecast without its network").is_some(), "{kind}");
            assert!(
                decision.explanation.contains("forecast without its network"),
                "{}",
                decision.explanation
            );
        }
        let forecast = watched.pool.scaler.forecast();
        let next = &forecast.horizons[0];
        assert!((1000.0..4000.0).contains(&next.prediction), "{kind}: {next:?}");
    }
}

#[test]
fn a_policy_network_comes_back_after_good_runs_and_decisions_say_both() {
    let mut watched = Watched::new(bundle(FORECASTER, &fixture("policy_sometimes")).unwrap());
    let failed = |scaler: &Autoscaler, why: &str| {
        scaler.health().causes.iter().any(|cause| cause.starts_with("policy ") && cause.contains(why))
    };
    watched.until(|decision, _| decision.source == Source::PolicyNetwork);
    watched.started(7000.0);
    let (_, down) = watched.until(|_, scaler| failed(scaler, "NaN"));
    assert_ne!(down.source, Source::PolicyNetwork, "{}", down.explanation);
    watched.ticks(50);
    assert!(failed(&watched.pool.scaler, ""), "it fails in the shadow");
    watched.started(180.0);
    let (_, on_probation) = watched.until(|_, scaler| failed(scaler, "1 of 10 good runs in the shadow"));
    assert_ne!(on_probation.source, Source::PolicyNetwork);
    let (waited, up) = watched.until(|_, scaler| !failed(scaler, ""));
    assert_eq!(waited, 9, "ten good runs in a row");
    assert!(up.explanation.contains("the policy network acts again"), "{}", up.explanation);
    assert!(watched.pool.cause("policy ").is_none());
    assert!(!watched.tick().explanation.contains("acts again"), "told once");
}

#[test]
fn a_forecaster_network_comes_back_after_good_runs_and_decisions_say_both() {
    let mut watched = Watched::new(bundle(&fixture("forecaster_sometimes"), POLICY).unwrap());
    watched.ticks(60);
    assert_eq!(watched.pool.cause("forecast without its network"), None);
    watched.factor = 12.0;
    let down = watched.tick();
    assert!(down.explanation.contains("forecast without its network"), "{}", down.explanation);
    watched.factor = 1.0;
    let (waited, up) = watched.until(|decision, _| decision.explanation.contains("acts again"));
    assert_eq!(waited, 40, "30 records of rest, ten good runs");
    assert!(up.explanation.contains("the forecaster network acts again"), "{}", up.explanation);
    assert_eq!(watched.pool.cause("forecast without its network"), None);
}

#[test]
fn a_call_beyond_its_budget_opens_the_breakers_of_the_networks_asked() {
    let mut watched = Watched::new(ModelBundle::bundled().unwrap());
    watched.until(|decision, _| decision.source == Source::PolicyNetwork);
    watched.pool.scaler.report_latency(Duration::from_millis(1000));
    assert_eq!(watched.pool.scaler.health().status, HealthStatus::Healthy, "within the budget");
    watched.until(|decision, _| decision.source == Source::PolicyNetwork);
    watched.pool.scaler.report_latency(Duration::from_millis(1500));
    let cause = watched.pool.cause("policy: a call took 1500.0 ms, expected at most 1000 ms");
    assert!(cause.is_some(), "{:?}", watched.pool.scaler.health());
    assert_eq!(watched.pool.cause("forecast without its network"), None, "`decide` did not ask it");
    let decision = watched.tick();
    assert_eq!(decision.source, Source::AnalyticRule);
    let mut record =
        Metrics::new(decision.decided_at.plus_seconds(120), 2000.0, f64::from(watched.pool.jobs));
    record.average_processing_duration_ms = Some(400.0);
    watched.pool.scaler.observe(&record).unwrap();
    watched.pool.scaler.report_latency(Duration::from_secs(3));
    assert!(watched.pool.cause("forecast without its network: forecaster: a call took 3000.0 ms").is_some());
    watched.pool.scaler.report_latency(Duration::from_secs(3));
    watched.pool.step += 1;
    let (_, up) = watched.until(|_, scaler| scaler.health().status == HealthStatus::Healthy);
    assert!(up.explanation.contains("acts again"), "{}", up.explanation);
}
