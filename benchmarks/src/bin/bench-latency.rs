//! `bench-latency TICKS`: times of a tick and of its parts, with networks and without, and of the networks alone, all taken
//! turn by turn in one run. One JSON object a line.

use evscale_benchmarks::{Records, argument, config, summary};
use evscale_core::calendar::Calendar;
use evscale_core::features::{ForecasterInput, PolicyState, forecaster_input};
use evscale_core::metrics::History;
use evscale_core::{Autoscaler, BareNetworks, Error, Metrics, ModelBundle};
use serde_json::json;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Ticks between two changes of turn.
const CHUNK: usize = 500;
/// Runs of the bare networks in a turn.
const BARE: usize = 50;

type Times = BTreeMap<&'static str, Vec<Duration>>;

/// Runs `work` and keeps its time under a name.
fn timed<T>(times: &mut Times, name: &'static str, work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let answer = black_box(work());
    let time = began.elapsed();
    times.entry(name).or_default().push(time);
    (answer, time)
}

fn tick(scaler: &mut Autoscaler, record: &Metrics, times: &mut Times) -> Result<(), Error> {
    let (seen, observe) = timed(times, "observe", || scaler.observe(record));
    let (_, forecast) = timed(times, "forecast", || scaler.forecast());
    let due = seen?.decision_due;
    let (_, decide) = timed(times, if due { "decide, due" } else { "decide, standing" }, || scaler.decide());
    let whole = observe + forecast + decide;
    times.entry("tick").or_default().push(whole);
    let kind = if due { "tick, decision due" } else { "tick, no decision due" };
    times.entry(kind).or_default().push(whole);
    timed(times, "tick, nothing due", || (scaler.forecast(), scaler.decide()));
    Ok(())
}

/// Features of the two generated weeks' last moments.
fn inputs() -> Vec<ForecasterInput> {
    let mut history = History::new(120);
    let mut rows = Vec::new();
    for (index, record) in Records::new(1).take(10_080).enumerate() {
        history.push(record.timestamp, record.logged_events_count);
        if index >= 10_080 - BARE {
            rows.push(forecaster_input(&history, &Calendar::utc(), 1.0));
        }
    }
    rows
}

fn main() -> Result<(), Error> {
    let ticks = argument(1, 100_000);
    let mut bare = BareNetworks::new(&ModelBundle::bundled()?);
    let inputs = inputs();
    let mut state = PolicyState::default();
    (state.current_jobs, state.analytic_need) = (10.0, 9.0);
    let mut pools = [true, false].map(|networks| (networks, Records::new(1), Times::new()));
    let mut scalers = Vec::new();
    for (networks, records, _) in &mut pools {
        let mut scaler = Autoscaler::builder(config(*networks)).build()?;
        for record in records.by_ref().take(CHUNK) {
            scaler.observe(&record)?;
            scaler.decide();
        }
        scalers.push(scaler);
    }
    let mut alone = Times::new();
    for turn in 0..ticks.div_ceil(CHUNK) {
        let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
        for index in order {
            let (Some(scaler), Some((_, records, times))) = (scalers.get_mut(index), pools.get_mut(index))
            else {
                continue;
            };
            for record in records.by_ref().take(CHUNK.min(ticks - turn * CHUNK)) {
                tick(scaler, &record, times)?;
            }
        }
        for row in &inputs {
            timed(&mut alone, "forecaster", || bare.forecast(std::slice::from_ref(row))).0?;
            timed(&mut alone, "policy", || bare.adjustment(&state)).0?;
        }
    }
    for (networks, _, mut times) in pools {
        for (name, times) in &mut times {
            println!("{}", json!({ "networks": networks, "part": name, "us": summary(times) }));
        }
    }
    for (name, times) in &mut alone {
        println!("{}", json!({ "networks": "alone", "part": name, "us": summary(times) }));
    }
    Ok(())
}
