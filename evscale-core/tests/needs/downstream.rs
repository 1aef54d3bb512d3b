//! A limit of events per second downstream: the queue gives way, and more jobs would only wait for their turn.

use super::support::{Pool, eager, without_networks};
use super::world::{World, load, run};
use evscale_core::Rule;

#[test]
fn jobs_beyond_what_is_allowed_downstream_are_paid_for_and_wait() {
    for seed in [1, 2] {
        let world = load(30.0, seed, 6);
        // two thirds of the peak: a few hours of each working day have more
        let limit = Some(20.0 / world.load.base_job_seconds());
        let world = World { limit, ..world };
        let config = |limit| {
            without_networks(|config| {
                config.max_jobs = 120;
                config.sla_wait_seconds = 600.0;
                config.most_events_per_second = limit;
            })
        };
        let all = |jobs: u32| (jobs, jobs);
        let (ignorant, knowing) = (run(config(None), &world, &all), run(config(limit), &world, &all));
        println!(
            "downstream {seed}: {:.0} job-hours, {:.2} % late; said {:.0}, {:.2} %",
            ignorant.job_hours, ignorant.late_percent, knowing.job_hours, knowing.late_percent
        );
        assert!(knowing.job_hours < 0.95 * ignorant.job_hours);
        assert!(knowing.late_percent < 1.05 * ignorant.late_percent);
        let most = knowing.decisions.iter().filter_map(|decision| decision.recommended_jobs).max();
        assert!(most <= Some(25), "{most:?}");
        assert!(
            knowing.decisions.iter().any(|decision| decision.limited_by.contains(&Rule::DownstreamLimit))
        );
    }
}

/// 20 events a second of half a second each keep ten jobs busy.
#[test]
fn late_events_are_named_as_those_of_the_limit_and_the_queue_is_worked_off_afterwards() {
    let mut pool = Pool::new(eager(|config| config.most_events_per_second = Some(20.0)));
    pool.steady(60, 1200.0);
    let rush = pool.run(30, |_| 3600.0);
    assert!(rush.iter().all(|decision| decision.recommended_jobs <= Some(11)), "{:?}", rush.last());
    let told = pool.cause("late").unwrap_or_default();
    assert!(told.contains("the 20 events per second of `most_events_per_second` are the reason"), "{told}");
    assert!(rush.last().unwrap().explanation.contains("20 events per second are allowed downstream"));
    assert!(pool.queue > 10_000.0, "{}", pool.queue);
    assert!(!rush.last().unwrap().emergency, "more jobs cannot mend it");
    let after = pool.run(90, |_| 600.0);
    assert!(pool.queue < 1.0, "{}", pool.queue);
    assert!(after.last().unwrap().recommended_jobs < Some(8), "{}", after.last().unwrap().explanation);
}
