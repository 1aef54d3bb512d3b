//! Counts since the start of a process where those of the interval are meant.
//!
//! A running total `x` never falls but at a reset, and its differences `d` are the counts that were meant. Something else in
//! the record tells how many events an interval had: completions with the change of the queue, or the busy job-seconds over
//! the time per event. Where records in a row have differences that fit this and values that do not, the field is a total.
//! Jobs that work on many events at a time finish a constant multiple of what their busy time explains; the multiple of a
//! total grows by one per record, or does not move for long.

use crate::config::Config;
use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Factor within which a count fits what another measure says, and events that are no difference.
const FITS: f64 = 1.5;
const FEW_EVENTS: f64 = 3.0;
/// Records in a row that prove a total: by what left the queue, by the busy time of a multiple that grows, and by the busy time
/// of one that is too large to be seen growing.
const PROOF_BY_QUEUE: u32 = 3;
const PROOF_BY_GROWTH: u32 = 6;
const PROOF: u32 = 12;
/// Multiple that is too large to be seen growing: jobs seldom work on so many events at a time.
const LARGE: f64 = 50.0;
/// Growth of the multiple per record that is about one.
const ABOUT_ONE: std::ops::RangeInclusive<f64> = 0.3..=3.0;
/// Records in a row whose value fits, after which a total is none any more.
const MENDED: u32 = 4;

/// The fields that can be totals.
pub(super) const FIELDS: [&str; 2] = ["logged_events_count", "processed_events_count"];

/// One field over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Followed {
    last: Option<f64>,
    /// Value over what the busy time explains, at the last record that told both.
    multiple: Option<f64>,
    /// Records in a row that speak for a total, each for a part of the proof.
    proof: u32,
    /// Records in a row whose value fits.
    fitting: u32,
    total: bool,
    /// Value from which a total fell: one that was left out for a while has not begun anew.
    fell_from: Option<f64>,
    /// Difference of the newest value to the one before, if it can be a count.
    difference: Option<f64>,
}

/// Which counts are running totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RunningTotals([Followed; FIELDS.len()]);

/// What a measure of an interval's events says of a count.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    /// The difference fits and the value does not.
    Total,
    /// The value fits.
    Count,
    Nothing,
}

impl RunningTotals {
    /// Learns from a record of a pool whose queue was `queued` before; reports whether a field has just been recognised.
    pub(super) fn observe(&mut self, record: &Metrics, queued: Option<f64>, config: &Config) -> bool {
        let busy = busy_events(record, config);
        let [logged, processed] = &mut self.0;
        let left = record.processed_events_count.filter(|count| *count >= 0.0 && !processed.total);
        let grown = record.queued_events_count.zip(queued).map_or(0.0, |(now, before)| now - before);
        let passed = left.map(|left| (left + grown).max(0.0));
        let arrivals = Some(record.logged_events_count).filter(|count| count.is_finite());
        let found = logged.observe(arrivals, passed, busy);
        processed.observe(record.processed_events_count, None, busy) || found
    }

    /// Returns the fields that are running totals, and the counts of the newest interval; none where the record before is
    /// missing, or the total has begun anew since.
    pub(super) fn found(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        let totals = FIELDS.into_iter().zip(&self.0).filter(|(_, followed)| followed.total);
        totals.map(|(field, followed)| (field, followed.difference))
    }

    /// Passes a record that is not used: the events until then are those of no interval that is.
    pub(super) fn pass(&mut self, record: &Metrics) {
        let values = [Some(record.logged_events_count), record.processed_events_count];
        for (followed, value) in self.0.iter_mut().zip(values) {
            followed.last = followed
                .last
                .map(|last| if followed.total { value.map_or(last, |value| last.max(value)) } else { last });
        }
    }

    /// Forgets the values before: intervals are missing since.
    pub(super) fn interrupt(&mut self) {
        self.0.iter_mut().for_each(|followed| followed.last = None);
    }
}

/// Returns the completions that the busy time of an interval explains.
fn busy_events(record: &Metrics, config: &Config) -> Option<f64> {
    let percent = record.cpu_utilization_percent.filter(|percent| (0.0..=105.0).contains(percent))?;
    let duration = record.average_processing_duration_ms.filter(|ms| *ms > 0.0)? / 1000.0;
    let jobs = Some(record.current_job_count).filter(|jobs| *jobs > 0.0)?;
    Some(percent / 100.0 * jobs * f64::from(config.interval_seconds) / duration)
}

