"""What a pool says of itself: numbers of jobs, events in parallel, idle jobs, limits and prices, in Python."""

from datetime import timedelta

import evscale
import pytest
from support import START, fed, record


def decided(events=1140, records=90, **settings):
    """The jobs of a pool that carries out its decisions: `events` of half a second in two minutes."""
    scaler = evscale.Autoscaler(evscale.Config(
        use_networks=False, decision_interval_seconds=120, scale_down_stabilization_seconds=0, cooldown_down_seconds=0, **settings))
    jobs, queue, places = 8, 0, settings.get("events_per_job", 1)
    for i in range(records):
        arrived = events + i % 3
        done = min(arrived + queue, 240 * jobs * places)
        queue += arrived - done
        scaler.observe(record(
            i, logged_events_count=arrived, processed_events_count=done, queued_events_count=queue, current_job_count=jobs))
        decision = scaler.decide()
        jobs = decision.recommended_jobs
    return scaler, decision


def test_only_numbers_of_jobs_that_exist_are_recommended():
    _, every = decided()
    assert 5 <= every.recommended_jobs <= 8 and "job_numbers" not in every.limited_by
    _, machines = decided(job_step=10)
    assert machines.recommended_jobs == 10 and "job_numbers" in machines.limited_by
    assert "there are the multiples of 10 jobs" in machines.explanation
    _, listed = decided(job_counts=[1, 2, 20, 40])
    assert listed.recommended_jobs == 20
    assert {step["jobs"] for step in listed.plan} <= {1, 2, 20, 40}


def test_events_in_parallel_need_fewer_jobs():
    _, one = decided(events=9120)
    _, many = decided(events=9120, events_per_job=8)
    assert one.recommended_jobs >= 38 and many.recommended_jobs <= 8


def test_spare_jobs_and_a_limit_downstream_are_told():
    _, usual = decided()
    _, spare = decided(spare_jobs=9)
    assert spare.recommended_jobs >= usual.recommended_jobs + 6 and "spare_jobs" in spare.limited_by
    _, limited = decided(events=9120, most_events_per_second=20)
    assert limited.recommended_jobs <= 11 and "downstream_limit" in limited.limited_by


def test_prices_are_paid_and_change_while_the_pool_runs():
    scaler, _ = decided(job_hour_price=2.0, late_event_price=0.1, change_price=0.0)
    report = scaler.report()
    # half an hour after the first records all jobs are those of the decisions
    assert report["cost_day"] == pytest.approx(2.0 * report["job_hours_day"], rel=0.01)
    settings = scaler.config.to_dict()
    assert scaler.reconfigure(evscale.Config(**{**settings, "late_event_price": 5.0})) == {"late_event_price": (0.1, 5.0)}
    dear = {"cron": "0 8 * * *", "seconds": 36_000, "job_hour_price": 6.0}
    assert list(scaler.reconfigure(evscale.Config(**{**settings, "schedule": [dear], "late_event_price": 5.0}))) == ["schedule"]


def test_a_backtest_and_a_what_if_know_them():
    counts = [2000 + 1500 * (k % 720 > 360) for k in range(2 * 720)]
    history = {"timestamp": [START + timedelta(minutes=2 * k) for k in range(len(counts))], "events": counts}
    config = evscale.Config(use_networks=False, service_time_ms=400, max_jobs=60)
    report = evscale.backtest(history, config)
    machines = report.what_if(job_step=8)
    assert {jobs % 8 for jobs in machines.report.evscale.rows["jobs"]} == {0}
    parallel = report.what_if(events_per_job=4)
    assert parallel.report.evscale.scores["job_hours"] < 0.5 * report.evscale.scores["job_hours"]


@pytest.mark.parametrize("settings, told", [
    ({"job_step": 4, "job_counts": [4, 8]}, "leave one of them out"),
    ({"job_counts": [8, 4]}, "expected increasing numbers"),
    ({"job_step": 8, "min_jobs": 9, "max_jobs": 15}, "allow 8 or 16"),
    ({"events_per_job": 0}, "1 to 100000"),
    ({"spare_jobs": 200}, "max_jobs"),
    ({"spare_jobs": 4, "job_hours_per_day": 90}, "raise it, or keep fewer idle"),
    ({"most_events_per_second": 0}, "most_events_per_second"),
    ({"late_event_price": 1}, "set `job_hour_price`"),
    ({"change_price": 1}, "set `job_hour_price`"),
])
def test_what_cannot_be_is_refused_with_what_to_change(settings, told):
    with pytest.raises(evscale.ConfigError, match=told):
        evscale.Config(**settings)


def test_an_order_of_a_number_that_does_not_exist_is_refused():
    scaler = fed(job_step=4)
    with pytest.raises(evscale.ArgumentError, match="8 or 12"):
        scaler.set_override(fixed=10, until=START + timedelta(days=2))
