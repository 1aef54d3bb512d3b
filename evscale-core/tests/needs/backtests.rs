//! Backtests know what a pool says of itself: each setting is worth something in the world that it describes.

use super::support::without_networks;
use approx::relative_eq;
use evscale_core::simulate::{
    History, KnownWork, Replay, ReplayRow, ScalingRule, SimulatedLoad, SimulatedPool, Workload, backtest,
    replay,
};
use evscale_core::{Autoscaler, Config, Metrics, ServiceClass};

const DAY: usize = 720;
const SERVICE_SECONDS: f64 = 0.3;

fn workload(days: usize) -> Workload {
    let mut workload = Workload::two_weeks(3);
    workload.events.truncate(days * DAY);
    workload
}

fn base() -> Config {
    without_networks(|config| {
        config.service_time_ms = Some(1000.0 * SERVICE_SECONDS);
        config.max_jobs = 200;
    })
}

/// What a pool says, and what it loses if it does not.
struct Case {
    name: &'static str,
    say: fn(&mut Config),
    /// What is lost in the scored intervals.
    loss: fn(&[ReplayRow], &Config) -> f64,
    /// Most of the loss that is left when it is said.
    left: f64,
}

fn job_hours(rows: &[ReplayRow], _: &Config) -> f64 {
    rows.iter().map(|row| f64::from(row.jobs) / 30.0).sum()
}

fn late_events(rows: &[ReplayRow], _: &Config) -> f64 {
    rows.iter().map(|row| row.violations).sum()
}

fn changes(rows: &[ReplayRow]) -> Vec<i64> {
    let change = |pair: &[ReplayRow]| i64::from(pair[1].target) - i64::from(pair[0].target);
    rows.windows(2).map(change).filter(|change| *change != 0).collect()
}

/// Minute of the day at which an interval begins.
fn minute(row: &ReplayRow) -> i64 {
    row.timestamp.as_millis() / 60_000 % 1440 - 2
}

/// Money at the prices of a configuration, of which those from ten to six are `dear`.
fn money(rows: &[ReplayRow], config: &Config, dear: f64) -> f64 {
    let price = |row: &ReplayRow| if (598..1078).contains(&minute(row)) { dear } else { 1.0 };
    let jobs: f64 = rows.iter().map(|row| price(row) * f64::from(row.jobs) / 30.0).sum();
    let late: f64 = rows.iter().map(|row| row.violations).sum();
    let changes = changes(rows);
    let reversals = changes.windows(2).filter(|pair| pair[0].signum() != pair[1].signum()).count();
    jobs + config.late_event_price.unwrap_or(0.0) * late
        + config.change_price.unwrap_or(0.0) * changes.len() as f64
        + config.reversal_price.unwrap_or(0.0) * reversals as f64
}

fn flat_money(rows: &[ReplayRow], config: &Config) -> f64 {
    money(rows, config, 1.0)
}

fn share(rows: &[ReplayRow], lost: impl Fn(&ReplayRow) -> bool) -> f64 {
    rows.iter().filter(|row| lost(row)).count() as f64 / rows.len() as f64
}

fn schedule(config: &mut Config, entry: &str) {
    let json = format!(
        r#"{{"job_hour_price": 1, "schedule": [{{"cron": "0 10 * * *", "seconds": 28800, {entry}}}]}}"#
    );
    config.schedule = Config::from_json(&json).unwrap().schedule;
}

