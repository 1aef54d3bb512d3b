//! A workload made concrete: bursts within the interval, and service times.

use super::Generator;
use super::known_work::{KnownAhead, KnownWork};
use super::queue::{IntervalOutcome, SUBSTEP_SECONDS};
use super::workload::Workload;
use crate::error::Result;
use crate::forecaster::DueEvents;
use crate::metrics::Metrics;
use crate::time::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, StandardNormal};

/// Settings of a simulated world.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSettings {
    /// Jobs that the 99.9th percentile of the arrival rate needs at full utilization.
    pub jobs_at_peak: f64,
    /// Seed of bursts and service times.
    pub seed: u64,
    /// Dirichlet parameter of the split of an interval's events over its substeps; lower is burstier.
    pub burst_concentration: f64,
    /// Slow change of the service time from day to day, as a share.
    pub service_drift: f64,
    /// Logarithmic standard deviation of the service time from interval to interval.
    pub service_noise: f64,
}

impl Default for LoadSettings {
    fn default() -> Self {
        Self {
            jobs_at_peak: 60.0,
            seed: 0,
            burst_concentration: 20.0,
            service_drift: 0.1,
            service_noise: 0.05,
        }
    }
}

/// Arrivals and service times of every interval, fixed by workload and seed.
#[derive(Clone, Debug)]
pub struct SimulatedLoad {
    start: Timestamp,
    interval_seconds: u32,
    events: Vec<f64>,
    service_seconds: Vec<f64>,
    base_service_seconds: f64,
    burst_concentration: f64,
    seed: u64,
    events_per_job: f64,
    known: KnownAhead,
    /// Of each class, where there are several.
    classes: Vec<Self>,
}

