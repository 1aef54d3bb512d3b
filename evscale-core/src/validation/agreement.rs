//! Values far from everything known that agree with each other: one is a fault, a run of them is the truth.

use serde::{Deserialize, Serialize};

/// Values in a row that are believed.
const AGREEING: u32 = 5;
/// Factor within which two of them agree.
const FACTOR: f64 = 2.0;
/// Values of a run, of which one at least must not have risen: a running total rises with each.
const RISING: u32 = 4;

/// A run of such values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Agreement {
    run: u32,
    /// Values of the run that were not higher than the one before.
    level: u32,
    last: f64,
}

impl Agreement {
    /// Takes the next value, which may be `far` from everything known; returns one that is believed nevertheless.
    pub(super) fn next(&mut self, value: f64, far: bool) -> Option<f64> {
        if !far || !value.is_finite() {
            *self = Self::default();
            return None;
        }
        let agrees = self.run > 0 && (self.last / FACTOR..=self.last * FACTOR).contains(&value);
        let level = u32::from(agrees && value <= self.last);
        let before = if agrees { *self } else { Self::default() };
        *self = Self {
            run: before.run.saturating_add(1),
            level: before.level.saturating_add(level),
            last: value,
        };
        (self.run >= AGREEING && self.level >= self.run / RISING).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believed(values: impl IntoIterator<Item = f64>) -> Option<usize> {
        let mut agreement = Agreement::default();
        values.into_iter().position(|value| agreement.next(value, value > 1e3).is_some())
    }

    #[test]
    fn five_that_agree_are_believed_and_a_running_total_is_not() {
        assert_eq!(believed([9e6; 9]), Some(4));
        assert_eq!(believed([9e6, 8e6, 9e6, 1e7, 9e6, 8e6]), Some(4));
        assert_eq!(believed([9e6, 9e6, 9e6, 9e6, 5.0, 9e6, 9e6]), None, "a usual one between them");
        assert_eq!(believed((0..99).map(|i| 10f64.powi(4 + i % 7))), None, "they do not agree");
        assert_eq!(believed((0..9999).map(|i| 4e7 + 3000.0 * f64::from(i))), None, "a running total");
        assert_eq!(believed([f64::NAN, f64::INFINITY].repeat(9)), None);
    }
}
