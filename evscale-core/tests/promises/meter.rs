//! The meter against records that are made by hand: counts, ends, and the decisions that follow.

#![expect(clippy::disallowed_methods, reason = "differences of known times")]

use approx::{abs_diff_eq, assert_abs_diff_eq};
use evscale_core::{Autoscaler, Config, Meter, Metrics, Timestamp, Totals};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Monday, 2026-01-05T00:00:00Z, ms.
const START_MS: i64 = 1_767_571_200_000;
const DAY_SECONDS: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START_MS).unwrap().plus_seconds(seconds)
}

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(START_MS).unwrap().plus_millis(millis)
}

fn config() -> Config {
    config_with(|_| ())
}

fn config_with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.max_jobs = 1000;
    change(&mut config);
    config
}

fn meter_of(config: &Config) -> Meter {
    Meter::new(config, at(0)).unwrap()
}

/// Offsets in seconds of the ends of records, and their arrivals.
fn told(records: &[Metrics]) -> Vec<(i64, f64)> {
    let seconds = |record: &Metrics| record.timestamp.millis_since(at(0)) / 1000;
    records.iter().map(|record| (seconds(record), record.logged_events_count)).collect()
}

fn fields(meter: &Meter) -> Vec<&'static str> {
    meter.estimates().iter().map(|estimate| estimate.field).collect()
}

/// A host that carries out at once what is recommended.
struct Host {
    scaler: Autoscaler,
    jobs: u32,
    /// Jobs recommended at the end of each interval.
    recommended: BTreeMap<Timestamp, u32>,
}

impl Host {
    fn new(config: &Config) -> Self {
        Self {
            scaler: Autoscaler::builder(config.clone()).build().unwrap(),
            jobs: 200,
            recommended: BTreeMap::new(),
        }
    }

    fn take(&mut self, record: &Metrics) {
        let seen = self.scaler.observe(record).unwrap();
        assert_eq!(seen.reason, None);
        self.jobs = self.scaler.decide().recommended_jobs.unwrap_or(self.jobs);
        self.recommended.insert(record.timestamp, self.jobs);
    }
}

/// A day at a rate that swings, every event with a time of its own. The meter's host looks about once a second, its looks stall
/// for five minutes, and the counter of arrivals is reset at noon; the other host has exact records.
#[test]
fn a_day_with_jitter_a_stall_and_a_reset_is_as_exact_records_are() {
    let config = config();
    let interval = 1000 * i64::from(config.interval_seconds);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let meter = meter_of(&config);
    let (mut metered, mut exact) = (Host::new(&config), Host::new(&config));
    let (mut counter, mut was_reset, mut stalled) = (0u64, false, false);
    let mut slots = vec![0.0f64; (1000 * DAY_SECONDS / interval) as usize];
    let (mut now, mut total, mut owed, mut ticks) = (0i64, 0.0, 0.0, 0);
    let mut records: Vec<Metrics> = Vec::new();
    meter.totals("", &totals(|totals| totals.arrived = Some(0.0))).unwrap();
    while now < 1000 * DAY_SECONDS {
        let stalls = !stalled && now > 1000 * 30_000;
        stalled |= stalls;
        let mut step = if stalls { 300_000 } else { random.random_range(100..1300) };
        step = step.min(1000 * DAY_SECONDS - now);
        for milli in now..now + step {
            let day = (now as f64 / (1000 * DAY_SECONDS) as f64 * std::f64::consts::TAU).sin();
            owed += 0.5 + 0.3 * day + 0.2 * (random.random::<f64>() - 0.5);
            while owed >= 1.0 {
                owed -= 1.0;
                total += 1.0;
                counter += 1;
                slots[(milli / interval) as usize] += 1.0;
                meter.finished(Some(0.4), Some(0.05), 1);
            }
        }
        now += step;
        meter.totals("", &totals(|totals| totals.arrived = Some(counter as f64))).unwrap();
        if !was_reset && now > 500 * DAY_SECONDS {
            (was_reset, counter) = (true, 0);
        }
        for record in meter.tick(ms(now), f64::from(metered.jobs), Some(0.0), None) {
            metered.take(&record);
            records.push(record);
        }
        ticks += 1;
    }
    assert!(was_reset && stalled && ticks > 100_000, "{ticks} ticks");
    for (slot, events) in (1..).zip(&slots) {
        let mut record = Metrics::new(ms(slot * interval), *events, f64::from(exact.jobs));
        record.processed_events_count = Some(*events);
        record.queued_events_count = Some(0.0);
        record.average_processing_duration_ms = Some(400.0);
        record.average_queue_wait_time_ms = Some(50.0);
        record.sla_violations_count = Some(0.0);
        exact.take(&record);
    }
    assert_eq!(records.len(), slots.len());
    assert_eq!(records.iter().map(|record| record.logged_events_count).sum::<f64>(), total);
    assert_eq!(records.iter().map(|record| record.processed_events_count.unwrap()).sum::<f64>(), total);
    for (record, (slot, events)) in records.iter().zip((1..).zip(&slots)) {
        assert_eq!(record.timestamp, ms(slot * interval), "an end on the grid");
        let counted = record.logged_events_count;
        // half a second of the rate at either end, and the drift of the rate in the five minutes
        assert!(
            abs_diff_eq!(counted, *events, epsilon = 0.01 * events),
            "{}: {counted} for {events}",
            record.timestamp
        );
    }
    let (mut worst, mut when) = (0.0f64, at(0));
    for (end, jobs) in &metered.recommended {
        let jobs = f64::from(*jobs);
        let off = (jobs / f64::from(exact.recommended[end]) - 1.0).abs();
        if off > worst {
            (worst, when) = (off, *end);
        }
    }
    let (least, most) =
        (exact.recommended.values().min().unwrap(), exact.recommended.values().max().unwrap());
    println!("largest deviation of a decision: {:.2} % at {when}, of {least} to {most} jobs", 100.0 * worst);
    assert!(most - least > 100, "{least} to {most} jobs: the load did not matter");
    assert!(worst <= 0.03, "{worst} at {when}");
}

