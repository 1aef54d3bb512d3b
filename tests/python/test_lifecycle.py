"""Champion and challenger from Python: promoted, rolled back, pinned, and replayed from snapshots bit for bit."""

from datetime import timedelta

import evscale
import pytest
from evscale import ArgumentError, Autoscaler, Config, ModelBundle, PoolModels
from evscale.demo_lifecycle import INTERVAL, START, arrivals, disturbed

CONFIG = Config(min_jobs=2, max_jobs=120, interval_seconds=INTERVAL, decision_interval_seconds=INTERVAL, sla_wait_seconds=120)
OTHER = disturbed(0.1, 3, "other")


def record(step, events, jobs):
    """The record of an interval whose events were all processed."""
    return {"timestamp": START + timedelta(seconds=INTERVAL * (step + 1)), "logged_events_count": events,
            "processed_events_count": events, "current_job_count": jobs, "average_processing_duration_ms": 1000}


def run(scaler, events, begin, jobs, changes):
    """Decisions on the records from `begin` on; `changes` are made before a step."""
    decisions, snapshots = [], {}
    for step in range(begin, len(events)):
        changes.get(step, lambda _: None)(scaler)
        snapshots[step] = (scaler.snapshot(), jobs) if step % 100 == 50 else None
        scaler.observe(record(step, events[step], jobs))
        decision = scaler.decide()
        decisions.append(decision.to_json())
        jobs = decision.recommended_jobs or jobs
    return decisions, snapshots


def test_two_weeks_with_promotion_and_rollback_are_replayed_bit_for_bit():
    events = arrivals(14, 5)
    changes = {400: lambda scaler: scaler.models.challenge(OTHER), 900: lambda scaler: scaler.models.promote("now"),
               1500: lambda scaler: scaler.models.roll_back("now")}
    decisions, snapshots = run(Autoscaler(CONFIG), events, 0, 20, changes)
    assert sum("was promoted: now" in decision for decision in decisions) == 1
    assert sum("rolled back to" in decision for decision in decisions) == 1
    for begin in (250, 650, 1250, 1850):
        data, jobs = snapshots[begin]
        again = PoolModels.restore(CONFIG, data, [ModelBundle.bundled(), OTHER])
        assert run(again, events, begin, jobs, changes)[0] == decisions[begin:]


def test_a_pin_forbids_and_status_tells():
    scaler = Autoscaler(CONFIG)
    scaler.models.challenge(OTHER)
    scaler.models.pin("an audit")
    with pytest.raises(ArgumentError, match="an audit"):
        scaler.models.promote()
    scaler.models.pin()
    scaler.models.promote()
    status = scaler.models.status()
    assert (status["challenger"], status["champion"][:5]) == (None, "other")
    assert [event["kind"] for event in status["events"]] == ["challenged", "pinned", "unpinned", "promoted"]
    assert scaler.report()["models"] == status == PoolModels.status_in(scaler.snapshot())
    assert scaler.health()["models"][0].startswith("other 0.1 #")
    with pytest.raises(ArgumentError, match="acts already"):
        scaler.models.challenge(OTHER)


def test_a_share_of_a_fleet_tries_other_models_and_each_pool_has_its_own_say():
    fleet = evscale.Fleet()
    for number in range(40):
        fleet.add(f"pool-{number:02}", CONFIG)
    tried, keys = fleet.models.challenge(OTHER, 0.25), fleet.keys()
    assert 3 <= len(tried) <= 18 and set(tried) < set(keys)
    more = fleet.models.challenge(OTHER, 0.5)
    assert more and not set(more) & set(tried), "a larger share has the pools of a smaller one"
    one, another = tried[0], tried[1]
    fleet.models.promote(one, "the trial is over")
    assert fleet.models.status(one)["events"][-1]["reason"] == "the trial is over"
    fleet.models.roll_back(one)
    fleet.models.pin(another, "not now")
    with pytest.raises(ArgumentError, match="not now"):
        fleet.models.promote(another)
    fleet.models.pin(another)
    fleet.models.promote(another)
    third = tried[2]
    assert fleet.models.end(third, "enough") and not fleet.models.end(third)
    assert fleet.models.status(third)["events"][-1]["reason"] == "enough"
    alone = next(key for key in keys if fleet.models.status(key) is None)
    with pytest.raises(ArgumentError, match="challenger"):
        fleet.models.promote(alone)
    acting = fleet.models.roll_out(OTHER, 1.0, "everywhere")
    assert alone in acting and not {one, another} & set(acting), "pools that know these models keep their own decision"
    with pytest.raises(ArgumentError, match="share"):
        fleet.models.challenge(OTHER, 1.5)
    with pytest.raises(evscale.EvscaleError, match="nobody"):
        fleet.models.promote("nobody")
