"""The chosen columns of a table as arrays, block by block, with refusals that name the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import listed, option, refuse, shown
from .clocks import EARLIEST_MS, LATEST_MS, clock_of
from .moments import NAIVE
from .numbers import Style, Unreadable, is_missing, numbers
from .roles import Roles, column
from .table import Block, Table
from .text import is_total


@dataclass(frozen=True)
class Loaded:
    """Rows as arrays in the order of the source.

    `labels` is the number of each row's combination of labels, and `combinations` what they are.
    """

    walls: NDArray[np.int64]
    offsets: NDArray[np.int32]
    values: tuple[NDArray[np.float64], ...]
    service: NDArray[np.float64] | None
    labels: NDArray[np.int64]
    combinations: tuple[tuple[str, ...], ...]
    rows: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def load(table: Table, roles: Roles, where: Mapping[str, str] | None) -> Loaded:
    """Returns the rows that pass the conditions."""
    conditions = {column(table, name): str(value) for name, value in (where or {}).items()}
    events = [name for name in (roles.events, *roles.wide) if name is not None]
    named: list[str] = [roles.time, *events, *([roles.service[0]] if roles.service else []), *roles.labels, *conditions]
    wanted = list(dict.fromkeys(named))
    parts: list[Loaded] = []
    known: dict[tuple[str, ...], int] = {}
    seen: dict[str, set[str]] = {name: set() for name in conditions}
    done = 0
    notes: set[str] = set()
    for block in table.blocks(wanted):
        length = len(block[roles.time])
        kept = _kept(block, conditions, seen, length)
        part = _converted(table, roles, block, kept, done, events, known, notes)
        parts.append(part)
        done += length
    if conditions and not any(len(part.rows) for part in parts):
        name = next(iter(conditions))
        raise refuse(f"{table.where()}: no row with {option('where', conditions)}; `{name}` is {listed(sorted(seen[name]))}")
    return replace(_joined(parts, bool(roles.service), len(events)), combinations=tuple(known), notes=tuple(sorted(notes)))


def _kept(block: Block, conditions: Mapping[str, str], seen: dict[str, set[str]], length: int) -> NDArray[np.int64] | None:
    if not conditions:
        return None
    keep = np.ones(length, bool)
    for name, wanted in conditions.items():
        cells = [_label(value) for value in block[name]]
        if len(seen[name]) < 50:
            seen[name].update(cells[:10_000])
        keep &= np.array([cell == wanted for cell in cells], bool)
    return np.flatnonzero(keep)


def _label(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _converted(
    table: Table, roles: Roles, block: Block, kept: NDArray[np.int64] | None, done: int, events: Sequence[str],
    known: dict[tuple[str, ...], int], notes: set[str]
) -> Loaded:
    length = len(block[roles.time])

    def chosen(name: str) -> Sequence[Any]:
        values = block[name]
        return values if kept is None else [values[place] for place in kept]

    rows = np.arange(length) if kept is None else kept
    times = chosen(roles.time)
    if len(times) and (is_total(times[-1]) or (len(times) > 1 and is_missing(times[-1]) and not is_missing(times[-2]))):
        notes.add(f"the last row ({shown(times[-1])}) is passed over" if not is_missing(times[-1]) else "the last row, which has no time, is passed over")
        rows, times, cut = rows[:-1], times[:-1], -1
    else:
        cut = len(times)

    def place(problem: Unreadable) -> int:
        return done + int(rows[problem.place])

    try:
        walls, offsets = roles.clock.read(times)
    except Unreadable as problem:
        raise _no_time(table, roles, place(problem), problem.value) from None
    except (OverflowError, ValueError):
        raise refuse(f"{table.where()}: `{roles.time}` holds times outside the years 1900 to 2199, expected {roles.clock.name}") from None
    for at in np.flatnonzero((walls < EARLIEST_MS) | (walls >= LATEST_MS))[:1]:
        raise refuse(f"{table.where(done + int(rows[at]))}: `{roles.time}` is {shown(times[int(at)])}, expected the years 1900 to 2199; "
                     f"it was read as {roles.clock.name}, {option('time_format', '%d.%m.%Y %H:%M')} tells another way")
    values = tuple(_numbers(table, name, chosen(name)[:cut], roles.style, place) for name in events)
    if not values:
        values = (np.ones(len(walls)),)
    service = None
    if roles.service is not None:
        name, style, scale = roles.service
        service = _numbers(table, name, chosen(name)[:cut], style, place) * scale
    labels = _coded([chosen(name)[:cut] for name in roles.labels], len(walls), known)
    return Loaded(walls, offsets, values, service, labels, (), rows + done)


def _coded(columns: Sequence[Sequence[Any]], length: int, known: dict[tuple[str, ...], int]) -> NDArray[np.int64]:
    if not columns:
        known.setdefault((), 0)
        return np.zeros(length, np.int64)
    cells = zip(*([_label(value) for value in one] for one in columns), strict=True)
    return np.fromiter((known.setdefault(cell, len(known)) for cell in cells), np.int64, length)


def _numbers(table: Table, name: str, values: Sequence[Any], style: Style, place: Callable[[Unreadable], int]) -> NDArray[np.float64]:
    try:
        out = numbers(values, style)
    except Unreadable as problem:
        raise refuse(f"{table.where(place(problem))}: `{name}` is {shown(problem.value)}, expected a number; "
                     f"{option('columns', {'events': 'NAME'})} names another column") from None
    for at in np.flatnonzero((out < 0) | np.isinf(out))[:1]:
        raise refuse(f"{table.where(place(Unreadable(int(at), None)))}: `{name}` is {shown(values[int(at)])}, expected a number of 0 or more; "
                     "leave the cell empty if the value is not known")
    return out


def _no_time(table: Table, roles: Roles, row: int, value: Any) -> Exception:
    if is_missing(value):
        return refuse(f"{table.where(row)}: `{roles.time}` is missing, expected a time in every row; remove the row")
    other = clock_of([value])
    read = f"as in the rows before it ({roles.clock.name})" if other is not None else "such as 2026-01-05T10:00:00Z or epoch seconds"
    return refuse(f"{table.where(row)}: `{roles.time}` is {shown(value)}, expected a time {read}; "
                  f"{option('time_format', '%d.%m.%Y %H:%M')} tells how times are written")


def _joined(parts: Sequence[Loaded], service: bool, events: int) -> Loaded:
    if not parts:
        empty = np.empty(0)
        return Loaded(np.empty(0, np.int64), np.empty(0, np.int32), (empty,) * max(1, events), empty if service else None,
                      np.empty(0, np.int64), (), np.empty(0, np.int64))
    values = tuple(np.concatenate([part.values[place] for part in parts]) for place in range(len(parts[0].values)))
    return Loaded(
        np.concatenate([part.walls for part in parts]), np.concatenate([part.offsets for part in parts]), values,
        np.concatenate([part.service for part in parts if part.service is not None]) if service else None,
        np.concatenate([part.labels for part in parts]), (), np.concatenate([part.rows for part in parts]))


def are_naive(offsets: NDArray[np.int32]) -> bool:
    """Tells whether some times are without a zone."""
    return bool((offsets == NAIVE).any())
