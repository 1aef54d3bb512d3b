"""Ratios: every contender takes its turns in one run, in both orders; a figure is the median of its turns.

Times are processor time of the one thread that works, so that a loaded machine disturbs them little.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import peers
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

INPUTS = ("fine", "coarse", "future", "statics")


@dataclass
class Contender:
    """`turn` gives the microseconds per unit of one turn."""

    name: str
    turn: Callable[[], float]


def timed(work: Callable[[], object], runs: int, units: int = 1) -> Callable[[], float]:
    """Turns of `runs` calls."""
    def turn() -> float:
        began = time.process_time()
        for _ in range(runs):
            work()
        return (time.process_time() - began) * 1e6 / runs / units
    return turn


def compare(contenders: list[Contender], rounds: int) -> dict[str, list[float]]:
    """Times of every contender's turns; every second round backwards. The first round only warms up."""
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for round_ in range(rounds + 1):
        for contender in contenders if round_ % 2 else contenders[::-1]:
            value = contender.turn()
            if round_:
                times[contender.name].append(value)
    return times


class Networks:
    """The core's networks in a process of their own, which answers requests."""

    def __init__(self, bins: Path) -> None:
        self.process = subprocess.Popen([bins / "bench-networks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request: str) -> str:
        """The answer to a request."""
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def turn(self, request: str) -> Callable[[], float]:
        """Turns of a request."""
        return lambda: float(self.ask(request))

    def close(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()


def networks(bins: Path, models: Path, rounds: int) -> dict:
    """Microseconds per row of both runtimes, and how far their answers are apart."""
    core = Networks(bins)
    features = json.loads(core.ask("inputs"))
    rows = {name: np.array(features[name], dtype=np.float32) for name in INPUTS}
    shapes = {"fine": (-1, 96, 6), "coarse": (-1, 336, 2), "future": (-1, 12, 24), "statics": (-1, 14)}
    rows = {name: values.reshape(shapes[name]) for name, values in rows.items()}
    single = peers.session(models / "forecaster.onnx", 1)
    policy = peers.session(models / "policy.onnx", 1)
    observation = {"observation": np.zeros((1, 24), dtype=np.float32)}
    one = {name: np.ascontiguousarray(values[:1]) for name, values in rows.items()}
    contenders = [
        Contender("core, forecaster, 1 row", core.turn("forecaster 1 150")),
        Contender("onnxruntime, forecaster, 1 row", timed(lambda: single.run(None, one), 150)),
        Contender("core, policy, 1 row", core.turn("policy 3000")),
        Contender("onnxruntime, policy, 1 row", timed(lambda: policy.run(None, observation), 3000)),
        Contender("core, forecaster, 16 rows", core.turn("forecaster 16 10")),
        Contender("core, tick", core.turn("tick 150")),
    ]
    answers = [single.run(None, {k: v[i:i + 1] for k, v in rows.items()})[0] for i in range(16)]
    apart = float(np.abs(np.sort(np.concatenate(answers), axis=2) - np.array(features["quantiles"])).max())
    out: dict = {"apart": apart}
    try:
        batch = peers.session(models / "forecaster.onnx", 16)
        batch.run(None, rows)
        contenders.append(Contender("onnxruntime, forecaster, 16 rows", timed(lambda: batch.run(None, rows), 10, 16)))
    except (Fail, InvalidArgument, RuntimeException) as problem:  # a file whose graph is made for one row
        out["no_batch"] = str(problem).splitlines()[0]
    out["times"] = compare(contenders, rounds)
    core.close()
    return out


def alternatives(bins: Path, counts: np.ndarray, rounds: int) -> dict[str, list[float]]:
    """Microseconds per forecast or decision of what people would embed otherwise."""
    core = Networks(bins)
    contenders = [
        Contender("evscale, Rust: observe, forecast, decide", core.turn("tick 150")),
        Contender("evscale, Python: observe, forecast, decide", timed(peers.in_python(counts), 150)),
        Contender("HPA rule in Python: a decision, no forecast", timed(peers.reactive_rule(counts), 3000)),
        Contender("LightGBM, 12 horizons, 3 quantiles: a forecast, no decision", timed(peers.gradient_boosting(counts), 10)),
        Contender("statsforecast Holt-Winters: fit and forecast, no decision", timed(peers.holt_winters(counts), 2)),
        Contender("statsforecast AutoETS: fit and forecast, no decision", timed(peers.auto_ets(counts), 1)),
    ]
    times = compare(contenders, rounds)
    core.close()
    return times


def ratio(times: dict[str, list[float]], above: str, below: str) -> tuple[float, float, float]:
    """Median of the ratios of the same rounds, with the lowest and the highest."""
    ratios = sorted(a / b for a, b in zip(times[above], times[below], strict=True))
    return median(ratios), ratios[0], ratios[-1]
