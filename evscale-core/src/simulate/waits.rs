//! How long events waited: a histogram in substeps of the simulation.

/// Waits of a day and more share the last bin.
const LONGEST_SECONDS: f64 = 86_400.0;

/// Events by their wait in substeps.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    substep_seconds: f64,
    bins: Vec<f64>,
}

impl Waits {
    pub(super) fn new(substep_seconds: f64) -> Self {
        Self { substep_seconds, bins: Vec::new() }
    }

    /// Adds events that waited for so many substeps.
    pub(super) fn add(&mut self, substeps: u64, events: f64) {
        let last = (LONGEST_SECONDS / self.substep_seconds) as usize;
        let bin = (substeps as usize).min(last);
        if bin >= self.bins.len() {
            self.bins.resize(bin + 1, 0.0);
        }
        if let Some(cell) = self.bins.get_mut(bin) {
            *cell += events;
        }
    }

    /// Adds what others waited, in substeps of the same length.
    pub(super) fn merge(&mut self, other: &Self) {
        for (substeps, events) in other.bins.iter().enumerate() {
            self.add(substeps as u64, *events);
        }
    }

    pub(super) fn clear(&mut self) {
        self.bins.clear();
    }

    pub(super) fn into_bins(self) -> Vec<f64> {
        self.bins
    }

    /// Returns all events.
    pub(super) fn events(&self) -> f64 {
        self.bins.iter().sum()
    }

    /// Returns the events that waited for longer than so many seconds.
    pub(super) fn later_than(&self, seconds: f64) -> f64 {
        self.bins.iter().skip((seconds / self.substep_seconds).floor() as usize + 1).sum()
    }

    /// Returns the mean wait, seconds.
    pub(super) fn mean_seconds(&self) -> f64 {
        let weighted: f64 = self.bins.iter().enumerate().map(|(bin, events)| bin as f64 * events).sum();
        let events = self.events();
        if events > 0.0 { weighted / events * self.substep_seconds } else { 0.0 }
    }

    /// Returns the wait that a share of the events does not exceed, seconds.
    pub(super) fn quantile_seconds(&self, share: f64) -> f64 {
        let events = self.events();
        let mut seen = 0.0;
        let bin = self.bins.iter().position(|part| {
            seen += part;
            seen >= share * events
        });
        bin.unwrap_or(0) as f64 * self.substep_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_by_hand() {
        let mut waits = Waits::new(10.0);
        [(0, 6.0), (1, 3.0), (6, 1.0)].iter().for_each(|(substeps, events)| waits.add(*substeps, *events));
        assert_eq!((waits.events(), waits.later_than(30.0), waits.later_than(60.0)), (10.0, 1.0, 0.0));
        assert_eq!((waits.later_than(9.0), waits.mean_seconds()), (4.0, 9.0));
        assert_eq!((waits.quantile_seconds(0.9), waits.quantile_seconds(0.99)), (10.0, 60.0));
        let mut twice = waits.clone();
        twice.merge(&waits);
        assert_eq!((twice.events(), twice.mean_seconds()), (20.0, 9.0));
        assert_eq!(Waits::new(1.0).quantile_seconds(0.99), 0.0);
    }

    #[test]
    fn a_wait_of_more_than_a_day_counts_as_one() {
        let mut waits = Waits::new(10.0);
        waits.add(u64::MAX, 1.0);
        assert_eq!(waits.quantile_seconds(0.5), 86_400.0);
    }
}
