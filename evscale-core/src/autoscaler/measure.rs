use super::*;
use crate::simulate::Workload;
#[path = "../../tests/support/disturbed.rs"]
mod disturbed;

#[test]
#[ignore]
fn measure() {
    for (seed, strength) in [(1u64, 0.1f32), (2, 0.2), (3, 0.2), (4, 0.3), (5, 0.1)] {
        let load = Workload::random(seed, 21.0, 300);
        let mut config = Config::default();
        config.interval_seconds = 300;
        config.decision_interval_seconds = 600;
        config.max_jobs = 100_000;
        let mut scaler = Autoscaler::builder(config).build().unwrap();
        let rate = load.events.iter().sum::<f64>() / load.events.len() as f64;
        let service = 300.0 * 20.0 / rate * 1000.0;
        let mut jobs = 20.0;
        let mut hours: Vec<[f64; 4]> = Vec::new();
        for (i, events) in load.events.iter().enumerate() {
            let mut record = Metrics::new(load.end_of(i), *events, jobs);
            record.average_processing_duration_ms = Some(service);
            scaler.observe(&record).unwrap();
            if i == 3 * 288 {
                scaler.challenge(&disturbed::disturbed(strength, seed)).unwrap();
            }
            if let Some(n) = scaler.decide().recommended_jobs { jobs = f64::from(n); }
            if i > 3 * 288 {
                if i % 12 == 0 || hours.is_empty() { hours.push([0.0; 4]); }
                let s = scaler.state.lifecycle.as_ref().unwrap().second.as_ref();
                let Some(s) = s else { println!("{:?}", scaler.models()); break };
                let h = hours.last_mut().unwrap();
                h[0] += scaler.state.ensemble.settled().loss;
                h[1] += s.ensemble.settled().loss;
            }
        }
        for block in [1usize, 3, 6, 12, 24] {
            let d: Vec<f64> = hours.chunks(block).map(|c| {
                let (a, b) = c.iter().fold((0.0, 0.0), |s, h| (s.0 + h[0], s.1 + h[1]));
                if a.max(b) > 0.0 { (a - b) / a.max(b) } else { 0.0 }
            }).collect();
            let n = d.len() as f64;
            let m = d.iter().sum::<f64>() / n;
            let v = d.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / n;
            let r = d.windows(2).map(|w| (w[0] - m) * (w[1] - m)).sum::<f64>() / n / v;
            let lo = d.iter().copied().fold(1.0, f64::min);
            println!("{seed} {strength} block {block}: n {n} mean {m:.4} sd {:.4} lag1 {r:.2} min {lo:.3} lrv/h {:.5}", v.sqrt(), v * block as f64);
        }
        let t = hours.iter().fold((0.0, 0.0), |s, h| (s.0 + h[0], s.1 + h[1]));
        println!("total ratio {:.4}  {}", t.1 / t.0, scaler.models().unwrap().to_json());
    }
}
