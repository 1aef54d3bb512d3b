use super::*;
use crate::calendar::Calendar;
use crate::config::{Pause, StaleAction};
use crate::validation::DataQuality;
use std::sync::LazyLock;

fn start() -> Timestamp {
    Timestamp::from_millis(1_767_600_000_000).unwrap()
}

/// Rules that do nothing by themselves, so that a test can switch on one.
fn lenient() -> Config {
    Config {
        tolerance: 0.0,
        scale_down_stabilization_seconds: 0,
        max_step_up_percent: 10_000.0,
        max_step_down_percent: 100.0,
        cooldown_down_seconds: 0,
        ..Config::default()
    }
}

static UTC: LazyLock<Calendar> = LazyLock::new(Calendar::utc);

/// A pool that has been seen for long.
const SEASONED: Beginning = Beginning {
    seen_seconds: 1e9,
    startup_seconds: 180.0,
    shown_jobs: Some(0.0),
    agreed: true,
    breached: false,
};

fn context(config: &Config, current_jobs: u32) -> Context<'_> {
    Context {
        config,
        calendar: &UTC,
        now: start(),
        current_jobs,
        emergency: false,
        window_seconds: f64::INFINITY,
        dead_band: 0.0,
        floor_jobs: Some(0),
        needed_jobs: None,
        downstream_jobs: None,
        saving: None,
        beginning: SEASONED,
        issue: None,
        fail_safe_jobs: 0,
        memory_jobs: None,
        ready: None,
        most_jobs: None,
        maintenance: false,
        order: None,
        pause: Pause::Off,
        busy_jobs: 0,
        share: None,
    }
}

#[track_caller]
fn ruled(context: &Context<'_>, proposed: u32, jobs: u32, rule: Option<&str>) {
    let outcome = Safety::default().apply(context, proposed);
    assert_eq!(outcome.jobs(), jobs, "{outcome:?}");
    assert_eq!(outcome.trail.last().map(|entry| entry.rule.as_str()), rule, "{outcome:?}");
}

#[test]
fn without_a_limit_the_proposal_stands() {
    let config = lenient();
    ruled(&context(&config, 10), 30, 30, None);
    ruled(&context(&config, 30), 10, 10, None);
}

#[test]
fn bounds_hold_always() {
    let config = Config { min_jobs: 3, max_jobs: 20, ..lenient() };
    ruled(&context(&config, 10), 0, 3, Some("bounds"));
    let emergency = Context { emergency: true, ..context(&config, 10) };
    ruled(&emergency, 4000, 20, Some("bounds"));
    let paused = Context { pause: Pause::All, ..context(&config, 50) };
    ruled(&paused, 50, 20, Some("bounds"));
}

#[test]
fn tolerance_is_a_dead_band_except_in_an_emergency() {
    let config = Config { tolerance: 0.1, ..lenient() };
    ruled(&context(&config, 20), 22, 20, Some("tolerance"));
    ruled(&context(&config, 20), 23, 23, None);
    ruled(&Context { emergency: true, ..context(&config, 20) }, 22, 22, None);
}

#[test]
fn only_numbers_that_exist_are_recommended() {
    let config = Config { job_counts: vec![1, 8, 64], tolerance: 0.3, ..lenient() };
    ruled(&context(&config, 8), 9, 8, Some("tolerance"));
    ruled(&context(&config, 8), 11, 64, Some("job_numbers"));
    ruled(&context(&config, 64), 9, 64, Some("job_numbers"));
    ruled(&context(&config, 64), 6, 8, Some("job_numbers"));
    let machines = Config { job_step: 8, ..lenient() };
    ruled(&context(&machines, 16), 13, 16, Some("job_numbers"));
    ruled(&Context { floor_jobs: Some(17), ..context(&machines, 32) }, 8, 24, Some("forecast_floor"));
    ruled(
        &Context { most_jobs: Some((23, String::new())), ..context(&machines, 8) },
        40,
        16,
        Some("scheduled_maximum"),
    );
    let slow = Config {
        max_step_up_jobs: 1,
        max_step_up_percent: 1.0,
        max_step_down_jobs: 1,
        max_step_down_percent: 1.0,
        ..machines
    };
    ruled(&context(&slow, 64), 120, 72, Some("max_step_up"));
    ruled(&context(&slow, 64), 8, 56, Some("max_step_down"));
}