fn totals(set: impl FnOnce(&mut Totals)) -> Totals {
    let mut totals = Totals::default();
    set(&mut totals);
    totals
}

#[test]
fn a_tick_returns_none_one_or_many_records() {
    let meter = meter_of(&config());
    meter.arrived(600);
    assert!(meter.tick(at(119), 5.0, None, None).is_empty());
    let one = meter.tick(at(120), 6.0, Some(3.0), None);
    assert_eq!(told(&one), [(120, 600.0)]);
    assert_eq!((one[0].current_job_count, one[0].queued_events_count), (6.0, Some(3.0)));
    assert_eq!(one[0].processed_events_count, None, "nothing was ever told of it");
    assert!(meter.tick(at(120), 6.0, None, None).is_empty());
    meter.arrived(3001);
    let many = meter.tick(at(420), 9.0, Some(7.0), None);
    assert_eq!(told(&many), [(240, 1200.0), (360, 1201.0)]);
    assert_eq!(many[0].current_job_count, 6.0, "of the tick before");
    assert_eq!((many[0].queued_events_count, many[1].queued_events_count), (None, Some(7.0)));
    assert_eq!(fields(&meter), ["logged_events_count", "current_job_count"]);
    assert_eq!(told(&meter.tick(at(480), 9.0, None, None)), [(480, 600.0)], "what was left");
    assert!(meter.estimates().is_empty());
}

#[test]
fn what_happened_to_events_is_in_the_record() {
    let meter = meter_of(&config_with(|config| config.sla_wait_seconds = 2.0));
    meter.arrived(5);
    meter.finished(Some(0.2), Some(1.0), 3);
    meter.finished(Some(0.6), Some(4.0), 1);
    meter.finished(None, None, 1);
    meter.finished(Some(-3.0), Some(f64::NAN), 1);
    meter.failed(2);
    let record = &meter.tick(at(120), 1.0, None, None)[0];
    assert_eq!(record.processed_events_count, Some(6.0));
    assert_abs_diff_eq!(record.average_processing_duration_ms.unwrap(), 240.0, epsilon = 1e-9);
    assert_eq!(record.average_queue_wait_time_ms, Some(1000.0 * 7.0 / 4.0));
    assert_eq!(record.sla_violations_count, Some(1.0));
    assert_abs_diff_eq!(record.error_rate_percent.unwrap(), 100.0 / 3.0, epsilon = 1e-9);
    let idle = &meter.tick(at(240), 1.0, None, None)[0];
    assert_eq!((idle.logged_events_count, idle.processed_events_count), (0.0, Some(0.0)));
    assert_eq!((idle.average_processing_duration_ms, idle.error_rate_percent), (None, None));
}

#[test]
fn the_first_interval_is_scaled_or_left_out() {
    let first = |seconds: i64| {
        let meter = Meter::new(&config(), at(seconds)).unwrap();
        meter.arrived(10 * (120 - seconds) as u64);
        let records = told(&meter.tick(at(120), 1.0, None, None));
        (records, fields(&meter))
    };
    assert_eq!(first(1), (vec![(120, 1190.0)], vec![]), "as good as whole");
    assert_eq!(first(40), (vec![(120, 1200.0)], vec!["logged_events_count"]));
    assert_eq!(first(70), (vec![], vec![]));
}

