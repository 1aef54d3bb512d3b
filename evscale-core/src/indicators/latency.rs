//! Latencies that the host reports: a histogram of today and one of yesterday.

use crate::time::{DAY_MS, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Buckets, the upper end of the first one in ms, and the ratio of two ends: 10 us to 7.5 s.
const BUCKETS: usize = 48;
const FIRST_MS: f64 = 0.01;
const RATIO: f64 = 4.0 / 3.0;

/// Counts of calls by their latency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    day: i64,
    today: Vec<u16>,
    yesterday: Vec<u16>,
}

impl Latency {
    pub(crate) fn new() -> Self {
        Self { day: 0, today: vec![0; BUCKETS], yesterday: vec![0; BUCKETS] }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.today.as_slice()) + size_of_val(self.yesterday.as_slice())
    }

    pub(crate) fn fits(&self) -> bool {
        self.today.len() == BUCKETS && self.yesterday.len() == BUCKETS
    }

    pub(crate) fn observe(&mut self, at: Timestamp, took: Duration) {
        let day = at.as_millis().div_euclid(DAY_MS);
        if day != self.day {
            let next = day == self.day.saturating_add(1);
            std::mem::swap(&mut self.today, &mut self.yesterday);
            if !next {
                self.yesterday.fill(0);
            }
            self.today.fill(0);
            self.day = day;
        }
        let bucket = ((1000.0 * took.as_secs_f64() / FIRST_MS).ln() / RATIO.ln()).ceil().max(0.0);
        if let Some(count) = self.today.get_mut((bucket as usize).min(BUCKETS - 1)) {
            *count = count.saturating_add(1);
        }
    }

    /// Returns a quantile of today's and yesterday's latencies, ms: the middle of a bucket, at most 16 % from the true one.
    pub(crate) fn quantile(&self, level: f64) -> Option<f64> {
        let counts = || self.today.iter().zip(&self.yesterday).map(|(a, b)| u64::from(*a) + u64::from(*b));
        let total: u64 = counts().sum();
        let rank = (level * total as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (bucket, count) in counts().enumerate() {
            below += count;
            if below >= rank {
                return Some(FIRST_MS * RATIO.powf(bucket as f64 - 0.5));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    #[test]
    fn quantiles_are_those_of_two_days() {
        let mut latency = Latency::new();
        assert_eq!(latency.quantile(0.5), None);
        let at = |day: i64| Timestamp::EPOCH.plus_seconds(86_400 * day);
        for micros in 1..=1000 {
            latency.observe(at(20_000), Duration::from_micros(10 * micros));
        }
        for (level, true_ms) in [(0.5, 5.0), (0.99, 9.9)] {
            let told = latency.quantile(level).unwrap();
            assert!(abs_diff_eq!(told / true_ms, 1.0f64, epsilon = 0.16), "{level}: {told}");
        }
        latency.observe(at(20_001), Duration::from_secs(3600));
        assert!(latency.quantile(1.0).unwrap() > 5000.0 && latency.quantile(0.5).unwrap() < 6.0);
        latency.observe(at(20_003), Duration::from_millis(1));
        assert!(
            abs_diff_eq!(latency.quantile(1.0).unwrap(), 1.0, epsilon = 0.16),
            "what is older is forgotten"
        );
    }
}
