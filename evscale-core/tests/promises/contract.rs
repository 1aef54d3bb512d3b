//! What a host takes for granted: a wrong clock, a lost record, a restart or an order never stops the pool for good.

use crate::support::{built, eager, served, start, without_networks};
use evscale_core::{
    Autoscaler, Config, Decision, HostError, HostForecaster, HostPolicy, ManualOrder, ManualOverride,
    Metrics, ModelBundle, Observation, Pause, Series, SlaRisk, Timestamp, Verdict, features::PolicyState,
};

const SERVICE_MS: f64 = 400.0;

/// Makes a record wrong.
type Spoil = fn(&mut Metrics);

/// A pool whose host carries out each decision, with a clock of its own.
struct Host {
    scaler: Autoscaler,
    jobs: u32,
    /// Seconds since the start, by the right clock.
    now: i64,
    queue: f64,
}

impl Host {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        Self { scaler: built(without_networks(change)), jobs: 12, now: 0, queue: 0.0 }
    }

    /// Passes an interval of 120 s and sends its record with the time of a clock that is `ahead` seconds ahead.
    fn send(&mut self, events: f64, ahead: i64) -> (Observation, Decision) {
        self.now += 120;
        let at = start().plus_seconds(self.now + ahead);
        let mut record = served(at, events, self.jobs, SERVICE_MS);
        let done = (self.queue + events).min(f64::from(self.jobs) * 120.0 * 1000.0 / SERVICE_MS);
        self.queue += events - done;
        (record.processed_events_count, record.queued_events_count) = (Some(done), Some(self.queue));
        let seen = self.scaler.observe(&record).unwrap();
        let decision = self.scaler.decide();
        self.jobs = decision.recommended_jobs.unwrap();
        (seen, decision)
    }

    fn send_many(&mut self, records: usize, events: f64) {
        (0..records).for_each(|_| drop(self.send(events, 0)));
    }
}

#[test]
fn a_clock_that_was_wrong_does_not_stop_the_pool() {
    for ahead in [3600, 47 * 3600, 5 * 365 * 86_400] {
        let mut host = Host::new(|_| ());
        host.send_many(60, 3000.0);
        host.send(3000.0, ahead);
        host.send(3000.0, ahead);
        let verdicts: Vec<Verdict> = (0..8).map(|_| host.send(12_000.0, 0).0.verdict).collect();
        let accepted = verdicts.iter().position(|verdict| *verdict == Verdict::Accepted);
        assert!(accepted.is_some_and(|records| records <= 4), "{ahead} s ahead: {verdicts:?}");
        host.send_many(10, 12_000.0);
        assert!(host.jobs >= 42, "{ahead} s ahead: {} jobs for a load of 40", host.jobs);
    }
}

#[test]
fn a_first_record_from_another_century_is_outvoted() {
    let mut host = Host::new(|_| ());
    host.send(3000.0, 70 * 365 * 86_400);
    host.send_many(30, 12_000.0);
    assert!(host.jobs >= 42, "{} jobs", host.jobs);
}

#[test]
fn a_single_late_record_wins_against_nothing() {
    let mut host = Host::new(|_| ());
    host.send_many(60, 3000.0);
    for _ in 0..20 {
        assert_eq!(host.send(3000.0, -7200).0.verdict, Verdict::Rejected);
        assert_eq!(host.send(3000.0, 0).0.verdict, Verdict::Accepted);
    }
}

#[test]
fn a_decision_for_a_time_far_ahead_stops_no_later_ones() {
    for ahead in [12 * 3600, 365 * 86_400] {
        let mut host = Host::new(|_| ());
        host.send_many(60, 3000.0);
        host.scaler.decide_at(start().plus_seconds(host.now + ahead));
        host.send_many(10, 12_000.0);
        assert!(host.jobs >= 42, "{ahead} s ahead: {} jobs", host.jobs);
        host.send_many(720, 600.0);
        assert!(host.jobs <= 6, "{ahead} s ahead: {} jobs for a load of 2", host.jobs);
    }
}

