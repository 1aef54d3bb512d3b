//! A pool with its queue, and a host that may fail: it feeds the records and carries out the decisions.

use super::case::{Case, Fields};
use super::faults::{Kind, order, other_configuration, spoil};
use evscale_core::{Autoscaler, Config, Decision, Metrics, ModelBundle, Pause, ScalingOutcome};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// Parts of an interval in which jobs become ready and take events.
const PARTS: usize = 10;
/// Time after which an event is given up, seconds: a queue of a day would be work for a day.
const GIVEN_UP_SECONDS: f64 = 600.0;
/// How often people and accidents interfere, per record.
const NOW_AND_THEN: f64 = 0.03;

pub struct Host {
    pub scaler: Autoscaler,
    /// Jobs at the end of each step.
    pub sized: Vec<f64>,
    ready: u32,
    /// When they are ready, seconds since the begin, and how many.
    starting: VecDeque<(f64, u32)>,
    /// Jobs that became ready since that was told.
    became_ready: u32,
    queue: f64,
    /// Arrivals since the begin.
    total: f64,
    /// Records of a longer interval that is not over.
    summed: Vec<Metrics>,
    /// Records that make one of these.
    summed_for: usize,
    /// Records on their way, by the step at which they come.
    coming: Vec<(usize, Metrics)>,
    /// Decisions on their way.
    asked: VecDeque<(usize, u32)>,
    snapshots: VecDeque<Vec<u8>>,
    random: ChaCha8Rng,
    mended: bool,
    /// What the last decision said.
    pub said: String,
}

impl Host {
    pub fn new(case: &Case) -> Self {
        Self {
            scaler: Autoscaler::builder(case.config.clone()).build().expect("a configuration that can be"),
            sized: Vec::new(),
            ready: case.config.max_jobs / 4,
            starting: VecDeque::new(),
            became_ready: 0,
            queue: 0.0,
            total: 0.0,
            summed: Vec::new(),
            summed_for: 1,
            coming: Vec::new(),
            asked: VecDeque::new(),
            snapshots: VecDeque::new(),
            random: ChaCha8Rng::seed_from_u64(!case.seed),
            mended: true,
            said: String::new(),
        }
    }

    fn jobs(&self) -> u32 {
        self.ready + self.starting.iter().map(|(_, jobs)| jobs).sum::<u32>()
    }

    /// How long the queue takes the jobs there are, seconds.
    pub fn wait_seconds(&self, case: &Case) -> f64 {
        self.queue * case.service_seconds / f64::from(self.ready.max(1))
    }

    /// One interval: the jobs work, records come, a decision is made and carried out.
    pub fn step(&mut self, case: &Case, step: usize, faulty: bool) {
        let record = self.work(case, step);
        let kinds: &[Kind] = if faulty { &case.kinds } else { &[] };
        if faulty {
            self.mended = false;
            self.interfere(case, step);
        } else if !self.mended {
            self.mend(case);
        }
        let every = self.scaler.config().interval_seconds / case.config.interval_seconds;
        let record = self.sum_up(record, every.max(1) as usize);
        for sent in record.map(|record| self.send(kinds, step, record)).unwrap_or_default() {
            self.scaler.observe(&sent).expect("bad records are told by the verdict");
        }
        self.tell_ready(case, kinds, step);
        let wrong_now = kinds.iter().find_map(|kind| match kind {
            Kind::WrongNow(by) => Some(*by),
            _ => None,
        });
        let decision = match wrong_now.filter(|_| self.random.random_bool(0.1)) {
            Some(by) => self.scaler.decide_at(case.at(step).plus_seconds(by)),
            None if step % 7 == 3 => self.scaler.decide_at(case.at(step)),
            None => self.scaler.decide(),
        };
        check(&decision, self.scaler.config());
        self.carry_out(case, kinds, step, decision.recommended_jobs);
        self.said = decision.explanation;
        self.sized.push(f64::from(self.jobs()));
    }

    /// Serves an interval; returns its true record.
    fn work(&mut self, case: &Case, step: usize) -> Metrics {
        let seconds = f64::from(case.config.interval_seconds);
        let arrivals = case.load[step];
        let part = seconds / PARTS as f64;
        let (mut done, mut worked, mut room, mut late) = (0.0, 0.0, 0.0, 0.0);
        for index in 0..PARTS {
            let now = step as f64 * seconds + index as f64 * part;
            while let Some((at, jobs)) = self.starting.front().copied()
                && at <= now
            {
                self.starting.pop_front();
                self.ready += jobs;
                self.became_ready += jobs;
            }
            let can = f64::from(self.ready) * part / case.service_seconds;
            self.queue += arrivals / PARTS as f64;
            let taken = self.queue.min(can);
            self.queue -= taken;
            if self.wait_seconds(case) > case.config.sla_wait_seconds {
                late += taken;
            }
            done += taken;
            worked += taken * case.service_seconds;
            room += f64::from(self.ready) * part;
        }
        self.queue = self.queue.min(arrivals * GIVEN_UP_SECONDS / seconds);
        self.total += arrivals;
        let mut record = Metrics::new(case.at(step), arrivals, f64::from(self.jobs()));
        record.processed_events_count = Some(done.round());
        record.cpu_utilization_percent = Some(if room > 0.0 { 100.0 * worked / room } else { 0.0 });
        record.sla_violations_count = Some(late.round());
        record.queued_events_count = Some(self.queue.round());
        record.average_processing_duration_ms = Some(1000.0 * case.service_seconds);
        match case.fields {
            Fields::All => (),
            Fields::NoQueue => (record.queued_events_count, record.sla_violations_count) = (None, None),
            Fields::NoServiceTime => record.average_processing_duration_ms = None,
        }
        record
    }

