//! A forecaster and a policy of the host's own: trusted as little as the networks.

use crate::support::{Pool, built, served, without_networks};
use evscale_core::features::PolicyState;
use evscale_core::{
    Config, Decision, HealthStatus, HostError, HostForecaster, HostPolicy, Series, Source, Verdict,
};

type Jobs = fn(&PolicyState) -> Result<f64, HostError>;
type Quantiles = fn(&Series) -> Result<Vec<Vec<f64>>, HostError>;

struct Policy(Jobs);

impl HostPolicy for Policy {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        (self.0)(state)
    }
}

struct Forecaster(Quantiles);

impl HostForecaster for Forecaster {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
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
        (|_| Err("no luck today".into()), "no luck today"),
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
        (|_| Err("no luck today".into()), "no luck today"),
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

/// What a host's forecaster or policy does at one of its calls.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Panics,
    Fails,
    Answers(f64),
    Short,
}

const FAULTS: [Fault; 7] = [
    Fault::Panics,
    Fault::Fails,
    Fault::Answers(f64::NAN),
    Fault::Answers(f64::INFINITY),
    Fault::Answers(-1.0),
    Fault::Answers(1e300),
    Fault::Short,
];

/// Answers well but at one call.
struct Once {
    fault: Fault,
    at: u32,
    calls: u32,
}

impl Once {
    fn turn(&mut self) -> Option<Fault> {
        self.calls += 1;
        (self.calls == self.at).then_some(self.fault)
    }
}

impl HostForecaster for Once {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        let last = series.counts.last().copied().filter(|count| count.is_finite()).unwrap_or(0.0);
        let rows = vec![vec![last; 15]; 12];
        match self.turn() {
            Some(Fault::Panics) => panic!("a bug of the forecaster"),
            Some(Fault::Fails) => Err("no luck".into()),
            Some(Fault::Answers(value)) => Ok(vec![vec![value; 15]; 12]),
            Some(Fault::Short) => Ok(vec![vec![last; 15]; 11]),
            None => Ok(rows),
        }
    }
}

impl HostPolicy for Once {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        match self.turn() {
            Some(Fault::Panics) => panic!("a bug of the policy"),
            Some(Fault::Fails | Fault::Short) => Err("no luck".into()),
            Some(Fault::Answers(value)) => Ok(value),
            None => Ok(state.analytic_need),
        }
    }
}

#[test]
fn whatever_goes_wrong_at_any_call_the_record_is_taken_and_the_failure_is_told() {
    for fault in FAULTS {
        for at in [1, 2, 3, 20, 41] {
            for forecasts in [true, false] {
                let (mut pool, once) = (networked(), Box::new(Once { fault, at, calls: 0 }));
                let placed =
                    if forecasts { pool.scaler.use_forecaster(once) } else { pool.scaler.use_policy(once) };
                placed.expect("networks are on");
                let (mut told, mut usable) = (false, 0);
                for step in 0..60 {
                    pool.step = step;
                    let record = served(pool.now(), 2000.0 + 9.0 * (step % 7) as f64, 10, 500.0);
                    let seen = pool.scaler.observe(&record).unwrap();
                    assert_eq!(seen.verdict, Verdict::Accepted, "{fault:?} at call {at}, record {step}");
                    let decision = pool.scaler.decide();
                    usable +=
                        u32::from(decision.recommended_jobs.is_some_and(|jobs| (1..=100).contains(&jobs)));
                    told |= pool.scaler.health().status != HealthStatus::Healthy
                        || decision.fallback_reason.is_some_and(|why| why.contains("host's own"));
                }
                let again = served(pool.now(), 2000.0, 10, 500.0);
                assert_eq!(pool.scaler.observe(&again).unwrap().verdict, Verdict::Rejected);
                assert!(
                    told && usable == 60,
                    "{fault:?} at call {at}, forecaster {forecasts}: {usable} of 60"
                );
            }
        }
    }
}

/// Texts that a host should not hand over, and what must not come out.
fn foreign_texts() -> [String; 5] {
    [
        "\u{1b}]0;owned\u{7}\u{1b}[2J".to_owned(),
        "\0\r\n\u{9b}31m".to_owned(),
        "\u{202e}\u{2066}\u{200b}\u{feff}".to_owned(),
        "x".repeat(10_000_000),
        "\u{1b}".repeat(1_000_000),
    ]
}

#[track_caller]
fn assert_harmless(place: &str, text: &str) {
    let hidden = |letter: char| letter.is_control() || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(letter);
    assert!(!text.contains(hidden), "{place}: {:?}", text.chars().take(200).collect::<String>());
    assert!(text.len() < 20_000, "{place}: {} bytes", text.len());
}

/// Fails with a text, or panics with it.
struct Says(String, bool);

impl HostPolicy for Says {
    fn jobs(&mut self, _: &PolicyState) -> Result<f64, HostError> {
        if self.1 { panic!("{}", self.0) } else { Err(self.0.clone().into()) }
    }
}

impl HostForecaster for Says {
    fn forecast(&mut self, _: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        if self.1 { panic!("{}", self.0) } else { Err(self.0.clone().into()) }
    }
}

#[test]
fn foreign_texts_are_cut_and_escaped_wherever_they_come_out_and_enlarge_nothing() {
    let usual = {
        let mut pool = networked();
        pool.scaler.use_policy(Box::new(Says("no luck".to_owned(), false))).unwrap();
        pool.scaler.use_forecaster(Box::new(Says("no luck".to_owned(), false))).unwrap();
        run(&mut pool, 20);
        pool.scaler.snapshot().len()
    };
    for text in foreign_texts() {
        for panics in [false, true] {
            let mut pool = networked();
            pool.scaler.use_policy(Box::new(Says(text.clone(), panics))).unwrap();
            pool.scaler.use_forecaster(Box::new(Says(text.clone(), panics))).unwrap();
            for decision in run(&mut pool, 20) {
                assert_harmless("decision", &decision.to_json());
                assert_harmless("explanation", &decision.explanation);
                assert_harmless("fallback", &decision.fallback_reason.unwrap_or_default());
            }
            assert_harmless("health", &pool.scaler.health().causes.join(" "));
            let more = pool.scaler.snapshot().len().saturating_sub(usual);
            assert!(more < 16_000, "a snapshot is larger by {more} bytes than {usual}");
        }
        let mut zone = Config::default();
        zone.time_zone.clone_from(&text);
        let mut holiday = Config::default();
        holiday.holidays = vec![text.clone()];
        let mut key = Config::default();
        key.bundle_public_key = Some(text.clone());
        for config in [zone, holiday, key] {
            assert_harmless("configuration", &config.check().unwrap_err().to_string());
        }
        let quoted = format!("{{\"{}\": 1}}", text.replace(char::is_control, "\\u001b"));
        assert_harmless("unknown setting", &Config::from_json(&quoted).unwrap_err().to_string());
        assert_harmless("a time", &text.parse::<evscale_core::Timestamp>().unwrap_err().to_string());
        let mut pool = networked();
        assert_harmless("alert", &pool.scaler.silence(&text, None).unwrap_err().to_string());
        let mut fleet = evscale_core::Fleet::new(&evscale_core::ModelBundle::bundled().unwrap());
        assert_harmless("key", &fleet.with_pool(&text, |_| ()).unwrap_err().to_string());
    }
}
