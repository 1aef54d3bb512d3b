//! Champion and challenger on whole pools: who is promoted, who is not, who comes back, and that nothing of it is felt before.
//!
//! `EVSCALE_LIFECYCLE_RUNS` sets the number of seeded pools per case (10; the full evidence has 1,000), `EVSCALE_LIFECYCLE_SEED` the
//! first seed (0; nothing was ever tuned on seeds from 1,000,000 on).

#![expect(clippy::disallowed_methods, reason = "the number of runs is told by the environment")]

#[path = "../support/disturbed.rs"]
mod disturbed;
mod fleet;
mod world;

use disturbed::disturbed;
use evscale_core::{Autoscaler, LifecycleEventKind, ModelBundle, Timestamp};
use world::{World, config};

fn told(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|told| told.parse().ok()).unwrap_or(default)
}

fn runs() -> u64 {
    told("EVSCALE_LIFECYCLE_RUNS", 10)
}

fn seeds(runs: u64) -> std::ops::Range<u64> {
    let first = told("EVSCALE_LIFECYCLE_SEED", 0);
    first..first + runs
}

fn usual(_: Timestamp) -> f64 {
    0.12
}

/// Good until the 11th day, as after a change of the load that it was not trained for.
fn spoilt(at: Timestamp) -> f64 {
    if at.seconds_since(world::start()) < 11.0 * 86_400.0 { 0.12 } else { 0.6 }
}

/// What the pools of a case came to. Each pool is printed as it ends, so that the pools of a run that is cut short count, too.
#[derive(Default)]
struct Tally {
    pools: u64,
    hours: Vec<f64>,
    late_percent: Vec<f64>,
    late: f64,
    events: f64,
}

impl Tally {
    fn add(&mut self, case: &str, world: &World, hours: Option<f64>) {
        let late_percent = 100.0 * world.late / world.events;
        println!("{case}, seed {}: {hours:?} hours, {late_percent:.3} % late", world.seed);
        self.pools += 1;
        self.hours.extend(hours);
        self.late_percent.push(late_percent);
        self.late += world.late;
        self.events += world.events;
    }

    /// Prints how many of the pools came to it, when, and how punctual all of them were.
    fn tell(&mut self, case: &str, done: &str) {
        self.hours.sort_by(f64::total_cmp);
        self.late_percent.sort_by(f64::total_cmp);
        let at = |sorted: &[f64], share: f64| {
            sorted.get((share * (sorted.len() as f64 - 1.0)).round() as usize).copied().unwrap_or(f64::NAN)
        };
        let allowed = 100.0 * (1.0 - config().sla_target);
        println!(
            "{case}: {} of {} pools {done}, after {:.1} hours (median), {:.1} (99 %), {:.1} (all); \
             {:.4} % late in all pools, {:.3} % (median), {:.3} % (99 %), {:.3} % (worst), more than {allowed:.1} % in {}",
            self.hours.len(),
            self.pools,
            at(&self.hours, 0.5),
            at(&self.hours, 0.99),
            at(&self.hours, 1.0),
            100.0 * self.late / self.events,
            at(&self.late_percent, 0.5),
            at(&self.late_percent, 0.99),
            at(&self.late_percent, 1.0),
            self.late_percent.iter().filter(|percent| **percent > allowed).count()
        );
    }
}

/// Lets a challenger with so many times the champion's error run in pools of as many seeds, at most 42 days each, and a week more where
/// it was promoted; returns how many were.
fn promoted(scale: f64, runs: u64) -> u64 {
    let case = format!("error times {scale}");
    let mut tally = Tally::default();
    for seed in seeds(runs) {
        let mut world = World::new(seed, usual);
        world.hours_until(3, |_| false);
        world.challenge(scale, usual);
        let ended = world.hours_until(42, |world| world.last_event() != Some(LifecycleEventKind::Challenged));
        let is_promoted = world.last_event() == Some(LifecycleEventKind::Promoted);
        if is_promoted {
            world.hours_until(7, |_| false);
        }
        tally.add(&case, &world, ended.filter(|_| is_promoted));
    }
    tally.tell(&case, "promoted");
    tally.hours.len() as u64
}

#[test]
fn one_that_is_equal_is_promoted_in_at_most_3_of_1000_pools() {
    let runs = runs();
    assert!(1000 * promoted(1.0, runs) <= 3 * runs);
}