#[test]
fn records_at_another_interval_are_named_with_the_setting_to_write() {
    for seconds in [15, 60, 300] {
        let mut scaler = built(without_networks(|config| config.max_jobs = 400));
        let mut last = None;
        for index in 1..40 {
            let at = start().plus_seconds(index * seconds);
            last = Some(scaler.observe(&served(at, 25.0 * seconds as f64, 12, SERVICE_MS)).unwrap());
        }
        let causes = scaler.health().causes.join("; ");
        let told = format!("set `interval_seconds` to {seconds}");
        assert!(causes.contains(&told), "{seconds} s: {causes} {last:?}");
        assert!(scaler.decide().recommended_jobs.unwrap() >= 12, "{seconds} s: it must not shrink");
    }
}

#[test]
fn epoch_seconds_are_refused_with_the_way_to_mend_them() {
    let mut scaler = built(without_networks(|_| ()));
    let seconds = Timestamp::from_millis(start().as_millis() / 1000).unwrap();
    scaler.observe(&served(start(), 3000.0, 12, SERVICE_MS)).unwrap();
    let seen = scaler.observe(&served(seconds, 3000.0, 12, SERVICE_MS)).unwrap();
    assert_eq!(seen.verdict, Verdict::Rejected);
    assert!(seen.reason.unwrap().contains("multiply by 1000"));
}

#[test]
fn an_order_and_a_pause_act_at_the_next_decision_and_are_named() {
    let mut host = Host::new(|config| config.decision_interval_seconds = 86_400);
    host.send_many(5, 3000.0);
    let until = start().plus_seconds(host.now + 1800);
    host.scaler.set_override(Some(ManualOverride::new(ManualOrder::Fixed(50), until))).unwrap();
    assert_eq!(host.scaler.decide().recommended_jobs.unwrap(), 50);
    assert!(host.scaler.health().causes.iter().any(|cause| cause.contains("50 jobs")));
    host.scaler.set_override(None).unwrap();
    host.scaler.set_pause(Pause::All);
    assert_eq!(host.scaler.decide().change.unwrap(), 0);
    assert!(host.scaler.health().causes.iter().any(|cause| cause.contains("pause")));
}

#[test]
fn lost_records_are_paid_from_the_budget_and_no_other_clock_resets_it() {
    for (every, wrong_clock) in [(1, false), (2, false), (5, false), (1, true)] {
        let mut host = Host::new(|config| {
            (config.job_hours_per_day, config.stale_after_seconds) = (Some(120.0), Some(3600));
        });
        host.send_many(480, 3000.0); // to midnight
        let (mut spent, mut jobs) = (0.0, host.jobs);
        for index in 0..719 {
            spent += f64::from(jobs) / 30.0;
            if index % every == 0 {
                host.send(6000.0, 0);
            } else {
                host.now += 120;
            }
            if wrong_clock && index % 60 == 59 {
                host.scaler.decide_at(start().plus_seconds(host.now + 2 * 86_400));
            }
            jobs = host.jobs;
        }
        assert!(
            spent < 130.0,
            "every {every}. record, wrong clock {wrong_clock}: {spent:.0} job-hours of 120"
        );
    }
}

#[test]
fn what_the_configuration_says_wins_over_what_the_snapshot_remembers() {
    let mut host = Host::new(|config| config.service_time_ms = Some(400.0));
    let sent = |host: &mut Host| {
        host.now += 120;
        let record = Metrics::new(start().plus_seconds(host.now), 3000.0, 12.0);
        host.scaler.observe(&record).unwrap();
        host.scaler.decide()
    };
    (0..30).for_each(|_| drop(sent(&mut host)));
    let snapshot = host.scaler.snapshot();
    let restored = |change: &dyn Fn(&mut Config)| {
        let mut config = host.scaler.config().clone();
        change(&mut config);
        let scaler = Autoscaler::restore(config, ModelBundle::bundled().unwrap(), &snapshot).unwrap();
        let mut host = Host { scaler, jobs: 12, now: host.now, queue: 0.0 };
        sent(&mut host)
    };
    assert!(restored(&|_| ()).proposed_jobs.unwrap() < 20);
    assert!(restored(&|config| config.service_time_ms = Some(1600.0)).proposed_jobs.unwrap() >= 40);
    let paused = restored(&|config| {
        (config.service_time_ms, config.pause) = (Some(1600.0), Pause::All);
    });
    assert_eq!(
        (paused.change.unwrap(), paused.limited_by.last().map(|rule| rule.as_str())),
        (0, Some("pause"))
    );
}

