"""Fleets on actors: the decisions of one process, whatever actor ends at whatever moment, and whatever their number becomes."""

import random

import evscale
import numpy as np
import pytest
from evscale.distributed import DistributedFleet, Lost, Processes
from evscale.distributed.journal import Folder

START = 1_767_571_200_000
POOLS = 40
KEYS = [f"pool {number}" for number in range(POOLS)]
CONFIG = evscale.Config(use_networks=False, max_jobs=60)


DEADLY = ("tick", "begin", "claims", "end_tick", "call", "add")
"""Calls in which an actor may end."""


class Death(BaseException):
    """An actor ends."""


class Fake:
    """Actors in this process, which end when and where they are told: before an operation, once it is written, or once it is done."""

    def __init__(self, actors=3):
        self.count, self.deaths, self.made = actors, [], 0

    def workers(self):
        return self.count

    def actor(self, make, *arguments):
        self.made += 1
        return FakeActor(self, make(*arguments))


class FakeActor:
    def __init__(self, engine, shard):
        self.engine, self.shard = engine, shard

    def ask(self, method, *arguments):
        return FakeAnswer(lambda: self.answer(method, arguments))

    def answer(self, method, arguments):
        if self.shard is None:
            raise Lost("it has ended")
        death = self.engine.deaths.pop(0) if self.engine.deaths and method in DEADLY else None
        if death == "written":
            self.shard._carry_out = self.die
        try:
            if death == "before":
                self.die()
            answer = getattr(self.shard, method)(*arguments)
            if death == "done":
                self.die()
        except Death:
            self.shard = None
            raise Lost("it has ended") from None
        return answer

    def die(self, *_):
        raise Death

    def end(self):
        self.shard = None


class FakeAnswer:
    def __init__(self, answer):
        self.wait = answer


def columns(step, keys=KEYS):
    level = np.array([500.0 + 90 * int(key.split()[1]) for key in keys])
    events = np.round(level * (1 + 0.4 * np.sin((step + level) / 20)))
    return {"logged_events_count": events, "processed_events_count": events, "current_job_count": 9.0,
            "average_processing_duration_ms": 400.0, "queued_events_count": np.where(level > 900, 0.0, np.nan)}


def alone(steps, calls=None, **budget):
    """Decisions of one process, under a budget if there is one."""
    return alone_with_budget(steps, calls, **budget)[0]


def alone_with_budget(steps, calls=None, **budget):
    fleet = evscale.Fleet()
    fleet.set_budget(**budget)
    for key in KEYS:
        fleet.add(key, CONFIG)
    for step in range(steps):
        for key, method, arguments in (calls or {}).get(step, ()):
            getattr(fleet, method)(key, *arguments)
        given = {name: np.broadcast_to(values, POOLS).tolist() for name, values in columns(step).items()}
        records = {key: {name: values[place] for name, values in given.items() if not np.isnan(values[place])}
                   | {"timestamp": START + 120_000 * step} for place, key in enumerate(KEYS)}
        tick = fleet.tick(records)
    return {key: decision.to_json() for key, decision in tick.decisions.items()}, fleet.budget()


def ticked(fleet, step):
    return fleet.tick(START + 120_000 * step, columns(step, fleet.keys))


@pytest.mark.parametrize("seed", range(4))
def test_actors_that_end_lose_nothing_and_do_nothing_twice(tmp_path, seed):
    draw = random.Random(seed)
    engine = Fake(actors=3)
    pause = [("pool 3", "set_pause", ("all",)), ("pool 7", "acknowledge", ({"timestamp": START + 3_600_000, "startup_seconds": 95.0},))]
    with DistributedFleet(engine, tmp_path, snapshot_every=7, slots=16) as fleet:
        engine.deaths = ["before", "written", "done"][seed % 3:] * (seed > 0)
        fleet.add(KEYS, CONFIG)
        for step in range(60):
            if step == 30:
                for key, method, arguments in pause:
                    fleet.call(key, method, *arguments)
            engine.deaths = [draw.choice(["before", "written", "done", None, None, None]) for _ in range(3)] if draw.random() < 0.5 else []
            tick = ticked(fleet, step)
            assert np.isfinite(tick.recommended_jobs).all() and not tick.rejected and not tick.failures
        assert fleet.decisions() == alone(60, {30: pause})
        assert fleet.losses > 20 and engine.made == 3 + fleet.losses
        assert tick.jobs == {key: fleet.ask(key)["recommended_jobs"] for key in KEYS}
        assert fleet.ask("pool 3", "health")["causes"][0].startswith("pause: ")


