"""Whatever changes the models outlives every kill: a pool's promotions and rollbacks, and retraining.

EVSCALE_KILLS sets how many; `make kill-test` takes a thousand.
"""

import dataclasses
import hashlib
import json
import os
import random
import time

import evscale
import numpy as np
import pytest
import support
from evscale import Autoscaler, Config, History, ModelBundle, PoolModels, Registry, _evscale
from evscale.demo_lifecycle import disturbed
from evscale.retraining import Outcome
from support import killed_after, kills

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
CONFIG = Config(max_jobs=60)
BUNDLED, OTHER = ModelBundle.bundled(), disturbed(0.1, 3, "other")
CHANGES = {
    5: lambda models: models.challenge(OTHER), 9: lambda models: models.promote("by hand"), 14: lambda models: models.roll_back("by hand"),
    18: lambda models: models.replace(OTHER, "a release"), 21: lambda models: models.pin("an audit"), 23: lambda models: models.pin(),
    26: lambda models: models.roll_back("late events"), 28: lambda models: models.challenge(OTHER), 29: lambda models: models.end("enough"),
}
"""What happens to the models before the intervals of a round of 30."""


def steps(done=0):
    """What a pool goes through after so many steps, a change of its models or an interval each."""
    number = 0
    for index in range(10_000_000):
        for make in (CHANGES.get(index % 30), lambda scaler, index=index: live(scaler, index)):
            if make is not None:
                number += 1
                if number > done:
                    yield make


def live(scaler, index):
    """An interval: a record and a decision."""
    scaler.observe(support.record(index, logged_events_count=2000 + 54 * (index * 7919 % 13), current_job_count=8 + index % 3))
    return scaler.decide().to_json()


def make(step, scaler):
    """Does a step; changes are made to the models."""
    return step(scaler.models if step in CHANGES.values() else scaler)


def begun(path):
    """The pool as it is on disk."""
    return PoolModels.restore(CONFIG, path.read_bytes(), [BUNDLED, OTHER]) if path.exists() else Autoscaler(CONFIG)


def digest(scaler):
    return hashlib.sha256(scaler.snapshot()).digest()


class Undisturbed:
    """The states of a pool that is never killed by their number of steps, and what it decides after them."""

    def __init__(self):
        self.scaler, self.steps = Autoscaler(CONFIG), steps()
        self.states, self.decisions = {digest(self.scaler): 0}, [None]

    def number_of(self, state, at_most):
        while state not in self.states and len(self.decisions) <= at_most:
            self.decisions.append(make(next(self.steps), self.scaler))
            self.states[digest(self.scaler)] = len(self.decisions) - 1
        return self.states.get(state)


def change_for_ever(path, done, tell):
    """Makes steps and saves after each until it is killed."""
    scaler = begun(path)
    for number, step in enumerate(steps(done), done + 1):
        make(step, scaler)
        evscale.save_snapshot(scaler, path)
        tell(number)


def test_a_kill_at_any_moment_leaves_models_that_go_on(tmp_path):
    path, undisturbed, done, moments = tmp_path / "pool.snapshot", Undisturbed(), 0, random.Random(7)
    for kill in range(kills()):
        told = max([done, *killed_after(moments.uniform(0.0, 0.06), lambda tell: change_for_ever(path, done, tell))])  # noqa: B023
        scaler = begun(path)
        found = undisturbed.number_of(digest(scaler), told + 1)
        assert found in (told, told + 1), f"kill {kill}: step {told} was saved, {found} came back"
        done = found
        for later, step in zip(range(done + 1, done + 4), steps(done), strict=False):
            said = make(step, scaler)
            assert undisturbed.number_of(digest(scaler), later) == later, f"kill {kill}: step {later} went otherwise"
            assert undisturbed.decisions[later] == said
    kinds = [event["kind"] for event in scaler.models.status()["events"]]
    assert done > kills() // 4, "the process hardly came to save"
    assert done < 80 or {"promoted", "rolled_back", "replaced", "pinned", "ended"} <= set(kinds)
    print(f"{kills()} kills, {done} steps")


def question():
    """A small retraining: history, settings of pool and training."""
    from evscale.training.fit import Settings

    start, events = _evscale.random_workload(77, 10, 3600)
    settings = Settings(minutes=0.004, rows=200, threads=1, checkpoint_seconds=0.05)
    return {"orders": History(int(start), 3600, np.asarray(events))}, Config(service_time_ms=300.0), settings


def retrained(registry, checkpoints, seed):
    """The version of a retraining, from wherever the one before was killed."""
    from evscale.training.retrain import retrain

    histories, config, settings = question()
    return retrain(histories, registry, config=config, settings=dataclasses.replace(settings, seed=seed),
                   checkpoints=checkpoints / str(seed), resume=True, tell=lambda _: None).version


def retrain_for_ever(root, checkpoints, tell):
    """Retrains, promotes what was registered, and goes on with the next seed."""
    registry = Registry(root, create=True)
    while True:
        version = retrained(registry, checkpoints, len(registry.stages()["history"]) + 1)
        tell(version)
        registry.promote(version, "newer")


def test_a_retraining_that_is_killed_at_any_moment_goes_on_and_registers_once(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("evscale.training.retrain.objections", lambda before, after: [])
    monkeypatch.setattr("evscale.training.retrain.decisions", lambda *_, **__: {"orders": Outcome(1000.0, 1.0, 10.0)})  # takes long, writes nothing
    root, checkpoints, moments = tmp_path / "registry", tmp_path / "runs", random.Random(9)
    for name in ("first", "second"):  # the first one loads what the processes then have
        began = time.process_time()
        retrained(Registry(tmp_path / name, create=True), tmp_path / f"{name}-runs", 0)
    longest, told, resumed, reached = 1.3 * (time.process_time() - began), 0, 0, (0, 0)
    for kill in range(kills(12)):
        registered = max([told, *killed_after(moments.uniform(0.0, longest), lambda tell: retrain_for_ever(root, checkpoints, tell), True)])
        # a machine that others use computes less in the same time
        longest, told = longest * (1.1 if registered == told else 0.9), registered
        if not (root / "versions").is_dir():
            continue
        registry = Registry(root)
        versions, stages = registry.versions(), registry.stages()
        assert not told or told in versions, f"kill {kill}: version {told} is lost"
        assert all(found["ok"] or found["unfinished"] for found in registry.verify()), f"kill {kill}"
        champion = stages["champion"] or 0
        assert champion == len(stages["history"]) and champion in (told - 1, told, told + 1), f"kill {kill}: {champion} of {told}"
        assert versions == list(range(1, len(versions) + 1)) or any(found["unfinished"] for found in registry.verify())
        assert len(versions) - len(stages["history"]) in (0, 1), f"kill {kill}: a training was registered twice"
        newest = max((int(run.parent.name) for run in checkpoints.glob("*/checkpoint.pt")), default=0)
        if newest:
            step = torch.load(checkpoints / str(newest) / "checkpoint.pt", weights_only=True)["step"]
            assert json.loads((checkpoints / str(newest) / "run.json").read_text())["seed"] == newest
            assert (newest, step) >= reached, f"kill {kill}: {reached} was on disk, {newest, step} is"
            resumed += newest == reached[0] and step > reached[1]
            reached = (newest, step)
    assert told >= kills(12) // 20, "the process hardly came to register"
    print(f"{kills(12)} kills, {told} versions registered, {resumed} times a training went on from its checkpoint")
