//! What a job can do: its time per event, from three kinds of evidence.
//!
//! 1. *Told*: the durations that the records report.
//! 2. *Busy time*: busy job-seconds over completions (Little's law over a stretch of time, so that it holds for events
//!    longer than an interval).
//! 3. *Throughput*: job-seconds over completions. While a queue stands that of the ready jobs is the time per event,
//!    whatever the others say; that of all jobs, of which some may be ready sooner than their host says, is a limit that no
//!    mean can exceed.
//!
//! Where told and busy time contradict each other the longer one is believed, as far as the throughput allows it: an event
//! that waits for others uses little CPU, and jobs with several events at a time finish more than durations allow. What
//! a saturated pool shows beyond that is kept as a factor, which fades once the others agree without it.

use crate::metrics::Metrics;
use serde::{Deserialize, Serialize};

/// Weight of a record with many completions, and how many are many.
const WEIGHT: f64 = 0.15;
const MANY: f64 = 10.0;
/// A record further from the mean than this factor moves it no more than this factor would, the more events it tells of.
const OUTLIER: f64 = 3.0;
/// Records in a row beyond it on one side that are believed.
const AGREEING: i32 = 5;
/// Factor between told and busy time that is a contradiction, and one that is told.
const CONTRADICTION: f64 = 1.6;
const NAMED: f64 = 3.0;
/// Lowest CPU utilization from which a service time is derived, percent.
const LEAST_CPU_PERCENT: f64 = 5.0;
/// Weight of a record of a saturated pool.
const SATURATED_WEIGHT: f64 = 0.25;
/// Factor that counts as agreement with what a saturated pool shows.
const AGREEMENT: f64 = 1.15;
/// Share of the logarithm of the factor that is left after a day, and after a record in which the others agree.
const FADE_PER_DAY: f64 = 0.7;
const FADE_AGREED: f64 = 0.93;
/// The fewest job-seconds per event grow by this factor in a day in which nothing shows them.
const BEST_GROWS_PER_DAY: f64 = 1.24;
/// Range of service times, seconds.
const RANGE: (f64, f64) = (1e-9, 1e7);

/// A sum of times over a sum of events, of the last records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ratio {
    seconds: f64,
    events: f64,
}

impl Ratio {
    /// Adds a record; the past fades by the events of the record, so that rare ones are remembered for longer.
    fn add(&mut self, seconds: f64, events: f64) {
        let kept = 1.0 - WEIGHT * (events / MANY).min(1.0);
        self.seconds = self.seconds * kept + seconds;
        self.events = self.events * kept + events;
    }

    /// Seconds per event if those in service, which have their time so far, ended now: a mean is not less.
    fn least(&self, in_service: f64) -> f64 {
        self.seconds / (self.events + in_service).max(1.0)
    }

    /// Seconds per event; of events that have not ended the time so far.
    fn mean(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.seconds / self.events.max(1.0))
    }
}

/// Mean time a job works on one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ServiceTime {
    configured_seconds: Option<f64>,
    /// That of pools like it, until anything tells its own.
    like_seconds: Option<f64>,
    told: Option<f64>,
    /// Records in a row far above (positive) or below the mean, and their own mean.
    outliers: (i32, f64),
    busy: Ratio,
    /// Events in service at the newest record.
    in_service: f64,
    /// Job-seconds of ready jobs.
    ready: Ratio,
    /// Job-seconds of all jobs: those that are thought to be starting may be ready already.
    present: Ratio,
    /// Fewest job-seconds per event of late.
    best: Option<f64>,
    /// Logarithm of what a saturated pool takes per event over what the others say.
    saturated: f64,
    /// Records in which told and busy time contradict each other, less those in which they do not.
    contradicted: f64,
}

/// What a record says of a pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throughput {
    /// Jobs that are thought to be ready, mean over the interval.
    pub(super) ready_jobs: f64,
    /// All jobs at its end, not fewer than the ready ones.
    pub(super) jobs: f64,
    /// Events in service at its end.
    pub(super) in_service: f64,
    /// Events waited for a job during the whole interval.
    pub(super) saturated: bool,
    pub(super) interval_seconds: f64,
}

impl ServiceTime {
    pub(super) fn new(configured_ms: Option<f64>) -> Self {
        Self {
            configured_seconds: configured_ms.map(|ms| ms / 1000.0),
            like_seconds: None,
            told: None,
            outliers: (0, 0.0),
            busy: Ratio::default(),
            in_service: 0.0,
            ready: Ratio::default(),
            present: Ratio::default(),
            best: None,
            saturated: 0.0,
            contradicted: 0.0,
        }
    }

