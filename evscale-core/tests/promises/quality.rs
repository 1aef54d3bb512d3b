//! Every verdict on the data: what it is given for, what may then be done, and that the trail names it.

use crate::support::{built, eager, served, start};
use evscale_core::{AllowedActions, Autoscaler, Config, DataQuality, Decision, Metrics, ModelBundle};

const JOBS: u32 = 60;
const BEFORE: i64 = 400;

/// A pool that has far more jobs than it needs, and would shrink at every decision.
struct Pool {
    scaler: Autoscaler,
    step: i64,
}

fn config() -> Config {
    eager(|config| config.max_step_down_percent = 100.0)
}

impl Pool {
    fn new() -> Self {
        let mut pool = Self { scaler: built(config()), step: 0 };
        (0..BEFORE).for_each(|_| {
            pool.tick(|_| ());
        });
        let decision = pool.scaler.decide();
        assert!(decision.recommended_jobs.unwrap() < 20, "{}", decision.to_json());
        pool
    }

    fn usual(&self) -> Metrics {
        let events = (2000 + self.step * 37 % 101) as f64;
        let mut record = served(start().plus_seconds(120 * self.step), events, JOBS, 400.0);
        record.average_queue_wait_time_ms = Some(0.0);
        record.cpu_utilization_percent = Some(events / 200.0);
        record
    }

    /// The next record, changed; the decision on it.
    fn tick(&mut self, change: impl Fn(&mut Metrics)) -> Decision {
        let mut record = self.usual();
        self.step += 1;
        change(&mut record);
        self.scaler.observe(&record).unwrap();
        self.scaler.decide()
    }

    /// The decision at a time after the newest record.
    fn decide_after(&mut self, seconds: i64) -> Decision {
        let newest = self.usual().timestamp.plus_seconds(-120);
        self.scaler.decide_at(newest.plus_seconds(seconds))
    }

    #[track_caller]
    fn expect(&self, decision: &Decision, quality: DataQuality, allowed: AllowedActions) {
        assert_eq!(quality.allowed(), allowed);
        assert_eq!(decision.recommended_jobs.unwrap(), 60, "{}", decision.to_json());
        let name = format!("{}: ", quality.as_str());
        let named = decision.trail.iter().any(|entry| entry.detail.starts_with(&name));
        assert!(named, "{name}{:?}", decision.trail);
        assert!(decision.explanation.contains(&name), "{}", decision.explanation);
        let health = self.scaler.health();
        assert!(health.causes.iter().any(|cause| cause.starts_with(&name)), "{health:?}");
        assert_eq!((health.data_quality, health.allowed_actions), (quality, allowed));
    }

    #[track_caller]
    fn shrinks_again(&mut self) {
        let decision = self.tick(|_| ());
        assert!(decision.recommended_jobs.unwrap() < 20, "{}", decision.to_json());
        assert_eq!(self.scaler.health().data_quality, DataQuality::Good);
    }
}

#[track_caller]
fn up_only(quality: DataQuality, change: impl Fn(&mut Metrics)) {
    let mut pool = Pool::new();
    let decision = pool.tick(change);
    pool.expect(&decision, quality, AllowedActions::UpOnly);
    pool.tick(|_| ());
    pool.shrinks_again();
}

#[test]
fn broken_contradictory_reset_and_deploying() {
    up_only(DataQuality::Broken, |record| record.cpu_utilization_percent = Some(f64::NAN));
    up_only(DataQuality::Broken, |record| record.queued_events_count = Some(f64::INFINITY));
    up_only(DataQuality::CounterReset, |record| record.logged_events_count = -40_000.0);
    up_only(DataQuality::CounterReset, |record| record.processed_events_count = Some(-3.0));
    up_only(DataQuality::Contradictory, |record| record.processed_events_count = Some(9000.0));
    up_only(DataQuality::Contradictory, |record| record.average_queue_wait_time_ms = Some(900_000.0));
    up_only(DataQuality::Deploy, |record| record.is_deploy_in_progress = Some(true));
}

