//! Several kinds of events in one pool, each with its size and SLA, in the order of their priorities.

use super::support::{start, without_networks};
use super::world::{DAY, load};
use evscale_core::simulate::{ClassOutcome, ClassSimulator, ClassesOutcome, SimulatedLoad};
use evscale_core::{Autoscaler, Config, Decision, Metrics, ModelBundle, ServiceClass, Timestamp};

const DAYS: usize = 6;
const STARTUP_SECONDS: f64 = 180.0;

/// Draws from a seed (SplitMix64).
struct Draws(u64);

impl Draws {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Even on a logarithmic scale.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.share())
    }
}

/// Classes as the configuration has them, and what comes of each.
struct Kinds {
    classes: Vec<ServiceClass>,
    loads: Vec<SimulatedLoad>,
    /// Real size of an event over the configured one.
    truth: f64,
}

/// Two to five classes with SLAs from five seconds to an hour, the strictest first.
fn kinds(seed: u64) -> Kinds {
    let mut draws = Draws(seed);
    let count = 2 + (draws.share() * 4.0) as usize;
    let mut waits: Vec<f64> = (0..count).map(|_| draws.between(5.0, 3600.0)).collect();
    (waits[0], waits[count - 1]) = (5.0, 3600.0);
    waits.sort_by(f64::total_cmp);
    let truth = draws.between(0.7, 1.4);
    let mut drawn = Kinds { classes: Vec::new(), loads: Vec::new(), truth };
    for (priority, wait) in waits.into_iter().enumerate() {
        let world = load(draws.between(2.0, 15.0), 100 * seed + priority as u64, DAYS);
        // the load is of so many jobs at its peak whatever an event takes
        let seconds = world.load.base_job_seconds() / truth;
        let mut class = ServiceClass::new(format!("class {priority}"), seconds, wait.round());
        class.priority = priority as u32;
        class.sla_target = if wait < 60.0 { 0.995 } else { 0.99 };
        drawn.classes.push(class);
        drawn.loads.push(world.load);
    }
    drawn
}

/// Job-hours, and the late share of each class in percent.
struct Outcome {
    job_hours: f64,
    late_percent: Vec<f64>,
}

/// The record of an interval.
fn record(at: Timestamp, out: &ClassesOutcome, jobs: u32, classes: &[ServiceClass]) -> Metrics {
    let sum = |count: fn(&ClassOutcome) -> f64| out.classes.iter().map(count).sum::<f64>();
    let mut record = Metrics::new(at, sum(|class| class.arrived), f64::from(jobs));
    record.processed_events_count = Some(sum(|class| class.processed));
    record.queued_events_count = Some(sum(|class| class.queued));
    record.sla_violations_count = Some(sum(|class| class.violations));
    record.average_processing_duration_ms = out.service_seconds.map(|seconds| 1000.0 * seconds);
    record.cpu_utilization_percent = Some(100.0 * out.busy_ratio);
    if classes.len() > 1 {
        let counts = classes.iter().zip(&out.classes);
        record.classes = counts.map(|(class, out)| (class.name.clone(), out.counts())).collect();
    }
    record
}