#[test]
fn the_highest_proposal_of_the_window_holds_a_scale_down() {
    let config = Config { scale_down_stabilization_seconds: 600, ..lenient() };
    let mut safety = Safety::default();
    assert_eq!(safety.apply(&context(&config, 10), 8).jobs(), 8);
    let later =
        |seconds, current| Context { now: start().plus_seconds(seconds), ..context(&config, current) };
    assert_eq!(safety.apply(&later(300, 8), 5).jobs(), 8, "8 was proposed 5 minutes ago");
    assert_eq!(safety.apply(&later(700, 8), 4).jobs(), 5, "8 has left the window");
    assert_eq!(safety.apply(&later(760, 5), 9).jobs(), 9, "upwards at once");
}

#[test]
fn a_deep_scale_down_looks_back_on_less_of_the_window() {
    let config =
        Config { scale_down_stabilization_seconds: 3600, decision_interval_seconds: 360, ..lenient() };
    let after = |seconds: i64, jobs: u32| {
        let mut safety = Safety::default();
        assert_eq!(safety.apply(&context(&config, 60), 60).jobs(), 60);
        let later = Context { now: start().plus_seconds(seconds), ..context(&config, 60) };
        safety.apply(&later, jobs).jobs()
    };
    assert_eq!([after(3600, 40), after(3601, 40)], [60, 40], "to two thirds: the whole window");
    assert_eq!([after(1800, 20), after(1801, 20)], [60, 20], "to a third: half of it");
    assert_eq!([after(360, 1), after(361, 1)], [60, 1], "one decision at least");
}

#[test]
fn a_scale_down_stays_above_the_forecast_floor() {
    let config = lenient();
    ruled(&Context { floor_jobs: Some(15), ..context(&config, 20) }, 10, 15, Some("forecast_floor"));
    ruled(&Context { floor_jobs: Some(50), ..context(&config, 20) }, 10, 20, Some("forecast_floor"));
    ruled(&Context { floor_jobs: None, ..context(&config, 20) }, 10, 20, Some("forecast_floor"));
    ruled(&Context { floor_jobs: Some(50), ..context(&config, 20) }, 25, 25, None);
}

#[test]
fn steps_are_limited_by_the_larger_of_share_and_number() {
    let config = Config {
        max_step_up_percent: 25.0,
        max_step_up_jobs: 3,
        max_step_down_percent: 10.0,
        max_step_down_jobs: 1,
        ..lenient()
    };
    ruled(&context(&config, 40), 90, 50, Some("max_step_up"));
    ruled(&context(&config, 4), 90, 7, Some("max_step_up"));
    ruled(&Context { emergency: true, ..context(&config, 4) }, 90, 90, None);
    ruled(&context(&config, 40), 1, 36, Some("max_step_down"));
    ruled(&context(&config, 4), 1, 3, Some("max_step_down"));
}

#[test]
fn cooldowns_are_measured_in_time() {
    let config = Config { cooldown_up_seconds: 300, cooldown_down_seconds: 600, ..lenient() };
    let mut safety = Safety::default();
    assert_eq!(safety.apply(&context(&config, 10), 12).jobs(), 12);
    let later = |seconds| Context { now: start().plus_seconds(seconds), ..context(&config, 12) };
    for _ in 0..5 {
        assert_eq!(safety.apply(&later(299), 20).jobs(), 12);
    }
    let emergency = Context { emergency: true, ..later(200) };
    assert_eq!(safety.clone().apply(&emergency, 20).jobs(), 20);
    assert_eq!(safety.clone().apply(&later(300), 20).jobs(), 20);
    assert_eq!(safety.apply(&later(599), 5).jobs(), 12);
    assert_eq!(safety.apply(&later(600), 5).jobs(), 5);
}

#[test]
fn reversals_make_it_reluctant_to_shrink() {
    let config = Config { max_reversals: 3, flap_window_seconds: 3600, ..lenient() };
    let mut safety = Safety::default();
    let at = |seconds, current| Context { now: start().plus_seconds(seconds), ..context(&config, current) };
    for (i, (from, to)) in [(10, 12), (12, 10), (10, 12), (12, 10), (10, 12)].into_iter().enumerate() {
        let jobs = safety.apply(&at(360 * i as i64, from), to).jobs();
        if i < 4 {
            assert_eq!(jobs, to, "change {i}");
        }
    }
    assert_eq!(safety.apply(&at(1800, 12), 10).jobs(), 12);
    assert_eq!(safety.apply(&at(9000, 12), 10).jobs(), 10, "the window has passed");
}

