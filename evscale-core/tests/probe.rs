use evscale_core::simulate::{LoadSettings, SimulatedLoad, Workload, replay, ScalingRule};
use evscale_core::{Autoscaler, Config, Timestamp, Metrics};
struct Logged { scaler: Autoscaler, from: i64, to: i64, day: i64, last: String }
impl ScalingRule for Logged {
    fn observe(&mut self, r: &Metrics) { let seen = self.scaler.observe(r).unwrap();
        let s = r.timestamp.as_millis()/1000; let d = s / 86400 - 20458; let t = s % 86400;
        if d == self.day && t >= self.from && t <= self.to {
            let f = self.scaler.forecast();
            let v: Vec<String> = f.horizons.iter().take(8).map(|h| format!("{:.0}/{:.0}", h.prediction, h.quantile(0.8))).collect();
            println!("t={} events={:.0} jobs={} q={:?} em={} due={} f={}", t - 18077, r.logged_events_count, r.current_job_count, r.queued_events_count, seen.emergency, seen.decision_due, v.join(" "));
        }
    }
    fn decide(&mut self) -> Option<u32> { let d = self.scaler.decide();
        let s = d.decided_at.as_millis()/1000; let day = s / 86400 - 20458; let t = s % 86400;
        let j = d.to_json();
        if day == self.day && t >= self.from && t <= self.to && j != self.last { println!("   {}", &j); self.last = j; }
        d.recommended_jobs }
}
#[test]
fn probe() {
    let arg: Vec<u32> = std::env::var("PROBE").unwrap().split(',').map(|x| x.parse().unwrap()).collect();
    let (i, startup, day) = (arg[0], arg[1], arg[2]);
    let interval = f64::from(i); let length = 900f64.max(2.0*interval);
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let events = (0..((day as f64+1.0) * 86400.0 / interval) as usize).map(|slot| {
        let (from, to) = (slot as f64 * interval, (slot + 1) as f64 * interval);
        let begin = (from / 86400.0).floor() * 86400.0 + 18077.0;
        let shared = (to.min(begin + length) - from.max(begin)).max(0.0);
        (10.0 * (interval - shared) + 200.0 * shared).round() }).collect();
    let workload = Workload { name: "x".to_owned(), start, interval_seconds: i, events };
    let settings = LoadSettings { service_drift: 0.0, service_noise: 0.0, burst_concentration: 1000.0, jobs_at_peak: 40.0, ..Default::default() };
    let load = SimulatedLoad::new(&workload, &settings);
    let mut config = Config::default();
    config.interval_seconds = i; config.decision_interval_seconds = config.decision_interval_seconds.max(i); config.job_startup_seconds = startup;
    let scaler = Autoscaler::builder(config.clone()).build().unwrap();
    let mut rule = Logged { scaler, from: 18077 - arg[3] as i64, to: 18077 + arg[4] as i64, day: day as i64, last: String::new() };
    replay(&load, (startup.into(), 30.0), &mut rule, 0, &mut |_, _| {});
}
