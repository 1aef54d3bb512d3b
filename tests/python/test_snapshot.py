"""A snapshot on disk outlives every kill. EVSCALE_KILLS sets how many; `make kill-test` takes a thousand."""

import hashlib
import os
import random

import evscale
import pytest
import support
from support import START_MS, killed_after, kills

INTERVAL_MS = 120_000
CONFIG = evscale.Config(max_jobs=60)
BUNDLE = evscale.ModelBundle.bundled()
KILLS = kills()


def record(index):
    return support.record(index, logged_events_count=2000 + 700 * ((index * 7919) % 13) / 13,
                          current_job_count=8 + index % 3, average_processing_duration_ms=400)


def step(scaler, index):
    scaler.observe(record(index))
    return scaler.decide().to_json()


def digest(scaler):
    return hashlib.sha256(scaler.snapshot()).digest()


def newest(scaler):
    """Index of the newest record."""
    return (round(scaler.forecast().at.timestamp() * 1000) - START_MS) // INTERVAL_MS


class Undisturbed:
    """What a pool that is never killed has decided, and the state it had."""

    def __init__(self):
        self.scaler = evscale.Autoscaler(CONFIG, BUNDLE)
        self.decisions, self.states = [], []

    def reach(self, index):
        while len(self.decisions) <= index:
            self.decisions.append(step(self.scaler, len(self.decisions)))
            self.states.append(digest(self.scaler))


def go_on(path, tell):
    """Observes, decides and saves until it is killed; tells each index that is on disk."""
    scaler = evscale.load_snapshot(path, CONFIG, BUNDLE) if path.exists() else evscale.Autoscaler(CONFIG, BUNDLE)
    index = newest(scaler) + 1 if path.exists() else 0
    while True:
        step(scaler, index)
        evscale.save_snapshot(scaler, path)
        tell(index)
        index += 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_moment_leaves_a_state_that_goes_on(tmp_path):
    path, undisturbed, before = tmp_path / "pool.snapshot", Undisturbed(), -1
    moments = random.Random(5)
    for kill in range(KILLS):
        told = max([before, *killed_after(moments.uniform(0.0, 0.06), lambda tell: go_on(path, tell))])
        if told < 0 and not path.exists():
            continue
        scaler = evscale.load_snapshot(path, CONFIG, BUNDLE)
        index = newest(scaler)
        assert told <= index <= told + 1, f"kill {kill}: {told} was saved, {index} came back"
        undisturbed.reach(index + 3)
        assert digest(scaler) == undisturbed.states[index]
        assert [step(scaler, later) for later in range(index + 1, index + 4)] == undisturbed.decisions[index + 1: index + 4]
        before = index
    assert before > KILLS // 4, "the process hardly came to save"
    print(f"{KILLS} kills, {before + 1} records")


def test_a_failed_write_leaves_the_file_alone(tmp_path):
    path = tmp_path / "pool.snapshot"
    scaler = evscale.Autoscaler(CONFIG, BUNDLE)
    evscale.save_snapshot(scaler, path)
    kept = path.read_bytes()
    step(scaler, 0)
    with pytest.raises(FileNotFoundError, match=r"absent/pool\.snapshot"):
        evscale.save_snapshot(scaler, tmp_path / "absent" / path.name)
    assert path.read_bytes() == kept
    with pytest.raises(FileNotFoundError):
        evscale.load_snapshot(tmp_path / "absent", CONFIG)
