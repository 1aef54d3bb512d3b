"""Backtest: what evscale would have done with a history, beside the rules people use today."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._evscale import Config, ModelBundle, backtest_history, replace_file
from ._refuse import door, meant, refuse, shown
from .caveats import class_targets, need_at_peak, remarks
from .due import Due, known_work, unknown_before
from .history import History, frame_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from typing_extensions import Unpack

    from .readers.options import Gaps, ReadOptions, SeriesOptions

COLUMNS = (
    ("on time", "sla_compliance_percent", "{:.2f} %"),
    ("job-hours", "job_hours", "{:.0f}"),
    ("x clairvoyant", "cost_ratio", "{:.2f}"),
    ("mean wait", "mean_wait_ms", "{:.0f} ms"),
    ("99 % wait", "p99_wait_ms", "{:.0f} ms"),
    ("actions", "scale_actions", "{:.0f}"),
    ("reversals", "reversals", "{:.0f}"),
)
COST = ("money", "cost", "{:.2f}")
Progress = Callable[[int, int], object]
logger = logging.getLogger("evscale.backtest")


@dataclass(frozen=True, eq=False)
class Run:
    """One rule in a backtest: its name, its scores, what happened in every interval (arrays by name), and the scores of each class of events
    by its name, where there are several."""

    name: str
    scores: dict[str, float]
    rows: dict[str, NDArray[Any]] = field(repr=False)
    classes: dict[str, dict[str, float]] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        return (self.name, self.scores, self.classes, list(self.rows)) == (other.name, other.scores, other.classes, list(other.rows)) and all(
            np.array_equal(mine, other.rows[name], equal_nan=mine.dtype.kind == "f") for name, mine in self.rows.items())

    __hash__ = None  # type: ignore[assignment]

    def _repr_html_(self) -> str:
        from .notebook import run_html

        return run_html(self)


@dataclass(frozen=True)
class Question:
    """What a backtest was asked: the history and everything but the settings of the pool."""

    history: History = field(repr=False)
    bundle: ModelBundle | None = None
    jobs_at_peak: float | None = None
    seed: int = 0
    baselines: bool = True
    due: tuple[Due, ...] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """Result of `evscale.backtest`.

    Attributes
    ----------
    runs : tuple of Run
        evscale first, then the baselines.
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
    question: Question = field(repr=False)

    def __getitem__(self, name: str) -> Run:
        for run in self.runs:
            if run.name == name:
                return run
        raise KeyError(f"no rule {name!r} in this report, expected one of {[run.name for run in self.runs]}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return (self.config, self.scored_from, self.runs, self.decisions) == (other.config, other.scored_from, other.runs, other.decisions)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        ours = self.evscale.scores
        return (f"Report({len(self.times)} intervals of {self.interval_seconds} s, {len(self.runs)} rules; evscale: "
                f"{ours['sla_compliance_percent']:.2f} % on time, {ours['job_hours']:.0f} job-hours)")

    def _repr_html_(self) -> str:
        from .notebook import report_html

        return report_html(self)

    @property
    def backend(self) -> str | None:
        """The data frame library that the history came from."""
        return self.question.history.backend

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why the scores may mislead, in sentences: too short a history, an assumed service time, an input that looks
        like no counts, a pool that may not have the jobs that the peak needs."""
        return remarks(self)

    @property
    def jobs_needed(self) -> int:
        """Jobs that the 99.9th percentile of the arrivals keeps busy."""
        return need_at_peak(self)

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
        columns = columns_of(self.runs)
        lines = [" " * width + "".join(f"{title:>14}" for title, _, _ in columns)]
        for run in self.runs:
            cells = (form.format(run.scores[key]) for _, key, form in columns)
            lines.append(f"{run.name:{width}}" + "".join(f"{cell:>14}" for cell in cells))
        for name in self.evscale.classes:
            lines += ["", f"class {name}"]
            lines += [(f"{run.name:{width}}" + "".join(f"{cell:>14}" for cell in _cells_of_class(run.classes[name]))).rstrip() for run in self.runs]
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
            "jobs_needed_at_peak": self.jobs_needed, "remarks": list(self.remarks),
            "scores": {run.name: run.scores for run in self.runs},
        } | ({"classes": {run.name: run.classes for run in self.runs}} if self.evscale.classes else {})

    def what_if(self, **changes: Any) -> WhatIf:
        """The same history with one setting changed, such as `max_jobs=200` or `sla_target=0.999`; or with other work known ahead, where
        `due=None` is the same work, of which nothing is known before it comes."""
        if len(changes) != 1:
            raise refuse(f"what_if got {len(changes)} settings, expected one")
        (setting, value), = changes.items()
        if setting == "due":
            return self._with_due(value)
        settings = self.config.to_dict()
        if setting not in settings:
            raise refuse(f"what_if got `{setting}`, expected a setting of evscale.Config{meant(setting, settings)}")
        changed = _replay(replace(self.question, baselines=False), Config(**{**settings, setting: value}), None)
        return WhatIf(setting, settings[setting], value, self.evscale, changed)

    def _with_due(self, value: Any) -> WhatIf:
        known = list(self.question.due)
        due = unknown_before(known) if value is None else known_work(value)
        changed = _replay(replace(self.question, baselines=False, due=tuple(due)), self.config, None)
        return WhatIf("due", f"{len(known)} moments", "known when they come" if value is None else f"{len(due)} moments", self.evscale, changed)

    def for_pool(self, jobs_at_peak: float) -> Report:
        """Returns the answer for a pool of another size, evscale alone; only used if the service time is not known."""
        return _replay(replace(self.question, baselines=False, jobs_at_peak=jobs_at_peak), self.config, None)

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


@dataclass(frozen=True)
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
        return {key: value - self.base.scores[key] for key, value in self.report.evscale.scores.items() if key in self.base.scores}

    def __str__(self) -> str:
        lines = [f"{self.setting}: {self.before} -> {self.after}"]
        for title, key, form in columns_of((self.base, self.report.evscale)):
            then, now = self.base.scores[key], self.report.evscale.scores[key]
            lines.append(f"{title:16}{form.format(then):>14}{form.format(now):>14}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from .notebook import what_if_html

        return what_if_html(self)


def columns_of(runs: Iterable[Run]) -> tuple[tuple[str, str, str], ...]:
    """Returns title, key and form of the scores of runs, with money where all of them have a cost."""
    return (*COLUMNS, COST) if all("cost" in run.scores for run in runs) else COLUMNS


def _cells_of_class(scores: Mapping[str, float]) -> list[str]:
    """Returns the scores of a class under the titles of `COLUMNS`, as far as a class has them."""
    return [form.format(scores[key]) if key in scores else "" for _, key, form in COLUMNS]


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
    baselines: bool = True,
    due: Any = None,
    progress: Progress | None = None,
    **options: Unpack[ReadOptions],
) -> Report:
    """Replays a history through evscale's decision code, beside the rules people use today.

    Parameters
    ----------
    history
        Whatever `History.read` takes (a file, a data frame, a series with an index of times), or a `History`.
    config
        Settings of the pool. Shorter records are summed up to its interval; longer ones set it. With `classes`, the history has the
        counts of each: in the columns that `columns` names as ``{"events.alerts": ...}``, in columns called ``events.alerts``, or in
        metrics records.
    columns, time_zone, gaps, options
        As in `History.read`.
    jobs_at_peak
        Jobs that the 99.9th percentile of the arrivals keeps busy; only used if neither history nor configuration
        know the service time.
    baselines
        Replay static peak, HPA, KEDA, Flink, Ray Serve and the seasonal rule as well.
    due
        What of the arrivals was known ahead: a list of (at, events) or (at, events, known_at), or a file or frame with these columns. evscale
        is told it (`set_due`) as it was known at the time; what is known of a moment later replaces what was known before.
    progress
        Is called with (done, all) about a hundred times, and what it raises ends the replay and is raised; ``evscale.notebook.bar()`` draws a bar in a notebook.

    Returns
    -------
    Report
        Scores, decisions and intervals; `remarks` says why they may mislead.

    Examples
    --------
    >>> import numpy as np
    >>> counts = 600 + 400 * np.sin(np.arange(432) / 144 * 2 * np.pi)
    >>> times = [1_767_571_200_000 + 600_000 * i for i in range(432)]
    >>> report = backtest({"timestamp": times, "events": counts}, baselines=False, jobs_at_peak=20)
    >>> report.interval_seconds, len(report.runs)
    (600, 1)
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 64:
        raise refuse(f"`seed` is {shown(seed)}, expected a whole number of 0 to 2^64 - 1")
    config = Config() if config is None else config
    if not isinstance(config, Config):
        raise TypeError(f"config is {shown(config)}, expected an evscale.Config")
    known = tuple(known_work(due))
    read = history if isinstance(history, History) else _read(history, config, {
        **options, "columns": columns, "time_zone": time_zone, "gaps": gaps})
    logger.info("backtest of %d intervals of %d s", len(read.events), read.interval_seconds)
    return _replay(Question(read, bundle, jobs_at_peak, seed, baselines, known), config, progress)


@door
def _read(source: Any, config: Config, options: SeriesOptions) -> History:
    """Returns the history of a source, with the counts of the classes of a configuration."""
    from .readers import Options, read, with_classes

    told = with_classes(source, Options(**options), list(class_targets(config)))
    return History.of_reading(read(source, told))


def _replay(question: Question, config: Config, progress: Progress | None) -> Report:
    read = question.history
    answer = json.loads(backtest_history(
        read.start_ms, read.interval_seconds, read.events, read.service_ms, config, question.bundle, question.jobs_at_peak,
        question.seed, question.baselines, progress, dict(read.classes), list(question.due)))
    return Report(
        config=config, interval_seconds=answer["interval_seconds"], scored_from=answer["scored_from"],
        service_time_source=answer["service_time_source"], service_time_ms=answer["service_time_ms"],
        clairvoyant_job_hours=answer["clairvoyant_job_hours"], gaps=read.gaps,
        runs=tuple(Run(one["name"], one["scores"], _rows(one["rows"]), _classes(one.get("classes", ()))) for one in answer["runs"]),
        decisions=tuple(answer["decisions"]), question=question)


def _classes(classes: Iterable[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {one["name"]: {key: value for key, value in one.items() if key != "name"} for one in classes}


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
