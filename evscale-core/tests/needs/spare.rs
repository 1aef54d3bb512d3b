//! Jobs that are always idle above the need: who comes is served at once, whatever the forecast says.

use super::support::{Pool, eager, without_networks};
use super::world::{load, run};
use evscale_core::{Config, Rule};

#[test]
fn a_pool_that_does_not_say_so_has_no_idle_jobs_when_they_are_wanted() {
    for seed in [1, 2] {
        let load = load(8.0, seed, 6);
        let config = |spare| {
            without_networks(|config| {
                config.spare_jobs = spare;
                (config.sla_wait_seconds, config.sla_target) = (10.0, 0.9);
            })
        };
        let all = |jobs: u32| (jobs, jobs);
        let (ignorant, knowing) = (run(config(0), &load, &all), run(config(4), &load, &all));
        println!(
            "spare jobs {seed}: fewer than 3 idle in {:.1} % of the time, {:.2} % late, {:.0} job-hours; said {:.1} %, {:.2} %, {:.0}",
            ignorant.crowded_percent,
            ignorant.late_percent,
            ignorant.job_hours,
            knowing.crowded_percent,
            knowing.late_percent,
            knowing.job_hours
        );
        assert!(knowing.crowded_percent < 0.05 * ignorant.crowded_percent);
        assert!(knowing.late_percent <= ignorant.late_percent);
        assert!(knowing.decisions.iter().any(|decision| decision.limited_by.contains(&Rule::SpareJobs)));
    }
}

#[test]
fn spare_jobs_are_there_without_any_load_and_told_in_the_trail() {
    let mut pool = Pool::new(eager(|config| {
        (config.min_jobs, config.spare_jobs) = (0, 3);
        config.service_time_ms = Some(500.0);
    }));
    let decision = pool.steady(100, 0.0);
    assert_eq!(decision.recommended_jobs, Some(3), "{}", decision.explanation);
    assert!(decision.plan.iter().all(|step| step.jobs == 3), "{:?}", decision.plan);
    assert!(decision.explanation.contains("3 are kept idle above a need of 0"), "{}", decision.explanation);
}

#[test]
fn what_cannot_be_is_refused_with_what_to_change() {
    let told = Config::from_json(r#"{"spare_jobs": 4, "job_hours_per_day": 90}"#).unwrap_err().to_string();
    assert!(
        told.contains("at least 24 times `spare_jobs`, which is 4: raise it, or keep fewer idle"),
        "{told}"
    );
    let told = Config::from_json(r#"{"spare_jobs": 41, "max_jobs": 40}"#).unwrap_err().to_string();
    assert!(told.contains("`spare_jobs` is 41, expected 0 to 40 (`max_jobs`)"), "{told}");
}