#[test]
fn a_load_that_becomes_exactly_regular_lets_the_pool_shrink_within_hours() {
    let mut host = Host::new(|_| ());
    for index in 0..2160u32 {
        host.send(2000.0 + f64::from(index * 7919 % 401), 0);
    }
    host.send_many(300, 100.0); // ten hours
    assert!(host.jobs <= 4, "{} jobs for a third of one", host.jobs);
}

#[test]
fn a_field_that_no_decision_uses_holds_nothing_when_it_is_wrong() {
    let wrong: [Spoil; 4] = [
        |record| record.memory_utilization_percent = Some(110.0),
        |record| record.network_io_mbps = Some(-1.0),
        |record| record.error_rate_percent = Some(-0.1),
        |record| record.unprocessed_events_count = Some(-1.0),
    ];
    for spoil in wrong {
        let mut host = Host::new(|_| ());
        host.jobs = 40;
        for _ in 0..200 {
            host.now += 120;
            let mut record = served(start().plus_seconds(host.now), 600.0, host.jobs, SERVICE_MS);
            spoil(&mut record);
            host.scaler.observe(&record).unwrap();
            host.jobs = host.scaler.decide().recommended_jobs.unwrap();
        }
        assert!(host.jobs <= 6, "{} jobs for a load of 2", host.jobs);
    }
}

#[test]
fn a_pool_that_sees_nothing_but_epoch_seconds_says_so() {
    let mut scaler = built(without_networks(|_| ()));
    for index in 0..40 {
        let seconds = start().plus_seconds(120 * index).as_millis() / 1000;
        let at = Timestamp::from_millis(seconds).unwrap();
        let seen = scaler.observe(&served(at, 3000.0, 12, SERVICE_MS)).unwrap();
        assert_eq!(seen.verdict, Verdict::Rejected, "record {index}");
        assert!(seen.reason.unwrap().contains("multiply by 1000"), "record {index}");
        scaler.decide();
        let causes = scaler.health().causes.join("; ");
        assert!(causes.contains("multiply by 1000") && !causes.contains("inf"), "record {index}: {causes}");
    }
}

#[test]
fn a_pool_whose_records_begin_in_1970_is_served() {
    let mut scaler = built(without_networks(|_| ()));
    let taken = (0..40).filter(|index| {
        let at = Timestamp::EPOCH.plus_seconds(40 * 86_400 + 120 * index);
        scaler.observe(&served(at, 3000.0, 12, SERVICE_MS)).unwrap().verdict == Verdict::Accepted
    });
    assert!(taken.count() >= 38);
}

#[test]
fn nothing_but_rejected_records_is_blindness_and_fails_safe() {
    let mut host = Host::new(|config| config.fail_safe_jobs = Some(60));
    host.send_many(60, 3000.0);
    let quiet = host.jobs;
    for index in 0..20 {
        // no two of these times agree
        host.send(3000.0, -86_400 * (3 + index * index % 7));
    }
    assert!(quiet < 60 && host.jobs == 60, "{} jobs before, {} now", quiet, host.jobs);
    let causes = host.scaler.health().causes.join("; ");
    assert!(causes.contains("blackout") && causes.contains("rejected"), "{causes}");
}

#[test]
fn records_at_another_interval_are_not_stopped_by_a_clock_that_was_wrong() {
    let mut scaler = built(without_networks(|_| ()));
    scaler.observe(&served(start().plus_seconds(86_400), 3000.0, 12, SERVICE_MS)).unwrap();
    let taken = (0..120).filter(|index| {
        let at = start().plus_seconds(15 * index);
        scaler.observe(&served(at, 375.0, 12, SERVICE_MS)).unwrap().verdict != Verdict::Rejected
    });
    assert!(taken.count() >= 12);
}

#[test]
fn a_record_that_comes_too_soon_is_refused_with_the_true_reason() {
    let mut scaler = built(without_networks(|_| ()));
    scaler.observe(&served(start(), 3000.0, 12, SERVICE_MS)).unwrap();
    let seen = scaler.observe(&served(start().plus_seconds(15), 375.0, 12, SERVICE_MS)).unwrap();
    let reason = seen.reason.unwrap();
    assert!(reason.contains("15 s after") && reason.contains("`interval_seconds` is 120"), "{reason}");
}

