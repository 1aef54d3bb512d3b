//! Pools of a fleet that share a budget: what each gives, what none gives, and what dividing is worth. `EVSCALE_BUDGET_POOLS` and
//! `EVSCALE_BUDGET_DAYS` make the comparison larger, and print it.

#![expect(clippy::disallowed_methods, reason = "the size of the comparison is told by the environment")]

mod support;

use evscale_core::simulate::{LoadSettings, PoolSimulator, SimulatedLoad, Workload};
use evscale_core::{
    BudgetDemand, ClassCounts, Config, Decision, Fleet, ManualOrder, ManualOverride, Metrics, ModelBundle,
    OpenTick, Pause, Rule, ServiceClass, SharedBudget,
};
use std::collections::BTreeMap;
use support::{served, start, without_networks};

/// Pools of 4 jobs with the same load of about 10 jobs, each with a change of its configuration.
fn crowd(pools: usize, change: impl Fn(usize, &mut Config)) -> Fleet {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    for pool in 0..pools {
        fleet.add(&key(pool), without_networks(|config| change(pool, config))).unwrap();
    }
    fleet
}

fn key(pool: usize) -> String {
    format!("pool-{pool:03}")
}

fn record(pool: usize, step: i64, jobs: u32) -> Metrics {
    let wave = 1.0 + 0.3 * ((step + 7 * pool as i64) as f64 / 50.0).sin();
    served(start().plus_seconds(120 * step), (2000.0 * wave).round(), jobs, 400.0)
}

/// Lets the pools run, whose host does what is decided; returns the decisions of the last step.
fn run(fleet: &mut Fleet, steps: std::ops::Range<i64>, jobs: &mut [u32]) -> Vec<Decision> {
    let mut last = Vec::new();
    for step in steps {
        let records = jobs.iter().enumerate().map(|(pool, jobs)| (key(pool), record(pool, step, *jobs)));
        let ticks: Vec<_> = fleet.tick(records.collect()).into_iter().map(Result::unwrap).collect();
        for (jobs, tick) in jobs.iter_mut().zip(&ticks) {
            *jobs = tick.decision.recommended_jobs.unwrap();
        }
        last = ticks.into_iter().map(|tick| tick.decision).collect();
    }
    last
}

#[test]
fn a_budget_that_is_enough_changes_nothing() {
    let mut free = crowd(6, |_, _| ());
    let mut enough = crowd(6, |_, _| ());
    enough.set_budget(Some(SharedBudget::Jobs(100_000))).unwrap();
    let (mut one, mut other) = (vec![4; 6], vec![4; 6]);
    for step in 0..120 {
        let expected = run(&mut free, step..step + 1, &mut one);
        assert_eq!(run(&mut enough, step..step + 1, &mut other), expected);
    }
    assert!(free.snapshots().eq(enough.snapshots()));
    let status = enough.budget_status().unwrap();
    assert_eq!((status.pools_that_gave_way, status.exceeded), (0, None));
    assert_eq!((status.held, free.budget_status()), (f64::from(one.iter().sum::<u32>()), None));
}

#[test]
fn a_budget_that_is_enough_leaves_pools_with_classes_as_they_are() {
    let classes = |_: usize, config: &mut Config| {
        let mut patient = ServiceClass::new("patient", 0.5, 1800.0);
        patient.priority = 1;
        config.classes = vec![ServiceClass::new("urgent", 0.2, 5.0), patient];
    };
    let (mut free, mut enough) = (crowd(3, classes), crowd(3, classes));
    enough.set_budget(Some(SharedBudget::Jobs(100_000))).unwrap();
    let mut jobs = vec![4; 3];
    for step in 0..300 {
        let mut records: Vec<_> = (0..3).map(|pool| (key(pool), record(pool, step, jobs[pool]))).collect();
        for (_, record) in &mut records {
            let events = record.logged_events_count;
            record.classes = [("urgent", 0.3), ("patient", 0.7)]
                .map(|(name, share)| {
                    let count = Some((share * events).round());
                    let counts = ClassCounts { logged_events_count: count, ..ClassCounts::default() };
                    (name.to_owned(), counts)
                })
                .into();
        }
        let decided = |fleet: &mut Fleet| -> Vec<Decision> {
            fleet.tick(records.clone()).into_iter().map(|tick| tick.unwrap().decision).collect()
        };
        let (one, other) = (decided(&mut free), decided(&mut enough));
        assert_eq!(one, other, "step {step}");
        jobs = one.iter().map(|decision| decision.recommended_jobs.unwrap()).collect();
    }
}