    /// Takes the time of pools like it until anything tells its own.
    pub(super) fn begin_like(&mut self, seconds: f64) {
        self.like_seconds = Some(seconds);
    }

    /// Begins anew with another configured time.
    pub(super) fn reconfigure(&mut self, configured_ms: Option<f64>) {
        let configured_seconds = configured_ms.map(|ms| ms / 1000.0);
        if configured_seconds.is_some() && configured_seconds != self.configured_seconds {
            *self = Self::new(configured_ms);
        }
        self.configured_seconds = configured_seconds;
    }

    /// Seconds of one job per event; none before anything told.
    pub(super) fn seconds(&self) -> Option<f64> {
        Some((self.unsaturated()? * self.saturated.exp()).clamp(RANGE.0, RANGE.1))
    }

    /// What told and busy time say.
    fn unsaturated(&self) -> Option<f64> {
        let busy = self.busy.mean();
        match (self.told.or(self.configured_seconds), busy) {
            (Some(told), Some(busy)) if self.busy.least(self.in_service) > CONTRADICTION * told => Some(busy),
            (Some(told), busy) => {
                let parallel = self.best.is_some_and(|best| told > CONTRADICTION * best);
                Some(if parallel {
                    told.min(self.best.unwrap_or(told)).max(busy.unwrap_or(0.0))
                } else {
                    told
                })
            }
            (None, Some(busy)) => Some(busy),
            (None, None) => {
                let shown = self.ready.mean().filter(|_| self.ready.events >= 1.0 && self.saturated != 0.0);
                let like = self.like_seconds.map(|like| like.min(self.best.unwrap_or(like)));
                shown.or(like)
            }
        }
    }

    /// Share of the busy time that the records see, at most 1.
    pub(super) fn seen_share(&self) -> f64 {
        match (self.seconds(), self.busy.mean()) {
            (Some(seconds), Some(busy)) if seconds > CONTRADICTION * busy => busy / seconds,
            _ => 1.0,
        }
    }

    /// The contradiction between what is told and what is seen, if it lasts.
    pub(super) fn contradiction(&self) -> Option<String> {
        let (told, busy) = (self.told.or(self.configured_seconds)?, self.busy.mean()?);
        (self.contradicted >= f64::from(AGREEING)).then(|| {
            format!(
                "service_time: {:.4} s per event are told, the busy jobs show {busy:.4} s; planned with {:.4} s",
                told,
                self.seconds().unwrap_or(told)
            )
        })
    }

    /// Learns from a checked record.
    pub(super) fn observe(&mut self, record: &Metrics, pool: &Throughput) {
        let done = record.processed_events_count;
        let before = std::mem::replace(&mut self.in_service, pool.in_service);
        if let Some(duration) = record.average_processing_duration_ms.filter(|ms| *ms > 0.0) {
            self.learn_told(duration / 1000.0, done.unwrap_or(MANY));
        }
        let (Some(done), true) = (done, pool.ready_jobs > 0.0) else { return };
        let job_seconds = pool.ready_jobs * pool.interval_seconds;
        if let Some(cpu) = record.cpu_utilization_percent.filter(|percent| *percent >= LEAST_CPU_PERCENT) {
            self.busy.add(job_seconds * cpu / 100.0, done);
        } else if self.busy.seconds > 0.0 && self.seconds().is_some_and(|mean| mean >= pool.interval_seconds)
        {
            // what ends in an idle interval was busy in those before it, whose time is counted
            self.busy.add(0.0, done.min(before));
        }
        self.ready.add(job_seconds, done);
        self.present.add(pool.jobs * pool.interval_seconds, done);
        if let Some(shown) = self.longest() {
            let grown = BEST_GROWS_PER_DAY.powf(pool.interval_seconds / 86_400.0);
            self.best = Some(self.best.map_or(shown, |best| (best * grown).min(shown)));
        }
        self.learn_saturated(done, job_seconds, pool);
        let far = match (self.told.or(self.configured_seconds), self.busy.mean()) {
            (Some(told), Some(busy)) if self.busy.events >= 1.0 => {
                told > NAMED * busy || self.busy.least(self.in_service) > NAMED * told
            }
            _ => false,
        };
        let limit = 4.0 * f64::from(AGREEING);
        self.contradicted = (self.contradicted + if far { 1.0 } else { -1.0 }).clamp(0.0, limit);
    }

    /// Job-seconds per event of all jobs; none before many events.
    fn longest(&self) -> Option<f64> {
        self.present.mean().filter(|_| self.present.events >= MANY)
    }

