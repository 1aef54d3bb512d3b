//! The last day in 144 bins of ten minutes, as pictures need it, and the last eight days in blocks, as drift does: in half the
//! precision of a number of four bytes.

use serde::{Deserialize, Serialize};

/// Bins of the day's picture, and their length.
pub(crate) const BINS: usize = 144;
pub(crate) const BIN_MS: i64 = 600_000;

/// A ring of numbers of two bytes (bfloat16: eight bits of precision), by slot; unknown ones are NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Halves<const LENGTH: usize> {
    newest: i64,
    cells: Vec<u16>,
}

const UNKNOWN: u16 = 0x7fc0;

fn halved(value: f32) -> u16 {
    if value.is_nan() { UNKNOWN } else { (value.to_bits().saturating_add(0x7fff) >> 16) as u16 }
}

impl<const LENGTH: usize> Halves<LENGTH> {
    pub(crate) fn new() -> Self {
        Self { newest: i64::MIN, cells: vec![UNKNOWN; LENGTH] }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }

    pub(crate) fn fits(&self) -> bool {
        self.cells.len() == LENGTH
    }

    /// Sets the value of a slot; earlier slots that never had one are unknown, later ones are forgotten.
    pub(crate) fn set(&mut self, slot: i64, value: f32) {
        let (from, to) = (self.newest.min(slot), self.newest.max(slot));
        let between = to.saturating_sub(from).min(LENGTH as i64);
        for emptied in to - between + 1..=to {
            self.put(emptied, UNKNOWN);
        }
        self.newest = slot;
        self.put(slot, halved(value));
    }

    fn put(&mut self, slot: i64, value: u16) {
        if let Some(cell) = self.cells.get_mut(slot.rem_euclid(LENGTH as i64) as usize) {
            *cell = value;
        }
    }

    /// Returns the value of a slot; NaN where it is unknown.
    pub(crate) fn at(&self, slot: i64) -> f32 {
        let known = slot <= self.newest && slot > self.newest.saturating_sub(LENGTH as i64);
        let cell = self.cells.get(slot.rem_euclid(LENGTH as i64) as usize).filter(|_| known);
        cell.map_or(f32::NAN, |half| f32::from_bits(u32::from(*half) << 16))
    }

    /// Returns every value up to `slot`, oldest first.
    pub(crate) fn up_to(&self, slot: i64) -> Vec<f32> {
        (slot.saturating_sub(LENGTH as i64 - 1)..=slot).map(|slot| self.at(slot)).collect()
    }
}

/// Declares the curves of the picture.
macro_rules! curves {
    ($($(#[doc = $doc:literal])+ $curve:ident,)*) => {
        /// The last day in 144 bins of ten minutes, oldest first; a bin without a record is NaN, in JSON `null`. Values are means
        /// over the records of a bin, with three significant digits.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct DayPicture {
            /// End of the newest bin.
            pub until: crate::time::Timestamp,
            $($(#[doc = $doc])+ pub $curve: Vec<f32>,)*
        }

        /// Means over the records of the present bin, and the bins before.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub(crate) struct Picture {
            $($curve: (f64, u32, Halves<BINS>),)*
        }

        /// The values of a record for the picture; NaN is unknown.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Point {
            $(pub(crate) $curve: f64,)*
        }

        impl Picture {
            pub(crate) fn new() -> Self {
                Self { $($curve: (0.0, 0, Halves::new()),)* }
            }

            #[cfg(test)]
            pub(crate) fn bytes(&self) -> usize {
                0 $(+ self.$curve.2.bytes())*
            }

            pub(crate) fn fits(&self) -> bool {
                true $(&& self.$curve.2.fits())*
            }

            /// Adds a record.
            pub(crate) fn add(&mut self, at: crate::time::Timestamp, point: &Point) {
                let slot = bin_of(at);
                $({
                    let (sum, known, bins) = &mut self.$curve;
                    if slot != bins.newest {
                        (*sum, *known) = (0.0, 0);
                    }
                    if point.$curve.is_finite() {
                        *sum += point.$curve;
                        *known += 1;
                    }
                    bins.set(slot, if *known == 0 { f32::NAN } else { (*sum / f64::from(*known)) as f32 });
                })*
            }

            /// Returns the day up to an instant.
            pub(crate) fn day(&self, until: crate::time::Timestamp) -> DayPicture {
                let slot = bin_of(until);
                let end = crate::time::Timestamp::EPOCH.plus_millis((slot + 1).saturating_mul(BIN_MS));
                DayPicture { until: end, $($curve: self.$curve.2.up_to(slot),)* }
            }
        }
    };
}

/// Returns the bin in which the interval that ends at `at` ends.
fn bin_of(at: crate::time::Timestamp) -> i64 {
    at.plus_millis(-1).as_millis().div_euclid(BIN_MS)
}

curves! {
    /// Arrivals per interval.
    arrivals,
    /// What was forecast of them 12 minutes before, median.
    forecast,
    /// Jobs.
    jobs,
    /// Jobs that the records show to have been needed.
    needed_jobs,
    /// Share of late events.
    late_share,
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::abs_diff_eq;

    #[test]
    fn halves_keep_three_digits_and_forget_what_is_older_than_the_ring() {
        let mut halves = Halves::<4>::new();
        assert!(halves.at(0).is_nan() && halves.at(i64::MIN).is_nan());
        for (slot, value) in [(0, 3400.0f32), (1, 0.0), (3, 1.234e6)] {
            halves.set(slot, value);
            assert!(
                abs_diff_eq!(halves.at(slot), value, epsilon = value / 256.0),
                "{value}: {}",
                halves.at(slot)
            );
        }
        assert!(halves.at(2).is_nan() && halves.at(4).is_nan());
        halves.set(1000, 7.0);
        assert!(halves.at(3).is_nan());
        halves.set(998, 5.0);
        assert_eq!((halves.at(998), halves.at(1000).is_nan()), (5.0, true), "the clock went back");
    }

    #[test]
    fn a_bin_is_the_mean_of_its_records() {
        let mut picture = Picture::new();
        let point =
            |arrivals| Point { arrivals, forecast: f64::NAN, jobs: 3.0, needed_jobs: 2.0, late_share: 0.0 };
        let at = |minutes: i64| crate::time::Timestamp::EPOCH.plus_seconds(60 * minutes);
        (1..=10).for_each(|minutes| picture.add(at(minutes), &point(minutes as f64)));
        picture.add(at(12), &point(f64::NAN));
        let day = picture.day(at(12));
        assert_eq!((day.arrivals.len(), day.arrivals[142], day.jobs[143]), (BINS, 5.5, 3.0));
        assert!(day.arrivals[143].is_nan() && day.forecast[142].is_nan());
    }
}
