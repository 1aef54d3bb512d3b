//! The queue ahead: a fluid pool under the forecast's median.

use crate::forecaster::Forecast;

/// How far ahead the queue is looked at, minutes.
const AHEAD_MINUTES: u32 = 60;

/// A pool and what it is to become.
#[derive(Clone, Copy, Debug)]
pub(super) struct FluidPool {
    /// Events that wait.
    pub(super) queue: f64,
    /// Jobs that take events now, and those from a startup time on.
    pub(super) ready_jobs: f64,
    pub(super) next_jobs: f64,
    pub(super) startup_seconds: f64,
    /// Seconds of one job per event.
    pub(super) job_seconds: f64,
    pub(super) interval_seconds: f64,
}

/// Returns the longest queue of the coming hour, and the longest wait that a queue means, seconds. The queue changes by
/// `arrivals - jobs / service time` and is never negative (fluid model: Newell, *Applications of Queueing Theory*, 1982).
pub(super) fn longest_queue(pool: &FluidPool, forecast: &Forecast) -> (f64, f64) {
    let waits = |queue: f64, jobs: f64| queue * pool.job_seconds / jobs.max(1.0);
    let mut queue = pool.queue;
    let mut longest = (queue, waits(queue, pool.ready_jobs));
    let mut from = 0.0f64;
    for horizon in forecast.horizons.iter().take_while(|horizon| horizon.minutes <= AHEAD_MINUTES) {
        let to = f64::from(horizon.steps) * pool.interval_seconds;
        let arriving = horizon.prediction.max(0.0) / pool.interval_seconds;
        // jobs that become ready on the way divide it
        for (begin, end) in [(from, to.min(pool.startup_seconds)), (from.max(pool.startup_seconds), to)] {
            if end > begin {
                let jobs = if begin < pool.startup_seconds { pool.ready_jobs } else { pool.next_jobs };
                queue = (queue + (arriving - jobs / pool.job_seconds) * (end - begin)).max(0.0);
                longest = (longest.0.max(queue), longest.1.max(waits(queue, jobs)));
            }
        }
        from = to;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecaster::HorizonForecast;
    use crate::quantiles::LEVELS;
    use approx::abs_diff_eq;

    #[test]
    fn the_queue_grows_until_the_asked_jobs_are_ready_and_is_served_then() {
        let horizons = [(2, 1), (6, 3), (12, 6)].map(|(m, s)| HorizonForecast::new(m, s, [1200.0; LEVELS]));
        let forecast = Forecast { horizons: horizons.to_vec(), model_confidence: 1.0, ..Forecast::default() };
        let pool = FluidPool {
            queue: 50.0,
            ready_jobs: 5.0,
            next_jobs: 20.0,
            startup_seconds: 180.0,
            job_seconds: 1.0,
            interval_seconds: 120.0,
        };
        let (queue, wait) = longest_queue(&pool, &forecast);
        assert!(
            abs_diff_eq!(queue, (50.0 + 5.0 * 180.0), epsilon = 1e-9),
            "10 come and 5 go per second: {queue}"
        );
        assert!(abs_diff_eq!(wait, 950.0 / 5.0, epsilon = 1e-9), "{wait}");
        let enough = FluidPool { ready_jobs: 20.0, ..pool };
        assert_eq!(longest_queue(&enough, &forecast), (50.0, 2.5));
    }
}
