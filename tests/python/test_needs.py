"""What a pool says of itself: numbers of jobs, events in parallel, idle jobs, limits, prices, work to come and classes, in Python."""

import pickle
import re
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


def test_a_batch_that_falls_due_has_its_jobs_in_time_and_not_before():
    scaler, usual = decided()
    now = START + timedelta(minutes=2 * 89)
    batch = (now + timedelta(minutes=30), 3_000)
    scaler.set_due(now, [batch])
    forecast = scaler.forecast()
    assert forecast.due == [(batch[0], 3_000.0)] and forecast.to_dict()["due"][0]["events"] == 3_000.0
    assert pickle.loads(pickle.dumps(forecast)) == forecast
    assert scaler.health()["announced"] == [f"due: 3000 events fall due at {batch[0]:%Y-%m-%dT%H:%M:%SZ}"]
    jobs = {}
    for i in range(90, 106):
        scaler.observe(record(
            i, logged_events_count=1140, processed_events_count=1140, queued_events_count=0, current_job_count=usual.recommended_jobs))
        jobs[2 * (i - 89)] = scaler.decide()
    # three minutes to start, two to the next record: asked for at 26 minutes
    assert jobs[22].recommended_jobs <= usual.recommended_jobs + 1 and jobs[26].recommended_jobs > 50
    assert "3000 events fall due at" in jobs[26].explanation
    again = evscale.Autoscaler.restore(scaler.config, scaler.snapshot())
    assert again.forecast().due == scaler.forecast().due


@pytest.mark.parametrize("due, told", [
    ([(START + timedelta(days=3), -1)], "-1 events fall due at"),
    ([(START + timedelta(days=3), float("nan"))], "NaN events"),
    ([(START + timedelta(days=3),)], "expected its time and its events"),
    ([(START, "many")], "expected a number"),
    ([(START, 1, 2)], "due has more than 2 entries"),
    ([(START + timedelta(days=3), 1)] * 257, "expected at most 256"),
])
def test_what_cannot_fall_due_is_refused(due, told):
    scaler = fed()
    before = scaler.snapshot()
    with pytest.raises(evscale.ArgumentError, match=told):
        scaler.set_due(START, due)
    assert scaler.snapshot() == before


def test_a_fleet_knows_what_falls_due_in_each_pool():
    fleet = evscale.Fleet()
    for key in "ab":
        fleet.add(key)
    fleet.set_due("a", START, [(START + timedelta(hours=1), 1000)])
    assert fleet.health("a")["announced"] and not fleet.health("b")["announced"]
    with pytest.raises(evscale.EvscaleError) as refused:
        fleet.set_due("c", START, [])
    assert refused.value.kind == "unknown_pool"


def test_events_that_are_not_due_start_no_jobs():
    def highest(told):
        scaler, decision = decided()
        for i in range(90, 110):
            scheduled = {"scheduled_events_count": 9000 if i > 90 else 0} if told else {}
            scaler.observe(record(
                i, logged_events_count=1140 + (9000 if i == 91 else 0), processed_events_count=1140,
                queued_events_count=9000 if i > 90 else 0, current_job_count=decision.recommended_jobs, **scheduled))
            yield scaler.decide().recommended_jobs
    assert max(highest(False)) > 20 and max(highest(True)) <= 8


CLASSES = [
    {"name": "alerts", "service_time_seconds": 0.5, "sla_wait_seconds": 5},
    {"name": "exports", "service_time_seconds": 10, "sla_wait_seconds": 3600, "sla_target": 0.95, "priority": 1},
]


