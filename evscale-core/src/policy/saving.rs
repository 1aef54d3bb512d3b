//! Whether a step down pays where changes have a price: what it saves until the need is back, against a change down and one up.

use super::need::Load;

/// Leads at which the need is looked at, minutes.
const LEADS_MINUTES: [u32; 6] = [12, 24, 48, 72, 120, 180];
/// Quantile of the demand that counts as the need coming back.
const BACK: f64 = 0.8;

/// What a step down must save, and for how long a smaller pool would be enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Saving {
    /// Price of the step and of the one that takes it back, job-hours; infinite while these cost nothing.
    pub(crate) least_job_hours: f64,
    /// Hours ahead, and the need then.
    ahead: [(f64, f64); LEADS_MINUTES.len()],
}

impl Load<'_> {
    /// Returns what a step down must save at this price of a job-hour; none where changes cost nothing.
    pub(crate) fn saving(&self, job_hour_price: Option<f64>) -> Option<Saving> {
        let (change, reversal) =
            (self.config.change_price.unwrap_or(0.0), self.config.reversal_price.unwrap_or(0.0));
        let price = job_hour_price?;
        let need = |minutes: u32| {
            let hours = f64::from(minutes) / 60.0;
            let [need] = self.demand_then(3600.0 * hours, [BACK]);
            (hours, need)
        };
        (change + reversal > 0.0).then(|| Saving {
            least_job_hours: (2.0 * change + reversal) / price,
            ahead: LEADS_MINUTES.map(need),
        })
    }
}

impl Saving {
    /// Returns the job-hours that a step from one number of jobs to another saves until the need is back.
    pub(crate) fn job_hours(&self, from: f64, to: f64) -> f64 {
        let enough = self.ahead.iter().take_while(|(_, need)| *need <= to).last();
        (from - to) * enough.map_or(0.0, |(hours, _)| *hours)
    }

    /// Reports whether that is as much as it costs.
    pub(crate) fn pays(&self, from: f64, to: f64) -> bool {
        self.job_hours(from, to) >= self.least_job_hours
    }
}
