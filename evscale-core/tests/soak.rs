//! Pools with seeds of their own, step by step. `EVSCALE_SOAK_STEPS` sets the number of steps.

#![expect(clippy::disallowed_methods, reason = "the number of steps is told by the environment")]

mod pool;

use evscale_core::ModelBundle;
use pool::Pool;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const DEFAULT_STEPS: u64 = 60_000;
const STEPS_PER_POOL: u64 = 2_000;

/// Names the pool that failed: `EVSCALE_SOAK_FIRST_POOL` begins with it.
struct NamedOnPanic(u64);

impl Drop for NamedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in pool {}", self.0);
        }
    }
}

#[test]
fn invariants_hold_in_every_step() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let steps = number("EVSCALE_SOAK_STEPS").unwrap_or(DEFAULT_STEPS);
    let bundle = ModelBundle::bundled().expect("the bundled models");
    let pools = steps.div_ceil(STEPS_PER_POOL);
    for seed in number("EVSCALE_SOAK_FIRST_POOL").unwrap_or(0)..pools {
        let _named = NamedOnPanic(seed);
        // one pool in twenty with the networks, which take most of the time
        let mut pool = Pool::new(ChaCha8Rng::seed_from_u64(seed), seed % 20 == 7);
        for _ in 0..STEPS_PER_POOL {
            pool.step(&bundle);
        }
        if pools > 1000 && seed % 500 == 499 {
            eprintln!("{} steps", (seed + 1) * STEPS_PER_POOL);
        }
    }
}