    /// Tells the library which jobs became ready, and after how long; a host that lies does not.
    fn tell_ready(&mut self, case: &Case, kinds: &[Kind], step: usize) {
        let ready = std::mem::take(&mut self.became_ready);
        if ready > 0 && !kinds.iter().any(|kind| matches!(kind, Kind::Outcomes)) {
            let mut outcome = ScalingOutcome::new(case.at(step));
            outcome.ready = ready;
            outcome.startup_seconds = Some(f64::from(case.config.job_startup_seconds));
            self.scaler.acknowledge(&outcome);
        }
    }

    /// Sums up so many records, for a configuration whose interval is as long; returns the sum when it is complete.
    fn sum_up(&mut self, record: Metrics, every: usize) -> Option<Metrics> {
        if self.summed_for != every {
            // several short intervals that are sent as one are a burst of load
            self.summed.clear();
            self.summed_for = every;
        }
        self.summed.push(record);
        if self.summed.len() < every {
            return None;
        }
        let parts = std::mem::take(&mut self.summed);
        let mut whole = parts.last()?.clone();
        let sum = |of: fn(&Metrics) -> Option<f64>| parts.iter().map(of).sum::<Option<f64>>();
        whole.logged_events_count = parts.iter().map(|part| part.logged_events_count).sum();
        whole.processed_events_count = sum(|part| part.processed_events_count);
        whole.sla_violations_count = sum(|part| part.sla_violations_count);
        whole.cpu_utilization_percent =
            sum(|part| part.cpu_utilization_percent).map(|percent| percent / parts.len() as f64);
        Some(whole)
    }

    /// Lets a record pass through what is wrong with the metrics; returns those that come now.
    fn send(&mut self, kinds: &[Kind], step: usize, mut record: Metrics) -> Vec<Metrics> {
        let random = &mut self.random;
        let (mut comes_at, mut again, mut before) = (step, None, false);
        for kind in kinds {
            match kind {
                Kind::Lost(share) if random.random_bool(*share) => comes_at = usize::MAX,
                Kind::Blackout(records) if step / records % 2 == 1 => comes_at = usize::MAX,
                Kind::Delayed(most) => comes_at = comes_at.max(step + random.random_range(0..=*most)),
                Kind::Duplicated(share) if random.random_bool(*share) => {
                    again = Some(step + random.random_range(0..5));
                }
                Kind::Reordered(share) => before = random.random_bool(*share),
                Kind::Clock(by, share) => {
                    // wrong for stretches, whose share of the time this is
                    let stretch = (20.0 * share).ceil() as usize;
                    if step % 20 < stretch {
                        record.timestamp = record.timestamp.plus_seconds(*by);
                    }
                }
                Kind::Garbage(field, factor, share) if random.random_bool(*share) => {
                    spoil(&mut record, *field, *factor);
                }
                Kind::Totals => record.logged_events_count = self.total,
                _ => (),
            }
        }
        if comes_at < usize::MAX {
            self.coming.push((if before { comes_at.max(step + 1) } else { comes_at }, record.clone()));
            self.coming.extend(again.map(|at| (at, record)));
        }
        if kinds.is_empty() {
            // what was late when the faults ended comes at once
            self.coming.iter_mut().for_each(|(at, _)| *at = (*at).min(step));
        }
        let (due, coming) = self.coming.drain(..).partition(|(at, _)| *at <= step);
        self.coming = coming;
        let mut due: Vec<(usize, Metrics)> = due;
        due.sort_by_key(|(at, record)| (*at, std::cmp::Reverse(record.timestamp)));
        due.into_iter().map(|(_, record)| record).collect()
    }

