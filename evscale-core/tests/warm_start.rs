//! A pool without history that begins like others: what it takes over, and what that is worth in its first days, in families of
//! generated pools and where the others are unlike it. `EVSCALE_WARM_FAMILIES` makes more families, and prints each;
//! `EVSCALE_WARM_NETWORKS=1` runs the bundled networks in them.

#![expect(clippy::disallowed_methods, reason = "the size of the comparison is told by the environment")]

mod support;

use evscale_core::simulate::{LoadSettings, PoolSimulator, SimulatedLoad, Workload};
use evscale_core::{Config, ErrorKind, Fleet, Metrics, ModelBundle, ScalingOutcome};
use support::{served, start, without_networks};

const PER_DAY: usize = 720;

fn fleet() -> Fleet {
    Fleet::new(&ModelBundle::bundled().unwrap())
}

/// Records of a pool with a busy day and a calm night, at a mean of 1000 events per interval times `level`.
fn record(step: i64, level: f64, jobs: u32, service_ms: f64) -> Metrics {
    let wave = 1.0 + 0.6 * (std::f64::consts::TAU * step as f64 / PER_DAY as f64).sin();
    served(start().plus_seconds(120 * step), (1000.0 * level * wave).round(), jobs, service_ms)
}

/// Two pools of unlike size that have run for three days, and jobs that start in 40 s.
fn experienced() -> Fleet {
    let mut fleet = fleet();
    for key in ["small", "large"] {
        fleet.add(key, without_networks(|_| ())).unwrap();
    }
    for step in 0..3 * PER_DAY as i64 {
        let records = [("small", 0.5, 300.0), ("large", 4.0, 900.0)];
        let records = records.map(|(key, level, service)| (key.to_owned(), record(step, level, 20, service)));
        fleet.tick(records.into()).into_iter().for_each(|tick| drop(tick.unwrap()));
    }
    for key in ["small", "large"] {
        let mut ready = ScalingOutcome::new(start().plus_seconds(120 * 3 * PER_DAY as i64));
        (ready.started, ready.ready, ready.startup_seconds) = (2, 2, Some(40.0));
        for _ in 0..30 {
            fleet.with_pool(key, |pool| pool.acknowledge(&ready)).unwrap();
        }
    }
    fleet
}

#[test]
fn what_says_nothing_of_the_level_is_there_at_once_and_what_is_configured_wins() {
    let mut fleet = experienced();
    fleet.add_like("new", without_networks(|_| ()), &["small", "large"]).unwrap();
    let configured = without_networks(|config| {
        config.service_time_ms = Some(50.0);
        config.job_startup_seconds = 500;
    });
    fleet.add_like("told", configured, &["small", "large"]).unwrap();
    let mut learned = |key: &str| fleet.with_pool(key, |pool| pool.learned()).unwrap();
    let (new, told) = (learned("new"), learned("told"));
    assert_eq!(new.service_time_ms.unwrap().round(), 300.0, "the lower of two");
    assert!((new.job_startup_seconds - 40.0).abs() < 2.0, "{new:?}");
    assert_eq!(new.rule, learned("small").rule);
    assert_eq!((told.service_time_ms, told.job_startup_seconds), (Some(50.0), 500.0));
    assert_eq!((new.newest_record, new.jobs, new.waiting_events), (None, None, 0.0));
    let causes = fleet.with_pool("new", |pool| pool.health().causes).unwrap();
    fleet.add("cold", without_networks(|_| ())).unwrap();
    assert_eq!(causes, fleet.with_pool("cold", |pool| pool.health().causes).unwrap(), "no alarm travels");
}

