"""A source as it is understood: which columns, which clock, which kind of number, what is unclear, and the history of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import door, option, refuse
from .classes import is_of_record, read_classes, roles_of
from .grid import (
    EVEN_SHARE,
    LONGEST,
    SHORTEST,
    Series,
    Step,
    amounts,
    binned,
    raw_interval,
    regular,
    shortest_multiple,
    step_of,
)
from .instants import instants, zone_of
from .kind import Guess, guess
from .loading import Loaded, are_naive, load
from .moments import NAIVE
from .options import Options
from .remarks import Remark, iso
from .roles import Roles, find_roles
from .series import series_of, without_copies
from .sources import open_source
from .table import Table

FURTHEST = 20_000_000
LEAST_ROWS = 3



@dataclass(frozen=True)
class Reading:
    """Everything that was understood of a source.

    Attributes
    ----------
    interval_ms : int
        Distance of rows, or the interval in which single events are counted.
    first, last : int
        Earliest and latest time of a row, epoch milliseconds.
    events : array of float
        Events per interval of `history_ms`, from `start_ms` on; NaN is unknown.
    gaps : int
        Intervals without a row.
    classes : mapping
        Events of each class by its name, where they have columns of their own; `events` are then their sum.
    """

    table: Table
    roles: Roles
    kind: Guess
    interval_ms: int
    history_ms: int
    rows: int
    series: tuple[str, ...]
    total_events: float
    first: int
    last: int
    first_value: float
    last_value: float
    zone: str | None
    order: str
    start_ms: int
    events: NDArray[np.float64]
    service_ms: NDArray[np.float64] | None
    gaps: int
    remarks: tuple[Remark, ...]
    classes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@door
def read(source: Any, options: Options) -> Reading:
    """Returns what a source holds; what cannot be read is refused with the option that helps."""
    return read_table(open_source(source, options.encoding, options.sheet), options)


def read_table(table: Table, options: Options) -> Reading:
    """Returns what a table holds."""
    if classes := roles_of(options.columns):
        return read_classes(table, options, classes, read_table)
    roles = find_roles(table, options.columns, time_format=options.time_format, decimal=options.decimal, add_up=options.sum,
                       raw=options.kind == "events")
    loaded = load(table, roles, options.where)
    if len(loaded.walls) < LEAST_ROWS:
        raise refuse(f"{table.where()}: {len(loaded.walls)} rows, expected at least {LEAST_ROWS}; export a longer time range")
    remarks = [Remark(note) for note in (*table.notes, *loaded.notes)]
    stamps, zone = _instants(table, roles, loaded, options, remarks)
    if not options.sum and roles.events is not None:
        loaded, stamps = without_copies(loaded, stamps, remarks)
    order = _order(stamps)
    if order != "oldest first":
        remarks.append(Remark(f"rows are {order}; they are sorted"))
    told = options.kind or roles.kind
    raw = roles.events is None or told == "events" or (told is None and table.hints.kind == "events")
    series = series_of(table, roles, loaded, stamps, options, raw)
    steps = [step_of(one.stamps) for one in series]
    kind = _kind(table, roles, series, steps, told, raw)
    return _on_grid(table, roles, loaded, series, steps, kind, options, remarks, zone=zone, order=order)


def _instants(
    table: Table, roles: Roles, loaded: Loaded, options: Options, remarks: list[Remark]
) -> tuple[NDArray[np.int64], str | None]:
    """Returns epoch milliseconds and the zone of the times, None if they have none."""
    if not are_naive(loaded.offsets):
        found = np.unique(loaded.offsets)
        name = "UTC" if not found.any() else _offset_name(int(found[0])) if len(found) == 1 else "several offsets"
        return loaded.walls - loaded.offsets.astype(np.int64) * 60_000, name
    told = options.time_zone or table.hints.zone or ("UTC" if re.search(r"(?:^|[^a-z])(?:utc|gmt)(?:[^a-z]|$)", roles.time, re.IGNORECASE) else None)
    stamps, absent = instants(loaded.walls, loaded.offsets, zone_of(told or "UTC"))  # type: ignore[arg-type]
    if told is None:
        at = int(loaded.rows[np.flatnonzero(loaded.offsets == NAIVE)[0]])
        remarks.append(Remark(f"{_place(table, at)}: `{roles.time}` is {iso(int(loaded.walls[0]))[:-1]} {_zoneless(roles)}, so that its instant "
                            "is not known", option("time_zone", "UTC") + " or another IANA name", asked=True))
    if absent:
        remarks.append(Remark(f"{absent} times do not exist in {told}, where clocks went forward", option("time_zone", "UTC")))
    return stamps, told



def _zoneless(roles: Roles) -> str:
    letters = re.search(r"\b([A-Z]{2,5})'$", roles.clock.name)
    return "without a time zone" if letters is None or letters[1] in ("AM", "PM") else (
        f"in {letters[1]}, which is no time zone that all agree on (without a time zone)")


def _place(table: Table, row: int) -> str:
    """Returns the row without the name of the source."""
    return table.where(row).removeprefix(table.where()).lstrip(": ")


def _offset_name(minutes: int) -> str:
    return f"{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _order(stamps: NDArray[np.int64]) -> str:
    steps = np.diff(stamps)
    if (steps >= 0).all():
        return "oldest first"
    return "newest first" if (steps <= 0).all() else "unsorted"



def _kind(table: Table, roles: Roles, series: Sequence[Series], steps: Sequence[Step], told: str | None, raw: bool) -> Guess:
    if raw:
        return Guess("events", "each row is one event")
    if told == "level":
        raise refuse(_level(table, roles, "as told"))
    if told is not None:
        return Guess(told, "as told")
    if is_of_record(roles.events):
        return Guess("count", "a metrics record")
    seconds = float(np.median([step.ms for step in steps])) / 1000
    found = guess([one.values for one in series], seconds, roles.evidence)
    fixed = table.hints.kind
    if fixed in ("rate", "counter", "level"):
        found = Guess(fixed, f"what {table.format} holds")
    elif fixed in ("count", "sums") and found.kind != "level":
        found = Guess("count", f"what {table.format} holds")
    if found.kind == "level":
        raise refuse(_level(table, roles, found.why))
    if found.ambiguous:
        values = series[0].values[np.isfinite(series[0].values)]
        raise refuse(f"{table.where()}: `{roles.events}` has values such as {values[0]:g} and {values[-1]:g} ({found.why}), so that it may be "
                     f"events per interval ({option('kind', 'count')}), events per second ({option('kind', 'rate')}), a running total "
                     f"({option('kind', 'counter')}) or a level such as CPU, which cannot stand for arrivals")
    return found


def _level(table: Table, roles: Roles, why: str) -> str:
    return (f"{table.where()}: `{roles.events}` is a level ({why}), such as a queue's length or CPU, expected arrivals: how many events "
            f"came in each interval. Export the counter or rate of incoming messages instead; {option('columns', {'events': 'NAME'})} "
            f"names another column, {option('kind', 'count')} takes it as counts all the same, {option('kind', 'events')} counts each row as one event")


def _on_grid(
    table: Table, roles: Roles, loaded: Loaded, series: list[Series], steps: list[Step], kind: Guess, options: Options, remarks: list[Remark],
    *, zone: str | None, order: str
) -> Reading:
    raw = kind.kind == "events"
    usable = [place for place, one in enumerate(series) if len(one.stamps) > 1] or [0]
    series, steps = [series[place] for place in usable], [steps[place] for place in usable]
    sums = table.hints.kind == "sums"
    native_ms = max(step.ms for step in steps)
    first, last = min(int(one.stamps[0]) for one in series), max(int(one.stamps[-1]) for one in series)
    if raw or sums:
        native_ms = 1000 * (options.interval_seconds or raw_interval(np.array([first, last])))
    elif native_ms == 0 or min(step.even for step in steps) < EVEN_SHARE:
        _irregular(table, roles, options)
        native_ms = 1000 * (options.interval_seconds or 0)
    single = len(series) == 1
    wanted = options.interval_seconds
    stamp = options.stamp or ("end" if is_of_record(roles.events) else table.hints.stamp)
    history_ms = _history_interval(table, native_ms, wanted)
    per_row = [step if not (raw or sums or step.even < EVEN_SHARE) else Step(native_ms, 1.0) for step in steps]
    pairs = [amounts(one, kind.kind, step) for one, step in zip(series, per_row, strict=True)]
    total = float(sum(np.nansum(one.values) for one, _ in pairs))
    shift = native_ms if stamp == "end" and not (raw or sums or kind.kind == "counter") else 0
    in_order = bool((np.diff(series[0].stamps) > 0).all())
    if single and in_order and not (raw or sums) and history_ms == native_ms and steps[0].even >= EVEN_SHARE:
        events, service = regular(pairs[0][0], pairs[0][1], steps[0])
        start = int(pairs[0][0].stamps[0]) - shift
        gaps = int(np.isnan(events).sum() - np.isnan(pairs[0][0].values).sum())
    else:
        shifted = [replace(one, stamps=one.stamps - shift) for one, _ in pairs]
        start, events, service = binned(shifted, [lasts for _, lasts in pairs], history_ms, mean=kind.kind.startswith("rate"), raw=raw or sums)
        gaps = int(np.isnan(events).sum())
    if len(events) > FURTHEST:
        raise refuse(f"{table.where()}: {len(events)} intervals from the first to the last row, expected at most {FURTHEST}; "
                     f"{option('interval_seconds', 3600)} takes longer ones")
    if len(events) < LEAST_ROWS:
        raise refuse(f"{table.where()}: {len(loaded.walls)} rows in {len(events)} intervals of {history_ms // 1000} s, expected at least "
                     f"{LEAST_ROWS} intervals; export a longer time range")
    events, gaps = _filled(events, gaps, options, remarks, start, history_ms)
    _remarks(roles, kind, native_ms, history_ms, 0 if raw or sums else steps[0].drift_ms, series[0].service, remarks, wanted)
    names = tuple(one.name for one in series) if len(series) > 1 else ()
    return Reading(table, roles, kind, wanted * 1000 if wanted else native_ms, history_ms, len(loaded.walls), names, total, first, last,
                   float(series[0].values[0]), float(series[0].values[-1]), zone, order, start, events, service, gaps, tuple(remarks))


def _irregular(table: Table, roles: Roles, options: Options) -> None:
    if options.interval_seconds is None:
        raise refuse(f"{table.where()}: rows come at irregular times, expected one per interval; {option('interval_seconds', 60)} adds "
                     f"`{roles.events}` up in intervals of 60 s, {option('kind', 'events')} counts each row as one event")


def _history_interval(table: Table, native_ms: int, wanted: int | None) -> int:
    """Returns the interval of the history: that of the rows, or a longer one."""
    if wanted is not None:
        if 1000 * wanted < native_ms:
            raise refuse(f"{table.where()}: {option('interval_seconds', wanted)} is shorter than the distance of rows, "
                         f"{native_ms / 1000:g} s, expected at least that")
        return 1000 * wanted
    if native_ms > 1000 * LONGEST:
        raise refuse(f"{table.where()}: rows are {native_ms / 1000:g} s apart, expected {SHORTEST} to {LONGEST} s; scaling needs to know what "
                     "happens within an hour: export the metric again with a step of 1 to 5 minutes")
    return native_ms if native_ms >= 1000 * SHORTEST and native_ms % 1000 == 0 else 1000 * shortest_multiple(native_ms / 1000)


def _filled(
    events: NDArray[np.float64], gaps: int, options: Options, remarks: list[Remark], start: int, step_ms: int
) -> tuple[NDArray[np.float64], int]:
    if not gaps:
        return events, 0
    if options.gaps == "zero":
        remarks.append(Remark(f"{gaps} intervals without a row are taken as intervals without events"))
        return np.where(np.isnan(events), 0.0, events), gaps
    asked = options.gaps == "raise"
    at = int(np.flatnonzero(np.isnan(events))[0])
    run = int(np.argmax(~np.isnan(events[at:]))) or 1
    remarks.append(Remark(
        f"gap of {run} interval{'s' if run > 1 else ''} at {iso(start + at * step_ms)} ({gaps} absent in all), expected a row every "
        f"{step_ms // 1000} s"
        if asked else f"{gaps} intervals without a row are unknown",
        f"{option('gaps', 'zero')} if no row means no events (CloudWatch, GROUP BY), or {option('gaps', 'interpolate')} if it was not measured"
        if asked else "", asked))
    return events, gaps


def _remarks(
    roles: Roles, kind: Guess, native_ms: int, history_ms: int, drift_ms: int, service: NDArray[np.float64] | None, remarks: list[Remark],
    wanted: int | None
) -> None:
    if kind.kind == "count" and kind.why == "fractions":
        remarks.append(Remark("counts have fractions, as averages and rates do", option("kind", "rate")))
    if kind.kind == "events" and wanted is None:
        remarks.append(Remark(f"events are counted in intervals of {native_ms // 1000} s", option("interval_seconds", 60 if native_ms == 120_000 else 120)))
    elif history_ms != native_ms and wanted is None:
        remarks.append(Remark(f"rows are {native_ms / 1000:g} s apart and are put together to {history_ms // 1000} s", option("interval_seconds", 60)))
    if drift_ms > native_ms // 2:
        remarks.append(Remark(f"the clock drifts: {drift_ms / 1000:.0f} s from a grid of {native_ms / 1000:g} s in all"))
    if roles.style.unit and roles.style.unit != "K" and "K" not in roles.style.unit:
        remarks.append(Remark("numbers are rounded to be read by people; switch formatting off and export again for exact ones"))
    if roles.service is not None and service is not None and np.isfinite(service).any():
        middle = float(np.nanmedian(service))
        if roles.service[2] == 1.0 and 0 < middle < 5:
            remarks.append(Remark(f"`{roles.service[0]}` has a median of {middle:g} ms; are these seconds? multiply by 1000 then"))

