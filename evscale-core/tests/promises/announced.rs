//! What the host knows before the records show it: announced events, and `expected_traffic_multiplier`.

use crate::support::{Pool, built, without_networks};
use approx::abs_diff_eq;
use evscale_core::{Announced, Announcement, Autoscaler, Config, Decision, ErrorKind, Rule, Timestamp};

/// Jobs that 1800 events a minute of half a second keep busy, and one in twenty idle.
const TRIPLE: u32 = 16;

/// Records a minute, decisions every two, jobs that start in four; two hours of 600 events a minute, which need 5.3 jobs.
fn steady_pool(change: impl FnOnce(&mut Config)) -> Pool {
    let mut pool = Pool::new(without_networks(|config| {
        (config.interval_seconds, config.decision_interval_seconds) = (60, 120);
        config.job_startup_seconds = 240;
        change(config);
    }));
    pool.steady(120, 600.0);
    pool
}

fn in_minutes(pool: &Pool, minutes: i64) -> Timestamp {
    pool.now().plus_seconds(60 * minutes)
}

fn announce(pool: &mut Pool, from: i64, until: i64, what: Announced) -> u32 {
    let announcement = Announcement::new(in_minutes(pool, from), in_minutes(pool, until), what);
    pool.scaler.announce(announcement).unwrap()
}

/// Runs for so many minutes; the load is `during` times the usual one in the window, which counts minutes from now.
fn run(pool: &mut Pool, minutes: usize, window: std::ops::Range<i64>, during: f64) -> Vec<Decision> {
    let first = pool.step;
    pool.run(minutes, |step| if window.contains(&(step - first)) { during * 600.0 } else { 600.0 })
}

fn jobs(decisions: &[Decision]) -> Vec<u32> {
    decisions.iter().map(|decision| decision.recommended_jobs.unwrap()).collect()
}

#[test]
fn a_sale_has_its_jobs_at_its_start_and_none_before_or_after() {
    let mut pool = steady_pool(|_| ());
    let usual = pool.jobs;
    let id = announce(&mut pool, 30, 90, Announced::Multiplier(3.0));
    let decisions = run(&mut pool, 170, 30..90, 3.0);
    let path = jobs(&decisions);
    // asked for in the minutes 24 to 26: startup and decision before the start
    assert!(path[..22].iter().all(|jobs| *jobs <= usual + 1), "too early: {path:?}");
    assert!(path[25] >= TRIPLE, "too late: {path:?}");
    assert!(path[30..89].iter().all(|jobs| (TRIPLE..=24).contains(jobs)), "not three times: {path:?}");
    assert!(path[140] <= usual + 1, "a reserve stands afterwards: {path:?}");
    assert_eq!(pool.queue, 0.0);
    let told: Vec<&Decision> =
        decisions.iter().filter(|decision| decision.explanation.contains("has ended: 3.0 times")).collect();
    assert!(!told.is_empty() && told.iter().all(|decision| decision.decided_at == told[0].decided_at));
    let status = &pool.scaler.announcements()[0];
    assert!(
        status.ended
            && status.id == id
            && abs_diff_eq!(status.came.unwrap(), 3.0, epsilon = 0.1)
            && status.believed == 1.0
    );
    assert!(pool.scaler.cancel_announcement(id).is_err());
}

#[test]
fn what_is_announced_shows_in_forecast_plan_trail_and_health() {
    let mut pool = steady_pool(|_| ());
    let usual = pool.scaler.forecast();
    let id = announce(&mut pool, 10, 40, Announced::Multiplier(3.0));
    let told = pool.scaler.forecast();
    let ratio =
        |minutes| told.horizon(minutes).unwrap().prediction / usual.horizon(minutes).unwrap().prediction;
    assert!([8, 48].iter().all(|minutes| ratio(*minutes) == 1.0));
    assert!([12, 24, 36].iter().all(|minutes| abs_diff_eq!(ratio(*minutes), 3.0, epsilon = 1e-9)));
    assert_eq!(told.horizons.len(), usual.horizons.len(), "no further leads");
    let decision = pool.scaler.decide();
    let planned = |minutes| decision.plan.iter().find(|step| step.minutes_ahead == minutes).unwrap().jobs;
    assert!(planned(24) >= 3 * planned(48) - 3, "{:?}", decision.plan);
    let health = pool.scaler.health();
    assert!(health.announced[0].starts_with(&format!("{id}: 3 times the usual load")), "{health:?}");
    assert!(health.causes.is_empty());

    let floor = announce(&mut pool, 5, 20, Announced::MinJobs(40));
    let grown = pool.tick(600.0);
    assert_eq!(grown.recommended_jobs, Some(40));
    let entry = grown.trail.iter().find(|entry| entry.rule == Rule::Announced).unwrap();
    assert!(entry.after == 40 && entry.detail.contains("at least 40 jobs from"), "{entry:?}");
    pool.scaler.cancel_announcement(floor).unwrap();
    assert!(pool.tick(600.0).recommended_jobs.unwrap() < 40, "cancelled");
}