#[test]
fn the_course_of_the_load_follows_at_the_level_of_its_own_records_and_is_told() {
    let mut fleet = experienced();
    for key in ["new", "cold"] {
        match key {
            "new" => fleet.add_like(key, without_networks(|_| ()), &["small", "large"]).unwrap(),
            _ => fleet.add(key, without_networks(|_| ())).unwrap(),
        }
    }
    let begin = 3 * PER_DAY as i64;
    let mut told = String::new();
    for step in begin..begin + 40 {
        let ticks = fleet.tick(vec![
            ("new".to_owned(), record(step, 2.0, 12, 400.0)),
            ("cold".to_owned(), record(step, 2.0, 12, 400.0)),
        ]);
        told += &ticks.into_iter().next_back().unwrap().unwrap().decision.explanation;
    }
    assert!(told.contains("it begins like `small`, `large`"), "{told}");
    let taken = "pools like it is taken for its own, at 20";
    assert!(told.contains(taken), "about 2000 events per interval: {told}");
    // the load rises to 3200 in the six hours of the morning, of which the cold pool has seen the first
    let ahead = |fleet: &mut Fleet, key: &str| {
        let forecast = fleet.with_pool(key, |pool| pool.forecast()).unwrap();
        forecast.horizon(180).unwrap().prediction
    };
    let came = record(begin + 39 + 90, 2.0, 12, 400.0).logged_events_count;
    let (new, cold) = (ahead(&mut fleet, "new"), ahead(&mut fleet, "cold"));
    assert!((new - came).abs() < 0.5 * (cold - came).abs(), "{came} came, {new} and {cold} were forecast");
    let snapshot = fleet.snapshot("new").unwrap();
    fleet.restore("again", without_networks(|_| ()), &snapshot).unwrap();
    assert_eq!(ahead(&mut fleet, "again"), new);
}

#[test]
fn a_snapshot_keeps_what_has_not_been_taken_over_yet() {
    let mut fleet = experienced();
    fleet.add_like("new", without_networks(|_| ()), &["large"]).unwrap();
    let snapshot = fleet.snapshot("new").unwrap();
    assert!(snapshot.len() < 256 * 1024, "{} bytes", snapshot.len());
    fleet.restore("again", without_networks(|_| ()), &snapshot).unwrap();
    let begin = 3 * PER_DAY as i64;
    for step in begin..begin + 60 {
        for key in ["new", "again"] {
            fleet.tick(vec![(key.to_owned(), record(step, 0.1, 3, 400.0))]).pop().unwrap().unwrap();
        }
    }
    let mut ahead = |key: &str| fleet.with_pool(key, |pool| pool.forecast()).unwrap();
    assert_eq!(ahead("again"), ahead("new"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let mut fleet = experienced();
    let config = || without_networks(|_| ());
    let kind = |result: evscale_core::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(fleet.add_like("a", config(), &[])), ErrorKind::InvalidArgument);
    assert_eq!(kind(fleet.add_like("a", config(), &["small", "none"])), ErrorKind::UnknownPool);
    assert_eq!(kind(fleet.add_like("small", config(), &["large"])), ErrorKind::InvalidArgument);
    assert!(!fleet.contains("a"));
    fleet.add("empty", config()).unwrap();
    fleet.add_like("a", config(), &["empty"]).unwrap();
}

/// Work, late work, and job-hours of two days.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    work: f64,
    late: f64,
    job_hours: f64,
}

impl Score {
    fn late_percent(&self) -> f64 {
        100.0 * self.late / self.work
    }

    fn plus(self, other: Self) -> Self {
        // every pool weighs the same
        Self {
            work: self.work + 1.0,
            late: self.late + other.late / other.work,
            job_hours: self.job_hours + other.job_hours / other.work,
        }
    }
}

/// Four fifths of the load of a family, and a fifth of its own.
fn member(family: u64, own: u64, days: f64) -> Workload {
    let mut load = Workload::random(family, days, 120);
    let other = Workload::random(own, days, 120);
    let mean = |load: &Workload| load.events.iter().sum::<f64>() / load.events.len() as f64;
    let share = 0.25 * mean(&load) / mean(&other).max(1e-9);
    for (events, own) in load.events.iter_mut().zip(other.events) {
        *events = (*events + share * own).round();
    }
    load
}

struct Member {
    key: String,
    load: SimulatedLoad,
    simulator: PoolSimulator,
    score: Score,
}

impl Member {
    fn new(key: &str, workload: &Workload, jobs_at_peak: f64, seed: u64, config: &Config) -> Self {
        let load =
            SimulatedLoad::new(workload, &LoadSettings { jobs_at_peak, seed, ..LoadSettings::default() });
        let startup = f64::from(config.job_startup_seconds);
        let jobs = (jobs_at_peak / 2.0).ceil() as u32;
        let simulator = PoolSimulator::new(jobs, startup, config.sla_wait_seconds);
        Self { key: key.to_owned(), load, simulator, score: Score::default() }
    }