#[test]
fn one_that_is_worse_is_not_promoted() {
    assert_eq!(promoted(1.15, runs()), 0);
}

#[test]
fn one_that_is_better_is_promoted_within_42_days_in_9_of_10_pools() {
    let runs = runs();
    assert!(10 * promoted(0.85, runs) >= 9 * runs);
}

#[test]
fn a_champion_that_goes_bad_is_rolled_back_within_two_days_and_the_pool_stays_punctual() {
    let mut tally = Tally::default();
    for seed in seeds(runs()) {
        let mut world = World::new(seed, usual);
        world.hours_until(3, |_| false);
        world.challenge(0.7, spoilt);
        world.scaler.promote("the test says so").unwrap();
        assert_eq!(
            world.hours_until(8, |world| world.last_event() != Some(LifecycleEventKind::Promoted)),
            None
        );
        let hours = world.hours_until(4, |world| world.last_event() == Some(LifecycleEventKind::RolledBack));
        assert!(hours.is_some(), "seed {seed}: not rolled back");
        let said = world.said.as_ref().unwrap();
        assert!(said.explanation.contains("rolled back to"), "{}", said.explanation);
        assert!(
            world.scaler.report().models.is_some() && world.scaler.health().models[0].contains("rolled back")
        );
        tally.add("a champion that goes bad", &world, hours);
    }
    tally.tell("a champion that goes bad", "rolled back");
    let worst = tally.hours.last().copied();
    assert!(worst.is_some_and(|worst| worst <= 48.0), "{worst:?} hours");
}

/// Real bundles: weights that are damaged, promoted by hand, and back by themselves. Less damage costs little: the mixture turns to the
/// simple rules.
#[test]
fn damaged_weights_are_rolled_back() {
    for (strength, cause) in [(3.0, "expected -40 to 40"), (6.0, "expected a finite number")] {
        let mut world = World::of(Autoscaler::builder(config()).build().unwrap(), 5);
        world.hours_until(3, |_| false);
        world.scaler.set_bundle(&disturbed(strength, 1), "a new version").unwrap();
        let before = world.scaler.models().unwrap().predecessor.unwrap();
        let hours = world.hours_until(9, |world| world.last_event() == Some(LifecycleEventKind::RolledBack));
        let models = world.scaler.models().unwrap();
        println!("{strength}: {hours:?} hours: {}", models.to_json());
        assert!(hours.is_some_and(|hours| hours <= 72.0), "{}", models.to_json());
        assert_eq!((&models.champion, &models.predecessor), (&before, &None));
        assert!(models.events.last().unwrap().reason.contains(cause));
    }
}

#[test]
fn a_challenger_is_not_felt_until_it_is_promoted_and_a_pin_keeps_it_out() {
    let build = || World::of(Autoscaler::builder(config()).build().unwrap(), 3);
    let (mut alone, mut tried, mut pinned) = (build(), build(), build());
    let other = disturbed(0.3, 2);
    tried.scaler.challenge(&other).unwrap();
    pinned.scaler.challenge(&other).unwrap();
    pinned.scaler.pin_models(Some("an audit"));
    for step in 0..300 {
        let [mut expected, mut there] = [alone.tick(), tried.tick()];
        if step == 0 {
            // what begins is told once
            assert!(there.explanation.contains("runs in the shadow"), "{}", there.explanation);
            (expected.explanation, there.explanation) = (String::new(), String::new());
        }
        assert_eq!(expected, there, "at {step}");
        pinned.tick();
    }
    assert_eq!(alone.scaler.forecast(), tried.scaler.forecast());
    let refused = pinned.scaler.promote("now").unwrap_err().to_string();
    assert!(refused.contains("an audit"), "{refused}");
    assert!(pinned.scaler.set_bundle(&other, "now").is_err() && pinned.scaler.roll_back("now").is_err());
    pinned.scaler.pin_models(None);
    pinned.scaler.promote("now").unwrap();
    let models = pinned.scaler.models().unwrap();
    assert_eq!(
        (models.champion, models.predecessor),
        (other.identity(), Some(ModelBundle::bundled().unwrap().identity()))
    );
    assert!(tried.scaler.end_challenge("enough") && !tried.scaler.end_challenge("enough"));
    assert!(tried.scaler.roll_back("now").unwrap_err().to_string().contains("set_bundle"));
    assert!(tried.scaler.challenge(&ModelBundle::bundled().unwrap()).is_err(), "it acts already");
}

