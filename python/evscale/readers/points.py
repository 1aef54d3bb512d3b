"""Series of points, which most monitoring systems answer with, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._refuse import refuse
from .table import Hints, Table, of_columns


@dataclass(frozen=True)
class Points:
    """One series: its labels, times and values."""

    times: Sequence[Any]
    values: Sequence[Any]
    labels: Mapping[str, Any] = field(default_factory=dict)


def of_points(series: Sequence[Points], source: str, form: str, **hints: Any) -> Table:
    """Returns a table with the columns timestamp, value and one per label."""
    columns: dict[str, list[Any]] = {"timestamp": [], "value": []}
    labels = [str(name) for name in dict.fromkeys(name for one in series for name in one.labels)]
    columns |= {_free(name): [] for name in labels}
    for one in series:
        if len(one.times) != len(one.values):
            raise refuse(f"{source}: {form} has {len(one.times)} times and {len(one.values)} values in a series, expected as "
                         "many of each; export it again")
        columns["timestamp"] += one.times
        columns["value"] += one.values
        for name in labels:
            columns[_free(name)] += [_plain(one.labels.get(name))] * len(one.times)
    if not columns["timestamp"]:
        raise refuse(f"{source}: {form} without a point; ask for a time range in which the metric has values")
    roles = {"timestamp": "timestamp", "events": "value"}
    return of_columns(columns, source, form, hints=Hints(roles=roles, **hints))


def _free(name: str) -> str:
    return f"label {name}" if name in ("timestamp", "value") else name


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
