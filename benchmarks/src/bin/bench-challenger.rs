//! `bench-challenger`: what models in the shadow cost a pool, in ticks and in memory, and what is left when they are gone. One JSON
//! object a line. `bench-challenger TICKS STATE` makes so many ticks of a pool that never had any (0), has some (1), or had some (2):
//! under callgrind, the difference of two numbers of ticks is what ticks cost.

use evscale_benchmarks::{Counting, Counts, Records, another_bundle, argument, config, processor_seconds};
use evscale_core::{Autoscaler, Error, Fleet, ModelBundle};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Two weeks at 120 s, and a day.
const FULL: usize = 10_080;
const DAY: usize = 720;
/// Turns, and ticks of each pool in a turn.
const TURNS: usize = 40;
const TICKS: usize = 60;

/// A pool without models in the shadow, with some, and one that had some.
fn pool(state: usize) -> Result<Autoscaler, Error> {
    let mut scaler = Autoscaler::builder(config(true)).build()?;
    if state > 0 {
        scaler.challenge(&another_bundle())?;
    }
    if state == 2 {
        scaler.end_challenge("the measurement says so");
    }
    Ok(scaler)
}

fn tick(scaler: &mut Autoscaler, records: &mut Records, ticks: usize) -> Result<(), Error> {
    for record in records.take(ticks) {
        scaler.observe(&record)?;
        std::hint::black_box(scaler.forecast());
        std::hint::black_box(scaler.decide());
    }
    Ok(())
}

/// Processor time of each pool over that of the first, turn by turn.
fn ratios() -> Result<(), Error> {
    let mut pools = [pool(0)?, pool(1)?, pool(2)?].map(|pool| (pool, Records::new(1)));
    for (scaler, records) in &mut pools {
        tick(scaler, records, 1000)?;
    }
    let mut ratios = [const { Vec::new() }; 2];
    for _ in 0..TURNS {
        let mut seconds = [0.0; 3];
        for ((scaler, records), seconds) in pools.iter_mut().zip(&mut seconds) {
            let begin = processor_seconds();
            tick(scaler, records, TICKS)?;
            *seconds = processor_seconds() - begin;
        }
        let [alone, others @ ..] = seconds;
        for (ratios, seconds) in ratios.iter_mut().zip(others) {
            ratios.push(seconds / alone - 1.0);
        }
    }
    let [with, after] = ratios.map(|mut ratios| {
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    });
    println!("{}", json!({ "ticks_more_with_challenger": with, "ticks_more_after_it": after }));
    Ok(())
}

/// Bytes in use of a fleet with full histories a day after the challenge, over those of one without; those of a share of sessions,
/// which the pools of a thread take turns with, are in it once.
fn bytes(pools: usize) -> Result<[u64; 2], Error> {
    let mut live = [0; 2];
    let mut snapshot = [0; 2];
    for (challenged, live) in live.iter_mut().enumerate() {
        let before = Counts::now().live;
        let mut fleet = Fleet::new(&ModelBundle::bundled()?);
        for pool in 0..pools {
            fleet.add(&format!("pool-{pool}"), config(true))?;
        }
        for (index, record) in Records::new(1).take(FULL + DAY).enumerate() {
            if index == FULL && challenged == 1 {
                fleet.challenge(&another_bundle(), 1.0)?;
            }
            for tick in fleet.tick((0..pools).map(|pool| (format!("pool-{pool}"), record.clone())).collect())
            {
                tick?;
            }
        }
        *live = Counts::now().live - before;
        if let Some(snapshot) = snapshot.get_mut(challenged) {
            *snapshot = fleet.snapshot("pool-0").map_or(0, |bytes| bytes.len() as u64);
        }
    }
    let [without, with] = live;
    let [small, large] = snapshot;
    Ok([with - without, large - small])
}

fn main() -> Result<(), Error> {
    if std::env::args().len() > 2 {
        return tick(&mut pool(argument(2, 0))?, &mut Records::new(1), argument(1, 1));
    }
    ratios()?;
    let ([few, snapshot], [many, _]) = (bytes(1)?, bytes(3)?);
    println!(
        "{}",
        json!({ "challenger_bytes_per_pool": (many - few) / 2, "its_networks_bytes": few - (many - few) / 2,
                "snapshot_bytes_more": snapshot })
    );
    Ok(())
}
