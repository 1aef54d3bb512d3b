"""Backtest: what evscale would have done with a history, beside the rules people use today."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._evscale import Config, ModelBundle, backtest_history, replace_file
from ._refuse import refuse
from .history import Gaps, History, frame_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = (
    ("on time", "sla_compliance_percent", "{:.2f} %"),
    ("job-hours", "job_hours", "{:.0f}"),
    ("x clairvoyant", "cost_ratio", "{:.2f}"),
    ("mean wait", "mean_wait_ms", "{:.0f} ms"),
    ("99 % wait", "p99_wait_ms", "{:.0f} ms"),
    ("actions", "scale_actions", "{:.0f}"),
    ("reversals", "reversals", "{:.0f}"),
)
Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Run:
    """One rule in a backtest: its name, its scores, and what happened in every interval (arrays by name)."""

    name: str
    scores: dict[str, float]
    rows: dict[str, NDArray[Any]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Report:
    """Result of `evscale.backtest`.

    Attributes
    ----------
    runs : tuple of Run
        evscale first, then the peers.
    decisions : tuple of dict
        Every new decision of evscale, with its trail.
    clairvoyant_job_hours : float
        Cost of a schedule that knows everything in advance and keeps the SLA for every event it can.
    service_time_source : str
        Where the service time of an event comes from: "history", "config" or "assumed".
    """

    config: Config
    interval_seconds: int
    scored_from: int
    service_time_source: str
    service_time_ms: float
    clairvoyant_job_hours: float
    gaps: int
    runs: tuple[Run, ...]
    decisions: tuple[dict[str, Any], ...] = field(repr=False)
    again: Callable[[Config], Report] = field(repr=False)
    backend: Any = field(repr=False, default=None)

    def __getitem__(self, name: str) -> Run:
        for run in self.runs:
            if run.name == name:
                return run
        raise KeyError(f"no rule {name!r} in this report, expected one of {[run.name for run in self.runs]}")

    @property
    def evscale(self) -> Run:
        """evscale's own run."""
        return self.runs[0]

    @property
    def times(self) -> NDArray[np.datetime64]:
        """End of every interval, UTC."""
        return self.evscale.rows["timestamp"]

    def table(self) -> str:
        """Scores side by side, as text."""
        names = [run.name for run in self.runs]
        width = max(len(name) for name in names) + 2
        lines = [" " * width + "".join(f"{title:>14}" for title, _, _ in COLUMNS)]
        for run in self.runs:
            cells = (form.format(run.scores[key]) for _, key, form in COLUMNS)
            lines.append(f"{run.name:{width}}" + "".join(f"{cell:>14}" for cell in cells))
        return "\n".join(lines)

    def to_frame(self) -> Any:
        """Scores as a data frame of the caller's kind, one row per rule."""
        keys = list(self.evscale.scores)
        columns: dict[str, list[Any]] = {"rule": [run.name for run in self.runs]}
        return frame_of(columns | {key: [run.scores[key] for run in self.runs] for key in keys}, self.backend)

    def intervals(self, rule: str = "evscale") -> Any:
        """What happened in every interval under a rule, as a data frame of the caller's kind."""
        rows = dict(self[rule].rows)
        rows["timestamp"] = _aware(rows["timestamp"])
        return frame_of(rows, self.backend)

    def to_dict(self) -> dict[str, Any]:
        """Settings and scores as plain values."""
        return {
            "config": self.config.to_dict(), "interval_seconds": self.interval_seconds, "gaps": self.gaps,
            "scored_intervals": len(self.times) - self.scored_from, "service_time_ms": self.service_time_ms,
            "service_time_source": self.service_time_source, "clairvoyant_job_hours": self.clairvoyant_job_hours,
            "scores": {run.name: run.scores for run in self.runs},
        }

    def what_if(self, **changes: Any) -> WhatIf:
        """The same history with one setting changed, such as `max_jobs=200` or `sla_target=0.999`."""
        if len(changes) != 1:
            raise refuse(f"what_if got {len(changes)} settings, expected one")
        (setting, value), = changes.items()
        settings = self.config.to_dict()
        if setting not in settings:
            raise refuse(f"what_if got `{setting}`, expected a setting of evscale.Config")
        return WhatIf(setting, settings[setting], value, self.evscale, self.again(Config(**{**settings, setting: value})))

    def plot(self) -> Figure:
        """Arrivals with forecast, jobs, waits, decisions and cost in one matplotlib figure."""
        from .pictures import overview

        return overview(self)

    def to_html(self, path: str | PathLike[str], title: str = "evscale backtest") -> None:
        """Writes one self-contained page, as `save_snapshot` writes: the page before or the new one, whole.

        Raises
        ------
        OSError
            It cannot be written.
        ArgumentError
            The path is that of a symbolic link, a folder, a pipe or a device.
        """
        from .page import page

        replace_file(path, page(self, title).encode("utf-8", "replace"))

    def __str__(self) -> str:
        return self.table()