#[test]
fn jobs_that_take_more_than_an_hour_to_start_are_worth_something() {
    let mut fleet = crowd(4, |pool, config| {
        if pool < 2 {
            config.job_startup_seconds = 5400;
            config.priority = 20.0;
        }
    });
    // fewer than they ask for at any time
    fleet.set_budget(Some(SharedBudget::Jobs(18))).unwrap();
    let mut jobs = vec![4; 4];
    for steps in [0..150, 150..200] {
        run(&mut fleet, steps, &mut jobs);
        assert!(jobs[..2].iter().min() > jobs[2..].iter().max(), "the priority is served first: {jobs:?}");
    }
}

#[test]
fn together_they_have_no_more_than_the_budget_and_every_cut_is_told() {
    let mut fleet = crowd(8, |pool, config| config.priority = if pool == 5 { 20.0 } else { 1.0 });
    fleet.set_budget(Some(SharedBudget::Jobs(40))).unwrap();
    let mut jobs = vec![4; 8];
    let (mut before, mut gave_way, mut told, mut given) = (32, 0, 0, [0; 8]);
    for step in 0..200 {
        let decisions = run(&mut fleet, step..step + 1, &mut jobs);
        let together: u32 = jobs.iter().sum();
        assert!(together <= before.max(40), "{together} jobs in step {step}");
        before = together;
        let status = fleet.budget_status().unwrap();
        let causes = (0..8).filter(|pool| cause(&mut fleet, &key(*pool)).is_some()).count();
        assert_eq!(causes, status.pools_that_gave_way as usize, "step {step}");
        assert_eq!(status.held, f64::from(together), "step {step}");
        assert!(causes == 0 || status.wanted >= 40.0, "{status:?}");
        told += causes;
        for (pool, decision) in decisions.into_iter().enumerate() {
            let cut = decision.trail.iter().find(|entry| entry.rule == Rule::SharedBudget);
            assert_eq!(cut.is_some(), decision.limited_by.contains(&Rule::SharedBudget));
            if let Some(cut) = cut {
                gave_way += 1;
                given[pool] += cut.before - cut.after;
                assert!(cut.after < cut.before && cut.detail.contains("share 40 jobs"), "{cut:?}");
                assert!(decision.explanation.contains("shared_budget"), "{}", decision.explanation);
            }
        }
    }
    assert!(gave_way > 50);
    assert!(8 * given[5] < given.iter().sum::<u32>() / 4, "the priority is served first: {given:?}");
    assert!(told > 50, "{told}");
}

fn cause(fleet: &mut Fleet, key: &str) -> Option<String> {
    let causes = fleet.with_pool(key, |pool| pool.health().causes).unwrap();
    causes.into_iter().find(|cause| cause.starts_with("shared budget: "))
}

#[test]
fn a_fleet_goes_on_from_its_snapshots_and_threads_do_not_matter() {
    let budget = Some(SharedBudget::Jobs(60));
    let mut fleet = crowd(40, |_, _| ());
    fleet.set_budget(Some(SharedBudget::Jobs(200))).unwrap();
    let mut jobs = vec![4; 40];
    run(&mut fleet, 0..100, &mut jobs);
    let mut again = Fleet::new(&ModelBundle::bundled().unwrap());
    again.set_threads(3).unwrap();
    for (key, snapshot) in fleet.snapshots() {
        again.restore(key, without_networks(|_| ()), &snapshot).unwrap();
    }
    let told: Vec<_> = (0..40).map(|pool| cause(&mut fleet, &key(pool))).collect();
    assert!(told.iter().flatten().count() > 0);
    assert!(told.iter().enumerate().all(|(pool, told)| cause(&mut again, &key(pool)) == *told));
    let mut jobs_again = jobs.clone();
    for fleet in [&mut fleet, &mut again] {
        fleet.set_budget(budget).unwrap();
    }
    for step in 100..150 {
        let expected = run(&mut fleet, step..step + 1, &mut jobs);
        assert_eq!(run(&mut again, step..step + 1, &mut jobs_again), expected, "step {step}");
    }
}