    fn learn_told(&mut self, sample: f64, events: f64) {
        if events <= 0.0 {
            return;
        }
        let sample = sample.clamp(RANGE.0, RANGE.1);
        let mean = self.told.or(self.configured_seconds).unwrap_or(sample);
        let factor = OUTLIER * (1.0 + MANY / events.max(1.0)).min(10.0);
        let side = i32::from(sample > mean * factor) - i32::from(sample < mean / factor);
        let (run, own) = self.outliers;
        let agrees = run.signum() == side && (own / OUTLIER..=own * OUTLIER).contains(&sample);
        self.outliers = match (side, agrees) {
            (0, _) => (0, 0.0),
            (_, true) => (run + side, own + (sample - own) / f64::from((run + side).abs())),
            (_, false) => (side, sample),
        };
        if self.outliers.0.abs() >= AGREEING {
            self.told = Some(self.outliers.1);
            self.outliers = (0, 0.0);
            self.best = None;
            return;
        }
        let weight = WEIGHT * (events / MANY).min(1.0);
        self.told = Some(mean + weight * (sample.max(mean / factor).min(mean * factor) - mean));
    }

    fn learn_saturated(&mut self, done: f64, job_seconds: f64, pool: &Throughput) {
        let days = pool.interval_seconds / 86_400.0;
        self.saturated *= FADE_PER_DAY.powf(days);
        let Some(said) = self.unsaturated().or(pool.saturated.then(|| job_seconds / done.max(1.0))) else {
            return;
        };
        if pool.saturated && done >= 1.0 {
            let shown = (job_seconds / done / said).ln();
            if shown > AGREEMENT.ln() || self.saturated > shown {
                let weight = SATURATED_WEIGHT * (done / MANY).min(1.0);
                self.saturated = (self.saturated + weight * (shown - self.saturated)).max(0.0);
            }
        } else if let (Some(told), Some(busy)) = (self.told.or(self.configured_seconds), self.busy.mean())
            && (told / busy).max(busy / told) < AGREEMENT
        {
            self.saturated *= FADE_AGREED;
        }
        // jobs cannot have worked longer on an event than they were there for it
        if let Some(longest) = self.longest() {
            self.saturated = self.saturated.min((AGREEMENT * longest / said).ln().max(0.0));
        }
        if self.saturated < 1e-3 && self.unsaturated().is_some() {
            self.saturated = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use approx::{abs_diff_eq, assert_abs_diff_eq};

    fn record(told_ms: Option<f64>, done: f64, cpu: Option<f64>) -> Metrics {
        let mut record = Metrics::new(Timestamp::EPOCH, done, 10.0);
        record.average_processing_duration_ms = told_ms;
        record.processed_events_count = Some(done);
        record.cpu_utilization_percent = cpu;
        record
    }

    /// Ten ready jobs, in records of 120 s.
    const TEN_JOBS: Throughput = Throughput {
        ready_jobs: 10.0,
        jobs: 10.0,
        in_service: 0.0,
        saturated: false,
        interval_seconds: 120.0,
    };

    /// After 200 records of 120 s of ten ready jobs.
    fn learned(record: &Metrics, saturated: bool) -> ServiceTime {
        let mut service = ServiceTime::new(None);
        let pool = Throughput { saturated, ..TEN_JOBS };
        (0..200).for_each(|_| service.observe(record, &pool));
        service
    }

    #[test]
    fn told_and_busy_time_agree_or_the_longer_one_is_believed_as_far_as_it_can_be() {
        let seconds = |told, done, cpu| learned(&record(told, done, cpu), false).seconds().unwrap();
        assert_abs_diff_eq!(seconds(Some(1000.0), 600.0, Some(50.0)), 1.0, epsilon = 0.01);
        assert!(abs_diff_eq!(seconds(None, 600.0, Some(50.0)), 1.0, epsilon = 0.01), "busy time alone");
        assert!(
            abs_diff_eq!(seconds(Some(200.0), 600.0, Some(50.0)), 1.0, epsilon = 0.01),
            "told too little"
        );
        assert!(
            abs_diff_eq!(seconds(Some(1000.0), 600.0, Some(10.0)), 1.0, epsilon = 0.01),
            "waits for others"
        );
        let parallel = seconds(Some(10_000.0), 600.0, Some(50.0));
        assert!(parallel <= 2.0 + 1e-9, "ten jobs did 600 events in 120 s: {parallel}");
        assert!(learned(&record(Some(1.0), 600.0, Some(50.0)), false).contradiction().is_some());
    }

    #[test]
    fn what_jobs_did_at_once_in_the_rush_is_known_after_a_night_at_every_interval() {
        for interval in [10.0, 120.0, 600.0] {
            let mut service = ServiceTime::new(None);
            let pool = Throughput { interval_seconds: interval, ..TEN_JOBS };
            for (hours, per_second) in [(1.0, 5.0), (12.0, 0.5)] {
                let told = record(Some(10_000.0), per_second * interval, None);
                (0..(3600.0 * hours / interval) as u32).for_each(|_| service.observe(&told, &pool));
            }
            // five a second by ten jobs
            let seconds = service.seconds().unwrap();
            assert!((2.0..2.4).contains(&seconds), "{seconds} s, records every {interval} s");
        }
    }

    #[test]
    fn a_saturated_pool_shows_what_the_others_hide() {
        let hidden = learned(&record(Some(200.0), 600.0, None), true).seconds().unwrap();
        assert!(abs_diff_eq!(hidden, 2.0, epsilon = 0.05), "{hidden}");
        let mut service = learned(&record(Some(200.0), 600.0, Some(100.0)), true);
        let calm = record(Some(1000.0), 600.0, Some(50.0));
        (0..400).for_each(|_| service.observe(&calm, &TEN_JOBS));
        assert!(abs_diff_eq!(service.seconds().unwrap(), 1.0, epsilon = 0.05), "{:?}", service.seconds());
    }

    #[test]
    fn what_jobs_do_that_are_thought_to_be_starting_makes_no_event_shorter() {
        for saturated in [false, true] {
            let mut service = ServiceTime::new(None);
            let pool = |ready_jobs, saturated| Throughput {
                ready_jobs,
                jobs: 50.0,
                in_service: 0.0,
                saturated,
                interval_seconds: 60.0,
            };
            // fifty jobs with an event a second each, of which five are thought to be ready, then all
            (0..25).for_each(|_| service.observe(&record(Some(1000.0), 3000.0, None), &pool(5.0, saturated)));
            (0..60).for_each(|_| service.observe(&record(Some(1000.0), 600.0, None), &pool(50.0, false)));
            let seconds = service.seconds().unwrap();
            assert!(abs_diff_eq!(seconds, 1.0, epsilon = 0.05), "{seconds} s, saturated: {saturated}");
        }
    }

    #[test]
    fn one_broken_sample_moves_little_and_agreeing_ones_are_believed() {
        let mut service = learned(&record(Some(1000.0), 600.0, None), false);
        service.observe(&record(Some(1e9), 600.0, None), &TEN_JOBS);
        assert!(service.seconds().unwrap() < 2.1);
        (0..AGREEING).for_each(|_| service.observe(&record(Some(60_000.0), 600.0, None), &TEN_JOBS));
        assert!(abs_diff_eq!(service.told.unwrap(), 60.0, epsilon = 1.0), "{:?}", service.told);
    }

    #[test]
    fn the_first_of_many_long_events_to_end_contradicts_nothing() {
        for last_cpu in [Some(100.0), Some(0.0), None] {
            let mut service = ServiceTime::new(Some(300_000.0));
            for (done, in_service) in
                [(0.0, 12.0), (0.0, 12.0), (0.0, 12.0), (0.0, 12.0), (1.0, 11.0), (11.0, 0.0), (0.0, 0.0)]
            {
                let pool = Throughput {
                    ready_jobs: 12.0,
                    jobs: 12.0,
                    in_service,
                    saturated: false,
                    interval_seconds: 60.0,
                };
                let cpu = if in_service > 0.0 { Some(100.0) } else { last_cpu.filter(|_| done > 0.0) };
                service.observe(&record(None, done, cpu), &pool);
                assert_eq!(service.seconds(), Some(300.0), "{last_cpu:?}: {service:?}");
            }
        }
    }

    #[test]
    fn events_that_have_not_ended_count_with_their_time_so_far() {
        let mut service = ServiceTime::new(None);
        let pool = Throughput {
            ready_jobs: 1.0,
            jobs: 1.0,
            in_service: 0.0,
            saturated: false,
            interval_seconds: 60.0,
        };
        let mut last = 0.0;
        for _ in 0..30 {
            service.observe(&record(None, 0.0, Some(100.0)), &pool);
            let seconds = service.seconds().unwrap();
            assert!(seconds > last);
            last = seconds;
        }
        assert!(abs_diff_eq!(last, 1800.0, epsilon = 1.0), "{last}");
    }
}
