"""What was understood of a source, in words and as plain values, with the command to run next."""

from __future__ import annotations

import json
import math
import shlex
from typing import TYPE_CHECKING, Any

import numpy as np

from .._refuse import in_shell
from .options import Options
from .reading import Reading
from .remarks import iso

if TYPE_CHECKING:
    from ..history import History

KIND_WORDS = {"count": "events per interval", "rate": "events per second", "rate/min": "events per minute",
              "counter": "a running total", "events": "one event per row"}


def asked_options(reading: Reading) -> dict[str, str]:
    """Returns the options that have to be given before a forecast, with a usual value each."""
    out: dict[str, str] = {}
    for remark in reading.remarks:
        if remark.asked:
            name = "time_zone" if "time-zone" in remark.option or "time_zone" in remark.option else "gaps"
            out[name] = "UTC" if name == "time_zone" else _gaps_value(reading)
    return out


def _gaps_value(reading: Reading) -> str:
    """Returns what absent rows probably mean: CloudWatch and GROUP BY write none for no events."""
    known = reading.events[np.isfinite(reading.events)]
    summed = reading.table.format.startswith("CloudWatch") or reading.roles.events in ("Sum", "SampleCount")
    no_zeros = reading.kind.kind == "count" and len(known) > 0 and bool(0 < known.min() <= 3)
    return "zero" if summed or no_zeros else "interpolate"


def next_command(reading: Reading, path: str, options: Options) -> str:
    """Returns the command that makes a report of the source, in a shell or in Python."""
    given = {name: value for name, value in vars(options).items() if value not in (None, False) and (name, value) != ("gaps", "raise")}
    given |= asked_options(reading)
    if not in_shell():
        words = "".join(f", {name}={value!r}" for name, value in given.items())
        return f"evscale.backtest({path!r}{words})"
    parts = ["evscale", "backtest", path]
    for name, value in given.items():
        flag = "--" + {"columns": "column"}.get(name, name.removesuffix("_seconds")).replace("_", "-")
        if isinstance(value, dict):
            parts += [part for key, one in value.items() for part in (flag, f"{key}={one}")]
        else:
            parts += [flag] if value is True else [flag, str(value)]
    return shlex.join([*parts, "--html", "report.html"])


def as_dict(reading: Reading, path: str, options: Options) -> dict[str, Any]:
    """Returns everything that was understood as plain values.

    `interval_seconds` is the distance of rows; `history_interval_seconds` is that of the history, which is longer for rows of
    less than 10 s. `first` and `last` are the earliest and latest times of rows.
    """
    interval = reading.interval_ms / 1000
    return {
        "file": path, "format": reading.table.format, "columns": _columns(reading), "time_written_as": reading.roles.clock.name,
        "time_zone": reading.zone, "interval_seconds": int(interval) if interval == int(interval) else interval,
        "history_interval_seconds": reading.history_ms // 1000, "rows": reading.rows, "intervals": len(reading.events),
        "gaps": reading.gaps, "order": reading.order, "series": max(1, len(reading.series)), "series_names": list(reading.series),
        "classes": {name: float(np.nansum(events)) for name, events in reading.classes.items()},
        "kind": reading.kind.kind, "kind_because": reading.kind.why, "total_events": round(reading.total_events, 6),
        "first": iso(reading.first), "last": iso(reading.last), "first_value": _finite(reading.first_value),
        "last_value": _finite(reading.last_value),
        "remarks": [{"what": remark.words, "option": remark.option, "asked": remark.asked} for remark in reading.remarks],
        "next_command": next_command(reading, path, options),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _columns(reading: Reading) -> dict[str, Any]:
    roles = reading.roles
    return {"timestamp": roles.time, "events": roles.events if not roles.wide else [roles.events, *roles.wide],
            "service_ms": roles.service[0] if roles.service else None}


def as_json(reading: Reading, path: str, options: Options) -> str:
    """Returns `as_dict` as JSON."""
    return json.dumps(as_dict(reading, path, options), ensure_ascii=False)


def paragraph(reading: Reading, name: str) -> str:
    """Returns what was understood, in some lines for people."""
    roles, interval = reading.roles, reading.interval_ms / 1000
    zone = reading.zone or "no zone: read as UTC"
    style = f", {roles.style}" if str(roles.style) else ""
    events = " + ".join(f"`{one}`" for one in (roles.events, *roles.wide) if one is not None) or "the rows"
    lines = [
        f"{name}: {reading.table.format}, {reading.rows:,} rows {reading.order}, " + (
            f"counted every {span(interval)}" if reading.kind.kind == "events" else f"one every {span(interval)}"),
        f"  times   `{roles.time}`, {roles.clock.name}, {zone}: {iso(reading.first)} to {iso(reading.last)}",
        (f"  events  {events}: {KIND_WORDS[reading.kind.kind]} ({reading.kind.why}){style}; {reading.total_events:,.6g} in all; "
        f"first row {_known(reading.first_value)}, "
        f"last row {_known(reading.last_value)}"),
    ]
    if reading.series:
        lines.append(f"  series  {len(reading.series)} added up: {', '.join(reading.series[:6])}{' ...' if len(reading.series) > 6 else ''}")
    if reading.classes:
        lines.append(f"  classes {', '.join(f'{name}: {np.nansum(events):,.6g}' for name, events in reading.classes.items())}")
    if roles.service is not None:
        lines.append(f"  service `{roles.service[0]}`: time per event")
    lines += [f"  note    {remark.words}{f'; {remark.option}' if remark.option else ''}" for remark in reading.remarks]
    return "\n".join(lines)


def of_history(history: History) -> str:
    """Returns the paragraph of a history that came from a server."""
    first, last = history.start_ms, history.start_ms + (len(history.events) - 1) * history.interval_seconds * 1000
    gaps = f"\n  note    {history.gaps} intervals without a sample are unknown" if history.gaps else ""
    return (f"{history.about}\n  times   {len(history.events):,} intervals of {span(history.interval_seconds)}, UTC: {iso(first)} to {iso(last)}\n"
            f"  events  {np.nansum(history.events):,.6g} in all{gaps}")


def json_of_history(history: History) -> str:
    """Returns the same as JSON, with the keys of `as_dict` that a server has."""
    last = history.start_ms + (len(history.events) - 1) * history.interval_seconds * 1000
    return json.dumps({
        "format": history.about, "time_zone": "UTC", "interval_seconds": history.interval_seconds, "rows": len(history.events), "gaps": history.gaps,
        "series": 1, "kind": "count", "total_events": float(np.nansum(history.events)), "first": iso(history.start_ms), "last": iso(last),
        "next_command": "the same with backtest in the place of look"})


def _known(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "unknown"


def span(seconds: float) -> str:
    """Returns a length of time as people read it.

    >>> span(300), span(15), span(3600)
    ('5 min', '15 s', '1 h')
    """
    if seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"
