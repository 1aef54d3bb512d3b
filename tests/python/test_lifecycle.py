"""Champion and challenger from Python: promoted, rolled back, pinned, and replayed from snapshots bit for bit."""

from datetime import timedelta

import pytest
from evscale import ArgumentError, Autoscaler, Config, ModelBundle, PoolModels
from evscale.demo_lifecycle import INTERVAL, PER_DAY, START, arrivals, disturbed

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
    events = arrivals(14, 5)[: 4 * PER_DAY]
    changes = {100: lambda scaler: scaler.models.challenge(OTHER), 250: lambda scaler: scaler.models.promote("now"),
               400: lambda scaler: scaler.models.roll_back("now")}
    decisions, snapshots = run(Autoscaler(CONFIG), events, 0, 20, changes)
    assert sum("was promoted: now" in decision for decision in decisions) == 1
    assert sum("rolled back to" in decision for decision in decisions) == 1
    for begin in (50, 150, 350, 550):
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
