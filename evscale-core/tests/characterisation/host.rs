//! The host: a fluid queue, a load by the clock with noise, and everything that may go wrong, all from a case alone.

use crate::cases::{Case, Events, Own};
use evscale_core::features::PolicyState;
use evscale_core::{
    Autoscaler, Config, Decision, Fleet, HORIZON_MINUTES, HostError, HostForecaster, HostPolicy, ManualOrder,
    ManualOverride, Metrics, ModelBundle, Observation, Pause, QUANTILE_LEVELS, ScalingOutcome, Series,
    Timestamp,
};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

const START_MS: i64 = 1_772_323_200_000; // 2026-03-01T00:00:00Z, a week before clocks change in New York

/// Digests of each hundred decisions.
#[derive(Default)]
pub struct Digests {
    pub values: Vec<u32>,
    pub texts: Vec<u32>,
    open: (crc32fast::Hasher, crc32fast::Hasher, usize),
}

impl Digests {
    fn take(&mut self, seen: Option<&Observation>, decision: &Decision) {
        let mut decision: Value = serde_json::from_str(&decision.to_json()).unwrap();
        let mut texts = Vec::new();
        for key in ["explanation", "limited_by", "fallback_reason"] {
            texts.push(decision.as_object_mut().unwrap().remove(key).unwrap());
        }
        for entry in decision["trail"].as_array_mut().unwrap() {
            for key in ["rule", "detail"] {
                texts.push(entry.as_object_mut().unwrap().remove(key).unwrap());
            }
        }
        let mut seen: Value = seen.map_or(Value::Null, |seen| serde_json::from_str(&seen.to_json()).unwrap());
        if let Some(seen) = seen.as_object_mut() {
            texts.extend(["repairs", "reason"].map(|key| seen.remove(key).unwrap()));
        }
        self.open.0.update(format!("{seen}{decision}").as_bytes());
        self.open.1.update(Value::from(texts).to_string().as_bytes());
        self.open.2 += 1;
    }

    /// Ends a hundred with what is known of the pool then.
    fn close(&mut self, forecast: &str, health: &str) {
        let mut health: Value = serde_json::from_str(health).unwrap();
        let causes = health.as_object_mut().unwrap().remove("causes").unwrap();
        health.as_object_mut().unwrap().remove("announced").unwrap();
        self.open.0.update(format!("{forecast}{health}").as_bytes());
        self.open.1.update(causes.to_string().as_bytes());
        let (values, texts, _) = std::mem::take(&mut self.open);
        self.values.push(values.finalize());
        self.texts.push(texts.finalize());
    }

    fn is_due(&self) -> bool {
        self.open.2 >= 100
    }
}

/// Numbers from 0 to 1, the same for the same seed (xorshift64*).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn happens(&mut self, share: f64) -> bool {
        self.next() < share
    }

    fn below(&mut self, most: u32) -> u32 {
        (self.next() * f64::from(most)) as u32
    }
}

/// A pool of the host, with its queue.
struct Host {
    draws: Draws,
    jobs: u32,
    /// When jobs that are starting will be ready, and how many.
    starting: VecDeque<(f64, u32)>,
    /// Changes that a slow host has not made yet: when, and to how many.
    ordered: Option<(f64, u32)>,
    backlog: f64,
    phase: f64,
    sent: Option<Metrics>,
}