/// Lets a pool serve some classes; scored from the third day on.
fn run(config: Config, kinds: &Kinds, which: std::ops::Range<usize>) -> Outcome {
    let (known, loads) = (&kinds.classes[which.clone()], &kinds.loads[which]);
    let mut real = known.to_vec();
    real.iter_mut().for_each(|class| class.service_time_seconds *= kinds.truth);
    let mut scaler = Autoscaler::builder(config).build().unwrap();
    let mut pool = ClassSimulator::new(&real, 4, STARTUP_SECONDS);
    let mut sums = vec![(0.0, 0.0); known.len()];
    let (mut job_hours, mut coarse) = (0.0, Vec::new());
    for index in 0..loads[0].len() {
        let per_second = |load: &SimulatedLoad| {
            load.arrivals(index, &mut coarse);
            coarse.iter().flat_map(|events| [events / 10.0; 10]).collect::<Vec<f64>>()
        };
        let arrivals: Vec<Vec<f64>> = loads.iter().map(per_second).collect();
        let out = pool.run_interval(&arrivals);
        scaler.observe(&record(loads[0].end_of(index), &out, pool.jobs(), known)).unwrap();
        let decision = scaler.decide();
        if index >= 2 * DAY {
            job_hours += f64::from(out.jobs) / 30.0;
            for (sum, class) in sums.iter_mut().zip(&out.classes) {
                *sum = (sum.0 + class.violations, sum.1 + class.processed);
            }
        }
        pool.scale_to(decision.recommended_jobs.unwrap());
    }
    let late_percent = sums.iter().map(|(late, taken)| 100.0 * late / taken.max(1.0)).collect();
    Outcome { job_hours, late_percent }
}

fn together(kinds: &Kinds) -> Config {
    without_networks(|config| config.classes = kinds.classes.clone())
}

fn alone(class: &ServiceClass) -> Config {
    without_networks(|config| {
        (config.sla_wait_seconds, config.sla_target) = (class.sla_wait_seconds, class.sla_target);
    })
}

/// Figures of one drawn pool: its cost over that of a pool for each class, and the late share beyond the target of the class that is
/// furthest beyond it, in points.
fn compared(seed: u64) -> (f64, f64) {
    let kinds = kinds(seed);
    let count = kinds.classes.len();
    let one = run(together(&kinds), &kinds, 0..count);
    let apart: Vec<Outcome> =
        (0..count).map(|place| run(alone(&kinds.classes[place]), &kinds, place..place + 1)).collect();
    let cost: f64 = apart.iter().map(|run| run.job_hours).sum();
    let beyond = |(class, late): (&ServiceClass, &f64)| late - 100.0 * (1.0 - class.sla_target);
    let worst = kinds.classes.iter().zip(&one.late_percent).map(beyond).fold(f64::NEG_INFINITY, f64::max);
    let waits: Vec<f64> = kinds.classes.iter().map(|class| class.sla_wait_seconds).collect();
    let late_apart: Vec<String> = apart.iter().map(|run| format!("{:.2}", run.late_percent[0])).collect();
    let late: Vec<String> = one.late_percent.iter().map(|late| format!("{late:.2}")).collect();
    println!(
        "classes {seed}: waits {waits:?} s; {:.0} job-hours, late {} %; apart {cost:.0}, {} %; ratio {:.3}, beyond {worst:.2}",
        one.job_hours,
        late.join(" "),
        late_apart.join(" "),
        one.job_hours / cost
    );
    (one.job_hours / cost, worst)
}

#[test]
fn one_pool_for_unlike_events_is_in_time_for_each_and_no_dearer_than_a_pool_for_each() {
    for seed in [3, 54, 91] {
        let (ratio, beyond) = compared(seed);
        assert!(ratio < 1.1 && beyond < 0.5, "{seed}: {ratio} {beyond}");
    }
}

#[test]
#[ignore = "a hundred pools take minutes"]
fn a_hundred_drawn_pools() {
    let all: Vec<(f64, f64)> = (1..=100).map(compared).collect();
    let (dear, late) =
        (all.iter().filter(|one| one.0 > 1.1).count(), all.iter().filter(|one| one.1 > 0.5).count());
    let mean = all.iter().map(|one| one.0).sum::<f64>() / all.len() as f64;
    println!(
        "of 100 pools {dear} cost more than 1.1 times as much, {late} are late by more than 0.5 points; mean cost {mean:.3}"
    );
    assert!(dear == 0 && late == 0);
}

