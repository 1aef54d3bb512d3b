"""A retraining outlives every kill. EVSCALE_KILLS sets how many; `make kill-test` takes a thousand."""

import dataclasses
import json
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from evscale import Config, History, Registry, _evscale
from evscale.retraining import Outcome

sys.path.append(str(Path(__file__).parents[3] / "tests/python"))
from support import killed_after, kills

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


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