impl Followed {
    /// Compares a value and its difference with what passed the queue and what the busy time explains.
    fn observe(&mut self, value: Option<f64>, passed: Option<f64>, busy: Option<f64>) -> bool {
        self.difference = None;
        let Some(value) = value.filter(|value| *value >= 0.0) else { return false };
        let last = self.last.replace(value);
        let difference = last.map(|last| value - last);
        let back = self.fell_from.is_some_and(|highest| value >= highest);
        self.fell_from = last.filter(|last| value < *last).or(self.fell_from).filter(|_| !back);
        self.difference = difference.filter(|count| *count >= 0.0 && !back);
        let multiple = busy.map(|busy| value / busy.max(1.0));
        let growth = multiple.zip(self.multiple).map(|(now, before)| now - before);
        self.multiple = multiple;
        let by_queue = said(value, difference, passed);
        let by_busy = said(value, difference, busy);
        let grows = by_busy == Said::Total && growth.is_some_and(|growth| ABOUT_ONE.contains(&growth));
        if by_queue == Said::Total {
            (self.proof, self.fitting) = (self.proof + PROOF / PROOF_BY_QUEUE, 0);
        } else if grows {
            (self.proof, self.fitting) = (self.proof + PROOF / PROOF_BY_GROWTH, 0);
        } else if by_busy == Said::Total && multiple > Some(LARGE) {
            (self.proof, self.fitting) = (self.proof + 1, 0);
        } else if by_queue == Said::Count || by_busy == Said::Count {
            (self.proof, self.fitting) = (0, self.fitting.saturating_add(1));
        } else if difference.is_some_and(|difference| difference < 0.0) {
            self.proof = 0;
        }
        // a total falls to about zero, or not at all
        let fallen = difference.is_some_and(|difference| difference < 0.0 && value > -difference);
        let before = self.total;
        self.total = if before { self.fitting < MENDED && !fallen } else { self.proof >= PROOF };
        self.total && !before
    }
}