#[test]
fn a_pool_that_does_not_say_its_classes_is_late_or_dear() {
    let kinds = kinds(2);
    let knowing = run(together(&kinds), &kinds, 0..kinds.classes.len());
    for (wait, what) in [(5.0, "the strictest"), (3600.0, "the longest")] {
        let config = without_networks(|config| config.sla_wait_seconds = wait);
        let ignorant = run(config, &kinds, 0..kinds.classes.len());
        println!(
            "{what} SLA: {:.0} job-hours, late {:?}; with classes {:.0}, {:?}",
            ignorant.job_hours, ignorant.late_percent, knowing.job_hours, knowing.late_percent
        );
        let dear = ignorant.job_hours > 1.1 * knowing.job_hours;
        let late = ignorant.late_percent.iter().any(|late| *late > 1.5);
        assert!(dear || late, "{:?}", ignorant.late_percent);
        assert!(knowing.late_percent.iter().all(|late| *late < 0.5), "{:?}", knowing.late_percent);
    }
}

fn two() -> Vec<ServiceClass> {
    let mut later = ServiceClass::new("exports", 10.0, 3600.0);
    later.priority = 1;
    vec![ServiceClass::new("alerts", 0.5, 5.0), later]
}

/// A pool with a steady load of two classes; returns its autoscaler and the last decision.
fn steady(config: Config, alerts: f64, exports: f64) -> (Autoscaler, Decision, ClassesOutcome) {
    let classes = config.classes.clone();
    let mut scaler = Autoscaler::builder(config).build().unwrap();
    let mut pool = ClassSimulator::new(&classes, 4, STARTUP_SECONDS);
    let mut last = None;
    for step in 1..=400 {
        let even = |events: f64| vec![events / 120.0; 120];
        let out = pool.run_interval(&[even(alerts), even(exports)]);
        let at = start().plus_seconds(120 * step);
        scaler.observe(&record(at, &out, pool.jobs(), &classes)).unwrap();
        let decision = scaler.decide();
        pool.scale_to(decision.recommended_jobs.unwrap());
        last = Some((decision, out));
    }
    let (decision, out) = last.unwrap();
    (scaler, decision, out)
}

#[test]
fn the_strictest_class_is_protected_where_the_pool_cannot_grow_and_told_is_who_waits() {
    let config = without_networks(|config| {
        (config.classes, config.max_jobs) = (two(), 10);
    });
    // alerts need five jobs, exports ten more
    let (scaler, decision, out) = steady(config, 1200.0, 120.0);
    assert_eq!(decision.recommended_jobs, Some(10));
    assert!(out.classes[0].violations == 0.0 && out.classes[1].queued > 1000.0, "{out:?}");
    assert!(
        decision.explanation.contains("`max_jobs` is not enough for all, what waits is exports"),
        "{}",
        decision.explanation
    );
    let cause = scaler.health().causes.into_iter().find(|cause| cause.starts_with("late:")).unwrap();
    assert!(
        cause.contains("of the events of class exports were late") && !cause.contains("alerts"),
        "{cause}"
    );
    assert!(cause.ends_with("the pool has its `max_jobs`, 10"), "{cause}");
    let report = scaler.report();
    let [alerts, exports] = report.classes.as_slice() else { panic!("{report:?}") };
    assert_eq!((alerts.name.as_str(), alerts.late_share_hour, alerts.waiting), ("alerts", 0.0, Some(0.0)));
    assert!(exports.late_share_hour > 0.9 && exports.error_budget_used_day > 10.0, "{exports:?}");
    assert!((exports.work_share - 2.0 / 3.0).abs() < 0.01, "{exports:?}");
}