@pytest.mark.parametrize("budget", [{"jobs": 230}, {"cost_per_hour": 180.5}, {"jobs": 100_000}])
def test_pools_on_actors_share_a_budget_as_in_one_process_whatever_actor_ends(tmp_path, budget):
    draw = random.Random(5)
    engine = Fake(actors=3)
    with DistributedFleet(engine, tmp_path, snapshot_every=7, slots=16) as fleet:
        fleet.add(KEYS, CONFIG)
        assert fleet.budget() is None
        fleet.set_budget(**budget)
        for step in range(50):
            engine.deaths = [draw.choice(["before", "written", "done", None, None, None]) for _ in range(6)] if draw.random() < 0.4 else []
            ticked(fleet, step)
        expected, status = alone_with_budget(50, **budget)
        assert fleet.decisions() == expected
        assert fleet.budget() == status and fleet.losses > 15
        assert (status["pools_that_gave_way"] > 3) == (budget != {"jobs": 100_000})
        with pytest.raises(evscale.ArgumentError, match="expected one of them"):
            fleet.set_budget(jobs=3, cost_per_hour=5)
        engine.deaths = []
        fleet.set_budget()
        ticked(fleet, 50)
        assert fleet.budget() is None
    # whoever opens the folder goes on, and sets the budget again
    with DistributedFleet(Fake(), tmp_path, actors=2) as again:
        again.set_budget(jobs=60)
        for step in range(51, 60):
            ticked(again, step)
        assert again.budget()["pools_that_gave_way"] > 10


def test_a_driver_that_ends_in_the_middle_of_a_divided_tick_stands_in_nobodys_way(tmp_path):
    fleet = DistributedFleet(Fake(actors=2), tmp_path, slots=16)
    fleet.add(KEYS, CONFIG)
    fleet.set_budget(jobs=200)
    for step in range(5):
        ticked(fleet, step)
    fleet._divided = lambda *_: pytest.fail("the driver ends")
    with pytest.raises(pytest.fail.Exception):
        ticked(fleet, 5)
    with DistributedFleet(Fake(), tmp_path, actors=3) as again:
        again.set_budget(jobs=200)
        tick = ticked(again, 6)
        assert np.isfinite(tick.recommended_jobs).all() and not tick.rejected and not tick.failures


def test_it_grows_shrinks_and_goes_on_from_its_folder_without_a_gap(tmp_path):
    sizes = {10: 5, 20: 1, 30: 4}
    with DistributedFleet(Fake(), tmp_path, snapshot_every=5, slots=16) as fleet:
        fleet.add(KEYS, CONFIG)
        for step in range(40):
            if step in sizes:
                before = {key: slot for slot, keys in enumerate(fleet._slots_of.values()) for key in keys}
                fleet.resize(sizes[step])
                after = {key: slot for slot, keys in enumerate(fleet._slots_of.values()) for key in keys}
                assert fleet.actors == sizes[step]
                most = 16 - 16 // max(len(set(before.values())), sizes[step]) * min(len(set(before.values())), sizes[step])
                assert sum(before[slot] != after[slot] for slot in before) <= most
            ticked(fleet, step)
        with pytest.raises(evscale.ArgumentError, match="1 to `slots`, which is 16"):
            fleet.resize(17)
    # the driver ends without a word, and another one goes on with another number of actors
    fleet = DistributedFleet(Fake(), tmp_path, actors=2, slots=99)
    assert len(fleet) == POOLS and sorted(fleet.keys) == sorted(KEYS)
    for step in range(40, 50):
        ticked(fleet, step)
    with DistributedFleet(Fake(), tmp_path, actors=3) as again:
        ticked(again, 50)
        assert again.decisions() == alone(51)


def test_classes_of_events_come_as_arrays_and_known_work_by_call(tmp_path):
    config = evscale.Config(use_networks=False, max_jobs=60, classes=[
        {"name": "alerts", "service_time_seconds": 0.5, "sla_wait_seconds": 5},
        {"name": "exports.daily", "service_time_seconds": 10, "sla_wait_seconds": 3600, "priority": 1}])
    single = evscale.Fleet()
    single.add("a", config)
    with DistributedFleet(Fake(actors=2), tmp_path) as fleet:
        fleet.add(["a", "b"], config)
        for step in range(40):
            counts = {"alerts": {"logged_events_count": 1200.0, "sla_violations_count": 0.0},
                      "exports.daily": {"logged_events_count": 60.0 + step, "queued_events_count": 3.0 * step}}
            arrays = {f"classes.{name}.{field}": [value, np.nan] for name, one in counts.items() for field, value in one.items()}
            at = START + 120_000 * step
            tick = fleet.tick(at, {"logged_events_count": 1260.0 + step, "current_job_count": 12.0, **arrays})
            assert not tick.failures
            single.tick({"a": {"timestamp": at, "logged_events_count": 1260.0 + step, "current_job_count": 12.0, "classes": counts}})
        fleet.call("b", "set_due", at, [[at + 3_600_000, 5000]])
        assert fleet.ask("b", "health")["announced"][0].startswith("due: 5000 events") and not fleet.ask("a", "health")["announced"]
        assert fleet.ask("a", "report")["classes"] == single.report("a")["classes"]
        assert fleet.decisions()["a"] == single.decide("a").to_json() != fleet.decisions()["b"]
        with pytest.raises(evscale.ArgumentError, match="is no field of a record"):
            fleet.tick(at, {"logged_events_count": 1.0, "current_job_count": 1.0, "classes.alerts.events": 1.0})