#[test]
fn a_reset_counts_from_zero_and_sources_add_up() {
    let meter = meter_of(&config());
    let tell = |source: &str, arrived: f64, failed: f64| {
        let told = totals(|totals| (totals.arrived, totals.failed) = (Some(arrived), Some(failed)));
        meter.totals(source, &told).unwrap();
    };
    tell("a", 1e6, 5.0);
    tell("b", 50.0, 0.0);
    tell("a", 1e6 + 100.0, 5.0);
    tell("b", 7.0, 0.0);
    tell("b", 9.0, 0.0);
    let record = meter.tick(at(120), 1.0, None, None);
    assert_eq!(told(&record), [(120, 109.0)]);
    let estimates = meter.estimates();
    assert_eq!(estimates.len(), 1);
    assert!(estimates[0].reason.contains("\"b\" fell from 50 to 7"), "{}", estimates[0].reason);
    for wrong in [f64::NAN, -1.0, f64::INFINITY] {
        let error = meter.totals("a", &totals(|totals| totals.late = Some(wrong))).unwrap_err();
        assert!(error.to_string().contains("`late`"), "{error}");
    }
}

#[test]
fn sources_come_and_go() {
    let meter = meter_of(&config());
    for hour in 0..20 {
        for source in 0..900 {
            let told = totals(|totals| totals.finished = Some(1e9));
            meter.totals(&format!("pod-{hour}-{source}"), &told).unwrap();
        }
        meter.tick(at(3600 * (hour + 1)), 1.0, None, None);
    }
    let crowd = |n: i64| meter.totals(&format!("x-{n}"), &Totals::default());
    assert!(crowd(0).is_ok());
    let refused = (1..20_000).find_map(|n| crowd(n).err()).unwrap();
    assert!(refused.to_string().contains("10000"), "{refused}");
}

#[test]
fn a_clock_that_is_set_back_repeats_no_record_and_keeps_the_rate() {
    for back in [1i64, 30, 100, 500, 86_400] {
        let meter = meter_of(&config());
        let mut records = Vec::new();
        let mut walk = |from: i64, to: i64| {
            for second in from..to {
                meter.arrived(10);
                records.extend(meter.tick(at(100_000 + second + 1), 3.0, None, None));
            }
        };
        let start = 20_000;
        walk(start, start + 490);
        walk(start + 490 - back, start + 490 - back + 1500);
        let rates: Vec<f64> = records.iter().map(|record| record.logged_events_count).collect();
        // the first one begins with a meter that was not asked for days
        assert!(rates.iter().skip(1).all(|count| (1180.0..=1220.0).contains(count)), "{back} s: {rates:?}");
        let mut ends: Vec<_> = records.iter().map(|record| record.timestamp).collect();
        if back <= 120 {
            let before = ends.len();
            ends.dedup();
            assert_eq!(ends.len(), before);
            assert!(ends.is_sorted());
        }
        assert!(records.len() >= 14, "{back} s: {} records", records.len());
    }
}

#[test]
fn nothing_is_said_of_hours_without_a_tick() {
    let meter = meter_of(&config());
    for second in 1..=200 {
        meter.arrived(10);
        meter.tick(at(second), 3.0, None, None);
    }
    meter.arrived(1_000_000);
    let after = meter.tick(at(20_000), 3.0, None, None);
    assert_eq!(told(&after), [(240, 1200.0)], "80 s of it were measured");
    let reasons: Vec<String> = meter.estimates().into_iter().map(|estimate| estimate.reason).collect();
    assert!(reasons.iter().any(|reason| reason.contains("5.5 h without a tick")), "{reasons:?}");
    let mut next = Vec::new();
    for second in 20_001..=20_400 {
        meter.arrived(10);
        next.extend(meter.tick(at(second), 3.0, None, None));
    }
    assert_eq!(told(&next), [(20_160, 1200.0), (20_280, 1200.0), (20_400, 1200.0)]);
}

/// Ten events a second come, from the 300th second on fifteen; the jobs finish 12 a second as long as something waits.
fn with_gauges(config: &Config, counts: bool, busy: bool) -> (Vec<Metrics>, Vec<&'static str>) {
    let meter = meter_of(config);
    let (mut records, mut queue) = (Vec::new(), 0i64);
    for second in 0..1200 {
        let came = if second < 300 { 10 } else { 15 };
        let done = 12.min(queue + came);
        queue += came - done;
        if counts {
            meter.finished(None, None, done as u64);
        }
        let busy = busy.then_some(done as f64 / 12.0 * 6.0);
        records.extend(meter.tick(at(second + 1), 6.0, Some(queue as f64), busy));
    }
    (records, fields(&meter))
}