#[test]
fn bad_and_stale_records_never_shrink_the_pool() {
    let config = lenient();
    let bad = Context { issue: Some(Issue::new(DataQuality::Broken, "no number")), ..context(&config, 20) };
    ruled(&bad, 10, 20, Some("data_quality"));
    ruled(&bad, 30, 30, None);
    let stale = |quality| Context {
        issue: Some(Issue::new(quality, "old")),
        fail_safe_jobs: 35,
        ..context(&config, 20)
    };
    for quality in [DataQuality::Missing, DataQuality::Restored] {
        ruled(&stale(quality), 10, 20, Some("stale_records"));
        ruled(&stale(quality), 30, 20, Some("stale_records"));
    }
    ruled(&stale(DataQuality::Blackout), 10, 35, Some("stale_records"));
    let holding = Config { stale_action: StaleAction::Hold, ..config.clone() };
    ruled(&Context { config: &holding, ..stale(DataQuality::Blackout) }, 10, 20, Some("stale_records"));
}

#[test]
fn maintenance_and_pause_hold() {
    let config = lenient();
    let maintenance = Context { maintenance: true, ..context(&config, 20) };
    ruled(&maintenance, 10, 20, Some("maintenance_window"));
    ruled(&maintenance, 30, 20, Some("maintenance_window"));
    ruled(&Context { emergency: true, ..maintenance.clone() }, 30, 30, None);
    ruled(&Context { pause: Pause::Down, ..context(&config, 20) }, 10, 20, Some("pause"));
    ruled(&Context { pause: Pause::Down, ..context(&config, 20) }, 30, 30, None);
    ruled(&Context { pause: Pause::Up, ..context(&config, 20) }, 30, 20, Some("pause"));
    ruled(&Context { pause: Pause::All, emergency: true, ..context(&config, 20) }, 30, 20, Some("pause"));
}

#[test]
fn a_new_pool_keeps_its_jobs_until_its_records_tell_more_than_a_moment() {
    let config = Config { decision_interval_seconds: 360, interval_seconds: 120, ..lenient() };
    let new = |beginning| Context { beginning, emergency: true, ..context(&config, 20) };
    let young = Beginning { seen_seconds: 899.0, shown_jobs: Some(18.0), ..SEASONED };
    ruled(&new(young), 3, 20, Some("first_records"));
    ruled(&new(Beginning { seen_seconds: 900.0, ..young }), 3, 3, None);
    ruled(&new(young), 60, 26, Some("first_records"));
    ruled(&new(young), 25, 25, None);
    ruled(&new(Beginning { shown_jobs: Some(4.0), ..young }), 60, 20, Some("first_records"));
    ruled(&new(Beginning { breached: true, ..young }), 60, 60, None);
    ruled(&new(Beginning { shown_jobs: None, ..young }), 60, 60, None);
    ruled(&new(Beginning { shown_jobs: Some(5000.0), ..young }), 90, 90, None);
    let config = Config { max_step_up_percent: 50.0, ..config.clone() };
    let alone = Beginning { shown_jobs: Some(5000.0), agreed: false, ..young };
    let alone = Context { beginning: alone, emergency: true, ..context(&config, 20) };
    ruled(&alone, 90, 30, Some("first_records"));
}

#[test]
fn the_budget_caps_and_leaves_the_minimum_for_the_rest_of_the_day() {
    let config = Config { job_hours_per_day: Some(240.0), min_jobs: 2, ..lenient() };
    let mut safety = Safety::default();
    safety.job_hours.account(&UTC, start(), 190.0, 3600.0);
    let outcome = safety.apply(&context(&config, 20), 200);
    assert_eq!(outcome.trail.last().map(|entry| entry.rule.as_str()), Some("bounds"));
    safety.job_hours.account(&UTC, start(), 30.0, 3600.0);
    let outcome = safety.apply(&context(&config, 20), 90);
    assert_eq!(outcome.jobs(), 2, "{outcome:?}");
    assert_eq!(outcome.trail.last().map(|entry| entry.rule.as_str()), Some("job_hour_budget"));
    let tomorrow = Context { now: start().plus_seconds(86_400), ..context(&config, 20) };
    assert_eq!(safety.apply(&tomorrow, 90).jobs(), 90);
}

