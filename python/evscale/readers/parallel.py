"""JSON that keeps each series as lists of equal length, one of them of times: exports of VictoriaMetrics, answers of Dynatrace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .clocks import clock_of
from .points import Points, of_points
from .roles import TIME_WORDS
from .table import Table, flattened

DEEPEST = 12
LEAST_ROWS = 3
MOST_PARTS = 1000
NAMES = ("__name__", "metricId", "metric", "name")
"""Labels that name a metric."""


def parallel(data: Any, source: str) -> Table | None:
    """Reads two or more such series; one alone is read as columns, whose names tell more."""
    series = list(parallels(data))
    if len(series) < 2:
        return None
    about = " ".join(dict.fromkeys(str(one.labels[name]) for one in series for name in NAMES if name in one.labels))
    return of_points(series, source, "JSON series", about=about[:2000])


def parallels(data: Any, depth: int = 0, labels: Mapping[str, Any] | None = None) -> Iterator[Points]:
    """Yields the series of objects with lists of equal length."""
    labels = labels or {}
    if depth > DEEPEST:
        return
    if isinstance(data, list):
        for value in data if depth == 0 else data[:MOST_PARTS]:
            if isinstance(value, (list, Mapping)):
                yield from parallels(value, depth + 1, labels)
    if not isinstance(data, Mapping):
        return
    own = {**labels, **_labels(data)}
    found = {str(name): value for name, value in data.items() if _is_scalars(value)}
    times = _times(found)
    if times is None:
        for value in data.values():
            if isinstance(value, (list, Mapping)):
                yield from parallels(value, depth + 1, own)
        return
    others = {name: value for name, value in found.items() if name != times and len(value) == len(found[times])}
    for name, value in others.items():
        yield Points(found[times], value, own | ({"field": name} if len(others) > 1 else {}))


def _labels(data: Mapping[str, Any]) -> dict[str, str]:
    """Returns the texts of an object and of the objects in it."""
    parts = [{name: value for name, value in data.items() if not isinstance(value, Mapping)},
             *(value for value in data.values() if isinstance(value, Mapping))]
    return {name: value for part in parts for name, value in flattened(part).items() if isinstance(value, str)}


def _is_scalars(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= LEAST_ROWS and not any(isinstance(one, (list, Mapping)) for one in value)


def _times(lists: Mapping[str, list[Any]]) -> str | None:
    """Returns the list that holds times: by its name, or by values that can be nothing else."""
    clocks = {name: clock for name, value in lists.items() if (clock := clock_of(value[:50])) is not None}
    named = [name for name in clocks if TIME_WORDS.search(name)]
    sure = [name for name, clock in clocks.items() if not clock.name.startswith("days")]
    return next(iter(named or sure), None)
