//! What can only be looked at now and then: jobs, waiting events, busy jobs.

/// What a tick sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauges {
    /// Starting ones included; NaN is not known.
    pub(super) jobs: f64,
    pub(super) queued: Option<f64>,
    pub(super) busy: Option<f64>,
}

impl Gauges {
    pub(super) fn new(jobs: f64, queued: Option<f64>, busy: Option<f64>) -> Self {
        let known = |value: Option<f64>| value.filter(|value| value.is_finite() && *value >= 0.0);
        Self { jobs, queued: known(queued), busy: known(busy) }
    }

    /// Waiting events between two looks.
    pub(super) fn queued_between(before: Option<f64>, now: Option<f64>, share: f64) -> Option<f64> {
        before.zip(now).map(|(before, now)| before + share * (now - before))
    }
}

/// Seconds of the busy jobs in an interval: what a tick sees is taken to have been so since the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BusySeconds {
    pub(super) sum: f64,
    /// Seconds in which they were looked at.
    pub(super) looked: f64,
    /// Looks at the busy jobs.
    pub(super) looks: u32,
}

impl BusySeconds {
    pub(super) fn add(&mut self, gauges: &Gauges, seconds: f64) {
        if let Some(busy) = gauges.busy {
            self.sum += seconds * busy;
            self.looked += seconds;
            self.looks = self.looks.saturating_add(1);
        }
    }

    /// Mean number of busy jobs.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.looked > 0.0).then(|| self.sum / self.looked)
    }
}
