use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_767_600_000_000).unwrap().plus_seconds(seconds)
}

fn usual(seconds: i64) -> Metrics {
    let mut record = Metrics::new(at(seconds), 1000.0, 5.0);
    record.processed_events_count = Some(1000.0);
    record.queued_events_count = Some(20.0);
    record.average_processing_duration_ms = Some(200.0);
    record
}

fn after_one_record() -> (Expectation, Config) {
    let config = Config::default();
    let mut expectation = Expectation::default();
    expectation.check(&usual(0), false, &config).unwrap();
    (expectation, config)
}

#[track_caller]
fn repaired(change: impl Fn(&mut Metrics), key: &str) -> Metrics {
    let (mut expectation, config) = after_one_record();
    let mut record = usual(120);
    change(&mut record);
    let Checked { record, repairs, .. } = expectation.check(&record, false, &config).unwrap();
    assert_eq!(repairs.len(), 1, "{repairs:?}");
    assert!(repairs[0].contains(key), "{repairs:?}");
    record
}

#[test]
fn broken_fields_become_unknown_and_the_rest_is_kept() {
    for value in [f64::NAN, f64::INFINITY, -1.0, 1e18] {
        let record = repaired(|r| r.logged_events_count = value, "logged_events_count");
        assert!(record.logged_events_count.is_nan());
        assert_eq!(record.queued_events_count, Some(20.0));
        assert!(repaired(|r| r.current_job_count = value, "current_job_count").current_job_count.is_nan());
        let record = repaired(|r| r.queued_events_count = Some(value), "queued_events_count");
        assert_eq!(record.queued_events_count, None);
        let record = repaired(|r| r.processed_events_count = Some(value), "processed_events_count");
        assert_eq!(record.processed_events_count, None);
        let record =
            repaired(|r| r.average_processing_duration_ms = Some(value), "average_processing_duration_ms");
        assert_eq!(record.average_processing_duration_ms, None);
    }
    repaired(|r| r.cpu_utilization_percent = Some(-3.0), "cpu_utilization_percent");
    repaired(|r| r.expected_traffic_multiplier = Some(0.0), "expected_traffic_multiplier");
}

#[test]
fn contradictions_and_absurd_rises_are_seen() {
    repaired(|r| r.processed_events_count = Some(5000.0), "processed_events_count");
    repaired(|r| r.queued_events_count = Some(90_000.0), "queued_events_count");
    repaired(|r| r.sla_violations_count = Some(4000.0), "sla_violations_count");
    repaired(|r| r.logged_events_count = 1e9, "logged_events_count");
    repaired(|r| r.logged_events_count = 100_000.0, "logged_events_count");
}

#[test]
fn past_and_repeated_records_are_rejected_and_change_nothing() {
    let (mut expectation, config) = after_one_record();
    let mut before = expectation.clone();
    for seconds in [0, -120, -86_400, 30] {
        let issue = expectation.check(&usual(seconds), false, &config).unwrap_err();
        assert!(issue.issue.reason.contains("newest one"), "{issue:?}");
    }
    assert_eq!(expectation.check(&usual(120), false, &config), before.check(&usual(120), false, &config));
}

#[test]
fn a_gap_of_a_day_is_a_gap_and_a_jump_of_a_month_needs_two_more_records() {
    let (mut expectation, config) = after_one_record();
    assert!(expectation.check(&usual(86_400), false, &config).is_ok());
    let month = 31 * 86_400;
    assert!(expectation.check(&usual(month), false, &config).is_err());
    assert!(expectation.check(&usual(86_520), false, &config).is_ok(), "the clock came back");
    assert!(expectation.check(&usual(month), false, &config).is_err());
    assert!(expectation.check(&usual(month + 120), false, &config).is_err());
    assert!(expectation.check(&usual(month + 240), false, &config).is_ok());
}

#[test]
fn a_usual_record_is_accepted_as_it_is() {
    let (mut expectation, config) = after_one_record();
    let record = usual(120);
    assert_eq!(
        expectation.check(&record, false, &config),
        Ok(Checked { record, repairs: vec![], issue: None, rewound: false, anew: false })
    );
}

#[test]
fn long_waits_in_an_empty_queue_are_a_contradiction() {
    let (mut expectation, config) = after_one_record();
    let empty = |seconds, wait_ms| {
        let mut record = usual(seconds);
        record.queued_events_count = Some(0.0);
        record.average_queue_wait_time_ms = Some(wait_ms);
        record
    };
    let mut wait = |record: &Metrics| {
        expectation.check(record, false, &config).unwrap().record.average_queue_wait_time_ms
    };
    assert!(wait(&empty(120, 900_000.0)).is_some(), "20 events waited before");
    assert_eq!(wait(&empty(240, 900_000.0)), None);
    assert!(wait(&empty(360, 20_000.0)).is_some(), "within the interval");
}

#[test]
fn what_came_in_records_that_were_lost_is_no_contradiction() {
    let (mut expectation, config) = after_one_record();
    let mut check = |seconds, queued| {
        let mut record = usual(seconds);
        record.queued_events_count = Some(queued);
        expectation.check(&record, false, &config).unwrap().repairs
    };
    assert_eq!(check(120, 90_000.0).len(), 1);
    assert_eq!(check(360, 90_000.0), [""; 0], "the queue grew in two intervals");
    assert_eq!(check(480, 190_000.0).len(), 1);
}

#[test]
fn a_batch_that_came_a_week_ago_is_no_absurd_rise_at_any_interval() {
    for interval in [10, 120, 3600] {
        let (mut expectation, mut config) = (Expectation::default(), Config::default());
        config.interval_seconds = interval;
        let (batch, week) = (8, 7 * 86_400 / i64::from(interval));
        let flagged: Vec<i64> = (0..2 * batch + week)
            .filter(|step| {
                let quiet = (batch..batch + week).contains(step);
                let events = if quiet { (step % 7) as f64 } else { 4e6 };
                let record = Metrics::new(at(step * i64::from(interval)), events, 5.0);
                !expectation.check(&record, false, &config).unwrap().repairs.is_empty()
            })
            .collect();
        assert_eq!(flagged, [0; 0], "records every {interval} s");
    }
}
