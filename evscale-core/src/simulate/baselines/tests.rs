use super::*;

const POOL: BaselinePool =
    BaselinePool { bounds: (1, 100), interval_seconds: 120, startup_seconds: 180.0, service_seconds: 1.0 };

/// A record with arrivals per second, jobs, CPU percent and queue length.
fn record(minute: i64, rate: f64, jobs: f64, percent: f64, queued: f64) -> Metrics {
    let mut record = Metrics::new(Timestamp::EPOCH.plus_seconds(60 * minute), 120.0 * rate, jobs);
    record.cpu_utilization_percent = Some(percent);
    record.queued_events_count = Some(queued);
    record.processed_events_count = Some(120.0 * rate);
    record.average_processing_duration_ms = Some(1000.0);
    record
}

fn after(rule: &mut dyn ScalingRule, record: &Metrics) -> u32 {
    rule.observe(record);
    rule.decide().unwrap()
}

#[test]
fn the_cpu_rule_by_hand() {
    let mut rule = HpaCpu::new(POOL, 50.0);
    assert_eq!(after(&mut rule, &record(2, 0.0, 10.0, 54.0, 0.0)), 10, "within the tolerance");
    assert_eq!(after(&mut rule, &record(4, 0.0, 10.0, 80.0, 0.0)), 16);
    assert_eq!(
        after(&mut rule, &record(6, 0.0, 16.0, 70.0, 0.0)),
        16,
        "6 of 16 are starting and count as idle: 1.4 * 10 / 16 is below 1.1"
    );
    assert_eq!(after(&mut rule, &record(10, 0.0, 16.0, 25.0, 0.0)), 16, "held for 300 s");
    assert_eq!(after(&mut rule, &record(16, 0.0, 16.0, 25.0, 0.0)), 8);
}

#[test]
fn the_rate_rule_by_hand() {
    let mut rule = HpaRate::new(POOL, 0.5);
    assert_eq!(after(&mut rule, &record(2, 5.2, 10.0, 0.0, 0.0)), 10, "4 % above the target is tolerated");
    assert_eq!(after(&mut rule, &record(4, 8.0, 10.0, 0.0, 0.0)), 16);
    assert_eq!(after(&mut rule, &record(6, 2.0, 16.0, 0.0, 0.0)), 16, "held for 300 s");
    assert_eq!(after(&mut rule, &record(12, 2.0, 16.0, 0.0, 0.0)), 4);
}

#[test]
fn the_queue_rule_counts_waiting_events_and_those_in_work() {
    let mut rule = KedaQueue::new(POOL, 0.5);
    assert_eq!(after(&mut rule, &record(2, 0.0, 10.0, 50.0, 4.0)), 18);
    // 8 of 18 are starting: 10 * 0.9 are in work
    assert_eq!(after(&mut rule, &record(4, 0.0, 18.0, 90.0, 2.0)), 22);
}

#[test]
fn ray_serve_shrinks_after_ten_minutes() {
    let mut rule = RayServe::new(POOL, 0.5);
    assert_eq!(after(&mut rule, &record(2, 0.0, 4.0, 100.0, 0.0)), 8);
    for minute in [10, 12, 14, 16, 18] {
        assert_eq!(after(&mut rule, &record(minute, 0.0, 8.0, 10.0, 0.0)), 8);
    }
    assert_eq!(after(&mut rule, &record(20, 0.0, 8.0, 10.0, 0.0)), 2);
}

#[test]
fn flink_waits_for_its_window_and_an_hour_on_the_way_down() {
    let mut rule = Flink::new(POOL, 0.5);
    for minute in [2, 4, 6, 8, 10] {
        assert_eq!(after(&mut rule, &record(minute, 9.0, 10.0, 90.0, 0.0)), 10, "window not full");
    }
    for minute in [12, 14] {
        rule.observe(&record(minute, 9.0, 10.0, 90.0, 0.0));
    }
    // true rate 10/s; 0.8 allows 9 / 0.8 = 11.25; target 9 * 300 / 1800 + 9 / 0.5 = 19.5
    assert_eq!(rule.decide(), Some(20));
    let mut down = Flink::new(POOL, 0.5);
    let jobs: Vec<u32> = (1..=60).map(|i| after(&mut down, &record(2 * i, 1.0, 20.0, 5.0, 0.0))).collect();
    assert_eq!(jobs.iter().position(|jobs| *jobs < 20), Some(36), "7 records, then an hour");
    assert_eq!(jobs[36], 8, "at most 60 % down");
}

#[test]
fn the_seasonal_rule_grows_before_the_rise_of_yesterday() {
    let mut rule = SeasonalQuantile::new(POOL, 0.5);
    let rate = |i: i64| if (i % 720) >= 300 { 20.0 } else { 5.0 };
    let mut jobs = Vec::new();
    for i in 0..1440 {
        jobs.push(after(&mut rule, &record(2 * (i + 1), rate(i), 10.0, 50.0, 0.0)));
    }
    assert_eq!(jobs[298], 10, "on the first day it cannot know");
    assert_eq!(jobs[720 + 298], 40);
}
