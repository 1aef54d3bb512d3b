//! The contract with the host: outcomes that are partial, late or missing, refused jobs, hints for draining.

use evscale_core::{Autoscaler, Config, Decision, Metrics, Rule, ScalingOutcome, Timestamp};

struct Pool {
    scaler: Autoscaler,
    step: i64,
    jobs: u32,
}

impl Pool {
    fn new(change: impl Fn(&mut Config)) -> Self {
        let mut config = Config::default();
        config.decision_interval_seconds = config.interval_seconds;
        config.scale_down_stabilization_seconds = 0;
        config.cooldown_down_seconds = 0;
        config.use_networks = false;
        change(&mut config);
        Self { scaler: Autoscaler::builder(config).build().unwrap(), step: 0, jobs: 10 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_600_000_000).unwrap().plus_seconds(120 * self.step)
    }

    /// An interval with so many events, of which every job of the pool takes 0.5 s.
    fn tick(&mut self, events: f64) -> Decision {
        self.step += 1;
        let mut record = Metrics::new(self.now(), events, f64::from(self.jobs));
        record.processed_events_count = Some(events);
        record.average_processing_duration_ms = Some(500.0);
        record.cpu_utilization_percent = Some((events / 2.4 / f64::from(self.jobs)).min(100.0));
        self.scaler.observe(&record).unwrap();
        self.scaler.decide()
    }

    fn ticks(&mut self, count: u32, events: f64) -> Decision {
        (0..count)
            .map(|_| {
                let decision = self.tick(events);
                self.jobs = decision.recommended_jobs;
                decision
            })
            .last()
            .unwrap()
    }

    fn refused(&mut self, started: u32, refused: u32, at: Timestamp) {
        let mut outcome = ScalingOutcome::new(at);
        (outcome.started, outcome.refused) = (started, refused);
        self.scaler.acknowledge(&outcome);
    }

    fn overdue(&self) -> bool {
        self.scaler.health().causes.iter().any(|cause| cause.starts_with("execution: "))
    }
}

fn limited(decision: &Decision) -> bool {
    decision.limited_by.contains(&Rule::CapacityLimit)
}

#[test]
fn after_a_refusal_half_as_much_more_is_asked_for_until_ten_minutes_have_passed() {
    let mut pool = Pool::new(|_| ());
    pool.ticks(60, 1500.0);
    let before = pool.jobs;
    let wanted = pool.tick(6000.0).recommended_jobs;
    assert!(wanted > before + 4, "{wanted} of {before}");
    let most = before + 2;
    pool.jobs = most;
    pool.refused(2, wanted - most, pool.now());
    for _ in 0..4 {
        let decision = pool.tick(6000.0);
        assert_eq!(decision.recommended_jobs, most + (wanted - most) / 2, "{}", decision.to_json());
        assert!(limited(&decision));
        assert!(decision.explanation.contains("the host refused"));
        pool.jobs = most;
    }
    assert!(pool.tick(6000.0).recommended_jobs > most + (wanted - most) / 2, "tried again");
}

#[test]
fn a_pool_that_grew_after_all_and_an_outcome_that_is_late_limit_nothing() {
    let mut pool = Pool::new(|_| ());
    pool.ticks(60, 1500.0);
    let wanted = pool.tick(6000.0).recommended_jobs;
    pool.refused(0, wanted - pool.jobs, pool.now());
    assert!(limited(&pool.tick(6000.0)));
    pool.jobs = wanted;
    assert!(!limited(&pool.tick(9000.0)), "more jobs than could be had are there");
    pool.refused(0, 5, pool.now().plus_seconds(-3600));
    assert!(!limited(&pool.tick(9000.0)), "refused an hour ago");
    pool.refused(0, 100, pool.now().plus_seconds(86_400));
    let decision = pool.tick(9000.0);
    assert!(decision.recommended_jobs >= pool.jobs, "a refusal takes no job away: {}", decision.to_json());
}

#[test]
fn a_host_that_does_nothing_is_told_by_health() {
    let mut pool = Pool::new(|_| ());
    pool.ticks(60, 1500.0);
    assert!(!pool.overdue());
    // 3 startup times and 3 decisions are 15 minutes
    for step in 0..12 {
        pool.tick(4000.0);
        assert_eq!(pool.overdue(), step > 8, "{step}: {:?}", pool.scaler.health());
    }
    pool.refused(1, 0, pool.now());
    assert!(!pool.overdue(), "it is at work");
}

#[test]
fn only_idle_jobs_leave_at_once_unless_told() {
    for told in [false, true] {
        let mut pool = Pool::new(|config| {
            config.drain_busy_jobs = told;
            config.min_jobs = 2;
        });
        pool.ticks(60, 4000.0);
        assert!(pool.ticks(20, 4000.0).drain.is_none());
        let before = pool.jobs;
        let decision = (0..60).map(|_| pool.tick(3000.0)).find(|decision| decision.change < 0).unwrap();
        let drain = decision.drain.clone().unwrap();
        let idle = f64::from(before) * (1.0 - decision.reasoning.current_utilization.unwrap());
        assert_eq!(i64::from(drain.jobs), -decision.change);
        assert!(told || f64::from(drain.at_once) <= idle, "{drain:?}, {idle} idle");
        assert_eq!(drain.at_once == drain.jobs, drain.then_one_per_seconds == 0);
        assert!(!told || drain.at_once == drain.jobs);
        assert!(decision.to_json().contains("\"drain\":{\"jobs\":"));
    }
}