#[test]
fn a_decision_for_a_time_far_ahead_leaves_the_verdict_on_the_data_as_it_was() {
    for (change, expected) in [(0.0, 12), (f64::NAN, 60)] {
        let mut scaler = built(eager(|config| config.max_step_down_percent = 100.0));
        let send = |scaler: &mut Autoscaler, index: i64, events: f64| {
            scaler.observe(&served(start().plus_seconds(120 * index), events, 60, SERVICE_MS)).unwrap();
        };
        (0..60).for_each(|index| send(&mut scaler, index, 3000.0));
        send(&mut scaler, 60, 3000.0 + change);
        let held = scaler.decide_at(start().plus_seconds(120 * 60 + 7 * 86_400));
        assert!(held.change >= Some(0), "{}", held.to_json());
        let decision = scaler.decide();
        assert!(
            (expected == 60) == (decision.recommended_jobs == Some(60)),
            "{change}: {}",
            decision.to_json()
        );
    }
}

#[test]
fn a_field_that_is_out_of_range_in_every_record_is_named_and_holds_nothing() {
    let wrong: [(&str, Spoil); 4] = [
        ("cpu_utilization_percent", |record| record.cpu_utilization_percent = Some(180.0)),
        ("average_queue_wait_time_ms", |record| record.average_queue_wait_time_ms = Some(-2.0)),
        ("expected_traffic_multiplier", |record| record.expected_traffic_multiplier = Some(0.0)),
        ("sla_violations_count", |record| record.sla_violations_count = Some(-7.0)),
    ];
    for (name, spoil) in wrong {
        let mut host = Host::new(|_| ());
        host.jobs = 40;
        let send = |host: &mut Host| {
            host.now += 120;
            let mut record = served(start().plus_seconds(host.now), 600.0, host.jobs, SERVICE_MS);
            spoil(&mut record);
            host.scaler.observe(&record).unwrap();
            host.jobs = host.scaler.decide().recommended_jobs.unwrap();
        };
        (0..8).for_each(|_| send(&mut host));
        assert_eq!(host.jobs, 40, "{name}: it holds at first");
        (0..240).for_each(|_| send(&mut host));
        assert!(host.jobs <= 6, "{name}: {} jobs for a load of 2", host.jobs);
        let causes = host.scaler.health().causes;
        assert_eq!(causes.iter().filter(|cause| cause.contains(name)).count(), 1, "{causes:?}");
        host.send_many(2, 600.0);
        host.scaler.observe(&served(start().plus_seconds(host.now + 120), 600.0, 4, SERVICE_MS)).unwrap();
    }
}

#[test]
fn a_load_that_is_far_above_everything_known_is_believed_once_records_agree() {
    let mut host = Host::new(|config| config.max_jobs = 100_000);
    host.send_many(30, 1.0);
    let verdicts: Vec<Verdict> =
        (0..20).map(|index| host.send(5e6 + f64::from(index * 7919 % 1000), 0).0.verdict).collect();
    assert_eq!((verdicts[0], verdicts[19]), (Verdict::Repaired, Verdict::Accepted), "{verdicts:?}");

    let mut total = Host::new(|config| config.max_jobs = 100_000);
    total.send_many(30, 1.0);
    for index in 0..20 {
        let seen = total.send(5e6 + 1000.0 * f64::from(index), 0).0;
        assert_eq!(seen.verdict, Verdict::Repaired, "a running total");
    }
}

#[test]
fn running_totals_are_named_and_their_differences_are_used() {
    let count = |index: u32| 3000.0 + 300.0 * (f64::from(index) / 20.0).sin();
    let pool = |total: bool| {
        let mut host = Host::new(|_| ());
        let mut sum = 4e8;
        for index in 0..120u32 {
            host.now += 120;
            let restarted = index == 80;
            sum = if restarted { count(index) } else { sum + count(index) };
            let at = start().plus_seconds(host.now);
            let mut record = served(at, count(index), host.jobs, SERVICE_MS);
            record.logged_events_count = if total { sum } else { count(index) };
            let seen = host.scaler.observe(&record).unwrap();
            let named = seen.repairs.iter().any(|repair| repair.contains("a running total"));
            assert_eq!(named, total && index >= 3, "{index}: {seen:?}");
            assert_eq!(seen.repairs.iter().any(|repair| repair.contains("begun anew")), total && restarted);
            host.jobs = host.scaler.decide().recommended_jobs.unwrap();
        }
        let told = host.scaler.health().causes.iter().any(|cause| cause.contains("`logged_events_count`"));
        assert_eq!(told, total, "{:?}", host.scaler.health().causes);
        (host.jobs, host.scaler.forecast().horizon(12).unwrap().prediction)
    };
    let ((jobs, forecast), (same_jobs, same_forecast)) = (pool(true), pool(false));
    assert!(jobs.abs_diff(same_jobs) <= 2, "{jobs} and {same_jobs}");
    approx::assert_relative_eq!(forecast, same_forecast, max_relative = 0.05);
}

