"""Work that was known ahead, as a backtest is told it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from itertools import islice
from os import PathLike
from typing import Any

from ._refuse import door, listed, refuse, shown
from .history import as_columns, instants_of

FIELDS = ("at", "events", "known_at")
MOST = 1_000_000
"""Most entries."""
Due = tuple[Any, float, Any]
"""When events fall due, how many, and since when that was known: None is from the beginning."""


@door
def known_work(given: Any) -> list[Due]:
    """Returns what falls due of a list of (at, events) or (at, events, known_at), or of a file, data frame or dict with these columns."""
    if given is None:
        return []
    if isinstance(given, (str, PathLike, Mapping)) or hasattr(given, "columns") or hasattr(given, "column_names"):
        return _of_columns(given)
    if not hasattr(given, "__iter__"):
        raise refuse(f"due is {shown(given)}, expected a list of (at, events) or (at, events, known_at), a file, or a data frame")
    entries = [_entry(one) for one in islice(given, MOST + 1)]
    if len(entries) > MOST:
        raise refuse(f"due has more than {MOST} entries, expected at most as many")
    return entries


def _entry(one: Any) -> Due:
    if isinstance(one, Mapping):
        unknown = [name for name in one if name not in FIELDS]
        if unknown or "at" not in one or "events" not in one:
            raise refuse(f"an entry of due has {listed(one)}, expected `at`, `events` and, if not from the beginning, `known_at`")
        return one["at"], one["events"], one.get("known_at")
    parts = list(islice(one, 4)) if hasattr(one, "__iter__") and not isinstance(one, str) else []
    if len(parts) not in (2, 3):
        raise refuse(f"an entry of due is {shown(one)}, expected its time, its events and, if not from the beginning, since when it was known")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else None


def _of_columns(given: Any) -> list[Due]:
    columns = as_columns(given, None)
    absent = [name for name in FIELDS[:2] if name not in columns]
    if absent:
        raise refuse(f"due has no column `{absent[0]}` among {listed(columns)}, expected `at`, `events` and, if not from the beginning, `known_at`")
    def where(place: int | None = None) -> str:
        return "due" if place is None else f"due, row {place + 1}"

    at = instants_of("at", columns["at"], where)
    known = columns.get("known_at")
    told = [place for place, value in enumerate(known or []) if value is not None]
    since: list[Any] = [None] * len(at)
    for place, value in zip(told, instants_of("known_at", [known[place] for place in told], where) if known and told else [], strict=True):
        since[place] = value
    return [(_time(moment), events, _time(start)) for moment, events, start in zip(at, columns["events"], since, strict=True)]


def _time(value: Any) -> Any:
    """Returns a time of epoch milliseconds as one with a zone."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return datetime.fromtimestamp(value / 1000, timezone.utc) if whole else value


def unknown_before(due: list[Due]) -> list[Due]:
    """Returns the same work, of which nothing was known before it came."""
    return [(at, events, at) for at, events, _ in due]