#[test]
fn pools_of_several_fleets_share_a_budget_as_those_of_one_do() {
    for budget in [SharedBudget::Jobs(40), SharedBudget::CostPerHour(90.0), SharedBudget::Jobs(10_000)] {
        let change = |pool: usize, config: &mut Config| {
            config.priority = if pool == 5 { 20.0 } else { 1.0 };
            config.job_hour_price = Some(1.0 + pool as f64);
        };
        let mut one = crowd(9, change);
        one.set_budget(Some(budget)).unwrap();
        // pools alternate between the fleets, so that their claims must be sorted
        let mut parts = [crowd(0, change), crowd(0, change)];
        for pool in 0..9 {
            parts[pool % 2].add(&key(pool), without_networks(|config| change(pool, config))).unwrap();
        }
        let (mut jobs, mut divided, mut cut) = (vec![4; 9], 0, 0);
        for step in 0..150 {
            // a pool without a record keeps what it has
            let there = |pool: &usize| step % 7 != 3 || *pool != 4;
            let records: Vec<(String, Metrics)> =
                (0..9).filter(there).map(|pool| (key(pool), record(pool, step, jobs[pool]))).collect();
            let expected: Vec<_> = one.tick(records.clone()).into_iter().map(Result::unwrap).collect();
            let mut open: Vec<_> = parts
                .iter_mut()
                .map(|part| {
                    let own = records.iter().filter(|(key, _)| part.contains(key)).cloned().collect();
                    part.begin_tick(budget, own)
                })
                .collect();
            let demand = |open: &[OpenTick]| BudgetDemand::of_all(open.iter().map(OpenTick::demand));
            let mut cuts = BTreeMap::new();
            if !demand(&open).is_met_by(budget) {
                let claims =
                    parts.iter_mut().zip(&mut open).flat_map(|(part, open)| part.claims(open)).collect();
                cuts = budget.divide(demand(&open), claims);
                divided += 1;
            }
            cut += cuts.len();
            let ends = parts.iter_mut().zip(open).flat_map(|(part, open)| part.end_tick(open, &cuts));
            let mut got: Vec<_> = ends.map(Result::unwrap).collect();
            got.sort_by(|one, other| one.key.cmp(&other.key));
            assert_eq!(got, expected, "step {step} of {budget:?}");
            for tick in expected {
                let pool = tick.key.trim_start_matches("pool-").parse::<usize>().unwrap();
                jobs[pool] = tick.decision.recommended_jobs.unwrap();
            }
        }
        assert_eq!(
            (divided > 20, cut > 50),
            [(false, false), (true, true)][usize::from(budget != SharedBudget::Jobs(10_000))]
        );
    }
}

#[test]
fn what_a_pool_needs_for_its_safety_is_not_divided() {
    let mut fleet = crowd(6, |pool, config| config.min_jobs = if pool == 0 { 9 } else { 1 });
    let mut jobs = vec![10; 6];
    run(&mut fleet, 0..120, &mut jobs);
    fleet.with_pool(&key(1), |pool| pool.set_pause(Pause::Down)).unwrap();
    let until = start().plus_seconds(1_000_000);
    let order = ManualOverride::new(ManualOrder::Fixed(12), until);
    fleet.with_pool(&key(2), |pool| pool.set_override(Some(order))).unwrap().unwrap();
    let paused = jobs[1];
    fleet.set_budget(Some(SharedBudget::Jobs(12))).unwrap();
    for step in 120..240 {
        let before = jobs.clone();
        run(&mut fleet, step..step + 1, &mut jobs);
        assert!(jobs[0] >= 9 && jobs[1] >= paused && (jobs[2] == 12 || step == 120), "{jobs:?}");
        for (before, jobs) in before.iter().zip(&jobs) {
            let rules = Config::default();
            let percent = f64::from(*before) * rules.max_step_down_percent / 100.0;
            let step_down = (percent as u32).max(rules.max_step_down_jobs);
            assert!(jobs + step_down >= *before, "no more than a step at once: {before} to {jobs}");
        }
    }
    assert!(jobs[3..].iter().all(|jobs| *jobs <= 2), "the others give what they can: {jobs:?}");
    assert!(fleet.budget_status().unwrap().exceeded.unwrap().contains("12 jobs"));
}

