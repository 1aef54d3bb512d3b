use super::*;
use crate::time::Timestamp;
use approx::abs_diff_eq;
use std::f64::consts::TAU;

fn run(interval: u32, values: impl IntoIterator<Item = f64>) -> Forecast {
    let start = Timestamp::from_millis(1_767_571_200_000).unwrap();
    let mut forecaster = Forecaster::without_network(interval, start).unwrap();
    for value in values {
        forecaster.observe(value).unwrap();
    }
    forecaster.forecast()
}

#[test]
fn every_series_gets_finite_ordered_quantiles() {
    let series: [Vec<f64>; 7] = [
        vec![],
        vec![5.0],
        vec![0.0; 400],
        vec![7.0; 2000],
        (0..900).map(|i| if i % 4 == 0 { f64::NAN } else { 30.0 }).collect(),
        (0..500).map(|i| 1e14 + i as f64).collect(),
        vec![f64::NAN; 50],
    ];
    for values in series {
        let forecast = run(120, values);
        for minutes in [12, 48, 180] {
            let horizon = forecast.horizon(minutes).unwrap();
            assert!(horizon.quantiles.iter().all(|q| q.is_finite() && *q >= 0.0));
            assert!(horizon.quantiles.windows(2).all(|pair| pair[0] <= pair[1]));
        }
        assert!((0.0..=1.0).contains(&forecast.anomaly_score));
        assert!((0.0..=1.0).contains(&forecast.model_confidence));
    }
}

#[test]
fn a_daily_pattern_is_seen_three_hours_ahead() {
    let rate = |i: usize| 1000.0 + 800.0 * (i as f64 * TAU / 720.0).sin();
    let count = 6 * 720 + 600;
    let forecast = run(120, (0..count).map(rate));
    let horizon = forecast.horizon(180).unwrap();
    let actual = rate(count - 1 + 90);
    let last = rate(count - 1);
    assert!((actual - last).abs() > 300.0);
    assert!(
        abs_diff_eq!(horizon.prediction, actual, epsilon = 100.0),
        "{} against {actual}",
        horizon.prediction
    );
}

#[test]
fn the_interval_holds_its_share() {
    use rand::{Rng, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let mut uniform = || f64::from(random.next_u32()) / f64::from(u32::MAX);
    let start = Timestamp::from_millis(1_767_571_200_000).unwrap();
    let mut forecaster = Forecaster::without_network(120, start).unwrap();
    let (mut inside, mut total) = (0, 0);
    for i in 0..4000 {
        let value = 100.0 + 60.0 * uniform();
        if i > 1000 {
            let (low, high) = forecaster.forecast().horizons[0].interval(0.8);
            inside += i32::from((low..=high).contains(&value));
            total += 1;
        }
        forecaster.observe(value).unwrap();
    }
    let share = f64::from(inside) / f64::from(total);
    assert!((0.76..=0.84).contains(&share), "{share}");
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let start = Timestamp::from_millis(0).unwrap();
    let mut forecaster = Forecaster::without_network(120, start).unwrap();
    forecaster.observe(4.0).unwrap();
    let before = forecaster.forecast();
    for value in [-1.0, f64::INFINITY, 1e18] {
        let problem = forecaster.observe(value).unwrap_err();
        assert!(problem.to_string().contains("expected 0 to 1e15"), "{problem}");
    }
    assert_eq!(forecaster.forecast(), before);
    assert!(Forecaster::without_network(5, start).is_err());
}