#[test]
fn the_forecast_is_of_events_and_a_snapshot_goes_on_with_the_classes() {
    let config = without_networks(|config| config.classes = two());
    let (mut scaler, decision, _) = steady(config.clone(), 1200.0, 60.0);
    let forecast = scaler.forecast();
    assert!((forecast.horizon(12).unwrap().prediction - 1260.0).abs() < 40.0, "{:?}", forecast.horizon(12));
    assert!(decision.explanation.contains(" Class "), "{}", decision.explanation);
    let bundle = ModelBundle::bundled().unwrap();
    let mut again = Autoscaler::restore(config, bundle, &scaler.snapshot()).unwrap();
    assert_eq!(again.report().classes, scaler.report().classes);
    let mut next = Metrics::new(start().plus_seconds(120 * 401), 1260.0, 12.0);
    next.classes.insert(
        "alerts".to_owned(),
        evscale_core::ClassCounts { logged_events_count: Some(1200.0), ..Default::default() },
    );
    next.classes.insert(
        "exports".to_owned(),
        evscale_core::ClassCounts { logged_events_count: Some(60.0), ..Default::default() },
    );
    scaler.observe(&next).unwrap();
    again.observe(&next).unwrap();
    assert_eq!(again.forecast().horizons, scaler.forecast().horizons);
}

#[test]
fn a_further_class_costs_at_most_six_kibibytes() {
    let size = |count: usize| {
        let mut kinds = kinds(1);
        kinds.classes.truncate(count);
        kinds.loads.truncate(count);
        let mut scaler = Autoscaler::builder(together(&kinds)).build().unwrap();
        let mut pool = ClassSimulator::new(&kinds.classes, 4, STARTUP_SECONDS);
        for step in 1..=1500 {
            let arrivals: Vec<Vec<f64>> =
                (0..count).map(|class| vec![f64::from((step + class as i32) % 7); 120]).collect();
            let out = pool.run_interval(&arrivals);
            let at = start().plus_seconds(120 * i64::from(step));
            scaler.observe(&record(at, &out, pool.jobs(), &kinds.classes)).unwrap();
            pool.scale_to(scaler.decide().recommended_jobs.unwrap());
        }
        scaler.snapshot().len()
    };
    let (two, four) = (size(2), size(4));
    println!("a snapshot of two classes has {two} bytes, of four {four}");
    assert!(four - two < 2 * 6 * 1024, "{two} {four}");
}

#[test]
fn what_a_record_says_wrongly_of_a_class_is_named_and_left_out() {
    let config = without_networks(|config| config.classes = two());
    let (mut scaler, ..) = steady(config, 1200.0, 60.0);
    let mut next = Metrics::new(start().plus_seconds(120 * 401), 1260.0, 12.0);
    let counts = |count| evscale_core::ClassCounts { logged_events_count: Some(count), ..Default::default() };
    next.classes.insert("alerts".to_owned(), counts(-5.0));
    next.classes.insert("mail".to_owned(), counts(5.0));
    let seen = scaler.observe(&next).unwrap();
    assert!(
        seen.repairs.iter().any(|told| told.contains("`logged_events_count` of class \"alerts\" is -5")),
        "{seen:?}"
    );
    assert!(seen.repairs.iter().any(|told| told.contains("class \"mail\" is none of `classes`")), "{seen:?}");
}

#[test]
fn other_waits_go_on_with_the_load_and_other_sizes_learn_it_anew() {
    let config = without_networks(|config| config.classes = two());
    let (mut scaler, before, _) = steady(config.clone(), 1200.0, 60.0);
    let mut stricter = config.clone();
    stricter.classes[1].sla_wait_seconds = 60.0;
    scaler.reconfigure(stricter).unwrap();
    assert!((scaler.forecast().horizon(12).unwrap().prediction - 1260.0).abs() < 40.0);
    let mut larger = config;
    larger.classes[1].service_time_seconds = 20.0;
    scaler.reconfigure(larger).unwrap();
    let told = scaler.decide();
    assert!(told.explanation.contains("the load is learned anew"), "{}", told.explanation);
    assert!(
        told.recommended_jobs.unwrap() + 1 >= before.recommended_jobs.unwrap() / 2,
        "{}",
        told.explanation
    );
}
