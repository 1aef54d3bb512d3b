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
///
/// Of classes, the work that may wait no longer than each of their SLAs allows needs so many jobs; and all work is done at some time.
pub(super) fn clairvoyant_job_seconds(load: &SimulatedLoad, from: usize, config: &Config) -> f64 {
    let (numbers, (fewest, most)) = (config.job_numbers(), config.fewest_and_most());
    let mut arrivals = Vec::new();
    let needs: Vec<u32> = (from..load.len())
        .map(|index| {
            if !config.classes.is_empty() {
                return numbers.up(need_of_classes(load, index, config)).clamp(fewest, most);
            }
            load.arrivals(index, &mut arrivals);
            let most_of_use = config
                .most_events_per_second
                .map_or(u32::MAX, |limit| (limit * load.job_seconds(index)).ceil().max(1.0) as u32);
            let spare = (config.sla_wait_seconds / SUBSTEP_SECONDS).floor();
            let need = need(&arrivals, load.job_seconds(index), spare);
            numbers.up(need.min(most_of_use)).clamp(fewest, most)
        })
        .collect();
    let interval = f64::from(load.interval_seconds());
    let held = cost(&needs, interval, f64::from(config.job_startup_seconds));
    if config.classes.is_empty() {
        return held;
    }
    let work: f64 = (from..load.len()).map(|index| load.offered_jobs(index) * interval).sum();
    held.max(work)
}

/// Fewest jobs for the arrivals of all classes in one interval: the most that those up to one of the waits need.
fn need_of_classes(load: &SimulatedLoad, index: usize, config: &Config) -> u32 {
    let (arrivals, pace) = (load.class_arrivals(index), load.pace(index));
    let need_within = |wait: f64| {
        let strict = config.classes.iter().zip(&arrivals).filter(|(class, _)| class.sla_wait_seconds <= wait);
        let mut work: Vec<f64> = Vec::new();
        for (class, events) in strict {
            work.resize(events.len(), 0.0);
            for (sum, events) in work.iter_mut().zip(events) {
                *sum += pace * class.service_time_seconds * events;
            }
        }
        need(&work, 1.0, wait / SUBSTEP_SECONDS)
    };
    config.classes.iter().map(|class| need_within(class.sla_wait_seconds)).max().unwrap_or(0)
}

/// Fewest jobs for the arrivals of one interval, which may wait for so many substeps.
fn need(arrivals: &[f64], service_seconds: f64, spare: f64) -> u32 {
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
        assert_eq!(need(&[6.0, 6.0, 6.0, 6.0], 10.0, 4.0), 3, "24 events in 80 s");
        assert_eq!(need(&[0.0, 12.0, 0.0, 0.0], 10.0, 2.0), 4, "a burst of 12 in 30 s");
        assert_eq!(need(&[0.0; 4], 10.0, 2.0), 0);
    }

    #[test]
    fn short_gaps_are_kept_and_long_ones_are_not() {
        assert_eq!(cost(&[3, 3, 3], 120.0, 180.0), 9.0 * 120.0);
        assert_eq!(cost(&[3, 2, 3], 120.0, 180.0), 9.0 * 120.0, "a gap of 120 s is cheaper than a start");
        assert_eq!(cost(&[3, 2, 2, 2, 3], 120.0, 180.0), 12.0 * 120.0 + 180.0);
        assert_eq!(cost(&[1, 3], 120.0, 180.0), 4.0 * 120.0 + 2.0 * 180.0);
    }
}
