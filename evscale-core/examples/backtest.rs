//! Would it have worked? A history under evscale and under the rules that people use today.

use evscale_core::simulate::{History, Workload};
use evscale_core::{Config, backtest};

fn main() -> Result<(), evscale_core::Error> {
    let mut csv = String::from("timestamp,events\n"); // as it would be read from a file of yours
    for minute in (0..3 * 1440).step_by(2) {
        let of_day = f64::from(minute % 1440) / 1440.0;
        let (day, hour, minute) = (5 + minute / 1440, minute / 60 % 24, minute % 60);
        let events = 3000.0 - 2500.0 * (of_day * std::f64::consts::TAU).cos();
        csv += &format!("2026-01-{day:02}T{hour:02}:{minute:02}:00Z,{events:.0}\n");
    }
    let history = History::new(Workload::from_csv("three days", &csv)?);
    let config = Config::builder().max_jobs(60).service_time_ms(400.0).build()?;
    let result = backtest(&history, &config, None, &mut |_done, _all| true)?;
    println!("{:32} {:>9} {:>10}", "rule", "in time", "job-hours");
    for run in &result.runs {
        let scores = &run.scores.replay;
        println!("{:32} {:>8.2}% {:>10.0}", run.name, scores.sla_compliance_percent, scores.job_hours);
    }
    Ok(())
}