impl SimulatedLoad {
    /// Unknown intervals of the workload become interpolated ones.
    pub fn new(workload: &Workload, settings: &LoadSettings) -> Self {
        let filled = workload.clone().fill_gaps();
        let events: Vec<f64> = filled.events.iter().map(|e| if e.is_finite() { *e } else { 0.0 }).collect();
        let interval = f64::from(workload.interval_seconds);
        let mut sorted = events.clone();
        sorted.sort_by(f64::total_cmp);
        let peak = sorted
            .get((sorted.len() * 999 / 1000).min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or(1.0);
        let base = settings.jobs_at_peak * interval / peak.max(1.0);
        let mut random = Generator::seed_from_u64(settings.seed);
        let per_day = 86_400.0 / interval;
        let days = (events.len() as f64 / per_day) as usize + 3;
        let knots: Vec<f64> = (0..days).map(|_| random.random_range(-1.0..1.0)).collect();
        let service_seconds = (0..events.len())
            .map(|i| {
                let place = i as f64 / per_day;
                let knot = |k: usize| knots.get(k).copied().unwrap_or(0.0);
                let share = place.fract();
                let slow = (1.0 - share) * knot(place as usize) + share * knot(place as usize + 1);
                let noise: f64 = StandardNormal.sample(&mut random);
                base * (1.0 + settings.service_drift * slow) * (settings.service_noise * noise).exp()
            })
            .collect();
        Self {
            start: workload.start,
            interval_seconds: workload.interval_seconds,
            events,
            service_seconds,
            base_service_seconds: base,
            burst_concentration: settings.burst_concentration,
            seed: settings.seed,
            events_per_job: 1.0,
            known: KnownAhead::default(),
            classes: Vec::new(),
        }
    }

    /// A world with the service times that were measured, seconds; unknown arrivals become interpolated ones.
    pub fn measured(workload: &Workload, service_seconds: Vec<f64>, seed: u64) -> Self {
        let mut sorted = service_seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let base_service_seconds = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
        let filled = workload.clone().fill_gaps();
        Self {
            start: workload.start,
            interval_seconds: workload.interval_seconds,
            events: filled.events.iter().map(|e| if e.is_finite() { *e } else { 0.0 }).collect(),
            service_seconds,
            base_service_seconds,
            burst_concentration: LoadSettings::default().burst_concentration,
            seed,
            events_per_job: 1.0,
            known: KnownAhead::default(),
            classes: Vec::new(),
        }
    }

    /// The same load on jobs that work on several events at once: an event takes a part of a job's time.
    #[must_use]
    pub fn with_events_per_job(self, events: u32) -> Self {
        Self { events_per_job: f64::from(events.max(1)), ..self }
    }

    /// The same load, of which the host knew a part ahead: it comes at its moments, and is told to what listens.
    ///
    /// # Errors
    /// A number of events that cannot be.
    pub fn with_known_work(self, list: &[KnownWork]) -> Result<Self> {
        Ok(Self { known: KnownAhead::new(list)?, ..self })
    }

    /// The load of a pool that serves all of these, each a class. Where their service time together was measured, seconds, those of the
    /// classes are right in proportion.
    pub fn of_classes(
        workload: &Workload,
        classes: Vec<Self>,
        measured: Option<Vec<f64>>,
        seed: u64,
    ) -> Self {
        let sum = |index: usize| classes.iter().map(|class| class.events(index)).sum::<f64>();
        let events = (0..workload.events.len()).map(sum).collect();
        let whole = Workload { events, ..workload.clone() };
        let seconds = measured
            .unwrap_or_else(|| (0..whole.events.len()).map(|index| mean_seconds(&classes, index)).collect());
        Self { classes, ..Self::measured(&whole, seconds, seed) }
    }

    /// Number of intervals.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// No interval at all.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Length of an interval, seconds.
    pub fn interval_seconds(&self) -> u32 {
        self.interval_seconds
    }

    /// Service time of an event as a load test would have found it, seconds.
    pub fn base_service_seconds(&self) -> f64 {
        self.base_service_seconds
    }

    /// What an event took of a job's time in that test, seconds.
    pub fn base_job_seconds(&self) -> f64 {
        self.base_service_seconds / self.events_per_job
    }

    /// Events of an interval.
    pub fn events(&self, index: usize) -> f64 {
        self.events.get(index).copied().unwrap_or(0.0)
    }

    /// Mean service time in an interval, seconds.
    pub fn service_seconds(&self, index: usize) -> f64 {
        self.service_seconds.get(index).copied().unwrap_or(self.base_service_seconds)
    }

    /// What an event takes of a job's time in an interval, seconds.
    pub fn job_seconds(&self, index: usize) -> f64 {
        self.service_seconds(index) / self.events_per_job
    }

    /// Jobs that an interval keeps busy all the time.
    pub fn offered_jobs(&self, index: usize) -> f64 {
        self.events(index) * self.job_seconds(index) / f64::from(self.interval_seconds)
    }

    /// End of an interval.
    pub fn end_of(&self, index: usize) -> Timestamp {
        self.start.plus_seconds((index as i64 + 1) * i64::from(self.interval_seconds))
    }

    /// Reports whether it is the load of so many classes.
    pub(super) fn has_classes(&self, count: usize) -> bool {
        self.classes.len() == count
    }

    /// Returns what the host knew at `now` to fall due from then on.
    pub(super) fn told_at(&self, now: Timestamp) -> Option<Vec<DueEvents>> {
        (!self.known.is_empty()).then(|| self.known.told_at(now))
    }

    /// Arrivals of each substep of an interval: a Dirichlet split of its events, but for those that come at a known moment.
    pub fn arrivals(&self, index: usize, out: &mut Vec<f64>) {
        self.spread(index, &self.at_moments(index), out);
    }

    /// Arrivals of each class per substep of an interval.
    pub(super) fn class_arrivals(&self, index: usize) -> Vec<Vec<f64>> {
        let moments = self.at_moments(index);
        let all = self.events(index);
        let of_class = |class: &Self| {
            let part = if all > 0.0 { class.events(index) / all } else { 0.0 };
            let own: Vec<(usize, f64)> =
                moments.iter().map(|(substep, events)| (*substep, part * events)).collect();
            let mut out = Vec::new();
            class.spread(index, &own, &mut out);
            out
        };
        self.classes.iter().map(of_class).collect()
    }

    /// Returns the time that an event takes in an interval over the one that its class says.
    pub(super) fn pace(&self, index: usize) -> f64 {
        let said = mean_seconds(&self.classes, index);
        if said > 0.0 { self.job_seconds(index) / said } else { 1.0 / self.events_per_job }
    }

    /// Returns the substeps of an interval at which events come all at once, and how many.
    fn at_moments(&self, index: usize) -> Vec<(usize, f64)> {
        if self.known.is_empty() {
            return Vec::new();
        }
        let end = self.end_of(index);
        let begin = end.plus_seconds(-i64::from(self.interval_seconds));
        let due: Vec<DueEvents> = self.known.between(begin, end).collect();
        let said: f64 = due.iter().map(|due| due.events).sum();
        let came = if said > self.events(index) { self.events(index) / said } else { 1.0 };
        let substep = |due: &DueEvents| {
            due.at.elapsed_since(begin).map_or(0, |seconds| (seconds / SUBSTEP_SECONDS) as usize)
        };
        due.iter().map(|due| (substep(due), came * due.events)).collect()
    }

    fn spread(&self, index: usize, moments: &[(usize, f64)], out: &mut Vec<f64>) {
        let substeps = (f64::from(self.interval_seconds) / SUBSTEP_SECONDS).round().max(1.0) as usize;
        let mut random =
            Generator::seed_from_u64(self.seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        out.clear();
        match Gamma::new(self.burst_concentration.max(1e-3), 1.0) {
            Ok(gamma) => out.extend((0..substeps).map(|_| gamma.sample(&mut random))),
            Err(_) => out.extend(std::iter::repeat_n(1.0, substeps)),
        }
        let total: f64 = out.iter().sum();
        let at_once: f64 = moments.iter().map(|(_, events)| events).sum();
        let others = (self.events(index) - at_once).max(0.0);
        for share in out.iter_mut() {
            *share *= others / total.max(1e-12);
        }
        for (substep, events) in moments {
            let last = substeps - 1;
            if let Some(cell) = out.get_mut(*substep.min(&last)) {
                *cell += events;
            }
        }
    }

    /// The metrics record of an interval.
    pub fn record(&self, index: usize, outcome: &IntervalOutcome) -> Metrics {
        let mut record = Metrics::new(self.end_of(index), self.events(index), f64::from(outcome.jobs));
        record.processed_events_count = Some(outcome.processed.round());
        record.queued_events_count = Some(outcome.queued.round());
        record.unprocessed_events_count = Some(outcome.queued_of_interval.round());
        record.average_processing_duration_ms = Some(1000.0 * self.service_seconds(index));
        record.cpu_utilization_percent = Some((100.0 * outcome.busy_ratio).min(100.0));
        let wait = if outcome.processed > 0.0 { outcome.wait_seconds / outcome.processed } else { 0.0 };
        record.average_queue_wait_time_ms = Some(1000.0 * wait);
        record.sla_violations_count = Some(outcome.violations.round());
        record
    }
}

/// Returns the mean service time of what comes of all classes in an interval, seconds; of one event of each where nothing comes.
fn mean_seconds(classes: &[SimulatedLoad], index: usize) -> f64 {
    let events: f64 = classes.iter().map(|class| class.events(index)).sum();
    let mean = |weight: &dyn Fn(&SimulatedLoad) -> f64, all: f64| {
        classes.iter().map(|class| weight(class) * class.service_seconds(index)).sum::<f64>() / all
    };
    if events > 0.0 {
        mean(&|class| class.events(index), events)
    } else {
        mean(&|_| 1.0, classes.len() as f64)
    }
}
