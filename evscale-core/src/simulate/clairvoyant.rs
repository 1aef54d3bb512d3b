//! The reference that knows everything in advance: what a backtest measures cost against.

use super::queue::SUBSTEP_SECONDS;
use super::simulated_load::SimulatedLoad;
use crate::config::Config;

/// Job-seconds of the cheapest schedule that has, in every interval, the fewest jobs for which no event of that interval
/// waits longer than the SLA allows; a new job is paid for during its startup time, and kept through a gap that is
/// shorter than that.
///
/// Arrivals and service times are known in advance. The jobs needed are the largest `work / (time + SLA wait)` over all
/// parts of the interval, as if the events of its end could be served in the next one at no cost to those that arrive
/// there: the sum is a lower bound for pools that hold their jobs from one interval to the next, and not always
/// reachable. Bounds in jobs hold for the schedule as well, and only numbers of jobs
/// that exist.
pub(super) fn clairvoyant_job_seconds(load: &SimulatedLoad, from: usize, config: &Config) -> f64 {
    let (numbers, (fewest, most)) = (config.job_numbers(), config.fewest_and_most());
    let mut arrivals = Vec::new();
    let needs: Vec<u32> = (from..load.len())
        .map(|index| {
            load.arrivals(index, &mut arrivals);
            let most_of_use = config
                .most_events_per_second
                .map_or(u32::MAX, |limit| (limit * load.job_seconds(index)).ceil().max(1.0) as u32);
            let need = need(&arrivals, load.job_seconds(index), config.sla_wait_seconds);
            numbers.up(need.min(most_of_use)).clamp(fewest, most)
        })
        .collect();
    cost(&needs, f64::from(load.interval_seconds()), f64::from(config.job_startup_seconds))
}

/// Fewest jobs for the arrivals of one interval.
fn need(arrivals: &[f64], service_seconds: f64, sla_wait_seconds: f64) -> u32 {
    let spare = (sla_wait_seconds / SUBSTEP_SECONDS).floor();
    let mut most: f64 = 0.0;
    for first in 0..arrivals.len() {
        let mut events = 0.0;
        for (place, arriving) in arrivals.iter().skip(first).enumerate() {
            events += arriving;
            most = most.max(events / ((place as f64 + 1.0 + spare) * SUBSTEP_SECONDS));
        }
    }
    (most * service_seconds - 1e-9).ceil().max(0.0) as u32
}

/// Job-seconds of the cheapest schedule with at least `needs` jobs; the jobs of the first interval are there already.
fn cost(needs: &[u32], interval_seconds: f64, startup_seconds: f64) -> f64 {
    let mut total: f64 = needs.iter().map(|jobs| f64::from(*jobs) * interval_seconds).sum();
    let mut idle_since: Vec<Option<usize>> = vec![None; needs.iter().copied().max().unwrap_or(0) as usize];
    for (index, pair) in needs.windows(2).enumerate() {
        let [before, after] = [pair.first(), pair.last()].map(|jobs| jobs.copied().unwrap_or(0) as usize);
        for level in idle_since.iter_mut().take(before).skip(after) {
            *level = Some(index + 1);
        }
        for level in idle_since.iter().take(after).skip(before) {
            let gap = level.map_or(f64::INFINITY, |since| (index + 1 - since) as f64 * interval_seconds);
            total += gap.min(startup_seconds);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_by_hand() {
        assert_eq!(need(&[6.0, 6.0, 6.0, 6.0], 10.0, 0.0), 6);
        assert_eq!(need(&[6.0, 6.0, 6.0, 6.0], 10.0, 40.0), 3, "24 events in 80 s");
        assert_eq!(need(&[0.0, 12.0, 0.0, 0.0], 10.0, 20.0), 4, "a burst of 12 in 30 s");
        assert_eq!(need(&[0.0; 4], 10.0, 20.0), 0);
    }

    #[test]
    fn short_gaps_are_kept_and_long_ones_are_not() {
        assert_eq!(cost(&[3, 3, 3], 120.0, 180.0), 9.0 * 120.0);
        assert_eq!(cost(&[3, 2, 3], 120.0, 180.0), 9.0 * 120.0, "a gap of 120 s is cheaper than a start");
        assert_eq!(cost(&[3, 2, 2, 2, 3], 120.0, 180.0), 12.0 * 120.0 + 180.0);
        assert_eq!(cost(&[1, 3], 120.0, 180.0), 4.0 * 120.0 + 2.0 * 180.0);
    }
}