fn said(value: f64, difference: Option<f64>, meant: Option<f64>) -> Said {
    let Some(meant) = meant else { return Said::Nothing };
    let fits = |count: f64| (meant / FITS - FEW_EVENTS..=meant * FITS + FEW_EVENTS).contains(&count);
    match difference {
        _ if fits(value) => Said::Count,
        Some(difference) if difference > 0.0 && fits(difference) && value > meant => Said::Total,
        _ => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// An interval of a pool of ten jobs, 500 ms per event.
    #[derive(Clone, Copy)]
    struct Interval {
        logged: f64,
        processed: Option<f64>,
        busy_percent: Option<f64>,
    }

    /// Which fields are totals after these intervals, and after how many the first one was recognised.
    fn recognised(intervals: impl IntoIterator<Item = Interval>) -> ([bool; 2], Option<usize>) {
        let (mut totals, mut first) = (RunningTotals::default(), None);
        for (index, interval) in intervals.into_iter().enumerate() {
            let mut record = Metrics::new(Timestamp::EPOCH, interval.logged, 10.0);
            record.processed_events_count = interval.processed;
            record.queued_events_count = Some(0.0);
            record.cpu_utilization_percent = interval.busy_percent;
            record.average_processing_duration_ms = Some(500.0);
            if totals.observe(&record, Some(0.0), &Config::default()) {
                first.get_or_insert(index + 1);
            }
        }
        (FIELDS.map(|field| totals.found().any(|(found, _)| found == field)), first)
    }

    /// About a thousand events, which keep 4.2 jobs busy.
    fn load() -> impl Iterator<Item = f64> {
        (0..60u32).map(|step| 1000.0 + f64::from(step * 37 % 101))
    }

    fn totals_of(load: impl Iterator<Item = f64>, start: f64) -> impl Iterator<Item = f64> {
        load.scan(start, |sum, events| {
            *sum += events;
            Some(*sum)
        })
    }

    fn busy(events: f64) -> Option<f64> {
        Some(events * 0.5 / 1200.0 * 100.0)
    }

    #[test]
    fn totals_of_arrivals_and_of_both_counts_are_recognised_within_a_few_records() {
        for start in [0.0, 4e7] {
            let sums = || load().zip(totals_of(load(), start));
            let arrivals = recognised(sums().map(|(events, sum)| Interval {
                logged: sum,
                processed: Some(events),
                busy_percent: None,
            }));
            assert_eq!(arrivals.0, [true, false]);
            assert!(arrivals.1 <= Some(4), "{arrivals:?}");
            let both = recognised(sums().map(|(events, sum)| Interval {
                logged: sum,
                processed: Some(sum),
                busy_percent: busy(events),
            }));
            assert_eq!(both.0, [true, true]);
            assert!(both.1 <= Some(if start > 0.0 { 13 } else { 7 }), "{both:?}");
        }
    }

    #[test]
    fn a_reset_changes_nothing_and_counts_that_are_right_again_are_believed() {
        let reset = totals_of(load(), 0.0).take(20).chain(totals_of(load(), 0.0).take(20));
        let intervals = load().take(20).chain(load().take(20)).zip(reset);
        let (events, sums): (Vec<f64>, Vec<f64>) = intervals.unzip();
        let at = |index: usize| Interval {
            logged: sums[index],
            processed: Some(events[index]),
            busy_percent: None,
        };
        assert_eq!(recognised((0..40).map(at)), ([true, false], Some(4)));
        let right =
            load().map(|events| Interval { logged: events, processed: Some(events), busy_percent: None });
        assert_eq!(recognised((0..20).map(at).chain(right)).0, [false, false]);
    }

    /// The count that is used of each of these values of a total that is known to be one; none passes a record.
    fn used(values: &[Option<f64>]) -> Vec<Option<f64>> {
        let mut totals = RunningTotals::default();
        let mut count = |value: f64, used: bool| {
            let mut record = Metrics::new(Timestamp::EPOCH, value, 10.0);
            record.processed_events_count = Some(1000.0);
            record.queued_events_count = Some(0.0);
            if used {
                totals.observe(&record, Some(0.0), &Config::default());
            } else {
                totals.pass(&record);
            }
            totals.found().next().and_then(|(_, count)| count)
        };
        for step in 0..5 {
            count(1000.0 * f64::from(step), true);
        }
        let used =
            |value: &Option<f64>| count(value.unwrap_or(0.0).abs(), value.is_some_and(|value| value >= 0.0));
        values.iter().map(used).collect()
    }

    #[test]
    fn events_of_records_that_are_not_used_are_those_of_no_interval() {
        let counts = used(&[Some(5000.0), Some(-6000.0), Some(-7000.0), Some(-6500.0), Some(8000.0)]);
        assert_eq!(counts[4], Some(1000.0), "{counts:?}");
    }

    #[test]
    fn a_total_that_is_left_out_for_a_while_has_not_begun_anew() {
        let counts = used(&[Some(5000.0), Some(0.0), Some(0.0), Some(8000.0), Some(9000.0)]);
        assert_eq!(counts[1..], [None, Some(0.0), None, Some(1000.0)], "{counts:?}");
        let counts = used(&[Some(5000.0), Some(500.0), Some(1500.0), Some(2500.0)]);
        assert_eq!(counts[1..], [None, Some(1000.0), Some(1000.0)], "it has: {counts:?}");
    }

    #[test]
    fn growing_loads_idle_jobs_and_jobs_with_many_events_at_a_time_are_none() {
        let ramp = |step: u32| 100.0 * 1.1f64.powi(step as i32);
        for parallel in [1.0, 8.0] {
            let intervals = (0..40).map(|step| Interval {
                logged: ramp(step),
                processed: Some(ramp(step)),
                busy_percent: busy(ramp(step) / parallel).map(|b| b.min(100.0)),
            });
            assert_eq!(recognised(intervals), ([false, false], None), "{parallel}");
        }
        let idle = |count: f64| Interval { logged: count, processed: None, busy_percent: Some(5.0) };
        let rise_and_fall = (0..40).chain((20..39).rev()).map(|step| idle(ramp(step)));
        assert_eq!(recognised(rise_and_fall).0, [false, false], "a total does not fall by a tenth");
        let silent = load().map(|events| Interval { logged: events, processed: None, busy_percent: None });
        assert_eq!(recognised(silent), ([false, false], None));
    }
}
