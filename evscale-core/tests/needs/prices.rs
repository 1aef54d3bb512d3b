//! Prices: of a job-hour at a time, of a late event, of a change.

use super::support::{Pool, eager, without_networks};
use super::world::{DAY, Outcome, load, run};
use approx::abs_diff_eq;
use evscale_core::Config;

const DAYS: usize = 8;

/// Money for jobs at a price of their time, late events and changes.
fn money(run: &Outcome, job_hour: impl Fn(usize) -> f64, late_event: f64, change: f64) -> f64 {
    let paid = run
        .rows
        .iter()
        .map(|(index, jobs, late)| job_hour(*index) * f64::from(*jobs) * 120.0 / 3600.0 + late_event * late);
    let changes = run.rows.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    paid.sum::<f64>() + change * changes as f64
}

fn all(jobs: u32) -> (u32, u32) {
    (jobs, jobs)
}

fn priced(late_event: Option<f64>, change: Option<f64>) -> Config {
    without_networks(|config| {
        config.sla_wait_seconds = 10.0;
        config.job_hour_price = Some(1.0);
        (config.late_event_price, config.change_price) = (late_event, change);
    })
}

fn lenient() -> Config {
    let mut config = priced(None, None);
    config.sla_target = 0.95;
    config
}

#[test]
fn a_cheap_late_event_saves_jobs_and_a_dear_one_is_avoided() {
    let mut dearest = (0.0, 0.0);
    for seed in [1, 2, 3, 4] {
        let load = load(30.0, seed, DAYS);
        let silent = run(priced(None, None), &load, &all);
        let lenient = run(lenient(), &load, &all);
        let (cheap, dear) = (1e-5, 1.0);
        let lean = run(priced(Some(cheap), None), &load, &all);
        let safe = run(priced(Some(dear), None), &load, &all);
        let of = |run: &Outcome, late| money(run, |_| 1.0, late, 0.0);
        println!(
            "late events {seed}: cheap {:.0} without, {:.0} with; dear {:.0} without, {:.0} with; late {:.2} % {:.2} %, {:.2} % {:.2} %",
            of(&silent, cheap),
            of(&lean, cheap),
            of(&lenient, dear),
            of(&safe, dear),
            silent.late_percent,
            lean.late_percent,
            lenient.late_percent,
            safe.late_percent
        );
        assert!(of(&lean, cheap) < 0.97 * of(&silent, cheap));
        dearest = (dearest.0 + of(&lenient, dear), dearest.1 + of(&safe, dear));
    }
    // single incidents decide in one pool or the other
    assert!(dearest.1 < 0.75 * dearest.0, "{dearest:?}");
}

#[test]
fn a_price_by_time_of_day_is_paid_less_of() {
    for seed in [1, 2] {
        let load = load(30.0, seed, DAYS);
        // from ten to six a job-hour costs eight times as much
        let dear = |index: usize| if (300..540).contains(&(index % DAY)) { 8.0 } else { 1.0 };
        let config = |scheduled: bool| {
            let text = r#"{"job_hour_price": 1, "schedule": [{"cron": "0 10 * * *", "seconds": 28800, "job_hour_price": 8}]}"#;
            let read = Config::from_json(text).unwrap();
            let mut config = priced(Some(0.002), None);
            if scheduled {
                config.schedule = read.schedule;
            }
            config
        };
        let (flat, scheduled) = (run(config(false), &load, &all), run(config(true), &load, &all));
        let of = |run: &Outcome| money(run, dear, 0.002, 0.0);
        println!("time of day {seed}: {:.0} without, {:.0} with", of(&flat), of(&scheduled));
        let told = |at: usize, price: &str| {
            let explanation = &scheduled.decisions[at].explanation;
            let told = format!("money decides, at 0.002 per late event and {price} per job-hour now");
            assert!(explanation.contains(&told), "{explanation}");
        };
        told(3 * DAY + 100, "1");
        told(3 * DAY + 400, "8");
        assert!(of(&scheduled) < of(&flat));
    }
}

#[test]
fn changes_that_cost_something_are_made_less_often() {
    for seed in [1, 2] {
        let load = load(12.0, seed, DAYS);
        let (free, dear) = (run(priced(None, None), &load, &all), run(priced(None, Some(3.0)), &load, &all));
        let of = |run: &Outcome| money(run, |_| 1.0, 0.0, 3.0);
        println!("changes {seed}: {:.0} without, {:.0} with", of(&free), of(&dear));
        assert!(of(&dear) < 0.95 * of(&free) && dear.late_percent < 1.0);
    }
}

#[test]
fn a_step_down_goes_by_the_price_of_its_time() {
    let load = load(12.0, 3, 3);
    let config = |price: f64| {
        let mut config = priced(None, Some(3.0));
        config.job_hour_price = Some(price);
        config
    };
    let mut scheduled = config(1.0);
    let always = r#"{"job_hour_price": 1, "schedule": [{"cron": "0 0 * * *", "seconds": 86400, "job_hour_price": 8}]}"#;
    scheduled.schedule = Config::from_json(always).unwrap().schedule;
    let jobs = |config: Config| -> Vec<Option<u32>> {
        run(config, &load, &all).decisions.iter().map(|decision| decision.recommended_jobs).collect()
    };
    let (said, by_the_hour) = (jobs(config(8.0)), jobs(scheduled));
    assert_eq!(said, by_the_hour);
    assert_ne!(said, jobs(config(1.0)), "the price makes no difference to this load");
}

#[test]
fn nothing_is_given_back_while_jobs_cost_nothing_and_changes_do() {
    let load = load(12.0, 4, 3);
    let mut config = priced(None, Some(3.0));
    config.job_hour_price = Some(0.0);
    let free = run(config, &load, &all);
    let jobs: Vec<u32> = free.decisions.iter().filter_map(|decision| decision.recommended_jobs).collect();
    assert!(jobs.len() > 2 * DAY && jobs.is_sorted(), "{jobs:?}");
    let told = free
        .decisions
        .iter()
        .filter(|decision| decision.explanation.contains("a job-hour costs nothing now"))
        .count();
    assert!(told > 100, "{told}");
}

#[test]
fn the_report_tells_what_each_hour_cost_at_its_price() {
    let config = |price| {
        eager(|config| {
            (config.job_hour_price, config.late_event_price) = (Some(price), Some(0.5));
            (config.min_jobs, config.max_jobs) = (10, 10);
        })
    };
    let mut pool = Pool::new(config(1.0));
    let tick = |pool: &mut Pool, late| {
        pool.tick_with(600.0, |record| record.sla_violations_count = Some(late));
    };
    (0..150).for_each(|_| tick(&mut pool, 0.0));
    // a price by call: five hours at 1, five at 3
    pool.scaler.reconfigure(config(3.0)).unwrap();
    (0..149).for_each(|_| tick(&mut pool, 0.0));
    tick(&mut pool, 8.0);
    let cost = pool.scaler.report().cost_day.unwrap();
    let expected = 50.0 + 150.0 + 4.0;
    assert!(abs_diff_eq!(cost, expected, epsilon = 0.01 * expected), "{cost}");
}

#[test]
fn a_price_without_that_of_a_job_is_refused_with_what_to_set() {
    for json in [
        r#"{"late_event_price": 0.1}"#,
        r#"{"change_price": 1}"#,
        r#"{"reversal_price": 1}"#,
        r#"{"schedule": [{"cron": "0 8 * * *", "seconds": 60, "job_hour_price": 2}]}"#,
    ] {
        let told = Config::from_json(json).unwrap_err().to_string();
        assert!(told.ends_with("set `job_hour_price`"), "{told}");
    }
}
