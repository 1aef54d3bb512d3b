"""Fleets from Python: the same decisions as single autoscalers, errors that stay with their record."""

import threading
from datetime import timedelta

import evscale
import pytest
import support
from support import START

SETTINGS = [{}, {"min_jobs": 5}, {"use_networks": False}, {"max_jobs": 12}]


def record(pool, i):
    return support.record(i, logged_events_count=700 * (pool + 1) + 40 * i, current_job_count=6 + pool)


def fed(threads=1, count=12):
    fleet = evscale.Fleet(threads=threads)
    for pool, settings in enumerate(SETTINGS):
        fleet.add(f"pool-{pool}", evscale.Config(**settings))
    ticks = [fleet.tick({f"pool-{pool}": record(pool, i) for pool in range(len(SETTINGS))}) for i in range(count)]
    return fleet, ticks


@pytest.mark.parametrize("threads", [1, 3])
def test_decisions_equal_those_of_single_autoscalers(threads):
    _, ticks = fed(threads)
    for pool, settings in enumerate(SETTINGS):
        scaler = evscale.Autoscaler(evscale.Config(**settings))
        for i, tick in enumerate(ticks):
            seen = scaler.observe(record(pool, i))
            assert tick.observations[f"pool-{pool}"] == [seen]
            assert tick.decisions[f"pool-{pool}"] == scaler.decide()
            assert tick.errors == []


def test_pairs_in_any_order_and_several_records_of_a_pool():
    fleet, _ = fed(count=1)
    tick = fleet.tick([("pool-2", record(2, 1)), ("pool-0", record(0, 1)), ("pool-2", record(2, 2))])
    assert list(tick.decisions) == ["pool-0", "pool-2"]
    assert [seen.verdict for seen in tick.observations["pool-2"]] == ["accepted", "accepted"]
    assert tick.decisions["pool-2"].decided_at == record(2, 2)["timestamp"]


def test_a_record_of_an_unknown_pool_is_an_error_beside_the_others():
    fleet, _ = fed(count=1)
    tick = fleet.tick({"nowhere": record(0, 1), "pool-1": record(1, 1)})
    assert list(tick.decisions) == ["pool-1"]
    (problem,) = tick.errors
    assert isinstance(problem, evscale.EvscaleError) and "`nowhere`" in str(problem)
    assert problem.kind == "unknown_pool"


@pytest.mark.parametrize("records, part", [
    ({"pool-0": record(0, 1), "pool-1": record(1, 1) | {"queue": 3}}, "pool `pool-1`.*`queue`"),
    ([("pool-0", 7)], "pool `pool-0`"),
    ([record(0, 1)], "pairs"),
    (7, "pairs"),
])
def test_a_malformed_record_refuses_the_whole_tick(records, part):
    fleet, _ = fed(count=1)
    before = fleet.snapshots()
    with pytest.raises(evscale.ArgumentError, match=part):
        fleet.tick(records)
    assert fleet.snapshots() == before


def test_pools_come_and_go_and_are_restored():
    fleet, _ = fed()
    assert len(fleet) == 4 and fleet.keys() == [f"pool-{pool}" for pool in range(4)] and "pool-3" in fleet
    state = fleet.snapshot("pool-1")
    assert fleet.snapshots()["pool-1"] == state
    with pytest.raises(evscale.ArgumentError, match="`pool-1` is in the fleet already"):
        fleet.restore("pool-1", evscale.Config(min_jobs=5), state)
    assert fleet.remove("pool-1") and not fleet.remove("pool-1")
    assert "pool-1" not in fleet and fleet.snapshot("pool-1") is None
    fleet.restore("pool-1", evscale.Config(min_jobs=5), state)
    single = evscale.Autoscaler.restore(evscale.Config(min_jobs=5), state)
    single.observe(record(1, 12))
    assert fleet.tick({"pool-1": record(1, 12)}).decisions["pool-1"] == single.decide()
    with pytest.raises(evscale.SnapshotError):
        fleet.restore("other", evscale.Config(), state[:-1])
    with pytest.raises(evscale.ArgumentError, match="`threads` is 0"):
        fleet.set_threads(0)


def test_a_pool_begins_like_others_and_says_so():
    fleet, _ = fed(count=20)
    like = ["pool-0", "pool-2"]
    fleet.add_like("new", evscale.Config(max_jobs=30), like=like)
    learned = fleet.learned("new")
    assert learned["newest_record"] is None and learned["jobs"] is None
    assert learned["service_time_ms"] == min(fleet.learned(key)["service_time_ms"] for key in like)
    explanation = fleet.tick({"new": record(0, 20)}).decisions["new"].explanation
    assert "it begins like `pool-0`, `pool-2`" in explanation, explanation
    for refused, message in [([], "0 keys"), (["pool-0", "nowhere"], "`nowhere`"), ("pool-0", "like")]:
        with pytest.raises((evscale.EvscaleError, TypeError), match=message):
            fleet.add_like("other", like=refused)
    assert "other" not in fleet


