//! What a pool may cost in allocations and memory. One test, because the allocator counts for the whole process.

use evscale_benchmarks::{Counting, Counts, Records, config};
use evscale_core::{Config, Fleet, ModelBundle};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Two weeks at 120 s: every ring of the history is full.
const FULL: usize = 10_080;
/// Allocations of an `observe` without networks: the features, the quantiles, the forecast and the bursts that are due; and of
/// one that begins a day, which the calendar's memory takes in.
const OBSERVE: u64 = 16;
const OBSERVE_AT_MIDNIGHT: u64 = 24;
const PER_DAY: usize = 720;
/// Bytes of a pool with a full history; of these the monitor has 6 KiB, and what the calendar remembers some 3.
const POOL: u64 = 48 * 1024;

#[test]
fn a_pool_costs_no_more_than_it_did() {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    let before = Counts::now().live;
    fleet.add("first", Config::default()).unwrap();
    fleet.add("second", config(false)).unwrap();
    fleet.remove("first");
    let mut scaler = evscale_core::Autoscaler::builder(config(false)).build().unwrap();
    for (index, record) in Records::new(1).take(FULL).enumerate() {
        fleet.tick(vec![("second".to_owned(), record.clone())]);
        let calls = Counts::now().calls;
        let seen = scaler.observe(&record).unwrap();
        let calls = Counts::now().calls - calls;
        let allowed = if index % PER_DAY == 0 { OBSERVE_AT_MIDNIGHT } else { OBSERVE };
        assert!(
            index < 1000 || calls <= allowed || !seen.repairs.is_empty(),
            "{calls} allocations at {index}"
        );
        scaler.decide();
    }
    let single = size_of_val(&scaler) as u64;
    drop(scaler);
    let bytes = Counts::now().live - before;
    assert!((single..=POOL).contains(&bytes), "{bytes} bytes");
}
