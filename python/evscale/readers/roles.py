"""Which columns hold the time, the count of events, the service time, and the labels of several series."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._refuse import listed, option, refuse, shown
from .clocks import Clock, clock_of
from .kind import KINDS, Evidence, evidence
from .numbers import Style, is_missing, style_of
from .table import Table
from .text import LOG

NAMES = {
    "timestamp": ("timestamp", "ds", "time", "datetime", "date", "_time", "@timestamp", "ts", "bucket"),
    "events": ("logged_events_count", "events", "y", "count", "value"),
    "service_ms": ("average_processing_duration_ms", "service_time_ms", "duration_ms", "elapsed_ms", "took_ms", "latency_ms"),
    "service_s": ("service_time_s", "service_time_seconds", "duration_s", "duration_seconds", "elapsed_seconds"),
}
"""Names under which a column is found first, in small letters."""
TIME_WORDS = re.compile(r"time|date|clock|stamp|epoch|zeit|datum|period|hour|minute|interval|window|bucket|when|^ts$|^ds$|_at$|^at$", re.IGNORECASE)
NOT_EVENTS = re.compile(r"^(id|index|#|column 1|level_\d+|year|month|day|hour|minute|weekday|status|status_?code|responsecode|code|port|pid|"
                        r"partition|.*[_ ]id)$", re.IGNORECASE)
STATISTICS = ("sum", "total", "count", "value")
"""Names that may each be the number of events, where a metric is written with all of its statistics; the likeliest first."""
OF_DIGITS = re.compile(r"[-+]?\d[\d.,'’_ \u00a0\u202f]*")
OF_ADDRESS = re.compile(r"\d+(?:\.\d+){2,}")
MOST_SERIES = 2000
CENTURY_MS = (978_307_200_000, 4_102_444_800_000)
"""The years 2001 to 2099, epoch milliseconds."""


@dataclass(frozen=True)
class Roles:
    """The chosen columns, and how each is written.

    `events` is None if every row is one event. `wide` are further columns of the same rank as `events`, to be added up.
    """

    time: str
    clock: Clock
    events: str | None
    style: Style
    kind: str | None = None
    service: tuple[str, Style, float] | None = None
    labels: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()
    date: str | None = None
    evidence: Evidence = field(default_factory=Evidence)


def _lowered(names: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for name in names:
        out.setdefault(name.lower(), name)
    return out


def column(table: Table, name: str) -> str:
    """Returns the column of a name, also if its letters are of another size."""
    if name in table.names:
        return name
    found = _lowered(table.names).get(name.lower())
    if found is None:
        raise refuse(f"{table.where()}: no column {name!r} among {listed(table.names)}, expected one of them")
    return found


def find_roles(
    table: Table, columns: Mapping[str, str] | None, *, time_format: str | None, decimal: str | None, add_up: bool,
    raw: bool = False
) -> Roles:
    """Returns the columns of a table by what is told, what the format fixes, their names, and what they hold.

    With `raw`, each row is one event, whatever its numbers are.
    """
    given = _told(table, columns)
    sample = table.sample()
    kind, told_events = _kind_and_name(given.get("events"))
    hints = table.hints.roles
    time, clock = _time(table, sample, given.get("timestamp") or hints.get("timestamp"), time_format)
    semicolons = "semicolons" in table.format
    styles = {name: style for name in table.names if name != time
              and not isinstance(next(iter(sample[name]), None), bool)
              and (style := style_of(sample[name], decimal, semicolons)) is not None}
    service = _service(table, given, styles)
    wide: tuple[str, ...] = ()
    if told_events is not None:
        names = [column(table, part.strip()) for part in ([told_events] if _is_column(table, told_events) else told_events.split("+"))]
        events, wide = names[0], tuple(names[1:])
    elif table.hints.about == LOG and not raw:
        raise refuse(f"{table.where()}: lines of a log without names, expected columns or a known format; {option('kind', 'events')} counts each "
                     f"line as one event, {option('columns', {'events': table.names[-1]})} takes a column")
    elif raw or table.hints.kind == "events":
        events = None
    elif "events" in hints:
        events = hints["events"]
    else:
        used = {time, service[0] if service else None, *(name for name in styles if _is_epoch(sample[name]))}
        countable = {name: style for name, style in styles.items() if name not in used and not NOT_EVENTS.match(name)}
        if not countable:
            _refuse_strange_digits(table, sample, {time, *styles})
        events, wide = _events(table, countable, add_up)
    for name in (events, *wide):
        if name is not None and name not in styles:
            _refuse_text(table, sample, name, decimal)
        if name is not None and styles[name].ambiguous:
            raise refuse(f"{table.where()}: `{name}` is written as {_first(sample[name])!r}, which may be a fraction or a thousand; "
                         f"{option('decimal', ',')} reads the first, {option('decimal', '.')} the second")
    texts = tuple(name for name in table.names if name not in styles and name != time and name not in (events, *wide)
                  and _is_label(sample[name]))
    style = styles[events] if events is not None else Style()
    about = " ".join([table.hints.about, *_series_names(sample, texts)])
    return Roles(time, clock, events, style, kind, service, texts, wide,
                 evidence=evidence(events or "", style.unit, about))


def _series_names(sample: Mapping[str, Sequence[Any]], texts: Sequence[str]) -> list[str]:
    """Returns metric names that stand in a column of their own, as in long tables."""
    naming = [name for name in texts if name.lower() in ("__name__", "series", "metric", "metric_name", "name", "measurement", "target")]
    return [str(_first(sample[name])) for name in naming]


def _told(table: Table, columns: Mapping[str, str] | None) -> dict[str, str]:
    roles = ("timestamp", "events", "service_ms")
    unknown = sorted(set(columns or ()) - set(roles))
    if unknown:
        raise refuse(f"columns maps {listed(unknown)}, expected some of {listed([*roles, 'events.CLASS'])}, such as {option('columns', {'events': table.names[-1]})}")
    return dict(columns or {})


def _is_column(table: Table, name: str) -> bool:
    return name.lower() in _lowered(table.names)


def _kind_and_name(told: str | None) -> tuple[str | None, str | None]:
    """Returns kind and name of `rate:requests`."""
    if told is None:
        return None, None
    kind, colon, name = told.partition(":")
    return (kind, name) if colon and kind in KINDS else (None, told)


def _time(table: Table, sample: Mapping[str, Sequence[Any]], told: str | None, time_format: str | None) -> tuple[str, Clock]:
    if told is not None:
        name = column(table, told)
        clock = clock_of(sample[name], time_format)
        if clock is None:
            raise refuse(_no_time(table, name, sample[name]))
        return name, _decided(table, name, clock, sample)
    lowered = _lowered(table.names)
    named = [lowered[one] for one in NAMES["timestamp"] if one in lowered]
    wordy = [name for name in table.names if TIME_WORDS.search(name) and name not in named]
    for name in (*named, *wordy):
        clock = clock_of(sample[name], time_format)
        if clock is not None:
            return name, _decided(table, name, clock, sample)
    if named:
        raise refuse(_no_time(table, named[0], sample[named[0]]))
    for name in table.names:
        clock = clock_of(sample[name], time_format)
        if clock is not None and not clock.name.startswith(("epoch", "days")):
            return name, _decided(table, name, clock, sample)
    for name in table.names:
        clock = clock_of(sample[name], time_format)
        if clock is not None and _is_epoch(sample[name]):
            return name, clock
    raise refuse(f"{table.where()}: no column for `timestamp` among {listed(table.names)}, expected one with times; "
                 f"{option('columns', {'timestamp': 'NAME'})} names it, {option('time_format', '%d.%m.%Y %H:%M')} tells how they are written")


def _decided(table: Table, name: str, clock: Clock, sample: Mapping[str, Sequence[Any]]) -> Clock:
    if clock.open_order:
        raise refuse(f"{table.where()}: `{name}` is {_first(sample[name])!r}, which may begin with the day or with the month; "
                     f"{option('time_format', '%d/%m/%Y %H:%M')} or {option('time_format', '%m/%d/%Y %H:%M')} tells")
    return clock


def _no_time(table: Table, name: str, values: Sequence[Any]) -> str:
    bad = next((place for place, value in enumerate(values) if not is_missing(value) and clock_of([value]) is None), None)
    at = table.where() if bad is None else table.where(bad)
    value = _first(values) if bad is None else values[bad]
    return (f"{at}: `{name}` is {shown(value)}, expected a time such as 2026-01-05T10:00:00Z or epoch seconds; "
            f"{option('time_format', '%d.%m.%Y %H:%M')} tells another way of writing, {option('columns', {'timestamp': 'NAME'})} another column")


def _first(values: Sequence[Any]) -> Any:
    return next((value for value in values if not is_missing(value)), None)


def _service(table: Table, given: Mapping[str, str], styles: Mapping[str, Style]) -> tuple[str, Style, float] | None:
    """Returns the column of service times, how it is written, and its milliseconds per unit."""
    if "service_ms" in given:
        name = column(table, given["service_ms"])
        if name not in styles:
            raise refuse(f"{table.where()}: `{name}` is no column of numbers, expected service times in milliseconds")
        return name, styles[name], 1.0
    lowered = _lowered(table.names)
    for role, scale in (("service_ms", 1.0), ("service_s", 1000.0), ("service_us", 1e-3), ("service_ns", 1e-6)):
        hinted = table.hints.roles.get(role)
        names = [hinted] if hinted else [lowered[one] for one in NAMES.get(role, ()) if one in lowered]
        if names and names[0] in styles:
            return names[0], styles[names[0]], scale
    return None


def _events(table: Table, styles: Mapping[str, Style], add_up: bool) -> tuple[str | None, tuple[str, ...]]:
    """Returns the column of events, and those of the same rank if they are to be added up."""
    lowered = _lowered([*table.names, *(name.rpartition(".")[2] for name in table.names)])
    lowered |= {name.rpartition(".")[2].lower(): name for name in reversed(table.names)}
    named = next((lowered[one] for one in NAMES["events"] if one in lowered), None)
    if named is not None and named in styles and named.lower() in STATISTICS:
        rivals = sorted((name for name in styles if name.lower() in STATISTICS), key=lambda name: STATISTICS.index(name.lower()))
        if len(rivals) > 1:
            raise refuse(f"{table.where()}: {listed(rivals)} are statistics of one metric, of which one counts the events; "
                         f"{option('columns', {'events': rivals[0]})} takes it")
    if named is not None and (named in styles or named in table.hints.roles.values()):
        return named, ()
    if named is not None and not any(evidence(name, style.unit, "").rank > 0 for name, style in styles.items()):
        return named, ()
    fit = {name: evidence(name, style.unit, "").rank for name, style in styles.items()}
    if not fit:
        return None, ()
    best = max(fit.values())
    if best < -1 and len(fit) > 1:
        raise refuse(f"{table.where()}: {listed(fit)} are levels and durations, expected a column of arrivals: how many events came in each "
                     f"interval; {option('kind', 'events')} counts each row as one event, {option('columns', {'events': 'NAME'})} takes a column all "
                     "the same")
    names = [name for name, rank in fit.items() if rank == best]
    if best < 0 and len(fit) > 1:
        names = list(fit)
    if len(names) == 1:
        return names[0], ()
    if add_up and best >= 0:
        return names[0], tuple(names[1:])
    raise refuse(f"{table.where()}: {listed(names)} may all be the events; {option('columns', {'events': names[0]})} takes one, "
                 f"{option('sum')} adds them up, {option('kind', 'events')} counts each row as one event")


def _is_epoch(values: Sequence[Any]) -> bool:
    """Tells whether numbers are times of this century rather than counts."""
    known = [value for value in values if not is_missing(value)]
    clock = clock_of(known)
    if clock is None or not clock.name.startswith("epoch"):
        return False
    alike = [value for value in known[:50] if (one := clock_of([value])) is not None and one.name == clock.name]
    if not alike:
        return False
    walls, _ = clock.read(alike)
    return bool((walls > CENTURY_MS[0]).all() and (walls < CENTURY_MS[1]).all())


def _is_label(values: Sequence[Any]) -> bool:
    known = [value for value in values if not is_missing(value)]
    return bool(known) and all(isinstance(value, (str, bool)) for value in known[:50]) and clock_of(known[:50]) is None


def _refuse_strange_digits(table: Table, sample: Mapping[str, Sequence[Any]], known: set[str]) -> None:
    """Refuses a column of digits that are no numbers in any one way of writing, where rows would be counted instead."""
    for name in table.names:
        texts = [value.strip() for value in sample[name] if isinstance(value, str) and not is_missing(value)] if name not in known else []
        if texts and not NOT_EVENTS.match(name) and clock_of(texts) is None and all(
                OF_DIGITS.fullmatch(text) and not OF_ADDRESS.fullmatch(text) for text in texts):
            raise refuse(f"{table.where()}: `{name}` is {shown(texts[0])}, expected a number; export without formatting, {option('decimal', ',')} "
                         f"tells the mark before fractions, {option('kind', 'events')} counts each row as one event")


def _refuse_text(table: Table, sample: Mapping[str, Sequence[Any]], name: str, decimal: str | None) -> None:
    for place, value in enumerate(sample[name]):
        if not is_missing(value) and (style_of([value], decimal) is None or isinstance(value, bool)):
            raise refuse(f"{table.where(place)}: `{name}` is {shown(value)}, expected a number; export without formatting, or "
                         f"{option('columns', {'events': 'NAME'})} names another column")
    raise refuse(f"{table.where()}: `{name}` holds numbers written in several ways, such as {_first(sample[name])!r}; "
                 f"export without formatting, or {option('columns', {'events': 'NAME'})} names another column")
