//! Evidence that may be looked at after every block: bets on paired differences.
//!
//! A difference `d` lies in -1 to 1. Whoever stakes a fixed share `s` of a wealth of 1 on every block has `W = prod(1 + s * d)`
//! after some. With `m` the mean of `d` given everything before its block, `E(1 + s * d) = 1 + s * m <= exp(s * m)`, so that
//! `W * exp(-s * sum(m))` is a nonnegative supermartingale. While the differences are on average no better than 0 so far,
//! `sum(m) <= 0`, `W` lies below it, and by Ville's inequality the chance that `W` ever reaches `c` is at most `1 / c`, however
//! often one looks. The mean over several stakes keeps that. Sources: Waudby-Smith and Ramdas, *Estimating means of bounded random
//! variables by betting*, JRSS B 2024; for forecasts that are compared, Choe and Ramdas, *Comparing sequential forecasters*,
//! Operations Research 2024.
//!
//! For a change that may come at any time, wealth is lent anew at every block (Shiryaev-Roberts): with no block whose mean is above
//! 0, the mean time to a false alarm at `c` is at least `c` blocks. Source: Shin, Ramdas and Rinaldo, *E-detectors*, NEJSDS 2023.

use serde::{Deserialize, Serialize};

/// Shares that are staked.
const STAKES: [f64; 4] = [0.125, 0.3, 0.6, 0.95];

/// Evidence that differences are above 0 on average since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Evidence {
    ln_wealth: [f64; STAKES.len()],
}

impl Evidence {
    /// Takes the difference of a block, -1 to 1.
    pub(super) fn learn(&mut self, difference: f64) {
        for (wealth, stake) in self.ln_wealth.iter_mut().zip(STAKES) {
            *wealth += (stake * difference).ln_1p();
        }
    }

    /// Reports whether it has ever been so unlikely by chance: once in `times`.
    pub(super) fn reaches(&self, times: f64) -> bool {
        ln_mean(&self.ln_wealth) >= times.ln()
    }

    /// Returns the logarithm of the wealth.
    pub(super) fn ln(&self) -> f64 {
        ln_mean(&self.ln_wealth)
    }
}

/// Evidence that differences are above 0 since some block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Detector {
    ln_lent: [f64; STAKES.len()],
}

impl Default for Detector {
    fn default() -> Self {
        Self { ln_lent: [f64::NEG_INFINITY; STAKES.len()] }
    }
}

impl Detector {
    /// Takes the difference of a block, -1 to 1.
    pub(super) fn learn(&mut self, difference: f64) {
        for (lent, stake) in self.ln_lent.iter_mut().zip(STAKES) {
            let one_more = lent.max(0.0) + (-lent.abs()).exp().ln_1p();
            *lent = one_more + (stake * difference).ln_1p();
        }
    }

    /// Reports whether false alarms are so many blocks apart.
    pub(super) fn alarms(&self, blocks: f64) -> bool {
        ln_mean(&self.ln_lent) >= blocks.ln()
    }
}

/// Logarithm of the mean of numbers whose logarithms are given.
fn ln_mean(logs: &[f64; STAKES.len()]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + (logs.iter().map(|ln| (ln - most).exp()).sum::<f64>() / logs.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn even(random: &mut impl Rng) -> f64 {
        f64::from(random.next_u32()) / f64::from(u32::MAX)
    }

    /// Differences without a mean reach 1 in 20 in fewer than 1 of 20 runs, though one looks 2000 times; also if they are good
    /// by night and as bad by day.
    #[test]
    fn chance_alone_proves_little_however_often_one_looks() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for daily in [0.0, 0.3] {
            let mut reached = 0;
            for _ in 0..2000 {
                let mut evidence = Evidence::default();
                reached += i32::from((0..2000).any(|hour| {
                    let day = if hour % 24 < 12 { -daily } else { daily };
                    evidence.learn(0.6 * (2.0 * even(&mut random) - 1.0) + day);
                    evidence.reaches(20.0)
                }));
            }
            assert!(reached <= 100, "{reached} of 2000 at {daily}");
        }
    }

    #[test]
    fn a_small_advantage_is_proven_and_its_opposite_is_not() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let (mut better, mut worse) = (Evidence::default(), Evidence::default());
        for _ in 0..1000 {
            let difference = 0.05 + 0.2 * (2.0 * even(&mut random) - 1.0);
            better.learn(difference);
            worse.learn(-difference);
        }
        assert!(better.reaches(1e6) && worse.ln() < -2.0, "{better:?} {worse:?}");
    }

    #[test]
    fn false_alarms_are_far_apart_and_a_change_is_found_after_a_long_good_time() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let mut blocks = 0;
        for _ in 0..50 {
            let mut detector = Detector::default();
            while !detector.alarms(200.0) {
                detector.learn(0.8 * (2.0 * even(&mut random) - 1.0));
                blocks += 1;
            }
        }
        assert!(blocks >= 50 * 200, "{blocks} blocks to 50 alarms");
        let mut detector = Detector::default();
        (0..5000).for_each(|_| detector.learn(-0.5));
        assert!(!detector.alarms(100.0));
        let found = (1..).find(|_| {
            detector.learn(0.5);
            detector.alarms(17_520.0)
        });
        assert!(found <= Some(36), "{found:?} blocks");
    }
}
