//! `bench-memory`: allocations of a tick, and memory of a pool whose history is full. One JSON object a line.

use evscale_benchmarks::{Counting, Counts, Records, config};
use evscale_core::{Autoscaler, Error, Fleet, ModelBundle};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Two weeks at 120 s.
const FULL: usize = 10_080;
const COUNTED: usize = 3_000;

/// Calls and bytes per run of `work`, over the runs that `kind` names alike.
#[derive(Default)]
struct Mean {
    runs: u64,
    calls: u64,
    bytes: u64,
}

impl Mean {
    fn count<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = Counts::now();
        let answer = work();
        let after = Counts::now();
        self.runs += 1;
        self.calls += after.calls - before.calls;
        self.bytes += after.bytes - before.bytes;
        answer
    }

    fn line(&self, networks: bool, part: &str) -> Value {
        let per = |sum: u64| sum as f64 / self.runs.max(1) as f64;
        json!({ "networks": networks, "part": part, "allocations": per(self.calls), "bytes": per(self.bytes) })
    }
}

fn allocations(networks: bool) -> Result<(), Error> {
    let mut scaler = Autoscaler::builder(config(networks)).build()?;
    let mut records = Records::new(1);
    for record in records.by_ref().take(1000) {
        scaler.observe(&record)?;
        scaler.decide();
    }
    let [mut observe, mut forecast, mut due, mut standing] =
        [const { Mean { runs: 0, calls: 0, bytes: 0 } }; 4];
    for record in records.take(COUNTED) {
        let seen = observe.count(|| scaler.observe(&record))?;
        forecast.count(|| scaler.forecast());
        let decide = if seen.decision_due { &mut due } else { &mut standing };
        decide.count(|| scaler.decide());
    }
    for (mean, part) in
        [(observe, "observe"), (forecast, "forecast"), (due, "decide, due"), (standing, "decide, standing")]
    {
        println!("{}", mean.line(networks, part));
    }
    Ok(())
}

/// Bytes in use per pool of a fleet, when it is new and when its history is full.
fn pools() -> Result<(), Error> {
    const POOLS: usize = 16;
    let bundle = ModelBundle::bundled()?;
    let mut fleet = Fleet::new(&bundle);
    let before = Counts::now().live;
    for pool in 0..POOLS {
        fleet.add(&format!("pool-{pool}"), config(false))?;
    }
    let new = (Counts::now().live - before) / POOLS as u64;
    for record in Records::new(1).take(FULL) {
        let records = (0..POOLS).map(|pool| (format!("pool-{pool}"), record.clone())).collect();
        for tick in fleet.tick(records) {
            tick?;
        }
    }
    let full = (Counts::now().live - before) / POOLS as u64;
    let snapshot = fleet.snapshot("pool-0").map_or(0, |bytes| bytes.len());
    println!("{}", json!({ "pool_bytes_new": new, "pool_bytes_full": full, "snapshot_bytes": snapshot }));
    Ok(())
}

fn main() -> Result<(), Error> {
    allocations(true)?;
    allocations(false)?;
    pools()
}
