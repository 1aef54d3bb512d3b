"""Conformance checks for a forecaster or a policy of your own, before it is plugged into `evscale.Autoscaler`.

The engine trusts neither: what fails here would not break a pool, but be named in its decisions while the next source of the
fallback chain acts. These checks say so beforehand, all at once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._evscale import HORIZON_MINUTES, QUANTILE_LEVELS, Autoscaler, Config, ModelBundle
from .history import History

Forecaster = Callable[[History], ArrayLike]
"""Gets up to a week of counts and returns quantiles: a row per horizon of `evscale.HORIZON_MINUTES`, a column per level of
`evscale.QUANTILE_LEVELS`. The row's interval ends `evscale.lead_steps(history.interval_seconds)` intervals after the last."""
Policy = Callable[[dict[str, Any]], float]
"""Gets the state of a pool and returns the jobs that it should have."""

START_MS = 1_767_571_200_000
PER_DAY = 720
LARGEST_COUNT, MOST_JOBS = 1e15, 1e9


class ConformanceError(AssertionError):
    """What a forecaster or a policy does wrong, a line for each check that failed."""


def check_forecaster(make: Callable[[], Forecaster]) -> list[str]:
    """Checks a forecaster.

    Parameters
    ----------
    make
        Makes a fresh one; a class or a function without arguments.

    Returns
    -------
    list of str
        The checks that it passed.

    Raises
    ------
    ConformanceError
        It failed some.

    Examples
    --------
    >>> import numpy as np
    >>> from evscale.testing import check_forecaster
    >>> def like_the_last_hour(history):
    ...     recent = history.events[-30:]
    ...     recent = recent[np.isfinite(recent)]
    ...     return np.tile(np.quantile(recent if len(recent) else [0.0], evscale.QUANTILE_LEVELS), (12, 1))
    >>> import evscale
    >>> check_forecaster(lambda: like_the_last_hour)[-1]
    'a pool takes its forecasts'
    """
    checks = _Checks()
    for name, history in _histories():
        with checks.one(f"forecasts {name}"):
            given = copy.deepcopy(history)
            forecaster = make()
            answer = _quantiles(forecaster(given))
            if not np.array_equal(given.events, history.events, equal_nan=True):
                raise AssertionError("it changed the history that it was given")
            if not np.array_equal(answer, _quantiles(make()(history))):
                raise AssertionError("a fresh one gives another answer to the same history")
            if not np.array_equal(answer, _quantiles(forecaster(history))):
                raise AssertionError("it gives another answer when it is asked again")
    with checks.one("a pool takes its forecasts"):
        pool = _fed(Autoscaler(Config(max_jobs=60), ModelBundle.bundled(), forecaster=make()))
        _nothing_wrong(pool)
    return checks.passed()


def check_policy(make: Callable[[], Policy]) -> list[str]:
    """Checks a policy, as `check_forecaster` does.

    Examples
    --------
    >>> from evscale.testing import check_policy
    >>> check_policy(lambda: lambda state: 1.1 * state["analytic_need"])[-1]
    'a pool takes its proposals'
    """
    checks = _Checks()
    for name, states in _states():
        with checks.one(f"proposes jobs for {name}"):
            policy, fresh = make(), make()
            for state in states:
                given = copy.deepcopy(state)
                jobs = _jobs(policy(given))
                if given != state:
                    raise AssertionError("it changed the state that it was given")
                if jobs != _jobs(fresh(copy.deepcopy(state))):
                    raise AssertionError(f"a fresh one gives another answer to the same state {state}")
    with checks.one("a pool takes its proposals"):
        pool = _fed(Autoscaler(Config(max_jobs=60), ModelBundle.bundled(), policy=make()))
        _nothing_wrong(pool)
    return checks.passed()


