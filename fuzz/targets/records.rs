//! One pool under everything that a host can do to it, drawn from the input: the safety invariants of the soak test hold
//! after every step, and the state goes through a snapshot at the end.

#![no_main]

#[path = "../../evscale-core/tests/pool/mod.rs"]
mod pool;

use evscale_core::ModelBundle;
use libfuzzer_sys::fuzz_target;
use pool::Pool;
use rand::{SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;
use std::convert::Infallible;

/// Most steps of one input.
const STEPS: usize = 200;
/// What zeros in the input stand for: a draw from the middle, which makes an ordinary step.
const ORDINARY: u16 = 0x6000;

/// Draws from the input, two bytes a number, and goes on with a fixed stream where the input ends.
struct Drawn<'a> {
    input: &'a [u8],
    rest: ChaCha8Rng,
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    /// The input gives the upper bits, which decide about ranges.
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self.input.split_first_chunk::<2>() {
            Some((drawn, rest)) => {
                self.input = rest;
                Ok(u64::from(u16::from_le_bytes(*drawn) ^ ORDINARY) << 48)
            }
            None => {
                self.input = &[];
                self.rest.try_next_u64()
            }
        }
    }

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|drawn| (drawn >> 32) as u32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.rest.try_fill_bytes(bytes)
    }
}

fuzz_target!(|input: &[u8]| {
    let bundle = ModelBundle::bundled().expect("the bundled models");
    let mut pool = Pool::new(Drawn { input, rest: ChaCha8Rng::seed_from_u64(0) }, false);
    for _ in 0..STEPS {
        if pool.random.input.is_empty() {
            break;
        }
        pool.step(&bundle);
    }
    pool.restore(&bundle);
});
