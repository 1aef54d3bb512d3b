//! What models in the shadow may cost in memory, and what is left of them. One test, because the allocator counts for the whole process.

use evscale_benchmarks::{Counting, Counts, Records, another_bundle, config};
use evscale_core::{Fleet, ModelBundle};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Records before the challenge, while it runs, and after it: two days, half a day, and one.
const RECORDS: [usize; 3] = [1440, 360, 1];
/// Bytes per pool while they run, and once they are gone: what happened is remembered.
const CHALLENGER: u64 = 24 * 1024;
const AFTER: u64 = 1024;

/// Bytes in use of a fleet while models run in the shadow, and after them.
fn fleet(pools: usize, challenged: bool) -> [u64; 2] {
    let before = Counts::now().live;
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    let keys: Vec<String> = (0..pools).map(|pool| format!("pool-{pool}")).collect();
    keys.iter().for_each(|key| fleet.add(key, config(true)).unwrap());
    let mut records = Records::new(1);
    let mut live = [0; 3];
    for (part, count) in RECORDS.into_iter().enumerate() {
        if part == 1 && challenged {
            assert_eq!(fleet.challenge(&another_bundle(), 1.0).unwrap().len(), pools);
        }
        if part == 2 && challenged {
            for key in &keys {
                fleet
                    .with_pool(key, |pool| pool.promote("now").and_then(|()| pool.roll_back("now")))
                    .unwrap()
                    .unwrap();
            }
        }
        for record in records.by_ref().take(count) {
            for tick in fleet.tick(keys.iter().map(|key| (key.clone(), record.clone())).collect()) {
                tick.unwrap();
            }
        }
        live[part] = Counts::now().live - before;
    }
    [live[1], live[2]]
}

#[test]
fn models_in_the_shadow_cost_a_pool_a_bounded_memory_and_nothing_once_they_are_gone() {
    fleet(1, true); // loads what stays for ever
    // the sessions of their networks are one set for all pools of a thread: in the difference of two fleets they are not
    let [without, with] = [false, true].map(|challenged| [1, 2].map(|pools| fleet(pools, challenged)));
    let per_pool = |fleets: &[[u64; 2]; 2], at: usize| fleets[1][at] - fleets[0][at];
    let [during, after] = [0, 1].map(|at| per_pool(&with, at) - per_pool(&without, at));
    println!("{during} bytes while they run, {after} after them");
    assert!((4096..=CHALLENGER).contains(&during), "{during} bytes while they run");
    assert!(after <= AFTER, "{after} bytes after them");
}