impl Host {
    fn new(seed: u64) -> Self {
        Self {
            draws: Draws(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xD134_2543_DE82_EF95)),
            jobs: 20,
            starting: VecDeque::new(),
            ordered: None,
            backlog: 0.0,
            phase: seed as f64 / 7.0,
            sent: None,
        }
    }

    /// Arrivals per second: a day, a weekend, bursts by the clock and by chance, noise.
    fn rate(&mut self, case: &Case, seconds: f64) -> f64 {
        let day = seconds / 86_400.0 + self.phase;
        let mut rate =
            1.0 + 0.5 * (std::f64::consts::TAU * day).sin() + 0.2 * (std::f64::consts::TAU * 3.0 * day).cos();
        if (day as u64) % 7 >= 5 {
            rate *= 0.6;
        }
        if (0.08..0.09).contains(&day.fract()) {
            rate *= 2.5;
        }
        if self.draws.happens(0.002) {
            rate *= 4.0;
        }
        (rate * (0.9 + 0.2 * self.draws.next()) * case.rate).max(0.0)
    }

    /// Serves an interval that begins at `seconds`, and measures it.
    fn serve(&mut self, case: &Case, seconds: f64) -> Metrics {
        let interval = f64::from(case.config.interval_seconds);
        let end = seconds + interval;
        if let Some((at, jobs)) = self.ordered
            && at <= end
        {
            self.ordered = None;
            self.scale(case, end, jobs);
        }
        while self.starting.front().is_some_and(|(ready, _)| *ready <= end) {
            self.starting.pop_front();
        }
        let starting: u32 = self.starting.iter().map(|(_, jobs)| jobs).sum();
        let mut ready = f64::from(self.jobs.saturating_sub(starting));
        if case.events.bottleneck {
            ready = ready.min(14.0);
        }
        let arrived = (self.rate(case, seconds) * interval).round();
        let service = case.service_seconds * (1.0 + 0.1 * (seconds / 40_000.0).sin());
        let room = ready * interval / service;
        let waiting = self.backlog + arrived;
        let done = waiting.min(room).floor();
        let wait = if room > 0.0 { self.backlog / room * interval } else { interval };
        self.backlog = waiting - done;
        let mut record = Metrics::new(at(end), arrived, f64::from(self.jobs));
        record.processed_events_count = Some(done);
        if case.events.sparse_fields {
            record.average_queue_wait_time_ms = Some(1000.0 * wait);
            record.cpu_utilization_percent = Some(if room > 0.0 { 100.0 * done / room } else { 0.0 });
            return record;
        }
        record.queued_events_count = Some(self.backlog);
        record.average_processing_duration_ms = (done > 0.0).then_some(1000.0 * service);
        record.average_queue_wait_time_ms = Some(1000.0 * wait);
        record.cpu_utilization_percent = Some(if room > 0.0 { 100.0 * done / room } else { 0.0 });
        record.sla_violations_count = Some(if wait > case.config.sla_wait_seconds { done } else { 0.0 });
        record
    }

    fn scale(&mut self, case: &Case, seconds: f64, jobs: u32) {
        if jobs > self.jobs {
            self.starting.push_back((seconds + f64::from(case.config.job_startup_seconds), jobs - self.jobs));
        }
        let mut gone = self.jobs.saturating_sub(jobs);
        while gone > 0
            && let Some((_, count)) = self.starting.back_mut()
        {
            let taken = gone.min(*count);
            *count -= taken;
            gone -= taken;
            if *count == 0 {
                self.starting.pop_back();
            }
        }
        self.jobs = jobs;
    }

    fn carry_out(&mut self, case: &Case, seconds: f64, jobs: u32) {
        if !case.events.slow_host {
            self.scale(case, seconds, jobs);
        } else if self.ordered.is_none() && jobs != self.jobs {
            let part = self.jobs.abs_diff(jobs).div_ceil(2);
            let target = if jobs > self.jobs { self.jobs + part } else { self.jobs - part };
            self.ordered = Some((seconds + 400.0 * self.draws.next(), target));
        }
    }

    /// What is sent instead of a record; none if it is lost.
    fn disturb(&mut self, record: Metrics) -> Option<Metrics> {
        let kind = self.draws.below(100);
        let mut sent = record.clone();
        match kind {
            0..=2 => return None,
            3 => sent.logged_events_count = f64::NAN,
            4 => sent.current_job_count = f64::NAN,
            5 => sent.processed_events_count = Some(-7.0),
            6 => sent.cpu_utilization_percent = Some(400.0),
            7 => sent.logged_events_count *= 1e7,
            8 => sent.average_processing_duration_ms = Some(1e9),
            9 => sent = self.sent.clone().unwrap_or(sent),
            10 => sent.timestamp = sent.timestamp.plus_seconds(5 * 86_400),
            11 => sent.timestamp = sent.timestamp.plus_seconds(-3 * 3600),
            12 => {
                sent.timestamp = sent.timestamp.plus_millis(1000 * i64::from(self.draws.below(60)) - 30_000)
            }
            13 => sent.queued_events_count = None,
            14 => sent.sla_violations_count = Some(1e9),
            _ => {}
        }
        self.sent = Some(record);
        Some(sent)
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(START_MS + (1000.0 * seconds) as i64).unwrap()
}