#[test]
fn out_of_order_repeated_and_far_ahead() {
    let after = |quality, seconds: i64| {
        let mut pool = Pool::new();
        let mut record = pool.usual();
        record.timestamp = record.timestamp.plus_seconds(seconds - 120);
        let seen = pool.scaler.observe(&record).unwrap();
        assert_eq!((seen.data_quality, seen.allowed_actions), (quality, AllowedActions::UpOnly));
        let decision = pool.decide_after(120);
        pool.expect(&decision, quality, AllowedActions::UpOnly);
        pool.tick(|_| ());
        pool.shrinks_again();
    };
    after(DataQuality::Repeated, 0);
    after(DataQuality::OutOfOrder, -120);
    after(DataQuality::OutOfOrder, -86_400);
    after(DataQuality::FarAhead, 30 * 86_400);
}

#[test]
fn an_anomaly_holds_a_scale_down() {
    let mut pool = Pool::new();
    let decision = pool.tick(|record| {
        record.logged_events_count = 10_000.0;
        record.processed_events_count = Some(10_000.0);
    });
    pool.expect(&decision, DataQuality::Anomalous, AllowedActions::UpOnly);
}

#[test]
fn a_stuck_counter_holds_a_scale_down_for_as_long_as_it_is_stuck() {
    let mut pool = Pool::new();
    let stuck = |record: &mut Metrics| record.queued_events_count = Some(1.0);
    let moving = |step: i64| {
        move |record: &mut Metrics| {
            record.queued_events_count = Some((step % 3) as f64);
        }
    };
    for step in 0..200 {
        pool.tick(moving(step));
    }
    for _ in 0..59 {
        assert!(pool.tick(stuck).recommended_jobs.unwrap() < 20);
    }
    pool.tick(stuck);
    for _ in 0..100 {
        let decision = pool.tick(stuck);
        pool.expect(&decision, DataQuality::Stuck, AllowedActions::UpOnly);
    }
    pool.tick(moving(2));
    pool.shrinks_again();
}

#[test]
fn a_gap_holds_one_scale_down() {
    let mut pool = Pool::new();
    pool.step += 8;
    let decision = pool.tick(|_| ());
    pool.expect(&decision, DataQuality::Gap, AllowedActions::UpOnly);
    pool.shrinks_again();
}

#[test]
fn late_and_missing_records_hold_the_pool_and_a_blackout_needs_three_records() {
    let mut pool = Pool::new();
    let decision = pool.decide_after(240);
    pool.expect(&decision, DataQuality::Late, AllowedActions::UpOnly);
    let decision = pool.decide_after(700);
    pool.expect(&decision, DataQuality::Missing, AllowedActions::Hold);
    let decision = pool.decide_after(7200);
    pool.expect(&decision, DataQuality::Blackout, AllowedActions::Hold);
    pool.step += 60;
    for _ in 0..3 {
        let decision = pool.tick(|_| ());
        pool.expect(&decision, DataQuality::Returning, AllowedActions::UpOnly);
    }
    pool.shrinks_again();
}

#[test]
fn a_restored_pool_holds_until_a_fresh_record() {
    let mut pool = Pool::new();
    let bundle = ModelBundle::bundled().unwrap();
    pool.scaler = Autoscaler::restore(config(), bundle, &pool.scaler.snapshot()).unwrap();
    for decision in
        [pool.scaler.decide(), pool.decide_after(60), pool.decide_after(120), pool.decide_after(9000)]
    {
        assert_eq!(
            (decision.recommended_jobs, decision.change, decision.current_jobs),
            (None, None, Some(60))
        );
        assert!(decision.explanation.contains("since the state was restored"), "{}", decision.explanation);
    }
    pool.tick(|record| record.current_job_count = f64::NAN);
    assert_eq!(pool.scaler.decide().recommended_jobs, None, "no count since the restore");
    pool.tick(|_| ());
    pool.shrinks_again();
}