#[test]
fn the_day_of_the_budget_is_that_of_the_pools_time_zone() {
    // 08:00 UTC is 21:00 in Auckland: another day begins three hours later
    let config = Config { job_hours_per_day: Some(240.0), min_jobs: 2, ..lenient() };
    let auckland = Calendar::new("Pacific/Auckland", &[]).unwrap();
    for (calendar, hours, capped) in [(&*UTC, 4, true), (&auckland, 2, true), (&auckland, 4, false)] {
        let mut safety = Safety::default();
        safety.job_hours.account(calendar, start(), 235.0, 3600.0);
        let now = start().plus_seconds(3600 * hours);
        let outcome = safety.apply(&Context { calendar, now, ..context(&config, 20) }, 90);
        assert_eq!(outcome.jobs() < 90, capped, "{hours} h later: {outcome:?}");
    }
}

#[test]
fn the_trail_is_a_chain_that_ends_at_the_recommendation() {
    let config = Config { max_step_up_percent: 25.0, max_jobs: 22, ..lenient() };
    let outcome = Safety::default().apply(&context(&config, 20), 90);
    assert_eq!(outcome.trail.len(), 2);
    assert_eq!(outcome.trail[0].before, 90);
    assert_eq!(outcome.trail[0].after, outcome.trail[1].before);
    assert_eq!(outcome.trail[1].after, outcome.jobs());
}

#[test]
fn an_order_holds_until_its_time() {
    let config = Config { max_jobs: 60, max_step_down_jobs: 1, max_step_down_percent: 1.0, ..lenient() };
    let until = start().plus_seconds(600);
    let ordered = |order| Context {
        order: Some(ManualOverride::new(order, until)),
        issue: Some(Issue::new(DataQuality::Missing, "old")),
        floor_jobs: None,
        ..context(&config, 20)
    };
    ruled(&ordered(ManualOrder::Fixed(7)), 30, 7, Some("manual_fixed"));
    ruled(&ordered(ManualOrder::Fixed(700)), 30, 60, Some("bounds"));
    ruled(&ordered(ManualOrder::Cap(12)), 30, 12, Some("manual_cap"));
    let capped = Context { issue: None, ..ordered(ManualOrder::Cap(25)) };
    ruled(&capped, 30, 25, Some("manual_cap"));
    ruled(&capped, 22, 22, None);
    let paused = Context { pause: Pause::All, ..ordered(ManualOrder::Fixed(7)) };
    ruled(&paused, 30, 20, Some("pause"));
    let floor = Context { issue: None, ..ordered(ManualOrder::Floor(35)) };
    ruled(&floor, 30, 35, Some("manual_floor"));
    ruled(&floor, 40, 40, None);
    ruled(&Context { order: None, ..capped }, 30, 30, None);
}

#[test]
fn a_shared_budget_takes_no_more_than_the_protecting_rules_give() {
    let config = Config { min_jobs: 2, ..lenient() };
    let share = Some(Share { most: 1, detail: "others need theirs more".to_owned() });
    let limited = |config: &Config, change: fn(&mut Context<'_>)| {
        let mut context = Context { share: share.clone(), floor_jobs: Some(18), ..context(config, 20) };
        change(&mut context);
        let outcome = Safety::default().apply(&context, 30);
        let bound = outcome.trail.iter().any(|entry| entry.rule == Rule::SharedBudget);
        assert!(bound || outcome.jobs() >= 20, "{outcome:?}");
        outcome.jobs()
    };
    assert_eq!(limited(&config, |_| ()), 2, "the forecast floor gives way, the bounds do not");
    assert_eq!(limited(&config, |context| context.busy_jobs = 7), 7, "busy with long events");
    assert_eq!(limited(&config, |context| context.memory_jobs = Some(9)), 9, "memory");
    assert_eq!(limited(&config, |context| context.pause = Pause::Down), 20, "growth alone is cut");
    assert_eq!(limited(&config, |context| context.maintenance = true), 20);
    let fixed = |context: &mut Context<'_>| {
        let order = ManualOverride::new(ManualOrder::Fixed(25), start().plus_seconds(60));
        context.order = Some(order);
    };
    assert_eq!(limited(&config, fixed), 25, "an order");
    let restored = |context: &mut Context<'_>| context.issue = Some(Issue::restored());
    assert_eq!(limited(&config, restored), 20, "unknown is never down");
    let new = |context: &mut Context<'_>| context.beginning.seen_seconds = 60.0;
    assert_eq!(limited(&config, new), 20, "a new pool");
    let stepwise = Config { max_step_down_percent: 10.0, max_step_down_jobs: 1, ..config.clone() };
    assert_eq!(limited(&stepwise, |_| ()), 18, "one step");
    let coarse = Config { job_step: 8, ..config };
    assert_eq!(limited(&coarse, |context| context.current_jobs = 24), 8, "a number that exists");
}