class _Checks:
    """Runs all checks and tells the failures together."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._failures: list[str] = []

    def one(self, name: str) -> _Checks:
        self._names.append(name)
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _: object) -> bool:
        if problem is None:
            return False
        if not isinstance(problem, Exception):
            return False
        said = str(problem) if isinstance(problem, AssertionError) else f"{type(problem).__name__}: {problem}"
        self._failures.append(f"{self._names.pop()}: {said}")
        return True

    def passed(self) -> list[str]:
        if self._failures:
            raise ConformanceError("\n".join(self._failures))
        return self._names


def _quantiles(answer: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(answer, dtype=np.float64)
    wanted = (len(HORIZON_MINUTES), len(QUANTILE_LEVELS))
    if array.shape != wanted:
        raise AssertionError(f"the answer is of shape {array.shape}, expected {wanted}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > LARGEST_COUNT:
        raise AssertionError(f"quantiles are {array.min()} to {array.max()}, expected 0 to {LARGEST_COUNT:g}")
    if (np.diff(array, axis=1) < 0).any():
        raise AssertionError("quantiles of a horizon decrease")
    return array


def _jobs(answer: Any) -> float:
    if isinstance(answer, (bool, str)) or not np.isscalar(answer):
        raise AssertionError(f"the answer is {answer!r}, expected a number")
    jobs = float(answer)  # type: ignore[arg-type]
    if not 0 <= jobs <= MOST_JOBS:
        raise AssertionError(f"the answer is {jobs} jobs, expected 0 to {MOST_JOBS:g}")
    return jobs


def _load(days: float, interval_seconds: int = 120) -> NDArray[np.float64]:
    index = np.arange(round(days * 86_400 / interval_seconds), dtype=np.float64)
    phase = index * interval_seconds / 86_400 * 2 * np.pi
    load: NDArray[np.float64] = np.rint(2000 + 1500 * np.sin(phase) + 100 * np.sin(7.7 * index))
    return load


def _histories() -> Iterator[tuple[str, History]]:
    week = _load(7.0)
    gaps = week.copy()
    gaps[::5], gaps[-40:] = np.nan, np.nan
    bursts = np.where(np.arange(len(week)) % 97 == 0, 50_000.0, 0.0)
    for name, events in (
        ("a single count", week[:1]), ("two counts", week[:2]), ("zeros", np.zeros(500)), ("a constant", np.full(500, 7.0)),
        ("a week with a daily pattern", week), ("a history with gaps", gaps), ("nothing that is known", np.full(50, np.nan)),
        ("bursts", bursts), ("huge counts", week * 1e9), ("fractions", week / 1e6),
    ):
        yield name, History(START_MS, 120, events)
    for interval_seconds in (10, 3600):
        yield f"intervals of {interval_seconds} s", History(START_MS, interval_seconds, _load(2.0, interval_seconds)[:5040])


def _states() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name, scale, extra in (
        ("a usual load", 1.0, {}), ("no load", 0.0, {}), ("a load beyond the pool", 50.0, {"queued_events_count": 1e6}),
        ("a pool whose utilization is known", 1.0, {"cpu_utilization_percent": 93.0}),
    ):
        seen: list[dict[str, Any]] = []

        def spy(state: dict[str, Any], seen: list[dict[str, Any]] = seen) -> float:
            seen.append(state)
            return float(state["analytic_need"])

        _fed(Autoscaler(Config(max_jobs=60), ModelBundle.bundled(), policy=spy), scale, **extra)
        yield name, seen


def _fed(pool: Autoscaler, scale: float = 1.0, **extra: float) -> Autoscaler:
    """Four hours go through a pool."""
    jobs = 12
    for index, events in enumerate(_load(1 / 6)):
        pool.observe(timestamp=START_MS + 120_000 * (index + 1), logged_events_count=scale * events, current_job_count=jobs,
                     average_processing_duration_ms=400.0, **extra)  # type: ignore[arg-type]
        recommended = pool.decide().recommended_jobs
        jobs = jobs if recommended is None else recommended
    return pool


def _nothing_wrong(pool: Autoscaler) -> None:
    causes = [cause for cause in pool.health()["causes"] if "own" in cause]
    if causes:
        raise AssertionError("; ".join(causes))
