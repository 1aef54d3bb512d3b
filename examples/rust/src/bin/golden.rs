//! Golden vectors: `golden records` prints the metrics records of two generated weeks under a reactive rule, one JSON
//! object a line; `golden decide CONFIG.json` reads such lines and prints the decision after each; `golden report CONFIG.json`
//! prints the report and the alerts after every 720th.

use evscale_core::simulate::baselines::{BaselinePool, HpaCpu};
use evscale_core::simulate::{LoadSettings, ScalingRule, SimulatedLoad, Workload, replay};
use evscale_core::{Alert, Autoscaler, Config, Metrics};
use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

struct Printing<W: Write> {
    rule: HpaCpu,
    out: W,
}

impl<W: Write> ScalingRule for Printing<W> {
    fn observe(&mut self, record: &Metrics) {
        let line = serde_json::to_string(record).unwrap_or_default();
        if writeln!(self.out, "{line}").is_err() {
            std::process::exit(1);
        }
        self.rule.observe(record);
    }

    fn decide(&mut self) -> Option<u32> {
        self.rule.decide()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["records"] => {
            let world = SimulatedLoad::new(&Workload::two_weeks(1), &LoadSettings::default());
            let pool = BaselinePool {
                bounds: (1, 90),
                interval_seconds: 120,
                startup_seconds: 180.0,
                service_seconds: world.base_service_seconds(),
            };
            let mut rule = Printing { rule: HpaCpu::new(pool, 70.0), out };
            replay(&world, (180.0, 30.0), &mut rule, 0, &mut |_, _| {});
            rule.out.flush()?;
        }
        ["decide", config] => {
            let config = Config::from_json(&std::fs::read_to_string(config)?)?;
            let mut scaler = Autoscaler::builder(config).build()?;
            for line in std::io::stdin().lock().lines() {
                scaler.observe(&serde_json::from_str(&line?)?)?;
                writeln!(out, "{}", scaler.decide().to_json())?;
            }
        }
        ["report", config] => {
            let config = Config::from_json(&std::fs::read_to_string(config)?)?;
            let mut scaler = Autoscaler::builder(config).build()?;
            for (index, line) in std::io::stdin().lock().lines().enumerate() {
                scaler.observe(&serde_json::from_str(&line?)?)?;
                scaler.decide();
                if index % 720 == 719 {
                    writeln!(out, "{}\n{}", scaler.report().to_json(), Alert::all_to_json(&scaler.alerts()))?;
                }
            }
        }
        _ => return Err("usage: golden records | golden decide|report CONFIG.json < RECORDS".into()),
    }
    Ok(())
}