#[test]
fn a_number_of_events_and_a_number_of_jobs_are_ready_in_time() {
    for (what, comes) in [(Announced::Events(20.0 * 3000.0), 5.0), (Announced::MinJobs(26), 1.0)] {
        let mut pool = steady_pool(|_| ());
        announce(&mut pool, 30, 50, what);
        let path = jobs(&run(&mut pool, 110, 30..50, comes));
        assert!(path[..22].iter().all(|jobs| *jobs < 10), "{what}: too early: {path:?}");
        assert!(path[25] >= 25, "{what}: too late: {path:?}");
        assert!(pool.queue == 0.0 && path[100] < 10, "{what}: {path:?}");
    }
}

#[test]
fn an_announced_fall_holds_growth_and_takes_no_job_that_is_busy() {
    let path = |said: Option<f64>| {
        let mut pool = steady_pool(|_| ());
        if let Some(times) = said {
            announce(&mut pool, 10, 60, Announced::Multiplier(times));
        }
        (jobs(&run(&mut pool, 60, 0..0, 1.0)), pool.queue)
    };
    let ((plain, _), (fallen, queue)) = (path(None), path(Some(0.1)));
    assert!(
        fallen.iter().zip(&plain).all(|(fallen, plain)| fallen + 1 >= *plain),
        "{fallen:?} for {plain:?}"
    );
    assert_eq!(queue, 0.0);
}

#[test]
fn statements_that_prove_wrong_again_and_again_weigh_less_and_right_ones_mend_it() {
    let mut pool = steady_pool(|_| ());
    let mut highest = Vec::new();
    for came in [1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0] {
        announce(&mut pool, 10, 40, Announced::Multiplier(3.0));
        highest.push(jobs(&run(&mut pool, 120, 10..40, came))[..12].iter().copied().max().unwrap());
    }
    assert!(highest[0] >= 16 && highest[1] >= 16, "one wrong statement is forgiven: {highest:?}");
    assert!(highest[2] < highest[1] && highest[4] <= 8, "{highest:?}");
    assert!(highest[8] >= 16, "{highest:?}");
}

#[test]
fn what_is_distrusted_is_named() {
    let mut pool = steady_pool(|_| ());
    for _ in 0..3 {
        announce(&mut pool, 5, 35, Announced::Multiplier(3.0));
        run(&mut pool, 40, 0..0, 1.0);
    }
    let cause = pool.cause("announced").unwrap();
    assert!(cause.contains("is believed to 33 %"), "{cause}");
    let id = announce(&mut pool, 5, 35, Announced::Multiplier(3.0));
    assert!(pool.scaler.announcements().iter().any(|status| status.id == id && status.believed < 0.34));
}

#[test]
fn an_untrusted_statement_that_comes_true_is_served_all_the_same() {
    let mut pool = steady_pool(|_| ());
    for _ in 0..4 {
        announce(&mut pool, 5, 35, Announced::Multiplier(3.0));
        run(&mut pool, 40, 0..0, 1.0);
    }
    announce(&mut pool, 5, 65, Announced::Multiplier(3.0));
    let path = jobs(&run(&mut pool, 64, 5..65, 3.0));
    assert!(path[60] >= 16 && pool.queue == 0.0, "{path:?}");
}

#[test]
fn refusals_name_the_reason_and_change_nothing() {
    let mut pool = steady_pool(|config| config.max_jobs = 60);
    let first = announce(&mut pool, 10, 40, Announced::Multiplier(3.0));
    let before = pool.scaler.snapshot();
    for (from, until, what, told) in [
        (-5, 40, Announced::Multiplier(2.0), "before the newest record"),
        (30, 20, Announced::Multiplier(2.0), "later than its start"),
        (20, 30, Announced::Multiplier(2.0), "contradicts number 1"),
        (50, 60, Announced::Multiplier(0.0), "0.01 to 100"),
        (50, 60, Announced::MinJobs(61), "`max_jobs`, which is 60"),
    ] {
        let announcement = Announcement::new(in_minutes(&pool, from), in_minutes(&pool, until), what);
        let problem = pool.scaler.announce(announcement).unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::InvalidArgument);
        assert!(problem.to_string().contains(told), "{problem}");
    }
    assert!(
        pool.scaler.cancel_announcement(99).unwrap_err().to_string().contains(&format!("one of: {first}"))
    );
    assert!(pool.scaler.snapshot() == before);
    (0..63).for_each(|k| _ = announce(&mut pool, 100 + 10 * k, 105 + 10 * k, Announced::Events(10.0)));
    let more = Announcement::new(in_minutes(&pool, 1), in_minutes(&pool, 2), Announced::MinJobs(3));
    assert!(pool.scaler.announce(more).unwrap_err().to_string().contains("64 announcements"));
}