    /// What people and accidents do to the library.
    fn interfere(&mut self, case: &Case, step: usize) {
        let now = case.at(step);
        for kind in &case.kinds {
            let random = &mut self.random;
            let happens = random.random_bool(NOW_AND_THEN);
            match kind {
                Kind::Restarts(age) => {
                    self.snapshots.push_back(self.scaler.snapshot());
                    if self.snapshots.len() > *age {
                        let old = self.snapshots.pop_front().expect("one was just written");
                        if happens {
                            self.restart(case.config.clone(), &old);
                        }
                    }
                }
                Kind::Reconfigured if happens => {
                    let other = other_configuration(random, &case.config);
                    if random.random_bool(0.5) {
                        let snapshot = self.scaler.snapshot();
                        if other.check().is_ok() {
                            self.restart(other, &snapshot);
                        }
                    } else {
                        let _ = self.scaler.reconfigure(other);
                    }
                }
                Kind::Orders if happens => {
                    let order = order(random, case.config.max_jobs, now, case.mended());
                    let _ = self.scaler.set_override(Some(order));
                }
                Kind::Pauses if happens => {
                    let pauses = [Pause::Off, Pause::All, Pause::Up, Pause::Down];
                    self.scaler.set_pause(pauses[random.random_range(0..4usize)]);
                }
                Kind::Outcomes => {
                    let mut outcome = ScalingOutcome::new(now.plus_seconds(random.random_range(-9000..9000)));
                    outcome.started = random.random_range(0..50);
                    outcome.ready = random.random_range(0..50);
                    outcome.refused = random.random_range(0..10);
                    outcome.drained = random.random_range(0..10);
                    outcome.startup_seconds = [None, Some(-1.0), Some(f64::NAN), Some(7000.0), Some(1.0)]
                        [random.random_range(0..5usize)];
                    self.scaler.acknowledge(&outcome);
                }
                Kind::Hands if happens => {
                    let jobs = random.random_range(0..=case.config.max_jobs);
                    self.scale(case, step, jobs);
                }
                _ => (),
            }
        }
    }

    fn restart(&mut self, config: Config, snapshot: &[u8]) {
        let bundle = ModelBundle::bundled().expect("the bundled models");
        self.scaler = Autoscaler::restore(config, bundle, snapshot).expect("our own snapshot");
    }

    /// Ends what people and accidents did.
    fn mend(&mut self, case: &Case) {
        self.mended = true;
        self.scaler.set_override(None).expect("an order can be taken back");
        self.scaler.set_pause(Pause::Off);
        self.scaler.reconfigure(case.config.clone()).expect("the configuration of the begin");
        self.asked.clear();
    }

    /// Carries out what was recommended, as well as the host can.
    fn carry_out(&mut self, case: &Case, kinds: &[Kind], step: usize, recommended: Option<u32>) {
        let Some(mut wanted) = recommended else { return };
        let before = self.jobs();
        let mut at = step;
        for kind in kinds {
            match kind {
                Kind::Idle => return,
                Kind::Late(records) => at = step + records,
                Kind::Refused(share) if wanted > before && self.random.random_bool(*share) => {
                    let mut outcome = ScalingOutcome::new(case.at(step));
                    outcome.refused = wanted - before;
                    self.scaler.acknowledge(&outcome);
                    wanted = before;
                }
                Kind::Partial(share) => {
                    let change = f64::from(wanted) - f64::from(before);
                    wanted = (f64::from(before) + share * change).round() as u32;
                }
                _ => (),
            }
        }
        self.asked.push_back((at, wanted));
        while let Some((at, jobs)) = self.asked.front().copied()
            && at <= step
        {
            self.asked.pop_front();
            self.scale(case, step, jobs);
        }
    }

    /// Starts or stops jobs at the end of a step; the youngest leave first.
    fn scale(&mut self, case: &Case, step: usize, wanted: u32) {
        let now = (step + 1) as f64 * f64::from(case.config.interval_seconds);
        let jobs = self.jobs();
        if wanted > jobs {
            self.starting.push_back((now + f64::from(case.config.job_startup_seconds), wanted - jobs));
            return;
        }
        let mut leaving = jobs - wanted;
        while leaving > 0
            && let Some((_, youngest)) = self.starting.back_mut()
        {
            let gone = leaving.min(*youngest);
            *youngest -= gone;
            leaving -= gone;
            if *youngest == 0 {
                self.starting.pop_back();
            }
        }
        self.ready -= leaving;
    }
}

/// What holds for every decision, whatever went wrong.
fn check(decision: &Decision, config: &Config) {
    let tell = || format!("{}\n{}", decision.to_json(), config.to_json());
    let Some(jobs) = decision.recommended_jobs else {
        return assert!(decision.change.is_none() && decision.drain.is_none(), "{}", tell());
    };
    assert!((config.min_jobs..=config.max_jobs).contains(&jobs), "bounds: {}", tell());
    let last = decision.trail.last().map(|entry| entry.after).or(decision.proposed_jobs);
    assert_eq!(last, Some(jobs), "the trail ends at the recommendation: {}", tell());
    assert!(decision.valid_until > decision.decided_at && !decision.explanation.is_empty(), "{}", tell());
}
