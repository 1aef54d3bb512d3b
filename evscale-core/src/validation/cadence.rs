//! How often do records really come? Counts of another interval than the configured one mean another load.

#![expect(clippy::disallowed_methods, reason = "distances of both signs are compared")]

use super::{DataQuality, Issue};
use crate::config::{Config, INTERVAL_SECONDS};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Distances that are looked at.
const DISTANCES: usize = 5;
/// Of these, how many must agree; all of them where a longer one may be records that were lost.
const MOST: usize = 4;
/// Deviation from their median, as a share, up to which distances agree: of short ones, in which jitter is more, and of long
/// ones.
const JITTER: (f64, f64) = (0.4, 0.25);
/// Deviation from the configured interval, as a share, from which on it is another one.
const ANOTHER: f64 = 0.25;

/// When records came of late, used and rejected ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cadence {
    /// Their times, each once, in the order in which they came.
    recent: Vec<Timestamp>,
    /// Seconds between two records, where that is not the configured interval.
    other: Option<f64>,
}

impl Cadence {
    /// Learns the time of a record; returns the issue of records that keep coming at another interval.
    pub(super) fn observe(&mut self, at: Timestamp, config: &Config) -> Option<Issue> {
        let expected = f64::from(config.interval_seconds);
        if !self.recent.contains(&at) {
            if self.recent.len() > DISTANCES {
                self.recent.remove(0);
            }
            self.recent.push(at);
            self.judge(expected);
        }
        self.other.map(|seconds| {
            let remedy = if INTERVAL_SECONDS.contains(&(seconds.round() as u32)) {
                format!("set `interval_seconds` to {seconds:.0}")
            } else {
                let (low, high) = (INTERVAL_SECONDS.start(), INTERVAL_SECONDS.end());
                format!("send one for each interval; `interval_seconds` can be {low} to {high}")
            };
            let reason = format!("records come every {seconds:.0} s, expected {expected} s: {remedy}");
            Issue::new(DataQuality::Cadence, reason)
        })
    }

    fn judge(&mut self, expected: f64) {
        let Ok(mut times) = <[Timestamp; DISTANCES + 1]>::try_from(self.recent.as_slice()) else { return };
        times.sort_unstable();
        let mut distances = [0.0; DISTANCES];
        for (distance, (before, at)) in distances.iter_mut().zip(times.iter().zip(times.iter().skip(1))) {
            *distance = at.seconds_since(*before);
        }
        distances.sort_unstable_by(f64::total_cmp);
        let (median, mean) = (distances[DISTANCES / 2], distances.iter().sum::<f64>() / DISTANCES as f64);
        let near = |seconds: f64, share: f64| {
            distances.iter().filter(|distance| (**distance / seconds - 1.0).abs() <= share).count()
        };
        let another = |seconds: f64| (seconds / expected - 1.0).abs() > ANOTHER;
        let (jitter, agree) = if median > expected { (JITTER.1, DISTANCES) } else { (JITTER.0, MOST) };
        if another(median) && another(mean) && near(median, jitter) >= agree {
            self.other = Some(median);
        } else if self.other.is_some_and(|seconds| near(seconds, JITTER.0) <= DISTANCES / 2)
            || near(expected, ANOTHER) >= MOST
        {
            self.other = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that are told to be written after each of these times.
    fn told(times: impl IntoIterator<Item = i64>) -> Vec<Option<String>> {
        let (mut cadence, config) = (Cadence::default(), Config::default());
        let observe = |seconds| {
            let issue = cadence.observe(Timestamp::EPOCH.plus_seconds(seconds), &config)?;
            issue.reason.split("`interval_seconds` to ").nth(1).map(str::to_owned)
        };
        times.into_iter().map(observe).collect()
    }

    #[test]
    fn another_interval_is_told_after_six_records_and_until_it_is_mended() {
        for seconds in [10, 15, 60, 85, 155, 300, 900, 3600] {
            let said = told((0..50).map(|i| i * seconds));
            assert!(said[..5].iter().all(Option::is_none), "{seconds} s: {said:?}");
            assert!(said[5..].iter().all(|told| *told == Some(seconds.to_string())), "{seconds} s: {said:?}");
        }
        let mended = told((0..20).map(|i| 60 * i).chain((1..9).map(|i| 1140 + 120 * i)));
        assert!(mended[19].is_some() && mended[24].is_none(), "{mended:?}");
        let near = told((0..20).map(|i| 86 * i).chain((1..9).map(|i| 1634 + 120 * i)));
        assert!(near[19].is_some() && near[25].is_none(), "distances that lie near both: {near:?}");
    }

    #[test]
    fn an_interval_that_cannot_be_set_is_not_told_to_be() {
        let mut cadence = Cadence::default();
        let mut observe =
            |seconds| cadence.observe(Timestamp::EPOCH.plus_seconds(seconds), &Config::default());
        let issue = (0..9).filter_map(|i| observe(7200 * i)).last().unwrap();
        assert!(issue.reason.contains("send one for each interval"), "{issue:?}");
    }

    #[test]
    fn jitter_small_gaps_and_the_order_do_not_hide_it() {
        let said = told((0..60).filter(|i| i % 9 != 4).map(|i| 60 * i + [0, 8, -7, 5, -9][i as usize % 5]));
        assert!(said[6..].iter().all(Option::is_some), "{said:?}");
        let swapped = told((0..40).map(|i| 300 * (i ^ 1)));
        assert!(swapped[8..].iter().all(Option::is_some), "{swapped:?}");
    }

    #[test]
    fn lost_late_repeated_and_jittering_records_are_no_other_interval() {
        let none = |times: Vec<i64>| {
            let said = told(times.clone());
            assert!(said.iter().all(Option::is_none), "{times:?}: {said:?}");
        };
        none((0..500).map(|i| 120 * i).collect());
        none((0..500).map(|i| 120 * (i / 3)).collect());
        none((0..500).map(|i| 120 * (i ^ 1)).collect());
        none((0..500).map(|i| 120 * i + (i * 7919) % 100 - 50).collect());
        none((0..500).filter(|i| (i * 7919) % 10 >= 3).map(|i| 120 * i).collect());
        none((0..20).map(|i| 120 * i).chain((0..20).map(|i| 9_000_000 + 120 * i)).collect());
        none((20..40).map(|i| 120 * i).chain((0..20).map(|i| 120 * i + 60)).collect());
    }
}
