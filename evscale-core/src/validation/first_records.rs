//! The first records of a pool: no value is believed before another record agrees with it.
//!
//! A host that has just started often sends a first value that is none: a running total where the difference is meant, an
//! interval that has hardly begun, another unit. One of the next two records agrees with it, or they agree with each other
//! and the first one is left out, with everything that was learned from it.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Factor within which two values agree, and difference of two counts that is none.
const AGREEMENT: f64 = 10.0;
const FEW_EVENTS: f64 = 100.0;
/// Records after which nobody waits for two that agree.
const MOST: u32 = 6;

/// What is compared of a record: arrivals, and service time in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sample {
    events: Option<f64>,
    service_ms: Option<f64>,
}

/// The first records, until some agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FirstRecords {
    seen: u32,
    /// The last two, newest first.
    last: [Sample; 2],
    agreed: bool,
}

impl Sample {
    fn of(record: &Metrics) -> Self {
        let positive = |value: &f64| value.is_finite() && *value >= 0.0;
        Self {
            events: Some(record.logged_events_count).filter(positive),
            service_ms: record.average_processing_duration_ms.filter(positive),
        }
    }

    /// Returns the first value that the other sample has far lower: what is wrong with this one.
    fn excess(&self, other: &Self) -> Option<String> {
        let far = |high: Option<f64>, low: Option<f64>, slack: f64| {
            high.zip(low).filter(|(high, low)| *high > AGREEMENT * low + slack)
        };
        let told = |name, (high, low): (f64, f64)| {
            format!("`{name}` was {high}, the next ones agree on about {low}")
        };
        far(self.events, other.events, FEW_EVENTS).map(|values| told("logged_events_count", values)).or_else(
            || {
                far(self.service_ms, other.service_ms, 0.0)
                    .map(|values| told("average_processing_duration_ms", values))
            },
        )
    }

    fn agrees(&self, other: &Self) -> bool {
        self.excess(other).is_none() && other.excess(self).is_none()
    }
}

impl FirstRecords {
    /// Reports whether two records have agreed, or none ever will.
    pub(super) fn agreed(&self) -> bool {
        self.agreed
    }

    /// Learns from a record that tells the arrivals; returns why the first one is not believed, once the next two agree with
    /// each other and not with it.
    pub(super) fn observe(&mut self, record: &Metrics) -> Option<String> {
        if self.agreed {
            return None;
        }
        let sample = Sample::of(record);
        sample.events?;
        let [newest, oldest] = self.last;
        self.last = [sample, newest];
        self.seen += 1;
        self.agreed = self.seen > 1
            && (self.seen > MOST || sample.agrees(&newest) || (self.seen > 2 && sample.agrees(&oldest)));
        let first_alone = self.seen > 2 && sample.agrees(&newest);
        first_alone.then(|| oldest.excess(&sample))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// What is said of each of these arrivals, and whether they are believed at the end.
    fn said(events: &[f64]) -> (Vec<bool>, bool) {
        let mut first = FirstRecords::default();
        let observe = |events: &f64| first.observe(&Metrics::new(Timestamp::EPOCH, *events, 5.0)).is_some();
        (events.iter().map(observe).collect(), first.agreed())
    }

    #[test]
    fn a_first_count_that_the_next_two_contradict_is_left_out_and_no_other() {
        assert_eq!(said(&[4e7]), (vec![false], false));
        assert_eq!(said(&[3000.0, 3100.0]), (vec![false; 2], true));
        assert_eq!(said(&[4e7, 3000.0]), (vec![false; 2], false));
        assert_eq!(said(&[4e7, 3000.0, 3100.0, 3000.0]), (vec![false, false, true, false], true));
        assert_eq!(
            said(&[3.0, 3000.0, 3100.0]),
            (vec![false; 3], true),
            "a quiet minute teaches nothing wrong"
        );
        assert_eq!(said(&[3000.0, 4e7, 3100.0]), (vec![false; 3], true), "the second one is alone");
        assert_eq!(
            said(&[f64::NAN, 4e7, 3000.0]),
            (vec![false; 3], false),
            "what is unknown agrees with nothing"
        );
        assert_eq!(said(&[40.0, 0.0, 2.0]), (vec![false; 3], true), "few events differ by chance");
    }

    #[test]
    fn records_that_never_agree_are_believed_in_the_end() {
        let wild: Vec<f64> = (0..7).map(|power| 1e3 * 100f64.powi([0, 3, 1, 4, 2, 5, 0][power])).collect();
        assert!(!said(&wild[..6]).1);
        assert!(said(&wild).1);
    }

    #[test]
    fn a_first_service_time_is_compared_likewise() {
        let mut first = FirstRecords::default();
        let mut record = Metrics::new(Timestamp::EPOCH, 3000.0, 5.0);
        let mut told = [1e7, 400.0, 410.0].map(|ms| {
            record.average_processing_duration_ms = Some(ms);
            first.observe(&record)
        });
        let why = told[2].take().unwrap();
        assert!(why.contains("`average_processing_duration_ms` was 10000000"), "{why}");
        assert_eq!(told, [None, None, None]);
    }
}
