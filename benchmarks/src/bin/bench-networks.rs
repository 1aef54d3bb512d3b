//! `bench-networks`: the networks alone, measured when asked. On standard input, a line each: `inputs` prints 16 rows of
//! features and what the forecaster answers to them as JSON; `forecaster ROWS RUNS`, `policy RUNS` and `tick RUNS` print the
//! microseconds of processor time per row or per tick.

use evscale_benchmarks::{Records, config, processor_seconds};
use evscale_core::calendar::Calendar;
use evscale_core::features::{ForecasterInput, PolicyState, forecaster_input};
use evscale_core::metrics::History;
use evscale_core::{Autoscaler, BareNetworks, ModelBundle};
use serde_json::json;
use std::error::Error;
use std::hint::black_box;
use std::io::BufRead;

const ROWS: usize = 16;

fn inputs() -> Vec<ForecasterInput> {
    let mut history = History::new(120);
    let mut rows = Vec::new();
    for (index, record) in Records::new(1).take(10_080).enumerate() {
        history.push(record.timestamp, record.logged_events_count);
        if index >= 5_000 && index % 300 == 0 && rows.len() < ROWS {
            rows.push(forecaster_input(&history, &Calendar::utc(), 1.0));
        }
    }
    rows
}

fn main() -> Result<(), Box<dyn Error>> {
    let inputs = inputs();
    let mut bare = BareNetworks::new(&ModelBundle::bundled()?);
    let mut state = PolicyState::default();
    (state.current_jobs, state.analytic_need) = (10.0, 9.0);
    let mut scaler = Autoscaler::builder(config(true)).build()?;
    let mut records = Records::new(1);
    for record in records.by_ref().take(1000) {
        scaler.observe(&record)?;
        scaler.decide();
    }
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let began = processor_seconds();
        let done = match words.as_slice() {
            ["inputs"] => {
                let field =
                    |part: fn(&ForecasterInput) -> &[f32]| inputs.iter().map(part).collect::<Vec<_>>();
                let answers = bare.forecast(&inputs)?;
                println!(
                    "{}",
                    json!({ "fine": field(|row| row.fine()), "coarse": field(|row| row.coarse()),
                            "future": field(|row| row.future()), "statics": field(|row| row.statics()),
                            "quantiles": answers })
                );
                continue;
            }
            ["forecaster", rows, runs] => {
                let (rows, runs): (usize, usize) = (rows.parse()?, runs.parse()?);
                let rows = inputs.get(..rows).ok_or("at most 16 rows")?;
                for _ in 0..runs {
                    black_box(bare.forecast(black_box(rows))?);
                }
                rows.len() * runs
            }
            ["policy", runs] => {
                let runs = runs.parse()?;
                for _ in 0..runs {
                    black_box(bare.adjustment(black_box(&state))?);
                }
                runs
            }
            ["tick", runs] => {
                let runs = runs.parse()?;
                for record in records.by_ref().take(runs) {
                    scaler.observe(&record)?;
                    black_box((scaler.forecast(), scaler.decide()));
                }
                runs
            }
            _ => return Err(format!("unknown request: {line}").into()),
        };
        println!("{}", (processor_seconds() - began) * 1e6 / done as f64);
    }
    Ok(())
}
