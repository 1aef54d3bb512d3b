"""Ctrl-C ends long calls soon. Measured in processor time, which other programs on the machine do not lengthen."""

import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import evscale
import numpy as np
import pytest
from evscale import _evscale

sys.path.append(str(Path(__file__).parents[2] / "fuzz"))
from hostile_networks import norms

START_MS = 1_767_571_200_000
SOON_SECONDS = 0.5
COUNTS = 600 + 400 * np.sin(np.arange(60_000) / 720 * 2 * np.pi)


def backtest():
    evscale.backtest({"timestamp": START_MS + 120_000 * np.arange(len(COUNTS)), "events": COUNTS}, baselines=False)


def backtest_of_baselines():
    evscale.backtest({"timestamp": START_MS + 120_000 * np.arange(len(COUNTS)), "events": COUNTS},
                     evscale.Config(use_networks=False), baselines=True)


def tick():
    fleet = evscale.Fleet()
    for key in range(20_000):
        fleet.add(str(key))
    for index in range(50):
        fleet.tick({str(key): {"timestamp": START_MS + 120_000 * index, "logged_events_count": 1000, "current_job_count": 8,
                               "average_processing_duration_ms": 500.0} for key in range(20_000)})


def trace():
    _evscale.forecast_trace(COUNTS, START_MS, 120, evscale.ModelBundle.bundled())


def load():
    """Loads a network that is near the limits of what is loaded, again and again."""
    files = evscale.ModelBundle.bundled_files() | {"policy.onnx": norms(300)}
    manifest = json.loads(files["manifest.json"])
    manifest["policy"]["sha256"] = hashlib.sha256(files["policy.onnx"]).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(json.dumps(manifest).encode() if name == "manifest.json" else content)
        while True:
            evscale.ModelBundle.load(folder)


def samples():
    _evscale.forecaster_samples(COUNTS, START_MS, 120, np.arange(len(COUNTS)))


def what_if():
    evscale.backtest({"timestamp": START_MS + 120_000 * np.arange(400), "events": COUNTS[:400]}, jobs_at_peak=20, baselines=False)
    report = evscale.backtest({"timestamp": START_MS + 120_000 * np.arange(3000), "events": COUNTS[:3000]}, jobs_at_peak=20, baselines=False)
    while True:
        report.what_if(max_jobs=9)


def observe_many():
    evscale.Autoscaler().observe_many({"timestamp": START_MS + 120_000 * np.arange(len(COUNTS)), "logged_events_count": COUNTS,
                                       "current_job_count": np.full(len(COUNTS), 8)})


def predict():
    evscale.Forecaster().predict(np.tile(COUNTS, 4), start=START_MS)


def predict_many():
    evscale.Forecaster().predict_many([COUNTS[:2000]] * 1000)


def observe_counts():
    evscale.Forecaster().observe_many(np.tile(COUNTS, 4))


def read():
    rows = [{"timestamp": START_MS + 120_000 * index, "events": 5} for index in range(50_000)]
    while True:
        evscale.History.read(rows)


def export():
    fleet = evscale.Fleet()
    for key in range(4000):
        fleet.add(str(key), evscale.Config(use_networks=False))
    while True:
        fleet.openmetrics()
        fleet.sums()
        fleet.snapshots()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.parametrize("work, after", [
    (backtest, 0.3), (backtest, 3.0), (backtest_of_baselines, 0.3), (backtest_of_baselines, 1.2), (tick, 3.0), (tick, 5.0),
    (trace, 0.3), (trace, 3.0), (load, 0.3), (load, 1.5), (samples, 0.3), (what_if, 2.0), (what_if, 2.9), (observe_many, 0.3), (observe_many, 2.0), (predict, 0.3), (predict, 2.0),
    (predict_many, 0.3), (predict_many, 1.1), (observe_counts, 0.4), (observe_counts, 2.0), (read, 0.5), (read, 1.3), (export, 1.0), (export, 2.0),
])
def test_ctrl_c_is_heard_soon(work, after):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGPROF, interrupt)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, after)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        late = time.process_time() - start - after
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    print(f"{work.__name__}: {late:.2f} s after the signal")
    assert late < SOON_SECONDS


def test_a_stopped_tick_is_no_half_of_one():
    """What a tick of many pools decides does not depend on the parts in which it is done."""
    def record(key):
        return {"timestamp": START_MS, "logged_events_count": 1000 + key, "current_job_count": 8,
                "average_processing_duration_ms": 500.0}

    together, alone = evscale.Fleet(threads=2), evscale.Fleet()
    for key in range(600):
        together.add(str(key))
        alone.add(str(key))
    tick = together.tick({str(key): record(key) for key in range(600)} | {"absent": record(0)})
    assert len(tick.decisions) == 600 and [problem.kind for problem in tick.errors] == ["unknown_pool"]
    assert list(tick.decisions) == sorted(tick.decisions)
    for key in range(0, 600, 7):
        one = alone.tick({str(key): record(key)})
        assert one.decisions[str(key)].to_json() == tick.decisions[str(key)].to_json()
        assert together.snapshot(str(key)) == alone.snapshot(str(key))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_models_are_not_read_from_what_may_never_end(tmp_path):
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(evscale.ArgumentError, match=r"manifest\.json` is no regular file"):
        evscale.ModelBundle.load(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "manifest.json").symlink_to("/dev/zero")
    with pytest.raises(evscale.ArgumentError, match=r"manifest\.json` is no regular file"):
        evscale.ModelBundle.load(tmp_path)
