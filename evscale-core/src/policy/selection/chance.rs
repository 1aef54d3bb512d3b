//! Late events of a pool that is large enough on average: arrivals and service times are random.
//!
//! In the M/M/c queue an event waits with probability `C`, and longer than `w` with `C exp(-(c - R) w / s)`, for `c` jobs, an
//! offered load of `R` jobs and a service time of `s` (Halfin and Whitt, *Heavy-traffic limits for queues with many exponential
//! servers*, 1981, whose approximation of `C` this is). A queue needs time to build up, so that within an interval of length
//! `I` it is as long as that with probability `exp(-z^2 / 2)` at most, `z^2 = c w^2 / (2 I s)` (reflected Brownian motion).

use std::f32::consts::TAU;

/// Returns the probability that an event waits longer than `wait` seconds for one of `jobs`, of which `busy` are busy on
/// average over an interval.
pub(super) fn late_probability(jobs: f32, busy: f32, service: f32, wait: f32, interval: f32) -> f32 {
    let built_up = (-jobs * wait * wait / (4.0 * interval * service)).exp();
    if built_up < 1e-4 || busy <= 0.0 || jobs <= 0.0 {
        return 0.0;
    }
    let spare = (jobs - busy).max(0.0);
    let beta = spare / busy.sqrt();
    let normal = 1.0 / (1.0 + (-1.702 * beta).exp());
    let waits = 1.0 / (1.0 + beta * TAU.sqrt() * (beta * beta / 2.0).exp() * normal);
    (waits * (-spare * wait / service).exp() * built_up).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pools_of_long_events_are_late_by_chance_and_large_ones_are_not() {
        let small = late_probability(10.0, 8.0, 88.0, 120.0, 300.0);
        assert!((0.003..0.03).contains(&small), "{small}");
        assert!(
            late_probability(14.0, 8.0, 88.0, 120.0, 300.0) < small / 20.0,
            "more jobs, fewer late events"
        );
        assert_eq!(late_probability(5000.0, 4990.0, 2.0, 30.0, 120.0), 0.0);
        assert_eq!(late_probability(10.0, 0.0, 88.0, 120.0, 300.0), 0.0);
    }
}
