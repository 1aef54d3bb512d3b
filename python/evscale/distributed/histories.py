"""Many histories at once: backtests, changed settings and retrainings, with partial failure kept, and going on where one ended."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from .. import History, Registry
from .._evscale import Config, EvscaleError, __version__, replace_file
from .._refuse import refuse, shown
from .engine import Engine
from .processes import Processes

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Many:
    """Results of many histories: what is known of each, and why the others have none."""

    results: dict[str, dict[str, Any]] = field(repr=False)
    """`Report.to_dict()` by the key of the history; of `what_if_many` that of `WhatIf` for each change; of `retrain_many` what became of a
    group."""
    failures: dict[str, str]
    """Why a history has no result, by its key."""
    resumed: int = 0
    """Results that were in the folder already."""


def backtest_many(
    histories: Mapping[str, Any],
    config: Config | Mapping[str, Config] | None = None,
    *,
    engine: Engine | None = None,
    processes: int | None = None,
    folder: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Many:
    """Runs `evscale.backtest` of many histories in other processes. One that fails, or that ends its process, fails alone.

    Parameters
    ----------
    histories
        By a key: paths of files, data frames, dicts of columns, or `evscale.History`. Of thousands give paths, which the processes
        read themselves.
    config
        Settings of all pools, or by key.
    engine
        Where the processes are: `Processes()`, which is this machine and the default, `Ray()` or `Dask(client)`.
    processes
        How many at once on this machine; as many as there are processors without.
    folder
        Keeps every result as a file there. A call with the same folder goes on where one before was ended: it runs what has no
        result, failed, or has another history, configuration or option by now.
    progress
        Is called with (done, all); what it raises ends the work, and is raised.
    options
        Those of `evscale.backtest`, such as `columns`, `gaps` or `baselines`.

    Returns
    -------
    Many
        Results and failures.
    """
    return _many(_backtest, (), histories, config, engine or Processes(processes), folder, progress, options)


def what_if_many(
    histories: Mapping[str, Any],
    changes: Mapping[str, Any],
    config: Config | Mapping[str, Config] | None = None,
    *,
    engine: Engine | None = None,
    processes: int | None = None,
    folder: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Many:
    """Asks of many histories what each of `changes`, settings with another value, would do to the scores: `Report.what_if`.

    A result has the scores as they are (`base`), and for each setting its value `before` and `after`, the `scores` with it, and their
    `difference`. Everything else is as for `backtest_many`.
    """
    if not isinstance(changes, Mapping) or not changes:
        raise refuse("`changes` has no setting, expected at least one with its value, such as {\"max_jobs\": 200}")
    asked = tuple(changes.items())
    return _many(_what_if, asked, histories, config, engine or Processes(processes), folder, progress, options)


def retrain_many(
    groups: Mapping[str, Mapping[str, Any]],
    registries: str | PathLike[str],
    config: Config | Mapping[str, Config] | None = None,
    *,
    part: str = "forecaster",
    settings: Any = None,
    engine: Engine | None = None,
    processes: int | None = None,
    folder: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Many:
    """Retrains models for many groups of pools, such as those of a region or a customer: `evscale retrain` of each in another process.

    Parameters
    ----------
    groups
        By a key, which is also the name of the group's registry: the pools of the group by name, as paths of files, data frames, dicts of
        columns, or `evscale.History`.
    registries
        Folder of the registries, which all processes reach. One that is not there is made; a group with one goes on from its champion.
    part
        What is trained: `forecaster`, `policy` or `both`.
    settings
        `evscale.training.fit.Settings`: minutes, days that are held back, threads, seed. By default one thread each, five minutes.

    Returns
    -------
    Many
        For each group the `version` that its registry got, `None` where the result is no better, with the `objections`, and its
        `details`: data, losses and decisions before and after. A candidate is promoted with `Registry.promote`.

    Everything else is as for `backtest_many`. Needs `evscale[train]` in the processes.
    """
    if not isinstance(groups, Mapping) or not all(isinstance(pools, Mapping) for pools in groups.values()):
        raise refuse('`groups` holds no groups of pools, expected such as {"north": {"orders": "orders.csv"}}')
    for key in groups:
        if not isinstance(key, str) or key in ("", ".", "..") or Path(key).name != key:
            raise refuse(f"`groups` has the key {shown(key)}, expected a name that a folder can have")
    where = Path(fspath(registries))
    asked = {key: (str(where / key), dict(pools)) for key, pools in groups.items()}
    options = {"part": part, "settings": settings}
    return _many(_retrain, (), asked, config, engine or Processes(processes), folder, progress, options)


_Question = tuple[Any, Config | None, dict[str, Any], tuple[tuple[str, Any], ...]]


def _many(
    ask: Callable[[_Question], dict[str, Any] | str],
    changes: tuple[tuple[str, Any], ...],
    histories: Mapping[str, Any],
    config: Config | Mapping[str, Config] | None,
    engine: Engine,
    folder: str | PathLike[str] | None,
    progress: Progress | None,
    options: dict[str, Any],
) -> Many:
    if not isinstance(histories, Mapping):
        raise refuse("`histories` is no mapping, expected histories by key, such as {\"north\": \"north.csv\"}")
    for name in ("progress", "bundle"):
        if name in options:
            raise refuse(f"`{name}` is no option of a backtest in another process")
    kept = _Kept(folder)
    many = Many({}, {})
    waiting: list[tuple[str, _Question]] = []
    for key, history in histories.items():
        if isinstance(config, Mapping) and key not in config:
            raise refuse(f"`config` has no {key!r}, expected one for every history")
        question = (history, config[key] if isinstance(config, Mapping) else config, options, changes)
        found = kept.read(key, question)
        if found is None:
            waiting.append((key, question))
        else:
            many.results[key] = found
    resumed = len(many.results)
    if progress is not None and resumed:
        progress(resumed, len(histories))
    for key, question, answer in engine.answers(ask, waiting):
        if isinstance(answer, dict):
            many.results[key] = answer
            kept.write(key, question, answer)
        else:
            many.failures[key] = answer
        if progress is not None:
            progress(len(many.results) + len(many.failures), len(histories))
    order = [key for key in histories if key in many.results]
    return Many({key: many.results[key] for key in order}, many.failures, resumed)


def _backtest(question: _Question) -> dict[str, Any] | str:
    """In a process: the result of a history, or why it has none."""
    from ..report import backtest

    history, config, options, _ = question
    try:
        return backtest(history, config, **options).to_dict()
    except (EvscaleError, TypeError, OSError, ImportError) as problem:
        return f"{type(problem).__name__}: {problem}"


def _what_if(question: _Question) -> dict[str, Any] | str:
    """In a process: what the changes do to a history, or why nobody knows."""
    from ..report import backtest

    history, config, options, changes = question
    try:
        asked: dict[str, Any] = {"baselines": False} | options
        report = backtest(history, config, **asked)
        result: dict[str, Any] = {"base": report.evscale.scores, "changes": {}}
        for setting, value in changes:
            told = report.what_if(**{setting: value})
            scores = told.report.evscale.scores
            result["changes"][setting] = {
                "before": told.before, "after": told.after, "scores": scores, "difference": told.difference}
        return result
    except (EvscaleError, TypeError, OSError, ImportError) as problem:
        return f"{type(problem).__name__}: {problem}"


def _retrain(question: _Question) -> dict[str, Any] | str:
    """In a process: the retraining of a group, or why it has none."""
    (registry, pools), config, options, _ = question
    try:
        from ..training.fit import Settings
        from ..training.retrain import retrain

        Path(registry).parent.mkdir(parents=True, exist_ok=True)
        histories = {name: one if isinstance(one, History) else History.read(one) for name, one in pools.items()}
        done = retrain(histories, Registry(registry, create=True), config=config, part=options["part"], tell=lambda line: None,
                       settings=options["settings"] or Settings(threads=1))
        return {"version": done.version, "objections": list(done.objections), "details": done.details}
    except (EvscaleError, TypeError, OSError, ImportError) as problem:
        return f"{type(problem).__name__}: {problem}"


class _Kept:
    """Results in a folder, a file for each, with a mark of what was asked."""

    def __init__(self, folder: str | PathLike[str] | None) -> None:
        self.folder = None if folder is None else Path(fspath(folder))
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{hashlib.sha256(str(key).encode()).hexdigest()[:24]}.json"

    def read(self, key: str, question: _Question) -> dict[str, Any] | None:
        if self.folder is None:
            return None
        try:
            found = json.loads(self._path(key).read_bytes())
            result: dict[str, Any] | None = found["result"] if found["asked"] == _mark(question) else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, pickle.PicklingError):
            return None
        return result

    def write(self, key: str, question: _Question, result: dict[str, Any]) -> None:
        if self.folder is not None:
            content = {"key": key, "asked": _mark(question), "result": result}
            replace_file(self._path(key), json.dumps(content).encode())


def _mark(question: _Question) -> str:
    """A mark of a question that differs where its answer may."""
    history, config, options, changes = question
    if isinstance(history, tuple):
        registry, pools = history
        history = (registry, [(name, _source(one)) for name, one in pools.items()])
    else:
        history = _source(history)
    settings = None if config is None else config.to_dict()
    return hashlib.sha256(pickle.dumps((__version__, history, settings, sorted(options.items()), changes))).hexdigest()


def _source(history: Any) -> Any:
    """What tells that a history is another one: of a file its size and time."""
    if not isinstance(history, str | PathLike):
        return history
    path = Path(fspath(history))
    told = path.stat() if path.exists() else None
    return str(path), told and (told.st_size, told.st_mtime_ns)
