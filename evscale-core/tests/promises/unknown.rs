//! A number of jobs that nobody has told is not a number: no decision can be carried out by mistake.

use crate::support::{built, served, start, without_networks};
use evscale_core::{
    Action, Decision, Fleet, ManualOrder, ManualOverride, Metrics, ModelBundle, Pause, Source, Timestamp,
};
use std::collections::VecDeque;

fn at(step: i64) -> Timestamp {
    start().plus_seconds(120 * step)
}

fn record(step: i64, jobs: f64) -> Metrics {
    let mut record = Metrics::new(at(step), 5000.0, jobs);
    record.average_processing_duration_ms = Some(500.0);
    record
}

#[track_caller]
fn no_number(decision: &Decision, why: &str) {
    let jobs = (decision.recommended_jobs, decision.proposed_jobs, decision.change);
    assert_eq!(jobs, (None, None, None), "{}", decision.to_json());
    assert_eq!((decision.action, decision.source), (Action::Hold, Source::Hold));
    assert!(decision.trail.is_empty() && decision.drain.is_none());
    assert!(decision.explanation.starts_with("No recommendation: leave the pool as it is."));
    assert!(decision.explanation.contains(why), "{}", decision.explanation);
    let json: serde_json::Value = serde_json::from_str(&decision.to_json()).unwrap();
    assert!(json["recommended_jobs"].is_null() && json["reasoning"]["sla_risk"] == "unknown", "{json}");
}

#[test]
fn before_a_record_and_before_a_count_there_is_no_number() {
    let mut scaler = built(without_networks(|config| config.min_jobs = 2));
    no_number(&scaler.decide(), "no usable record");
    no_number(&scaler.decide_at(at(50)), "no usable record");
    assert_eq!(scaler.health().source, None);
    for step in 0..4 {
        scaler.observe(&record(step, f64::NAN)).unwrap();
        let decision = scaler.decide();
        no_number(&decision, "send `current_job_count`");
        assert!(!decision.plan.is_empty(), "what the load needs is known");
    }
    scaler.observe(&record(4, 50.0)).unwrap();
    let decision = scaler.decide();
    assert_eq!(decision.current_jobs, Some(50), "the count ends what was held without it");
    assert!(decision.recommended_jobs >= Some(25), "{}", decision.to_json());
}

#[test]
fn a_count_that_is_missing_later_is_what_was_asked_for() {
    let mut scaler = built(without_networks(|_| ()));
    let asked = (0..4).map(|step| {
        scaler.observe(&record(step, 12.0)).unwrap();
        scaler.decide().recommended_jobs
    });
    let asked = asked.last().unwrap();
    scaler.observe(&record(4, f64::NAN)).unwrap();
    assert_eq!(scaler.decide_at(at(20)).current_jobs, asked);
}

#[test]
fn a_person_may_order_a_number_for_a_pool_of_unknown_size() {
    let mut scaler = built(without_networks(|config| config.max_jobs = 40));
    let ordered = |jobs| Some(ManualOverride::new(ManualOrder::Fixed(jobs), at(10)));
    scaler.set_override(ordered(30)).unwrap();
    let decision = scaler.decide_at(at(1));
    assert_eq!((decision.recommended_jobs, decision.change), (Some(30), None), "{}", decision.to_json());
    assert!(scaler.set_override(ordered(70)).is_err(), "the bounds hold");
    assert_eq!(scaler.decide_at(at(1)).recommended_jobs, Some(30));
    scaler.set_pause(Pause::Down);
    no_number(&scaler.decide_at(at(1)), "no usable record");
    scaler.set_pause(Pause::Off);
    no_number(&scaler.decide_at(at(10)), "no usable record");
    scaler.set_override(Some(ManualOverride::new(ManualOrder::Cap(3), at(10)))).unwrap();
    no_number(&scaler.decide_at(at(1)), "no usable record");
}

#[test]
fn a_pool_of_a_fleet_knows_as_little() {
    let mut fleet = Fleet::new(&ModelBundle::bundled().unwrap());
    for key in ["counted", "uncounted"] {
        fleet.add(key, without_networks(|_| ())).unwrap();
    }
    let records = vec![("counted".to_owned(), record(0, 9.0)), ("uncounted".to_owned(), record(0, f64::NAN))];
    let decisions: Vec<Decision> =
        fleet.tick(records).into_iter().map(|tick| tick.unwrap().decision).collect();
    assert_eq!(decisions[0].current_jobs, Some(9));
    no_number(&decisions[1], "send `current_job_count`");
}

/// Records that come five intervals late tell the count of then: the rules start from what was asked for since.
#[test]
fn late_records_do_not_make_the_pool_swing() {
    let reversals = |late: usize| {
        let mut scaler = built(without_networks(|config| {
            (config.interval_seconds, config.decision_interval_seconds) = (60, 60);
            config.job_startup_seconds = 60;
        }));
        let (mut jobs, mut turns, mut grew, mut pipe) = (20, 0, None, VecDeque::new());
        for step in 0..1440 {
            let seconds = 60 * step;
            let events = 60.0 * (20.0 + 12.0 * (seconds as f64 / 1800.0).sin());
            pipe.push_back(served(start().plus_seconds(seconds), events.round(), jobs, 500.0));
            if pipe.len() <= late {
                continue;
            }
            scaler.observe(&pipe.pop_front().unwrap()).unwrap();
            let wanted = scaler.decide().recommended_jobs.unwrap();
            if wanted != jobs {
                turns += u32::from(grew.replace(wanted > jobs) == Some(wanted <= jobs));
            }
            jobs = wanted;
        }
        turns
    };
    let fresh = reversals(0);
    for late in [3, 5] {
        let turns = reversals(late);
        // the load turns 15 times
        assert!(turns <= 2 * fresh.max(15), "{turns} reversals, {fresh} with fresh records");
    }
}