#[test]
fn arrivals_are_estimated_from_what_was_finished_and_the_queue() {
    let (records, estimated) = with_gauges(&config(), true, false);
    let arrivals: Vec<f64> = told(&records).into_iter().map(|(_, events)| events).collect();
    assert_eq!(arrivals[1..], [1200.0, 1500.0, 1800.0, 1800.0, 1800.0, 1800.0, 1800.0, 1800.0, 1800.0]);
    assert_eq!(estimated, ["logged_events_count"]);
}

#[test]
fn busy_jobs_tell_the_work_where_nothing_is_counted() {
    let config = config_with(|config| config.service_time_ms = Some(500.0));
    let (records, estimated) = with_gauges(&config, false, true);
    for (end, events) in told(&records).into_iter().skip(1) {
        let truth = if end <= 240 {
            1200.0
        } else if end == 360 {
            1500.0
        } else {
            1800.0
        };
        assert!(abs_diff_eq!(events, truth, epsilon = 0.01 * truth), "{end}: {events} for {truth}");
    }
    assert_eq!(estimated, ["logged_events_count", "busy_jobs"]);
    assert_eq!(records.last().unwrap().busy_jobs, Some(6.0));
    assert_abs_diff_eq!(records[1].busy_jobs.unwrap(), 5.0, epsilon = 1e-6);
    let (timed, estimated) = with_gauges(&config_with(|_| ()), true, true);
    assert_abs_diff_eq!(timed[3].average_processing_duration_ms.unwrap(), 500.0, epsilon = 1e-6);
    assert!(estimated.contains(&"average_processing_duration_ms"), "{estimated:?}");
}

#[test]
fn what_nothing_is_known_of_is_unknown() {
    let (records, estimated) = with_gauges(&config(), false, false);
    assert!(records.iter().all(|record| record.logged_events_count.is_nan()));
    assert_eq!(estimated, ["logged_events_count"]);
    let meter = meter_of(&config());
    meter.finished(Some(1.0), None, 100);
    meter.tick(at(1), 1.0, Some(5.0), None);
    let lost = meter.tick(at(120), 1.0, None, None);
    assert!(lost[0].logged_events_count.is_nan(), "the queue could not be looked at");
}

#[test]
fn jobs_are_acknowledged_with_their_startup_time() {
    let meter = meter_of(&config());
    assert!(meter.outcome(at(0)).is_none());
    meter.started(at(0), 4);
    meter.ready(at(45), 3);
    meter.refused(1);
    meter.drained(2);
    let outcome = meter.outcome(at(50)).unwrap();
    assert_eq!((outcome.started, outcome.ready, outcome.refused, outcome.drained), (4, 3, 1, 2));
    assert_eq!((outcome.startup_seconds, outcome.timestamp), (Some(45.0), at(50)));
    let mut scaler = Autoscaler::builder(config()).build().unwrap();
    scaler.acknowledge(&outcome);
}

#[test]
fn threads_lose_no_event() {
    let meter = Arc::new(meter_of(&config()));
    meter.arrived(0); // the first record may end before a thread has counted anything
    let ended = Arc::new(AtomicBool::new(false));
    let counting: Vec<_> = (0..4)
        .map(|_| {
            let meter = Arc::clone(&meter);
            std::thread::spawn(move || {
                for _ in 0..50_000 {
                    meter.arrived(1);
                    meter.finished(Some(0.5), Some(0.0), 1);
                }
            })
        })
        .collect();
    let ticking = {
        let (meter, ended) = (Arc::clone(&meter), Arc::clone(&ended));
        std::thread::spawn(move || {
            let (mut now, mut records) = (0, Vec::new());
            while !ended.load(Ordering::SeqCst) {
                now += 7;
                records.extend(meter.tick(at(now), 2.0, None, None));
            }
            records.extend(meter.tick(at(120 * (now / 120 + 1)), 2.0, None, None));
            records
        })
    };
    counting.into_iter().for_each(|thread| thread.join().unwrap());
    ended.store(true, Ordering::SeqCst);
    let records = ticking.join().unwrap();
    let sum = |of: fn(&Metrics) -> f64| records.iter().map(of).sum::<f64>();
    assert_eq!(sum(|record| record.logged_events_count), 200_000.0);
    assert_eq!(sum(|record| record.processed_events_count.unwrap_or_default()), 200_000.0);
    let means = records.iter().filter_map(|record| record.average_processing_duration_ms);
    assert!(means.into_iter().all(|mean| abs_diff_eq!(mean, 500.0, epsilon = 1e-6)));
}

#[test]
fn a_configuration_that_is_refused_makes_no_meter() {
    let wrong = config_with(|config| config.interval_seconds = 5);
    assert!(Meter::new(&wrong, at(0)).unwrap_err().to_string().contains("interval_seconds"));
}