def test_records_of_some_pools_and_pools_that_come_and_go(tmp_path):
    with DistributedFleet(Fake(), tmp_path, slots=8) as fleet:
        fleet.add({"a": CONFIG, "b": evscale.Config(use_networks=False, min_jobs=3)})
        fields = {"logged_events_count": [100.0, 200.0], "current_job_count": 4}
        tick = fleet.tick(np.array(["2026-01-05T10:02", "NaT"], "datetime64[s]"), fields)
        assert list(tick.jobs) == ["a"] and np.isnan(tick.recommended_jobs[1])
        fleet.add(["c"], CONFIG)
        fleet.remove(["a"])
        assert fleet.keys == ("b", "c") and "a" not in fleet
        tick = fleet.tick("2026-01-05T10:02:00+00:00", fields)
        assert list(tick.jobs) == ["b", "c"]
        tick = fleet.tick(int(np.datetime64("2026-01-05T10:02").astype("datetime64[ms]").astype(int)), fields)
        assert set(tick.rejected) == {"b", "c"} and "not newer" in tick.rejected["b"]
        assert fleet.reconfigure("b", CONFIG)["min_jobs"] == (3, 1)


def test_what_was_written_in_part_is_none_and_a_damaged_state_is_refused(tmp_path):
    with DistributedFleet(Fake(), tmp_path, actors=1, slots=1, snapshot_every=100) as fleet:
        fleet.add(KEYS, CONFIG)
        for step in range(5):
            ticked(fleet, step)
        log, = (tmp_path / "journal").iterdir()
        kept = log.read_bytes()
        slot = (tmp_path / "slots/0000.pools").read_bytes()
    (tmp_path / "slots/0000.pools").write_bytes(slot)
    log.write_bytes(kept[:-1])
    folder = Folder(tmp_path)
    assert [operation.seq for operation in folder.operations()] == [2, 3, 4, 5]
    (tmp_path / "slots/0000.pools").write_bytes(slot[:-1] + bytes([slot[-1] ^ 1]))
    with pytest.raises(evscale.ArgumentError, match=r"0000\.pools is damaged"):
        DistributedFleet(Fake(), tmp_path, actors=1)


def test_calls_that_make_no_sense_are_refused_and_change_nothing(tmp_path):
    with DistributedFleet(Fake(), tmp_path, slots=8) as fleet:
        fleet.add(KEYS, CONFIG)
        for wrong, message in [
            (lambda: fleet.add(["pool 1"]), "'pool 1' is in the fleet already"),
            (lambda: fleet.call("nobody", "set_pause", "all"), "no pool 'nobody'"),
            (lambda: fleet.call("pool 1", "snapshot"), "cannot be called"),
            (lambda: fleet.ask("pool 1", "tick"), "cannot be asked"),
            (lambda: fleet.tick(START, {"logged_events": 1}), "no field of a record"),
            (lambda: fleet.tick(START, {"logged_events_count": 1}), "`current_job_count` is missing"),
            (lambda: fleet.tick(START, columns(0) | {"current_job_count": [1, 2]}), "a number for each of 40"),
            (lambda: fleet.tick(1.5, columns(0)), "`timestamp` is"),
            (lambda: fleet.call("pool 1", "set_pause", "some"), "some"),
        ]:
            with pytest.raises(evscale.EvscaleError, match=message):
                wrong()
        assert not ticked(fleet, 0).rejected


def test_actors_in_processes_and_one_of_them_is_killed(tmp_path):
    with DistributedFleet(Processes(2), tmp_path, snapshot_every=4, slots=8) as fleet:
        fleet.add(KEYS, CONFIG)
        for step in range(12):
            if step == 6:
                fleet._actors[0]._process.kill()
            ticked(fleet, step)
        assert fleet.losses == 1
        assert fleet.decisions() == alone(12)
        assert all(seconds > 0 for seconds in fleet.cpu_seconds().values())