#[test]
fn late_events_that_are_no_longer_told_of_are_no_breach_for_good() {
    let mut host = Host::new(|_| ());
    host.send_many(60, 3000.0);
    host.now += 120;
    let mut record = served(start().plus_seconds(host.now), 3000.0, host.jobs, SERVICE_MS);
    record.sla_violations_count = Some(100.0);
    host.scaler.observe(&record).unwrap();
    assert_eq!(host.scaler.decide().reasoning.sla_risk, SlaRisk::Breach);
    host.send_many(30, 3000.0);
    assert_ne!(host.scaler.decide().reasoning.sla_risk, SlaRisk::Breach);
}

#[test]
fn an_order_that_has_ended_is_told_and_makes_a_decision_due() {
    let mut host = Host::new(|config| config.decision_interval_seconds = 86_400);
    host.send_many(5, 3000.0);
    let until = start().plus_seconds(host.now + 600);
    host.scaler.set_override(Some(ManualOverride::new(ManualOrder::Cap(3), until))).unwrap();
    host.scaler.decide_at(start().plus_seconds(host.now + 7 * 86_400));
    host.send_many(2, 3000.0);
    assert!(host.scaler.health().causes.iter().any(|cause| cause.contains("at most 3 jobs")));
    let told = (0..5)
        .filter(|_| host.send(3000.0, 0).1.explanation.contains("the order of at most 3 jobs has ended"));
    assert!(told.count() >= 1);
    assert!(!host.scaler.health().causes.iter().any(|cause| cause.contains("order")));
}

#[test]
fn settings_that_changed_at_a_restart_are_told_by_the_next_decision_alone() {
    let mut host = Host::new(|config| config.service_time_ms = Some(400.0));
    host.send_many(30, 3000.0);
    let snapshot = host.scaler.snapshot();
    let mut restored = |change: &dyn Fn(&mut Config)| {
        let mut config = host.scaler.config().clone();
        change(&mut config);
        host.scaler = Autoscaler::restore(config, ModelBundle::bundled().unwrap(), &snapshot).unwrap();
        host.now += 120;
        let first = host.scaler.decide().explanation;
        let record = served(start().plus_seconds(host.now), 3000.0, 12, SERVICE_MS);
        host.scaler.observe(&record).unwrap();
        host.now -= 120;
        host.scaler.set_override(None).unwrap();
        (first, host.scaler.decide().explanation)
    };
    assert!(!restored(&|_| ()).0.contains(", was"));
    let (first, second) = restored(&|config| {
        config.service_time_ms = Some(1600.0);
        config.job_startup_seconds = 3600;
        config.pause = Pause::All;
    });
    for told in [
        "`service_time_ms` is 1600, was 400",
        "`job_startup_seconds` is 3600, was 180",
        "`pause` is all, was off",
    ] {
        assert!(first.contains(told) && !second.contains(told), "{told}: {first} {second}");
    }
}

/// A forecaster and a policy that fail as badly as they can.
struct Panics;

impl HostForecaster for Panics {
    fn forecast(&mut self, _: &Series) -> Result<Vec<Vec<f64>>, HostError> {
        panic!("a forecaster of the host")
    }
}

impl HostPolicy for Panics {
    fn jobs(&mut self, _: &PolicyState) -> Result<f64, HostError> {
        panic!("a policy of the host")
    }
}

#[test]
fn a_panic_of_a_hosts_forecaster_or_policy_is_a_failure_of_it() {
    let mut host = Host::new(|config| config.use_networks = true);
    host.scaler.use_forecaster(Box::new(Panics)).unwrap();
    host.scaler.use_policy(Box::new(Panics)).unwrap();
    for record in 0..60 {
        assert_eq!(host.send(3000.0, 0).0.verdict, Verdict::Accepted, "record {record}");
    }
    let causes = host.scaler.health().causes.join("; ");
    assert!(causes.contains("panicked") && host.jobs >= 10, "{} jobs: {causes}", host.jobs);
}