const CASES: &[Case] = &[
    Case { name: "job_step", say: |config| config.job_step = 8, loss: late_events, left: 0.2 },
    Case {
        name: "job_counts",
        say: |config| config.job_counts = vec![1, 2, 3, 4, 6, 8, 12, 24],
        loss: late_events,
        left: 0.2,
    },
    Case { name: "events_per_job", say: |config| config.events_per_job = 8, loss: job_hours, left: 0.3 },
    Case {
        name: "spare_jobs",
        say: |config| config.spare_jobs = 10,
        loss: |rows, _| share(rows, |row| row.ready_jobs - row.arrivals * SERVICE_SECONDS / 120.0 < 9.0),
        left: 0.1,
    },
    Case {
        name: "a floor for a while",
        say: |config| schedule(config, r#""min_jobs": 30"#),
        loss: |rows, _| share(rows, |row| (598..1078).contains(&minute(row)) && row.ready_jobs < 30.0),
        left: 0.01,
    },
    Case {
        name: "a ceiling for a while",
        say: |config| schedule(config, r#""max_jobs": 9"#),
        loss: |rows, _| share(rows, |row| (610..1078).contains(&minute(row)) && row.jobs > 9),
        left: 0.01,
    },
    Case {
        name: "most_events_per_second",
        say: |config| config.most_events_per_second = Some(25.0),
        loss: job_hours,
        left: 0.8,
    },
    Case {
        name: "late_event_price",
        say: |config| {
            config.sla_wait_seconds = 10.0;
            (config.job_hour_price, config.late_event_price) = (Some(1.0), Some(1e-5));
        },
        loss: flat_money,
        left: 0.97,
    },
    Case {
        name: "change_price",
        say: |config| (config.job_hour_price, config.change_price) = (Some(1.0), Some(3.0)),
        loss: flat_money,
        left: 0.97,
    },
    Case {
        name: "reversal_price",
        say: |config| (config.job_hour_price, config.reversal_price) = (Some(1.0), Some(20.0)),
        loss: flat_money,
        left: 0.97,
    },
    Case {
        name: "a price by the time of day",
        say: |config| {
            config.sla_wait_seconds = 10.0;
            (config.job_hour_price, config.late_event_price) = (Some(1.0), Some(0.002));
            schedule(config, r#""job_hour_price": 8"#);
        },
        loss: |rows, config| money(rows, config, 8.0),
        left: 0.999,
    },
];

/// Settings that the ignorant pool has as well: what a price is compared with.
fn ignorant(said: &Config) -> Config {
    let mut config = base();
    config.sla_wait_seconds = said.sla_wait_seconds;
    if !said.schedule.is_empty() && said.job_hour_price.is_some() {
        (config.job_hour_price, config.late_event_price) = (Some(1.0), said.late_event_price);
    }
    config
}

/// A pool whose platform starts as many of the jobs that it asks for as fit.
struct RoundedDown(Autoscaler, Config);

impl ScalingRule for RoundedDown {
    fn observe(&mut self, record: &Metrics) {
        ScalingRule::observe(&mut self.0, record);
    }

    fn decide(&mut self) -> Option<u32> {
        let asked = ScalingRule::decide(&mut self.0)?;
        let listed = self.1.job_counts.iter().copied().rfind(|count| *count <= asked);
        listed.or(Some(asked / self.1.job_step * self.1.job_step)).filter(|jobs| *jobs > 0)
    }
}

/// The world of a configuration, under a pool that does not know it.
fn unknowing(said: &Config, workload: &Workload) -> Replay {
    let seconds = vec![SERVICE_SECONDS; workload.events.len()];
    let load = SimulatedLoad::measured(workload, seconds, 1).with_events_per_job(said.events_per_job);
    let mut pool = RoundedDown(Autoscaler::builder(ignorant(said)).build().unwrap(), said.clone());
    let from = (7 * DAY).min(load.len() * 2 / 5);
    replay(&load, SimulatedPool::from(said), &mut pool, from, &mut |_, _| {})
}

#[test]
fn what_a_pool_says_is_worth_something_in_a_backtest() {
    let workload = workload(8);
    for case in CASES {
        let mut config = base();
        (case.say)(&mut config);
        let history = alone(workload.clone());
        let said = backtest(&history, &config, None, &mut |_, _| true).unwrap();
        let unsaid = unknowing(&config, &workload);
        let [with, without] =
            [&said.runs[0].rows, &unsaid.rows].map(|rows| (case.loss)(&rows[said.scored_from..], &config));
        let late = |percent: f64| 100.0 - percent;
        println!(
            "{}: {without:.3} unsaid, {with:.3} said; late {:.2} %, {:.2} %; job-hours {:.0}, {:.0}",
            case.name,
            late(unsaid.scores.sla_compliance_percent),
            late(said.runs[0].scores.replay.sla_compliance_percent),
            unsaid.scores.job_hours,
            said.runs[0].scores.replay.job_hours
        );
        assert!(with <= case.left * without, "{}: {with} of {without}", case.name);
    }
}

fn alone(workload: Workload) -> History {
    let mut history = History::new(workload);
    history.baselines = false;
    history
}

#[test]
fn the_cost_of_a_backtest_is_that_of_its_rows_at_the_prices_of_each_time() {
    let mut config = base();
    (config.job_hour_price, config.late_event_price) = (Some(1.0), Some(0.01));
    (config.change_price, config.reversal_price) = (Some(0.5), Some(2.0));
    config.max_jobs = 12;
    schedule(&mut config, r#""job_hour_price": 8"#);
    let report = backtest(&alone(workload(3)), &config, None, &mut |_, _| true).unwrap();
    let run = &report.runs[0];
    let (told, expected) =
        (run.scores.replay.cost.unwrap(), money(&run.rows[report.scored_from..], &config, 8.0));
    assert!(run.scores.replay.sla_compliance_percent < 99.0, "{:?}", run.scores);
    // events that were late before the scored part are taken in it
    assert!(relative_eq!(told, expected, max_relative = 0.01), "{told} {expected}");
    let unpriced = backtest(&alone(workload(3)), &base(), None, &mut |_, _| true).unwrap();
    assert_eq!(unpriced.runs[0].scores.replay.cost, None);
}

/// A load with a batch at the middle of an interval, at times that no calendar shows; known so many minutes before.
fn batches(known_minutes: i64) -> History {
    let mut workload = workload(6);
    let mut due = Vec::new();
    for index in (288..workload.events.len()).step_by(289) {
        // 6000 seconds of work: 50 jobs for two minutes
        let events = 6000.0 / SERVICE_SECONDS;
        workload.events[index] += events;
        let at = workload.end_of(index).plus_seconds(-60);
        due.push(KnownWork { at, events, known_at: Some(at.plus_seconds(-60 * known_minutes)) });
    }
    let mut history = alone(workload);
    history.due = due;
    history
}

#[test]
fn work_that_is_known_to_come_is_told_to_a_backtest_as_it_was_known_then() {
    let mut config = base();
    config.sla_wait_seconds = 120.0;
    let outcome = |known_minutes| {
        let report = backtest(&batches(known_minutes), &config, None, &mut |_, _| true).unwrap();
        let scores = &report.runs[0].scores.replay;
        (100.0 - scores.sla_compliance_percent, scores.job_hours)
    };
    let (ahead, too_late) = (outcome(120), outcome(0));
    println!(
        "batches in a backtest, late % and job-hours: {ahead:?} known two hours ahead, {too_late:?} when they come"
    );
    assert!(ahead.0 < 0.3 * too_late.0 && ahead.1 < 0.9 * too_late.1);
}

fn two_classes() -> Vec<ServiceClass> {
    let mut later = ServiceClass::new("exports", 10.0, 3600.0);
    later.priority = 1;
    vec![ServiceClass::new("alerts", 0.5, 5.0), later]
}

/// Alerts by day, exports by night: ten jobs of each at their peak.
fn by_class() -> History {
    let counts = |seed: u64, shift: usize, jobs: f64, class: &ServiceClass| {
        let mut events = Workload::two_weeks(seed).events;
        events.truncate(6 * DAY);
        let peak = events.iter().copied().fold(0.0, f64::max);
        events.rotate_left(shift);
        events
            .iter()
            .map(|count| (count / peak * jobs * 120.0 / class.service_time_seconds).round())
            .collect()
    };
    let [alerts, exports] = &two_classes()[..] else { panic!() };
    let mut history = alone(workload(6));
    history.classes.insert("alerts".to_owned(), counts(1, 0, 10.0, alerts));
    history.classes.insert("exports".to_owned(), counts(2, DAY / 2, 10.0, exports));
    history
}

fn of_classes() -> Config {
    without_networks(|config| config.classes = two_classes())
}

#[test]
fn classes_are_served_in_a_backtest_and_a_pool_that_does_not_say_them_is_late_or_dear() {
    let report = backtest(&by_class(), &of_classes(), None, &mut |_, _| true).unwrap();
    let run = &report.runs[0];
    let [alerts, exports] = &run.classes[..] else { panic!("{:?}", run.classes) };
    let history = by_class();
    let load = |class: &ServiceClass, place: u64| {
        let own = Workload { events: history.classes[&class.name].clone(), ..workload(6) };
        SimulatedLoad::measured(&own, vec![class.service_time_seconds; own.events.len()], 1 + place)
    };
    let loads = two_classes().iter().zip(1..).map(|(class, place)| load(class, place)).collect();
    let world = SimulatedLoad::of_classes(&workload(6), loads, None, 1);
    let ignorant = |wait: f64| {
        let config = without_networks(|config| config.sla_wait_seconds = wait);
        let mut pool = Autoscaler::builder(config).build().unwrap();
        replay(&world, SimulatedPool::from(&of_classes()), &mut pool, report.scored_from, &mut |_, _| {})
    };
    let (strict, patient) = (ignorant(5.0), ignorant(3600.0));
    let job_hours = run.scores.replay.job_hours;
    println!(
        "classes in a backtest: {job_hours:.0} job-hours, {alerts:?}, {exports:?}; the strictest SLA {:.0}; the longest {:.0}, {:?}",
        strict.scores.job_hours, patient.scores.job_hours, patient.classes
    );
    assert!(alerts.sla_compliance_percent > 99.5 && exports.sla_compliance_percent > 99.5);
    assert!(exports.mean_wait_ms > 10.0 * alerts.mean_wait_ms && alerts.events > 10.0 * exports.events);
    assert!(strict.scores.job_hours > 1.1 * job_hours);
    assert!(patient.classes[0].sla_compliance_percent < 99.0);
    assert!(run.scores.cost_ratio > 1.0 && run.scores.cost_ratio < 3.0, "{:?}", run.scores);
    // without classes the same history is one kind of events
    let mut flat = without_networks(|config| config.service_time_ms = Some(700.0));
    flat.max_jobs = 200;
    let plain = backtest(&by_class(), &flat, None, &mut |_, _| true).unwrap();
    assert!(plain.runs[0].classes.is_empty());
}

#[test]
fn measured_service_times_count_for_all_classes_in_proportion() {
    let jobs = |factor: f64| {
        let mut history = by_class();
        let mean = |index: usize| {
            let (alerts, exports) = (history.classes["alerts"][index], history.classes["exports"][index]);
            factor * (0.5 * alerts + 10.0 * exports) / (alerts + exports)
        };
        history.service_seconds = Some((0..6 * DAY).map(mean).collect());
        let report = backtest(&history, &of_classes(), None, &mut |_, _| true).unwrap();
        assert_eq!(report.service_time_source.as_str(), "history");
        report.runs[0].scores.replay.job_hours
    };
    let (usual, twice) = (jobs(1.0), jobs(2.0));
    assert!((1.7..2.1).contains(&(twice / usual)), "{usual} {twice}");
}

/// Makes a history one that does not fit.
type Misfit = fn(&mut History);

#[test]
fn a_history_that_does_not_fit_its_classes_is_refused_with_what_to_change() {
    let refused = |change: Misfit| {
        let mut history = by_class();
        change(&mut history);
        backtest(&history, &of_classes(), None, &mut |_, _| true).unwrap_err().to_string()
    };
    let cases: [(Misfit, &str); 5] = [
        (|history| drop(history.classes.remove("exports")), "has no counts of class \"exports\""),
        (
            |history| drop(history.classes.insert("mail".to_owned(), Vec::new())),
            "\"mail\", which is none of `classes`",
        ),
        (
            |history| history.classes.get_mut("alerts").unwrap().truncate(4319),
            "has 4319 counts, expected 4320",
        ),
        (|history| history.classes.get_mut("alerts").unwrap()[7] = -1.0, "has a negative or infinite count"),
        (
            |history| {
                history.due = vec![KnownWork { at: history.workload.start, events: -1.0, known_at: None }]
            },
            "-1 events fall due",
        ),
    ];
    for (change, told) in cases {
        let refused = refused(change);
        assert!(refused.contains(told), "{refused}");
    }
}
