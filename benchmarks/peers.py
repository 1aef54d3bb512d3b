"""What people would embed otherwise, each as a function that does one forecast or one decision."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import evscale
import lightgbm
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from statsforecast.models import AutoETS, HoltWinters

SEASON = 24
LAGS = 96
HORIZONS = (1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 60, 90)
LEVELS = (0.1, 0.5, 0.9)


def session(path: Path, batch: int) -> onnxruntime.InferenceSession:
    """onnxruntime on one thread, with the batch of the file's inputs and outputs set."""
    model = onnx.load(path)
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = batch
    del model.graph.value_info[:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def hourly(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two weeks of 2-minute counts as hours."""
    return counts[: len(counts) // 30 * 30].reshape(-1, 30).sum(axis=1)


def auto_ets(counts: NDArray[np.float64]) -> Callable[[], object]:
    """statsforecast AutoETS, fitted to two weeks of hours, three hours ahead with its 80 % interval."""
    series, model = hourly(counts), AutoETS(season_length=SEASON)
    return lambda: model.forecast(y=series, h=3, level=[80])


def holt_winters(counts: NDArray[np.float64]) -> Callable[[], object]:
    """statsforecast Holt-Winters on the same."""
    series, model = hourly(counts), HoltWinters(season_length=SEASON)
    return lambda: model.forecast(y=series, h=3, level=[80])


def gradient_boosting(counts: NDArray[np.float64]) -> Callable[[], object]:
    """LightGBM: a model of 100 trees for each of 12 horizons and 3 quantiles, from the last 96 counts; one row."""
    origins = np.arange(LAGS, len(counts) - max(HORIZONS), 7)
    rows = np.stack([counts[o - LAGS:o] for o in origins])
    settings = {"objective": "quantile", "verbosity": -1, "num_threads": 1, "num_leaves": 31}
    models = [
        lightgbm.train(settings | {"alpha": level}, lightgbm.Dataset(rows, counts[origins + lead - 1]), 100)
        for lead in HORIZONS for level in LEVELS
    ]
    return lambda: [model.predict(rows[:1], num_threads=1) for model in models]


def reactive_rule(counts: NDArray[np.float64]) -> Callable[[], object]:
    """The rule of Kubernetes' horizontal pod autoscaler in Python: a tolerance and a stabilization window of 5 minutes."""
    recent: deque[tuple[float, int]] = deque()
    state = {"now": 0.0, "jobs": 10}

    def decide() -> int:
        state["now"] += 120.0
        used = counts[int(state["now"] / 120) % len(counts)] * 0.4 / (state["jobs"] * 120.0)
        ratio = used / 0.7
        wanted = state["jobs"] if abs(ratio - 1.0) <= 0.1 else math.ceil(state["jobs"] * ratio)
        recent.append((state["now"], wanted))
        while recent and state["now"] - recent[0][0] > 300.0:
            recent.popleft()
        state["jobs"] = min(max(max(jobs for _, jobs in recent), 1), 100)
        return state["jobs"]

    return decide


def in_python(counts: NDArray[np.float64]) -> Callable[[], object]:
    """evscale from Python: observe, forecast, decide."""
    scaler = evscale.Autoscaler()
    start, state = datetime(2026, 1, 5, tzinfo=timezone.utc), {"slot": 0}

    def tick() -> object:
        state["slot"] += 1
        scaler.observe(timestamp=start + timedelta(minutes=2 * state["slot"]),
                       logged_events_count=counts[state["slot"] % len(counts)], current_job_count=20,
                       average_processing_duration_ms=400.0)
        return scaler.forecast(), scaler.decide()

    return tick
