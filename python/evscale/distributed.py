"""Many histories at once, on the processors of this machine.

>>> from evscale.distributed import backtest_many
>>> import evscale, numpy
>>> times = [1_767_571_200_000 + 600_000 * i for i in range(432)]
>>> shops = {name: {"timestamp": times, "events": level + 100 * numpy.sin(numpy.arange(432) / 23)} for name, level in
...          [("north", 400), ("south", 900)]}
>>> many = backtest_many(shops, evscale.Config(max_jobs=80), processes=1, baselines=False, jobs_at_peak=20)
>>> sorted(many.results), many.failures
(['north', 'south'], {})
>>> many.results["north"]["scores"]["evscale"]["sla_compliance_percent"] > 50
True
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from os import PathLike, cpu_count, fspath
from pathlib import Path
from typing import Any

from ._evscale import Config, EvscaleError, __version__, replace_file
from ._refuse import refuse

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Many:
    """Results of many histories: what is known of each, and why the others have none."""

    results: dict[str, dict[str, Any]] = field(repr=False)
    """`Report.to_dict()` by the key of the history."""
    failures: dict[str, str]
    """Why a history has no result, by its key."""
    resumed: int = 0
    """Results that were in the folder already."""


def backtest_many(
    histories: Mapping[str, Any],
    config: Config | Mapping[str, Config] | None = None,
    *,
    processes: int | None = None,
    folder: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Many:
    """Runs `evscale.backtest` of many histories in processes of their own. One that fails, or that ends its process, fails alone.

    Parameters
    ----------
    histories
        By a key: paths of files, data frames, dicts of columns, or `evscale.History`. Of thousands give paths, which the processes
        read themselves.
    config
        Settings of all pools, or by key.
    processes
        How many at once; as many as there are processors without.
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
        question = (history, config[key] if isinstance(config, Mapping) else config, options)
        found = kept.read(key, question)
        if found is None:
            waiting.append((key, question))
        else:
            many.results[key] = found
    resumed = len(many.results)
    if progress is not None and resumed:
        progress(resumed, len(histories))
    for key, question, answer in _answers(waiting, processes or cpu_count() or 1):
        if isinstance(answer, dict):
            many.results[key] = answer
            kept.write(key, question, answer)
        else:
            many.failures[key] = answer
        if progress is not None:
            progress(len(many.results) + len(many.failures), len(histories))
    order = [key for key in histories if key in many.results]
    return Many({key: many.results[key] for key in order}, many.failures, resumed)


_Question = tuple[Any, Config | None, dict[str, Any]]


def _answers(
    waiting: Iterable[tuple[str, _Question]], processes: int
) -> Iterator[tuple[str, _Question, dict[str, Any] | str]]:
    """Yields results, or why there is none, as they come. Every process has an executor of its own: one that dies takes one
    question with it."""
    context = multiprocessing.get_context("spawn")
    left = iter(waiting)
    idle = [ProcessPoolExecutor(1, context) for _ in range(processes)]
    running: dict[Future[dict[str, Any] | str], tuple[str, _Question, ProcessPoolExecutor]] = {}
    try:
        while True:
            while idle and (one := next(left, None)) is not None:
                executor = idle.pop()
                running[executor.submit(_backtest, one[1])] = (*one, executor)
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                key, question, executor = running.pop(future)
                answer: dict[str, Any] | str
                try:
                    answer = future.result()
                except BrokenExecutor:
                    executor.shutdown()
                    executor, answer = ProcessPoolExecutor(1, context), "its process ended abruptly"
                except Exception as problem:  # noqa: BLE001 what cannot be pickled, above all
                    answer = f"{type(problem).__name__}: {problem}"
                idle.append(executor)
                yield key, question, answer
    finally:
        for executor in [*idle, *(executor for _, _, executor in running.values())]:
            executor.shutdown(wait=True, cancel_futures=True)


def _backtest(question: _Question) -> dict[str, Any] | str:
    """In a process: the result of a history, or why it has none."""
    from .report import backtest

    history, config, options = question
    try:
        return backtest(history, config, **options).to_dict()
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
    history, config, options = question
    if isinstance(history, str | PathLike):
        path = Path(fspath(history))
        told = path.stat() if path.exists() else None
        history = (str(path), told and (told.st_size, told.st_mtime_ns))
    settings = None if config is None else config.to_dict()
    return hashlib.sha256(pickle.dumps((__version__, history, settings, sorted(options.items())))).hexdigest()