#[test]
fn money_goes_where_a_job_is_cheap_or_a_late_event_dear() {
    let prices = [(1.0, 1.0), (1.0, 8.0), (4.0, 1.0)];
    let mut fleet = crowd(3, |pool, config| {
        let (job_hour, late) = prices[pool];
        (config.job_hour_price, config.late_event_price) = (Some(job_hour), Some(late / 1000.0));
    });
    fleet.set_budget(Some(SharedBudget::CostPerHour(30.0))).unwrap();
    let mut jobs = vec![4; 3];
    for step in 0..200 {
        run(&mut fleet, step..step + 1, &mut jobs);
        let cost: f64 = jobs.iter().zip(prices).map(|(jobs, (price, _))| f64::from(*jobs) * price).sum();
        assert!(cost <= 30.0 + 1e-9, "{cost} per hour: {jobs:?}");
    }
    assert!(jobs[1] > jobs[2], "{jobs:?}");
    assert!(fleet.set_budget(Some(SharedBudget::CostPerHour(-1.0))).is_err());
    assert!(SharedBudget::from_json(r#"{"jobs": -1}"#).unwrap_err().to_string().contains("cost_per_hour"));
}

#[test]
fn a_pool_that_decides_alone_has_what_the_others_leave() {
    let mut fleet = crowd(3, |_, _| ());
    fleet.set_budget(Some(SharedBudget::Jobs(20))).unwrap();
    let mut jobs = vec![4; 3];
    for step in 0..60 {
        for pool in 0..3 {
            let decided = fleet.with_pool(&key(pool), |scaler| {
                scaler.observe(&record(pool, step, jobs[pool])).map(|_| scaler.decide())
            });
            jobs[pool] = decided.unwrap().unwrap().recommended_jobs.unwrap();
            assert!(jobs.iter().sum::<u32>() <= 20, "{jobs:?}");
        }
    }
    assert!(fleet.remove(&key(0)));
    assert_eq!(fleet.budget_status().unwrap().held, f64::from(jobs[1] + jobs[2]));
}

/// A pool of the comparison.
struct Simulated {
    load: SimulatedLoad,
    config: Config,
}

/// What a run cost, and how much was late, of the pools of low and of high priority: events times the job-hours that one takes, as
/// some pools have a million times as many as others.
#[derive(Clone, Debug, Default)]
struct Score {
    job_hours: f64,
    work: [f64; 2],
    late: [f64; 2],
    /// Most jobs together, and of each pool.
    most: u32,
    peaks: Vec<u32>,
}

impl Score {
    fn late_percent(&self) -> [f64; 3] {
        let all = 100.0 * self.late.iter().sum::<f64>() / self.work.iter().sum::<f64>();
        [all, 100.0 * self.late[0] / self.work[0], 100.0 * self.late[1] / self.work[1]]
    }

    /// Late job-hours, those of high priority ten times.
    fn weighed(&self) -> f64 {
        self.late[0] + 10.0 * self.late[1]
    }
}

fn simulated(pools: usize, days: f64) -> Vec<Simulated> {
    let pool = |seed: usize| {
        let workload = Workload::random(7000 + seed as u64, days, 120);
        let jobs_at_peak = [3.0, 6.0, 12.0, 25.0, 50.0][seed % 5];
        let load = SimulatedLoad::new(
            &workload,
            &LoadSettings { jobs_at_peak, seed: seed as u64, ..LoadSettings::default() },
        );
        let mut config = Config::default();
        (config.max_jobs, config.use_networks) = (200, false);
        config.priority = if seed % 4 == 1 { 10.0 } else { 1.0 };
        Simulated { load, config }
    };
    (0..pools).map(pool).collect()
}

/// What holds the pools of a comparison.
#[derive(Clone, Copy, Debug)]
enum Limit<'a> {
    Nothing,
    /// A cap for each.
    Alone(&'a [u32]),
    /// A budget, of which each pool in its turn takes what the others leave.
    InTurn(u32),
    /// A budget that is divided.
    Together(u32),
}

/// Runs all pools, scored from an interval on.
fn compare(pools: &[Simulated], limit: Limit<'_>, scored_from: usize) -> Score {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    for (index, pool) in pools.iter().enumerate() {
        let mut config = pool.config.clone();
        if let Limit::Alone(caps) = limit {
            config.max_jobs = caps[index];
        }
        fleet.add(&key(index), config).unwrap();
    }
    if let Limit::InTurn(budget) | Limit::Together(budget) = limit {
        fleet.set_budget(Some(SharedBudget::Jobs(budget))).unwrap();
    }
    let mut simulators: Vec<PoolSimulator> = pools
        .iter()
        .map(|pool| {
            PoolSimulator::new(1, f64::from(pool.config.job_startup_seconds), pool.config.sla_wait_seconds)
        })
        .collect();
    let mut score = Score { peaks: vec![0; pools.len()], ..Score::default() };
    let mut arrivals = Vec::new();
    for step in 0..pools[0].load.len() {
        let mut records = Vec::new();
        for (index, (pool, simulator)) in pools.iter().zip(&mut simulators).enumerate() {
            pool.load.arrivals(step, &mut arrivals);
            let outcome = simulator.run_interval(&arrivals, pool.load.job_seconds(step));
            records.push((key(index), pool.load.record(step, &outcome)));
            if step >= scored_from {
                let group = usize::from(pool.config.priority > 1.0);
                let waits = if step + 1 == pool.load.len() { outcome.queued } else { 0.0 };
                let job_hours = pool.load.job_seconds(step) / 3600.0;
                score.work[group] += job_hours * outcome.arrived;
                score.late[group] += job_hours * (outcome.violations + waits);
                score.job_hours += f64::from(outcome.jobs) * 120.0 / 3600.0;
            }
        }
        let alone = |fleet: &mut Fleet, (key, record): (String, Metrics)| {
            fleet.with_pool(&key, |pool| pool.observe(&record).map(|_| pool.decide())).unwrap().unwrap()
        };
        let decided: Vec<Decision> = match limit {
            Limit::InTurn(_) => records.into_iter().map(|one| alone(&mut fleet, one)).collect(),
            _ => fleet.tick(records).into_iter().map(|tick| tick.unwrap().decision).collect(),
        };
        let mut together = 0;
        for (index, (decision, simulator)) in decided.into_iter().zip(&mut simulators).enumerate() {
            let jobs = decision.recommended_jobs.unwrap_or(simulator.jobs());
            simulator.scale_to(jobs);
            together += jobs;
            if step >= scored_from {
                score.peaks[index] = score.peaks[index].max(jobs);
            }
        }
        if step >= scored_from {
            score.most = score.most.max(together);
        }
    }
    score
}

#[test]
fn a_shared_budget_is_worth_more_than_a_cap_for_each() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok());
    let asked = number("EVSCALE_BUDGET_POOLS");
    let (count, days) = (asked.unwrap_or(20.0) as usize, number("EVSCALE_BUDGET_DAYS").unwrap_or(1.25));
    let pools = simulated(count, days);
    let scored_from = (0.4 * days * 720.0) as usize;
    let free = compare(&pools, Limit::Nothing, scored_from);
    for share in if asked.is_some() { vec![0.85, 0.7, 0.5] } else { vec![0.5] } {
        let budget = (share * f64::from(free.most)) as u32;
        let of_peaks = f64::from(budget) / free.peaks.iter().map(|peak| f64::from(*peak)).sum::<f64>();
        let caps: Vec<u32> =
            free.peaks.iter().map(|peak| ((of_peaks * f64::from(*peak)).round() as u32).max(1)).collect();
        let alone = compare(&pools, Limit::Alone(&caps), scored_from);
        let in_turn = compare(&pools, Limit::InTurn(budget), scored_from);
        let together = compare(&pools, Limit::Together(budget), scored_from);
        let all =
            [("without", &free), ("capped alone", &alone), ("in turn", &in_turn), ("together", &together)];
        for (name, score) in all {
            let [all, low, high] = score.late_percent();
            println!(
                "{budget} jobs ({share:.2}), {name}: {:.0} job-hours, at most {} jobs, late {all:.2} %, priority 1 {low:.2} %, 10 {high:.2} %, weighed {:.0}",
                score.job_hours,
                score.most,
                score.weighed()
            );
        }
        assert!(together.most <= budget, "{} of {budget}", together.most);
        assert!(together.weighed() < 0.8 * alone.weighed(), "{together:?}\n{alone:?}");
        assert!(together.weighed() < in_turn.weighed(), "{together:?}\n{in_turn:?}");
    }
}