    fn run(&mut self, step: usize) -> (String, Metrics) {
        let mut arrivals = Vec::new();
        self.load.arrivals(step, &mut arrivals);
        let outcome = self.simulator.run_interval(&arrivals, self.load.job_seconds(step));
        let job_hours = self.load.job_seconds(step) / 3600.0;
        self.score.work += job_hours * outcome.arrived;
        self.score.late += job_hours * outcome.violations;
        self.score.job_hours += f64::from(outcome.jobs) * 120.0 / 3600.0;
        (self.key.clone(), self.load.record(step, &outcome))
    }
}

/// Runs a family for eight days, and then two days of a pool of `kind` that begins cold, and like the family.
fn first_days(family: u64, kind: u64, networks: bool) -> [Score; 2] {
    let config = || without_networks(|config| (config.max_jobs, config.use_networks) = (200, networks));
    let days = 10.0;
    let mut fleet = fleet();
    let mut members: Vec<Member> = [6.0, 12.0, 25.0]
        .into_iter()
        .zip(0..)
        .map(|(jobs, place)| {
            let workload = member(family, 100 * family + place, days);
            Member::new(&format!("member-{place}"), &workload, jobs, place, &config())
        })
        .collect();
    for member in &members {
        fleet.add(&member.key, config()).unwrap();
    }
    // at another time of day in each family
    let joins = 7 * PER_DAY + (family as usize * 155) % PER_DAY;
    for step in 0..joins + 2 * PER_DAY {
        if step == joins {
            let keys: Vec<String> = members.drain(..).map(|member| member.key).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            fleet.add("cold", config()).unwrap();
            fleet.add_like("like", config(), &keys).unwrap();
            let workload = member(kind, 100 * kind + 50, days);
            members = ["cold", "like"].map(|key| Member::new(key, &workload, 16.0, 77, &config())).into();
        }
        let records = members.iter_mut().map(|member| member.run(step)).collect();
        for tick in fleet.tick(records) {
            let tick = tick.unwrap();
            let member = members.iter_mut().find(|member| member.key == tick.key).unwrap();
            let jobs = tick.decision.recommended_jobs.unwrap_or(member.simulator.jobs());
            member.simulator.scale_to(jobs);
        }
    }
    [members[0].score, members[1].score]
}

fn compare(what: &str, families: u64, kind: impl Fn(u64) -> u64) -> [Score; 2] {
    let asked = std::env::var("EVSCALE_WARM_FAMILIES").ok().and_then(|text| text.parse().ok());
    let networks = std::env::var("EVSCALE_WARM_NETWORKS").is_ok();
    let [mut cold, mut like] = [Score::default(); 2];
    for family in 0..asked.unwrap_or(families) {
        let [one, other] = first_days(900 + family, kind(900 + family), networks);
        println!(
            "{what} {family}: late {:.2} % cold, {:.2} % like; job-hours {:.0} cold, {:.0} like",
            one.late_percent(),
            other.late_percent(),
            one.job_hours,
            other.job_hours
        );
        (cold, like) = (cold.plus(one), like.plus(other));
    }
    println!(
        "{what}, all: late {:.2} % cold, {:.2} % like; job-hours over work {:.3} cold, {:.3} like",
        cold.late_percent(),
        like.late_percent(),
        cold.job_hours / cold.work,
        like.job_hours / like.work
    );
    [cold, like]
}

/// Share of the work that may be late.
const ALLOWED_PERCENT: f64 = 0.5;

#[test]
fn in_a_family_the_first_days_cost_less_than_those_of_a_cold_pool_and_keep_the_sla() {
    let [cold, like] = compare("alike", 12, |family| family);
    assert!(like.job_hours < 0.95 * cold.job_hours, "{cold:?} {like:?}");
    assert!(like.late_percent() < cold.late_percent().max(ALLOWED_PERCENT), "{cold:?} {like:?}");
}

#[test]
fn a_pool_that_is_unlike_those_that_it_begins_like_is_hardly_worse_off_than_a_cold_one() {
    let [cold, like] = compare("unlike", 12, |family| family + 5000);
    assert!(like.job_hours < 1.1 * cold.job_hours, "{cold:?} {like:?}");
    assert!(like.late_percent() < 1.1 * cold.late_percent(), "{cold:?} {like:?}");
}
