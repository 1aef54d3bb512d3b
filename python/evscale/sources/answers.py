"""Answers that a reader of files understands as well, as the history of a range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import listed, refuse
from ..history import History
from ..readers.options import Options
from ..readers.reading import Reading, read_table
from ..readers.roles import find_roles
from ..readers.structured import of_document
from ..readers.table import Table
from .ranges import Range, history


def of_answer(answer: Any, what: str, span: Range, *, kind: str | None, zero: bool) -> History:
    """Returns the history of a server's answer; with `zero`, intervals without a point have no events."""
    table = of_document(answer, what)
    _refuse_several(table, what)
    reading = read_table(table, Options(kind=kind, gaps="interpolate", interval_seconds=None, time_zone="UTC"))
    step = span.interval_seconds * 1000
    if reading.history_ms > step:
        raise refuse(f"{what} answered every {reading.history_ms // 1000} s, expected every {span.interval_seconds} s; ask for a shorter range, "
                     f"or set interval_seconds={reading.history_ms // 1000}")
    events = on_range(reading, span)
    if zero:
        events = np.nan_to_num(events)
    return history(span, events, about=f"{what}: {reading.kind.kind} ({reading.kind.why})")


def _refuse_several(table: Table, what: str) -> None:
    labels = find_roles(table, None, time_format=None, decimal=None, add_up=True).labels
    several = set(zip(*table.load(labels).values(), strict=True)) if labels else set()
    if len(several) > 1:
        raise refuse(f"{what} answered {len(several)} series, told apart by {listed(labels)}, expected one; ask for their sum, grouped by time alone")


def on_range(reading: Reading, span: Range) -> NDArray[np.float64]:
    """Returns what was read on the intervals of a range; NaN where nothing was."""
    known = np.flatnonzero(np.isfinite(reading.events))
    places = (reading.start_ms + known * reading.history_ms - span.start_ms) // (span.interval_seconds * 1000)
    inside = (places >= 0) & (places < span.length)
    out = np.full(span.length, np.nan)
    out[places[inside]] = np.bincount(places[inside], reading.events[known[inside]], span.length)[places[inside]]
    return out
