"""`evscale demo --lifecycle`: models that have aged, a challenger that is promoted, a damaged version that is rolled back."""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._evscale import Autoscaler, Config, ModelBundle, readable_text, replace_file
from ._refuse import refuse

INTERVAL = 600
"""Seconds of an interval."""
PER_DAY = 86_400 // INTERVAL
START = datetime(2026, 1, 5, tzinfo=timezone.utc)
SERVICE_SECONDS = 1.0
LEARNING, TRIAL, CALM, DEGRADED = 3, 45, 2, 4
"""Days before the challenge, at most until the promotion, after it, and at most until the rollback."""
AGED, DAMAGED = 0.6, 4.0
"""How far weights are from those of the bundled models."""


def _fields(file: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """The fields with a length of a protobuf message: number, begin and end."""
    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = file[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    found = []
    while at < end:
        key = varint()
        if key & 7 == 2:
            length = varint()
            found.append((key >> 3, at, at + length))
            at += length
        elif key & 7 == 0:
            varint()
        else:
            at += 8 if key & 7 == 1 else 4
    return found


def disturbed(strength: float, seed: int, name: str) -> ModelBundle:
    """The bundled models with other weights in the forecaster: each times 1 + `strength` * u, with u of -1 to 1."""
    files = {**ModelBundle.bundled_files()}
    forecaster = bytearray(files["forecaster.onnx"])
    random = np.random.default_rng(seed)
    graphs = [field for field in _fields(bytes(forecaster), 0, len(forecaster)) if field[0] == 7]
    tensors = [part for _, begin, end in graphs for part in _fields(bytes(forecaster), begin, end) if part[0] == 5]
    for _, begin, end in (raw for _, b, e in tensors for raw in _fields(bytes(forecaster), b, e) if raw[0] == 9 and raw[2] - raw[1] >= 1024):
        weights = np.frombuffer(bytes(forecaster[begin:end]), "<f4")
        changed = weights * (1 + strength * random.uniform(-1, 1, weights.size))
        forecaster[begin:end] = changed.astype("<f4").tobytes()
    manifest = json.loads(files["manifest.json"])
    manifest["forecaster"]["sha256"] = hashlib.sha256(forecaster).hexdigest()
    manifest |= {"name": name, "version": str(strength)}
    with tempfile.TemporaryDirectory() as folder:
        files |= {"forecaster.onnx": bytes(forecaster), "manifest.json": json.dumps(manifest).encode()}
        for file, content in files.items():
            (Path(folder) / file).write_bytes(content)
        return ModelBundle.load(folder)


def arrivals(days: int, seed: int) -> NDArray[np.float64]:
    """Arrivals per interval: office days, quiet weekends, and a level that wanders."""
    random = np.random.default_rng(seed)
    steps = np.arange(days * PER_DAY)
    hour = steps % PER_DAY * 24 / PER_DAY
    weekend = (steps // PER_DAY % 7) >= 5
    shape = 0.25 + np.exp(-((hour - 10.5) / 2.2) ** 2) + 0.8 * np.exp(-((hour - 15) / 2.5) ** 2)
    wander = np.zeros(len(steps))
    for step in range(1, len(steps)):
        wander[step] = 0.98 * wander[step - 1] + 0.03 * random.normal()
    expected = 9000 * shape * np.where(weekend, 0.35, 1.0) * np.exp(wander)
    return np.asarray(random.poisson(expected), dtype=np.float64)


class Demonstration:
    """A pool in a simple queue, hour by hour, with what is drawn of it."""

    def __init__(self, champion: ModelBundle, seed: int) -> None:
        self.config = Config(min_jobs=2, max_jobs=120, interval_seconds=INTERVAL, decision_interval_seconds=INTERVAL, sla_wait_seconds=120)
        self.scaler = Autoscaler(self.config, champion)
        self.events = arrivals(LEARNING + TRIAL + CALM + DEGRADED + 1, seed)
        self.rows: list[dict[str, Any]] = []
        self.jobs, self.queue = 20, 0.0

    def tick(self) -> None:
        """Takes the record of the next interval, and does what is decided."""
        step = len(self.rows)
        at = START + timedelta(seconds=INTERVAL * (step + 1))
        done = min(self.queue + self.events[step], self.jobs * INTERVAL / SERVICE_SECONDS)
        self.queue += self.events[step] - done
        self.scaler.observe(timestamp=at, logged_events_count=self.events[step], processed_events_count=done,
                            queued_events_count=self.queue, current_job_count=self.jobs,
                            average_processing_duration_ms=1000 * SERVICE_SECONDS)
        error = self.scaler.report()["weighted_error"] if step % 6 == 0 else None
        status = self.scaler.models.status() if step % 6 == 0 else None
        self.jobs = self.scaler.decide().recommended_jobs or self.jobs
        self.rows.append({"at": at, "events": self.events[step], "jobs": self.jobs, "queue": self.queue, "error": error,
                          "comparison": (status or {}).get("comparison")})

    def until(self, days: float, kind: str | None) -> bool:
        """Goes on until an event of a kind is the last one, at most so many days; returns whether it came."""
        for _ in range(round(days * PER_DAY)):
            self.tick()
            if kind and (status := self.scaler.models.status()) and status["events"][-1]["kind"] == kind:
                return True
        return False

    def of_models(self) -> list[dict[str, Any]]:
        """Returns what has happened to the models so far."""
        return list((self.scaler.models.status() or {"events": []})["events"])

    def say(self, before: int) -> None:
        """Prints what happened to the models since the event of this number."""
        for event in self.of_models()[before:]:
            print(f"{event['at'][:16].replace('T', ' ')}  {event['kind'].replace('_', ' '):12}{event['model']}: {event['reason']}")


def draw(rows: list[dict[str, Any]], events: list[dict[str, Any]], path: Path) -> None:
    """Load and jobs, the error of the forecast, and the second bundle's losses over the champion's; a line per event."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (load, error, ratio) = plt.subplots(3, 1, figsize=(13, 9), sharex=True, constrained_layout=True)
    times = [row["at"] for row in rows]
    load.plot(times, [row["events"] for row in rows], color="black", linewidth=0.5, label="arrivals")
    jobs = load.twinx()
    jobs.step(times, [row["jobs"] for row in rows], where="post", color="tab:blue", linewidth=0.7, label="jobs")
    load.set_ylabel("events per interval")
    jobs.set_ylabel("jobs", color="tab:blue")
    known = [row for row in rows if row["error"] is not None]
    error.plot([row["at"] for row in known], [100 * row["error"] for row in known], color="tab:red")
    error.set_ylabel("error of the forecast over a day, %")
    both = [row for row in rows if row["comparison"] and row["comparison"]["loss_ratio"]]
    ratio.scatter([row["at"] for row in both], [row["comparison"]["loss_ratio"] for row in both], s=3, label="quantile loss")
    ratio.scatter([row["at"] for row in both], [row["comparison"]["cost_ratio"] or np.nan for row in both], s=3, label="cost")
    ratio.axhline(1, color="grey", linewidth=0.7)
    ratio.set_yscale("log")
    for axis in (ratio.yaxis.set_major_formatter, ratio.yaxis.set_minor_formatter):
        axis("{x:.2g}")
    ratio.set_ylabel("in the shadow over the champion")
    ratio.legend(loc="upper left", fontsize="small")
    for place, event in enumerate(events):
        at = datetime.fromisoformat(event["at"].replace("Z", "+00:00"))
        for axes in (load, error, ratio):
            axes.axvline(at, color="tab:green" if event["kind"] in ("promoted", "rolled_back") else "grey", linestyle="--", linewidth=1)
        side = "left" if at - times[0] < (times[-1] - times[0]) / 2 else "right"
        jobs.annotate(f" {event['kind'].replace('_', ' ')}: {event['model']} ", (at, 0.97 - 0.08 * (place % 4)), fontsize=7, ha=side, va="top",
                      xycoords=("data", "axes fraction"), bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8})
    picture = BytesIO()
    try:
        figure.savefig(picture, dpi=110, format=path.suffix.lstrip(".") or "png")
    except ValueError as problem:
        raise refuse(f"{path}: {problem}") from None
    plt.close(figure)
    replace_file(path, picture.getvalue())


def run(out: Path, seed: int) -> int:
    """Challenges, promotes, degrades and rolls back; returns 1 if one of that did not happen."""
    pool = Demonstration(disturbed(AGED, seed, "aged"), seed)
    pool.until(LEARNING, None)
    pool.scaler.models.challenge(ModelBundle.bundled())
    promoted = pool.until(TRIAL, "promoted")
    if not promoted:
        pool.scaler.models.promote("the demonstration goes on without a proof")
    pool.say(0)
    pool.until(CALM, None)
    told = len(pool.of_models())
    pool.scaler.models.replace(disturbed(DAMAGED, seed, "damaged"), "a version whose weights were damaged")
    back = pool.until(DEGRADED, "rolled_back")
    pool.say(told)
    pool.until(1, None)
    draw(pool.rows, pool.of_models(), out)
    print(f"\npicture: {readable_text(str(out))}")
    return 0 if promoted and back else 1