/// Two weeks with a promotion and a rollback: from a snapshot in the middle of each phase, everything goes on bit for bit.
#[test]
fn two_weeks_are_replayed_bit_for_bit_from_snapshots() {
    let (bundled, other) = (ModelBundle::bundled().unwrap(), disturbed(0.05, 4));
    let bundles = [other.clone(), bundled];
    let mut world = World::of(Autoscaler::builder(config()).build().unwrap(), 9);
    let mut snapshots = Vec::new();
    let mut records = Vec::new();
    let mut decisions = Vec::new();
    for step in 0..14 * 144 {
        match step {
            400 => world.scaler.challenge(&other).unwrap(),
            900 => world.scaler.promote("a replay").unwrap(),
            1500 => world.scaler.roll_back("a replay").unwrap(),
            _ => (),
        }
        if [200, 650, 1200, 1800].contains(&step) {
            snapshots.push((step, world.scaler.snapshot()));
        }
        let record = world.record();
        world.scaler.observe(&record).unwrap();
        let decision = world.scaler.decide();
        if let Some(jobs) = decision.recommended_jobs {
            world.queue.scale_to(jobs);
        }
        records.push(record);
        decisions.push(decision.to_json());
    }
    let end = world.scaler.snapshot();
    for (from, snapshot) in snapshots {
        let models = Autoscaler::models_in(&snapshot).unwrap();
        assert_eq!(models.is_some(), from > 400);
        let mut again =
            Autoscaler::restore_among(config(), &bundles[usize::from(models.is_none())..], &snapshot)
                .unwrap();
        for step in from..records.len() {
            match step {
                400 => again.challenge(&other).unwrap(),
                900 => again.promote("a replay").unwrap(),
                1500 => again.roll_back("a replay").unwrap(),
                _ => (),
            }
            again.observe(&records[step]).unwrap();
            assert_eq!(again.decide().to_json(), decisions[step], "from {from} at {step}");
        }
        assert_eq!(again.snapshot(), end, "from {from}");
    }
}

#[test]
fn a_trial_costs_a_bounded_memory_and_ends_where_its_models_are_not_given_again() {
    let mut world = World::of(Autoscaler::builder(config()).build().unwrap(), 3);
    world.hours_until(4, |_| false);
    let without = world.scaler.snapshot().len();
    world.scaler.challenge(&disturbed(0.3, 2)).unwrap();
    world.hours_until(4, |_| false);
    let snapshot = world.scaler.snapshot();
    println!("{} bytes more of {without}", snapshot.len() - without);
    assert!(snapshot.len() - without <= 40 * 1024);
    let mut world =
        World::of(Autoscaler::restore(config(), ModelBundle::bundled().unwrap(), &snapshot).unwrap(), 3);
    world.step = 8 * 144;
    world.tick();
    assert_eq!(world.last_event(), Some(LifecycleEventKind::Ended));
    let taken_over = Autoscaler::restore(config(), disturbed(0.1, 8), &snapshot).unwrap();
    let events = taken_over.models().unwrap().events;
    assert_eq!(events.last().unwrap().kind, LifecycleEventKind::Replaced);
}

/// What a challenger costs in ticks; measured in turns, so that a busy machine slows both.
#[test]
#[ignore = "measures time"]
fn a_challenger_costs_about_a_tick() {
    let build = || World::of(Autoscaler::builder(config()).build().unwrap(), 3);
    let (mut alone, mut tried) = (build(), build());
    tried.scaler.challenge(&disturbed(0.3, 2)).unwrap();
    let mut ratios: Vec<f64> = (0..20)
        .map(|_| {
            let mut seconds = [0.0f64; 2];
            for _ in 0..50 {
                for (world, seconds) in [&mut alone, &mut tried].into_iter().zip(&mut seconds) {
                    let record = world.record();
                    let begin = std::time::Instant::now();
                    world.scaler.observe(&record).unwrap();
                    let decision = world.scaler.decide();
                    *seconds += begin.elapsed().as_secs_f64();
                    if let Some(jobs) = decision.recommended_jobs {
                        world.queue.scale_to(jobs);
                    }
                }
            }
            seconds[1] / seconds[0]
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("{:.2} ticks more (median of {ratios:.2?})", ratios[ratios.len() / 2] - 1.0);
    assert!(ratios[ratios.len() / 2] <= 2.1);
}
