"""Classes of events in one source: a column for each, all on one grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import listed, option, refuse
from .options import Options
from .sources import open_source

if TYPE_CHECKING:
    from .reading import Reading
    from .table import Table

PREFIX = "events."
"""A role of `columns` is that of a class: ``{"events.alerts": "alerts_total"}``."""
FIELD = "logged_events_count"
NAMES = ("events.{}", f"classes.{{}}.{FIELD}")
"""Columns in which the counts of a class are found by its name: a table's own, and those of metrics records."""


def roles_of(columns: Mapping[str, str] | None) -> dict[str, str]:
    """Returns the columns of the classes that are told, by their names."""
    return {role.removeprefix(PREFIX): name for role, name in (columns or {}).items() if role.startswith(PREFIX)}


def columns_of(names: Sequence[str], classes: Iterable[str], columns: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Returns the columns told, and those that the classes of a configuration have among `names`, if each has one."""
    if roles_of(columns) or "events" in (columns or {}):
        return columns
    found = {}
    for one in classes:
        name = next((form.format(one) for form in NAMES if form.format(one) in names), None)
        if name is None:
            return columns
        found[PREFIX + one] = name
    return {**(columns or {}), **found}


def with_classes(source: Any, options: Options, classes: Iterable[str]) -> Options:
    """Returns options that name the columns of the classes of a configuration, as far as the source has them."""
    names = list(classes)
    if not names:
        return options
    found = columns_of(open_source(source, options.encoding, options.sheet).names, names, options.columns)
    return replace(options, columns=found)


def is_of_record(column: str | None) -> bool:
    """Tells whether a column is that of a metrics record, or of a class in one."""
    name = column or ""
    return name == FIELD or (name.startswith("classes.") and name.endswith(f".{FIELD}"))


def read_classes(table: Table, options: Options, told: Mapping[str, str], read_table: Callable[[Table, Options], Reading]) -> Reading:
    """Returns the reading of all classes together, with the counts of each; `read_table` reads one."""
    if "events" in (options.columns or {}):
        raise refuse(f"columns maps `events` beside {listed([PREFIX + name for name in told])}, expected one of both: all events are the sum of the "
                     "classes; leave `events` out")
    others = {role: name for role, name in (options.columns or {}).items() if not role.startswith(PREFIX)}
    readings = {name: read_table(table, replace(options, columns={**others, "events": column})) for name, column in told.items()}
    steps = {one.history_ms for one in readings.values()}
    if len(steps) > 1:
        raise refuse(f"{table.where()}: the classes have intervals of {sorted(step // 1000 for step in steps)} s, expected one length; "
                     f"{option('interval_seconds', max(steps) // 1000)} makes them alike")
    first = next(iter(readings.values()))
    start = min(one.start_ms for one in readings.values())
    length = max((one.start_ms - start) // one.history_ms + len(one.events) for one in readings.values())
    classes = {name: _placed(one.events, (one.start_ms - start) // one.history_ms, length) for name, one in readings.items()}
    return replace(
        first, start_ms=start, events=np.sum(list(classes.values()), axis=0), classes=classes, gaps=max(one.gaps for one in readings.values()),
        roles=replace(first.roles, wide=tuple(dict.fromkeys(
            column for one in list(readings.values())[1:] for column in (one.roles.events, *one.roles.wide) if column is not None))),
        service_ms=None if first.service_ms is None else _placed(first.service_ms, (first.start_ms - start) // first.history_ms, length),
        total_events=sum(one.total_events for one in readings.values()), first=min(one.first for one in readings.values()),
        last=max(one.last for one in readings.values()), remarks=tuple(dict.fromkeys(remark for one in readings.values() for remark in one.remarks)))


def _placed(values: NDArray[np.float64], place: int, length: int) -> NDArray[np.float64]:
    """Returns values on a longer grid, unknown where they have none."""
    whole = np.full(length, np.nan)
    whole[place:place + len(values)] = values
    return whole