def test_one_pool_is_worked_on_by_its_key():
    fleet, _ = fed()
    single = evscale.Autoscaler.restore(evscale.Config(), fleet.snapshot("pool-0"))
    assert fleet.observe("pool-0", record(0, 12)) == single.observe(record(0, 12))
    assert fleet.forecast("pool-0") == single.forecast()
    assert fleet.decide("pool-0") == single.decide()
    later = START + timedelta(minutes=40)
    outcome = {"timestamp": later, "started": 2, "ready": 2, "startup_seconds": 60.0}
    for pool in (lambda name, *rest, **named: getattr(fleet, name)("pool-0", *rest, **named),
                 lambda name, *rest, **named: getattr(single, name)(*rest, **named)):
        pool("acknowledge", outcome)
        pool("set_override", fixed=9, until=START + timedelta(hours=5))
    assert fleet.decide("pool-0", later) == single.decide_at(later)
    assert fleet.decide("pool-0", later).recommended_jobs == 9
    assert fleet.health("pool-0") == single.health()
    fleet.set_pause("pool-1", "all")
    assert fleet.decide("pool-1", later).change == 0
    for call in (lambda: fleet.observe("nowhere", record(0, 1)), lambda: fleet.forecast("nowhere"),
                 lambda: fleet.health("nowhere"), lambda: fleet.set_pause("nowhere", "all")):
        with pytest.raises(evscale.EvscaleError, match="`nowhere`") as caught:
            call()
        assert caught.value.kind == "unknown_pool"
    with pytest.raises(evscale.ArgumentError, match="sideways"):
        fleet.set_pause("pool-0", "sideways")


def test_threads_of_the_host_may_share_a_fleet():
    fleet, _ = fed(count=1)
    ticks = {}

    def work(pool):
        ticks[pool] = [fleet.tick({f"pool-{pool}": record(pool, i)}) for i in range(1, 12)]

    threads = [threading.Thread(target=work, args=(pool,)) for pool in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, alone = fed()
    for pool in range(4):
        assert ticks[pool][-1].decisions[f"pool-{pool}"] == alone[-1].decisions[f"pool-{pool}"]


def test_pools_share_a_budget_however_many_they_are():
    fleet, keys = evscale.Fleet(), [f"pool {number:03}" for number in range(300)]
    for key in keys:
        fleet.add(key, evscale.Config(use_networks=False, min_jobs=1, priority=50.0 if key.endswith("7") else 1.0))
    assert fleet.budget() is None
    fleet.set_budget(jobs=900)
    jobs, queued, given, asked = dict.fromkeys(keys, 2), dict.fromkeys(keys, 0), {7: 0, 3: 0}, 0
    for step in range(60):
        events, records = 700 + 10 * step, {}
        for key in keys:
            # a job does 300 events of 400 ms in the two minutes
            processed = min(queued[key] + events, 300 * jobs[key])
            queued[key] += events - processed
            records[key] = {"timestamp": 1_767_571_200_000 + 120_000 * step, "logged_events_count": events, "processed_events_count": processed,
                            "queued_events_count": queued[key], "current_job_count": jobs[key], "average_processing_duration_ms": 400.0}
        decisions = fleet.tick(records).decisions
        jobs = {key: decisions[key].recommended_jobs for key in keys}
        assert sum(jobs.values()) <= 900
        for key, decision in decisions.items():
            for entry in decision.trail:
                if entry["rule"] == "shared_budget":
                    asked += 1
                    if int(key[-1]) in given:
                        given[int(key[-1])] += entry["before"] - entry["after"]
    assert asked > 100 and given[7] < given[3] / 4
    assert max(queued[key] for key in keys if key.endswith("7")) == 0 < max(queued.values())
    status = fleet.budget()
    assert status["budget"] == {"jobs": 900} and status["held"] == sum(jobs.values()) and status["exceeded"] is None
    named = [key for key in keys if any(cause.startswith("shared budget: ") for cause in fleet.health(key)["causes"])]
    assert len(named) == status["pools_that_gave_way"] > 0
    fleet.set_budget()
    assert fleet.budget() is None


def test_a_budget_that_makes_no_sense_is_refused():
    fleet = evscale.Fleet()
    for wrong, message in [({"jobs": 1, "cost_per_hour": 2.0}, "one of them"), ({"jobs": -1}, "0 to"), ({"cost_per_hour": -1.0}, "0 to 1e12"),
                           ({"cost_per_hour": float("nan")}, "cost_per_hour")]:
        with pytest.raises(evscale.ArgumentError, match=message):
            fleet.set_budget(**wrong)
    assert fleet.budget() is None