@dataclass(frozen=True, eq=False)
class WhatIf:
    """One setting changed, and what that does to evscale's scores."""

    setting: str
    before: Any
    after: Any
    base: Run = field(repr=False)
    report: Report = field(repr=False)

    @property
    def difference(self) -> dict[str, float]:
        """Scores after minus scores before."""
        return {key: value - self.base.scores[key] for key, value in self.report.evscale.scores.items()}

    def __str__(self) -> str:
        lines = [f"{self.setting}: {self.before} -> {self.after}"]
        for title, key, form in COLUMNS:
            then, now = self.base.scores[key], self.report.evscale.scores[key]
            lines.append(f"{title:16}{form.format(then):>14}{form.format(now):>14}")
        return "\n".join(lines)


def backtest(
    history: Any,
    config: Config | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    time_zone: str | None = None,
    gaps: Gaps = "raise",
    bundle: ModelBundle | None = None,
    jobs_at_peak: float | None = None,
    seed: int = 0,
    peers: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Replays a history through evscale's decision code, beside the rules people use today.

    Parameters
    ----------
    history
        A data frame (pandas, polars, pyarrow), a dict of columns, the path of a CSV or Parquet file, or a `History`:
        one row per interval with a time and a count of events, and if known the mean service time.
    config
        Settings of the pool. Shorter records are summed up to its interval; longer ones set it.
    columns, time_zone, gaps
        As in `History.read`.
    jobs_at_peak
        Jobs that the 99.9th percentile of the arrivals keeps busy; only used if neither history nor configuration
        know the service time.
    peers
        Replay static peak, HPA, KEDA, Flink, Ray Serve and the seasonal rule as well.
    progress
        Is called with (done, all) about a hundred times. What it raises ends the replay and is raised.

    Examples
    --------
    >>> import numpy as np
    >>> counts = 600 + 400 * np.sin(np.arange(432) / 144 * 2 * np.pi)
    >>> times = [1_767_571_200_000 + 600_000 * i for i in range(432)]
    >>> report = backtest({"timestamp": times, "events": counts}, peers=False, jobs_at_peak=20)
    >>> report.interval_seconds, len(report.runs)
    (600, 1)
    """
    config = Config() if config is None else config
    if isinstance(history, History):
        read = history
    else:
        read = History.read(history, columns=columns, time_zone=time_zone, gaps=gaps)

    def run(settings: Config, with_peers: bool) -> Report:
        answer = json.loads(backtest_history(
            read.start_ms, read.interval_seconds, read.events, read.service_ms, settings, bundle, jobs_at_peak, seed,
            with_peers, progress))
        return Report(
            config=settings, interval_seconds=answer["interval_seconds"], scored_from=answer["scored_from"],
            service_time_source=answer["service_time_source"], service_time_ms=answer["service_time_ms"],
            clairvoyant_job_hours=answer["clairvoyant_job_hours"], gaps=read.gaps,
            runs=tuple(Run(one["name"], one["scores"], _rows(one["rows"])) for one in answer["runs"]),
            decisions=tuple(answer["decisions"]), again=lambda changed: run(changed, False), backend=read.backend)

    return run(config, peers)


def _rows(rows: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    out: dict[str, NDArray[Any]] = {}
    for name in rows[0]:
        if name == "timestamp":
            out[name] = np.array([row[name].rstrip("Z") for row in rows], dtype="datetime64[ms]")
        elif name == "expected":
            band = np.array([row[name] or [np.nan] * 3 for row in rows], dtype=float)
            out |= {"expected_low": band[:, 0], "expected": band[:, 1], "expected_high": band[:, 2]}
        else:
            out[name] = np.array([row[name] for row in rows])
    return out


def _aware(times: NDArray[Any]) -> Any:
    from datetime import timezone

    return [datetime.fromtimestamp(stamp / 1000, tz=timezone.utc) for stamp in times.astype("int64").tolist()]