struct MeanForecaster;

impl HostForecaster for MeanForecaster {
    fn forecast(&mut self, series: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        let known: Vec<f64> =
            series.counts.iter().rev().take(30).copied().filter(|count| count.is_finite()).collect();
        if known.len() < 3 {
            return Err("fewer than three counts".into());
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let row: Vec<f64> = QUANTILE_LEVELS.iter().map(|level| mean * (0.7 + 0.6 * level)).collect();
        Ok(vec![row; HORIZON_MINUTES.len()])
    }
}

struct HalfAgain;

impl HostPolicy for HalfAgain {
    fn jobs(&mut self, state: &PolicyState) -> Result<f64, HostError> {
        if state.current_jobs as u32 % 50 == 49 {
            return Err("no answer for 49".into());
        }
        Ok(1.1 * state.near_need[1])
    }
}

/// A pool alone, as the case wants it.
fn scaler(case: &Case, config: Config, snapshot: Option<&[u8]>) -> Autoscaler {
    let mut scaler = match snapshot {
        Some(bytes) => Autoscaler::restore(config, ModelBundle::bundled().unwrap(), bytes).unwrap(),
        None => Autoscaler::builder(config).build().unwrap(),
    };
    match case.own {
        Own::Nobody => {}
        Own::Policy => scaler.use_policy(Box::new(HalfAgain)).unwrap(),
        Own::Forecaster => scaler.use_forecaster(Box::new(MeanForecaster)).unwrap(),
    }
    scaler
}

pub fn run(case: &Case) -> Digests {
    if case.fleet > 0 { fleet(case) } else { alone(case) }
}

fn alone(case: &Case) -> Digests {
    let (mut digests, mut host) = (Digests::default(), Host::new(case.name.len() as u64));
    let mut scaler = scaler(case, case.config.clone(), None);
    let interval = f64::from(case.config.interval_seconds);
    let backfilled = if case.events.backfill { 300 } else { 0 };
    let mut dark_until = 0.0;
    for index in 0..case.records {
        let begin = index as f64 * interval;
        let now = begin + interval;
        let record = host.serve(case, begin);
        if index < backfilled {
            scaler.backfill(&record).unwrap();
            continue;
        }
        let record = meddle(case.events, case, &mut host, &mut scaler, record, now);
        if case.events.blackouts && host.draws.happens(0.004) {
            dark_until = now + 600.0 + 15_000.0 * host.draws.next();
        }
        let sent = if now < dark_until {
            None
        } else if case.events.faults {
            host.disturb(record)
        } else {
            Some(record)
        };
        let seen = sent.map(|record| scaler.observe(&record).unwrap());
        if case.events.latency && host.draws.happens(0.01) {
            scaler.report_latency(Duration::from_millis(3000));
        }
        let decision = if seen.is_none() || host.draws.happens(0.05) {
            scaler.decide_at(at(now + 0.3 * interval))
        } else {
            scaler.decide()
        };
        digests.take(seen.as_ref(), &decision);
        if let Some(jobs) = decision.recommended_jobs {
            host.carry_out(case, now, jobs);
        }
        if digests.is_due() {
            digests.close(&scaler.forecast().to_json(), &scaler.health().to_json());
            if case.events.restores {
                scaler = self::scaler(case, case.config.clone(), Some(&scaler.snapshot()));
            }
        }
    }
    digests.close(&scaler.forecast().to_json(), &scaler.health().to_json());
    digests
}

/// Orders, pauses, outcomes and notices; returns the record with what it tells of them.
fn meddle(
    events: Events,
    case: &Case,
    host: &mut Host,
    scaler: &mut Autoscaler,
    mut record: Metrics,
    now: f64,
) -> Metrics {
    if events.orders && host.draws.happens(0.01) {
        let jobs = host.draws.below(case.config.max_jobs + 10);
        let order = if host.draws.happens(0.5) { ManualOrder::Fixed(jobs) } else { ManualOrder::Cap(jobs) };
        let until = at(now + 7200.0 * host.draws.next());
        // one that cannot be is refused, and the one before stays
        let _ = scaler.set_override(host.draws.happens(0.8).then_some(ManualOverride::new(order, until)));
    }
    if events.pauses && host.draws.happens(0.01) {
        let pauses = [Pause::Off, Pause::All, Pause::Down, Pause::Up, Pause::Off];
        scaler.set_pause(pauses[host.draws.below(5) as usize]);
    }
    if events.acknowledgements && host.draws.happens(0.2) {
        let mut outcome = ScalingOutcome::new(at(now - 30.0));
        outcome.started = host.draws.below(4);
        outcome.ready = host.draws.below(4);
        outcome.startup_seconds = host.draws.happens(0.7).then(|| 60.0 + 300.0 * host.draws.next());
        outcome.refused = if host.draws.happens(0.1) { 1 + host.draws.below(5) } else { 0 };
        outcome.drained = host.draws.below(3);
        scaler.acknowledge(&outcome);
    }
    if events.notices {
        let hour = (now / 3600.0) as u32 % 24;
        record.is_maintenance_window = (hour == 4).then_some(true);
        record.is_deploy_in_progress = Some(hour == 15);
        record.expected_traffic_multiplier = Some(if hour == 9 { 2.0 } else { 1.0 });
        record.is_business_hours = Some((8..18).contains(&hour));
    }
    record
}

fn fleet(case: &Case) -> Digests {
    let mut digests = Digests::default();
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    let keys: Vec<String> = (0..case.fleet).map(|pool| format!("pool-{pool:03}")).collect();
    let mut hosts: Vec<Host> = (0..case.fleet as u64).map(Host::new).collect();
    for (index, key) in keys.iter().enumerate() {
        let mut config = case.config.clone();
        config.use_networks = index % 5 != 4;
        config.sla_target = [0.95, 0.99, 0.995, 0.999][index % 4];
        fleet.add(key, config).unwrap();
    }
    let interval = f64::from(case.config.interval_seconds);
    for index in 0..case.records {
        let begin = index as f64 * interval;
        let mut records = Vec::new();
        for (key, host) in keys.iter().zip(&mut hosts) {
            let record = host.serve(case, begin);
            let sent = if case.events.faults { host.disturb(record) } else { Some(record) };
            records.extend(sent.map(|record| (key.clone(), record)));
        }
        for tick in fleet.tick(records) {
            let tick = tick.unwrap();
            digests.take(tick.observations.last(), &tick.decision);
            let pool = keys.iter().position(|key| *key == tick.key).unwrap();
            if let Some(jobs) = tick.decision.recommended_jobs {
                hosts[pool].carry_out(case, begin + interval, jobs);
            }
        }
        if digests.is_due() {
            let key = &keys[index % keys.len()];
            let known =
                fleet.with_pool(key, |pool| (pool.forecast().to_json(), pool.health().to_json())).unwrap();
            digests.close(&known.0, &known.1);
        }
    }
    digests
}
