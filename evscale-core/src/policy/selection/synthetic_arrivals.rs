//! How the arrivals of an interval are spread over it in shadow evaluation: nobody measures that, so it is drawn, the same
//! for the same interval.

use crate::quantiles::normal_quantile;
use crate::time::Timestamp;

/// Coefficient of variation of the arrivals between the substeps of an interval.
const BURSTINESS: f64 = 0.22;
/// Most substeps of an interval.
pub(super) const MOST_SUBSTEPS: usize = 60;
/// Fewest substeps of an interval.
const LEAST_SUBSTEPS: f64 = 4.0;

/// Arrivals of each substep of an interval.
#[derive(Clone, Debug)]
pub(super) struct SyntheticArrivals {
    cells: [f32; MOST_SUBSTEPS],
    count: usize,
    substep_seconds: f64,
}

impl SyntheticArrivals {
    /// Spreads `events` over the interval that ended at `at`, in substeps of a third of the SLA's wait as far as there may
    /// be so many.
    pub(super) fn new(at: Timestamp, events: f64, interval_seconds: f64, sla_wait_seconds: f64) -> Self {
        let count = substeps(interval_seconds, sla_wait_seconds);
        let slot = (at.as_millis() as f64 / 1000.0 / interval_seconds).round() as i64 as u64;
        let mut cells = [0.0f32; MOST_SUBSTEPS];
        let used = cells.iter_mut().take(count as usize);
        for (index, cell) in used.enumerate() {
            *cell = burst(slot.wrapping_mul(64).wrapping_add(index as u64)) as f32;
        }
        let scale = events as f32 / cells.iter().take(count as usize).sum::<f32>();
        cells.iter_mut().take(count as usize).for_each(|cell| *cell *= scale);
        Self { cells, count: count as usize, substep_seconds: interval_seconds / count }
    }

    /// Returns the events of each substep.
    pub(super) fn per_substep(&self) -> &[f32] {
        self.cells.get(..self.count).unwrap_or(&[])
    }

    /// Returns the length of a substep, seconds.
    pub(super) fn substep_seconds(&self) -> f64 {
        self.substep_seconds
    }
}

/// Returns the number of substeps of an interval.
fn substeps(interval_seconds: f64, sla_wait_seconds: f64) -> f64 {
    let length = (sla_wait_seconds / 3.0)
        .min(interval_seconds / LEAST_SUBSTEPS)
        .max(interval_seconds / MOST_SUBSTEPS as f64);
    (interval_seconds / length).round().max(1.0)
}

/// Returns the length of a substep of an interval, seconds.
pub(super) fn substep_seconds(interval_seconds: f64, sla_wait_seconds: f64) -> f64 {
    interval_seconds / substeps(interval_seconds, sla_wait_seconds)
}

/// Returns a share of an interval's arrivals, one on average: the same for the same number (SplitMix64).
fn burst(number: u64) -> f64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    let level = ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    (1.0 + BURSTINESS * normal_quantile(level)).max(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    #[test]
    fn bursts_are_one_on_average_and_vary_as_stated() {
        let draws: Vec<f64> = (0..20_000).map(burst).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(
            abs_diff_eq!(mean, 1.0, epsilon = 0.01)
                && abs_diff_eq!(variance.sqrt(), BURSTINESS, epsilon = 0.01),
            "{mean} {variance}"
        );
    }

    #[test]
    fn the_events_of_an_interval_are_kept_whatever_its_substeps() {
        for (interval, wait) in [(120.0, 30.0), (120.0, 0.01), (15.0, 600.0), (3600.0, 5.0)] {
            let spread = SyntheticArrivals::new(Timestamp::EPOCH, 500.0, interval, wait);
            let total: f32 = spread.per_substep().iter().sum();
            assert!(abs_diff_eq!(total, 500.0, epsilon = 0.01), "{interval} {wait}: {total}");
            let seconds = spread.substep_seconds() * spread.per_substep().len() as f64;
            assert!(abs_diff_eq!(seconds, interval, epsilon = 1e-9), "{interval} {wait}: {seconds}");
        }
    }
}