#[test]
fn a_snapshot_keeps_what_is_announced_and_seen() {
    let mut pool = steady_pool(|_| ());
    announce(&mut pool, 10, 40, Announced::Multiplier(3.0));
    run(&mut pool, 20, 10..40, 2.0);
    let config = pool.scaler.config().clone();
    let bundle = evscale_core::ModelBundle::bundled().unwrap();
    let other = Autoscaler::restore(config, bundle, &pool.scaler.snapshot()).unwrap();
    let mut restored = Pool { step: pool.step, jobs: pool.jobs, queue: pool.queue, ..Pool::of(other) };
    assert_eq!(restored.scaler.forecast(), pool.scaler.forecast());
    let (same, again) = (run(&mut pool, 30, 0..20, 2.0), run(&mut restored, 30, 0..20, 2.0));
    assert_eq!(jobs(&same)[1..], jobs(&again)[1..]);
    assert_eq!(pool.scaler.announcements(), restored.scaler.announcements());
}

#[test]
fn the_multiplier_of_the_records_works_whatever_the_networks_think() {
    for networks in [false, true] {
        let mut config = Config::default();
        (config.interval_seconds, config.decision_interval_seconds) = (60, 120);
        (config.job_startup_seconds, config.use_networks) = (240, networks);
        let mut pool = Pool::of(built(config));
        pool.steady(240, 600.0);
        let usual = pool.jobs;
        let mut path = Vec::new();
        for minute in 0..120 {
            let events = if (15..75).contains(&minute) { 1800.0 } else { 600.0 };
            let said = if minute < 75 { 3.0 } else { 1.0 };
            let decision = pool.tick_with(events, |record| record.expected_traffic_multiplier = Some(said));
            pool.jobs = decision.recommended_jobs.unwrap();
            path.push(pool.jobs);
        }
        assert!(path[4..70].iter().all(|jobs| (TRIPLE..=24).contains(jobs)), "{usual}: {path:?}");
        assert!(path[119] <= usual + 2, "{usual}: {path:?}");
        assert_eq!(pool.queue, 0.0);
    }
}

#[test]
fn a_multiplier_that_is_always_sent_and_never_true_is_believed_no_longer() {
    let mut pool = steady_pool(|_| ());
    let usual = pool.jobs;
    for _ in 0..26 * 60 {
        let decision = pool.tick_with(600.0, |record| record.expected_traffic_multiplier = Some(3.0));
        pool.jobs = decision.recommended_jobs.unwrap();
    }
    assert!(pool.jobs <= usual + 1, "{} for {usual}", pool.jobs);
    assert!(pool.cause("announced").unwrap().contains("`expected_traffic_multiplier` is believed to 0 %"));
}

#[test]
fn announced_jobs_are_asked_for_in_a_blackout_too() {
    let mut pool = steady_pool(|config| config.stale_fail_safe_seconds = 3600);
    announce(&mut pool, 30, 60, Announced::MinJobs(40));
    let at = |minutes| in_minutes(&pool, minutes);
    let (before, ahead) = (at(15), at(26));
    assert!(pool.scaler.decide_at(before).recommended_jobs.unwrap() < 10);
    assert_eq!(pool.scaler.decide_at(ahead).recommended_jobs, Some(40));
}

#[test]
fn an_event_that_is_not_punctual_is_served_and_leaves_no_reserve() {
    // what comes too early is a surprise, to which a young pool adds some headroom
    for (from, until, most) in [(27, 87, 36), (33, 95, 30)] {
        let mut pool = steady_pool(|_| ());
        let usual = pool.jobs;
        announce(&mut pool, 30, 90, Announced::Multiplier(3.0));
        let path = jobs(&run(&mut pool, 180, from..until, 3.0));
        assert!(
            path[30..85].iter().all(|jobs| (TRIPLE..=most).contains(jobs)),
            "{from} to {until}: {path:?}"
        );
        assert!(path[60..until as usize].iter().all(|jobs| *jobs >= TRIPLE), "{from} to {until}: {path:?}");
        assert!(path[175] <= usual + 2, "{from} to {until}: {path:?}");
    }
}