def serves(max_jobs=60, records=300):
    """A pool of two classes in the order of their priorities, in work of a second; returns its autoscaler and the last decision."""
    scaler = evscale.Autoscaler(evscale.Config(use_networks=False, max_jobs=max_jobs, classes=CLASSES))
    jobs, queues = 4, [0.0, 0.0]
    for i in range(records):
        arrived, done, room = [1200.0, 60.0], [0.0, 0.0], 120.0 * jobs
        for place, known in enumerate(CLASSES):
            queues[place] += arrived[place]
            done[place] = min(queues[place], room / known["service_time_seconds"])
            queues[place] -= done[place]
            room -= done[place] * known["service_time_seconds"]
        counts = {known["name"]: {"logged_events_count": arrived[place], "processed_events_count": done[place],
                                  "queued_events_count": queues[place],
                                  "sla_violations_count": done[place] if queues[place] > 30 * arrived[place] else 0.0}
                  for place, known in enumerate(CLASSES)}
        busy = sum(known["service_time_seconds"] * done[place] for place, known in enumerate(CLASSES))
        scaler.observe(record(
            i, logged_events_count=sum(arrived), processed_events_count=sum(done), queued_events_count=sum(queues),
            average_processing_duration_ms=1000.0 * busy / sum(done), current_job_count=jobs, classes=counts))
        decision = scaler.decide()
        jobs = decision.recommended_jobs
    return scaler, decision


def test_a_pool_of_classes_needs_what_all_of_them_need_and_tells_of_each():
    scaler, decision = serves()
    # 1200 of half a second and 60 of ten seconds in two minutes: ten jobs
    assert 10 <= decision.recommended_jobs <= 14 and " Class " in decision.explanation
    alerts, exports = scaler.report()["classes"]
    assert (alerts["name"], exports["name"]) == ("alerts", "exports") and alerts["late_share_hour"] == 0.0
    assert exports["work_share"] == pytest.approx(0.5, abs=0.01)
    assert scaler.forecast().horizons[12].prediction == pytest.approx(1260, rel=0.05)
    again = evscale.Autoscaler.restore(scaler.config, scaler.snapshot())
    assert again.report()["classes"] == scaler.report()["classes"]
    assert scaler.config.classes[1]["priority"] == 1 and scaler.config.classes[0]["sla_target"] == 0.995


def test_the_class_that_is_served_last_waits_where_the_pool_cannot_grow():
    scaler, decision = serves(max_jobs=7)
    assert decision.recommended_jobs == 7
    assert "`max_jobs` is not enough for all, what waits is exports" in decision.explanation
    alerts, exports = scaler.report()["classes"]
    assert alerts["waiting"] == 0.0 and exports["waiting"] > 1000 and exports["late_share_hour"] > 0.5
    assert any("of class exports were late" in cause for cause in scaler.health()["causes"])


@pytest.mark.parametrize("settings, told", [
    ({"classes": CLASSES[:1]}, "expected 2 to 8, or none"),
    ({"classes": [CLASSES[0], CLASSES[0]]}, "the name \"alerts\" of another one"),
    ({"classes": CLASSES, "sla_wait_seconds": 60}, "leave `sla_wait_seconds` out"),
    ({"classes": CLASSES, "late_event_price": 1, "job_hour_price": 1}, "`late_event_price` is set beside `classes`"),
    ({"classes": [{**CLASSES[0], "sla_target": 1}, CLASSES[1]]}, "has `sla_target` 1, expected 0.5 to 0.99999"),
    ({"classes": [{**CLASSES[0], "weight": 1}, CLASSES[1]]}, "unknown field `weight`"),
])
def test_classes_that_cannot_be_are_refused(settings, told):
    with pytest.raises(evscale.ConfigError, match=re.escape(told)):
        evscale.Config(**settings)


def test_what_a_record_says_wrongly_of_a_class_is_named():
    scaler, _ = serves(records=20)
    seen = scaler.observe(record(20, classes={"alerts": {"logged_events_count": -1}, "mail": {"logged_events_count": 3}}))
    assert len(seen.repairs) == 2 and "of class \"alerts\" is -1" in seen.repairs[0] and "\"mail\" is none of" in seen.repairs[1]
    with pytest.raises(evscale.ArgumentError, match="unknown key `events`"):
        scaler.observe(record(21, classes={"alerts": {"events": 1}}))
    with pytest.raises(evscale.ArgumentError, match="expected a dict"):
        scaler.observe(record(21, classes={"alerts": 1}))
    told = fed().observe(record(60, classes={"alerts": {"logged_events_count": 1}}))
    assert "`classes` is left out" in told.repairs[0]
