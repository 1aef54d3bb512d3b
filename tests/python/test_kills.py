"""Whatever changes the models of a pool outlives every kill.

EVSCALE_KILLS sets how many; `make kill-test` takes a thousand.
"""

import hashlib
import os
import random

import evscale
import pytest
import support
from evscale import Autoscaler, Config, ModelBundle, PoolModels
from evscale.demo_lifecycle import disturbed
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
