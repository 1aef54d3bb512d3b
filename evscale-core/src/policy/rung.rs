//! The rung of the forecast: without one the reactive rule acts, and on until the forecast has proven itself again.

use serde::{Deserialize, Serialize};

/// Records with a usable forecast in a row that bring the analytic rule back.
const PROOF_RECORDS: u32 = 3;

/// Whether there was a forecast, and for how many records it must still prove itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ForecastRung {
    climbed: bool,
    missing: u32,
}

impl ForecastRung {
    /// Learns whether the newest forecast is usable.
    pub(crate) fn observe(&mut self, usable: bool) {
        self.missing = match (usable, self.climbed) {
            (false, true) => PROOF_RECORDS,
            (true, true) => self.missing.saturating_sub(1),
            _ => 0,
        };
        self.climbed |= usable;
    }

    /// Whether the forecast may be acted on.
    pub(crate) fn proven(&self) -> bool {
        self.missing == 0
    }

    /// Why the analytic rule does not act.
    pub(crate) fn reason(&self) -> String {
        if self.missing == 0 || self.missing == PROOF_RECORDS {
            return "no usable forecast".to_owned();
        }
        let back = PROOF_RECORDS - self.missing;
        format!("the forecast was lost and has been back for {back} of {} records", PROOF_RECORDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_forecast_is_believed_and_a_lost_one_must_prove_itself() {
        let mut rung = ForecastRung::default();
        rung.observe(false);
        assert!(rung.proven(), "there is nothing to act on, and nothing to prove");
        rung.observe(true);
        assert!(rung.proven());
        rung.observe(false);
        assert_eq!((rung.proven(), rung.reason().as_str()), (false, "no usable forecast"));
        rung.observe(true);
        assert!(rung.reason().contains("back for 1 of 3 records"), "{}", rung.reason());
        rung.observe(true);
        assert!(!rung.proven());
        rung.observe(true);
        assert!(rung.proven());
    }
}
