//! Settings whose effect is a decision that differs: age of the data, emergencies, maintenance.

use crate::support::{Pool, eager};
use evscale_core::{Action, Config, DataQuality, Decision, Rule};

/// Events per interval of 120 s at 500 ms each: 22.8 jobs at the planned utilization of 95 %.
const EVENTS: f64 = 5200.0;

/// A pool that has been at home with a nearly constant load for a day.
fn settled(change: impl FnOnce(&mut Config)) -> Pool {
    let mut pool = Pool::new(eager(change));
    pool.run(720, |step| EVENTS + (step % 5) as f64 * 40.0);
    pool
}

/// Jobs that the 80 % quantile of the next three intervals asks for: a job that is asked for at the next record, two minutes
/// from now, is ready three minutes later.
fn urgent_need(pool: &Pool) -> f64 {
    let forecast = pool.scaler.forecast();
    let highest =
        [2, 4, 6].map(|lead| forecast.horizon(lead).unwrap().quantile(0.8)).into_iter().fold(0.0, f64::max);
    highest * 0.5 / 114.0
}

#[test]
fn records_are_stale_after_three_intervals_or_after_the_configured_time() {
    for (configured, seconds, stale) in [
        (None, 359, false),
        (None, 361, true),
        (Some(240), 239, false),
        (Some(240), 241, true),
        (Some(900), 899, false),
    ] {
        let mut pool = settled(|config| config.stale_after_seconds = configured);
        // a load of which half of the jobs are left over
        pool.jobs *= 2;
        pool.observe_with(EVENTS, |_| ());
        let decision = pool.scaler.decide_at(pool.now().plus_seconds(seconds));
        let case = format!("{configured:?} after {seconds} s: {}", decision.to_json());
        assert_eq!(pool.scaler.health().data_quality == DataQuality::Missing, stale, "{case}");
        assert_eq!(decision.limited_by.contains(&Rule::StaleRecords), stale, "{case}");
    }
}

#[test]
fn a_stale_record_holds_the_number_of_jobs_both_ways() {
    for jobs in [4, 60] {
        let mut pool = settled(|config| config.stale_after_seconds = Some(240));
        pool.jobs = jobs;
        pool.observe_with(EVENTS, |_| ());
        let later = pool.now().plus_seconds(360);
        let stale = pool.scaler.decide_at(later);
        assert_eq!((stale.recommended_jobs, stale.action), (Some(jobs), Action::Hold), "{}", stale.to_json());
        let fresh = pool.tick(EVENTS);
        assert_ne!(fresh.recommended_jobs, Some(jobs), "{}", fresh.to_json());
        let stale = pool.scaler.decide_at(later.plus_seconds(120));
        assert_eq!(stale.recommended_jobs, fresh.recommended_jobs, "what was asked for: {}", stale.to_json());
        assert_eq!(stale.action, Action::Hold);
    }
}

/// A decision on a pool of so many jobs.
fn decided(jobs: u32, change: impl FnOnce(&mut Config)) -> (Decision, f64) {
    let mut pool = settled(change);
    pool.jobs = jobs;
    // nothing but the size of the pool differs: what so many jobs would have served is left out
    let decision = pool.tick_with(EVENTS, |record| {
        (record.processed_events_count, record.queued_events_count) = (None, None);
    });
    (decision, urgent_need(&pool))
}

#[test]
fn an_emergency_begins_where_the_urgent_need_exceeds_the_pool_by_the_tolerance() {
    for tolerance in [0.0, 0.2, 1.0] {
        let mut seen = [false; 2];
        for jobs in 8..30 {
            let (decision, need) = decided(jobs, |config| config.emergency_tolerance = tolerance);
            let beyond = need > f64::from(jobs) + tolerance * f64::from(jobs);
            // within a tenth of the limit a dead band may decide
            let limit = f64::from(jobs) * (1.0 + tolerance);
            let clear = (need - limit).abs() > 0.1 * limit;
            assert!(
                !clear || decision.emergency == beyond,
                "{jobs} jobs, need {need}, tolerance {tolerance}"
            );
            seen[usize::from(beyond)] = true;
        }
        assert_eq!(seen, [true; 2], "both sides of a tolerance of {tolerance}");
    }
}

#[test]
fn an_emergency_raises_a_pool_in_maintenance_only_where_that_is_configured() {
    for (rescue, emergency_jobs) in [(true, 10), (false, 10)] {
        let mut pool = settled(|config| config.emergency_in_maintenance = rescue);
        pool.jobs = emergency_jobs;
        let decision = pool.tick_with(EVENTS, |record| record.is_maintenance_window = Some(true));
        assert!(decision.emergency, "{}", decision.to_json());
        assert_eq!(decision.recommended_jobs.unwrap() > 10, rescue, "{}", decision.to_json());
        assert_eq!(decision.limited_by.contains(&Rule::MaintenanceWindow), !rescue);
        let after = pool.tick_with(EVENTS, |record| record.is_maintenance_window = Some(false));
        assert!(after.recommended_jobs.unwrap() > 10, "maintenance is over: {}", after.to_json());
    }
}

#[test]
fn maintenance_without_an_emergency_leaves_the_pool_alone_either_way() {
    for rescue in [true, false] {
        let mut pool = settled(|config| config.emergency_in_maintenance = rescue);
        pool.jobs = 60;
        let decision = pool.tick_with(EVENTS, |record| record.is_maintenance_window = Some(true));
        assert!(!decision.emergency);
        assert_eq!(decision.recommended_jobs.unwrap(), 60, "{}", decision.to_json());
    }
}
