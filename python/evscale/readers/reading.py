"""A source as it is understood: which columns, which clock, which kind of number, what is doubtful, and the history of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import listed, option, refuse, shown
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
from .roles import MOST_SERIES, Roles, find_roles
from .sources import open_source
from .table import Table

FURTHEST = 20_000_000
LEAST_ROWS = 3
MOST_COPIES = 0.1


def shown_value(value: Any) -> str:
    """Returns a value as a message shows it."""
    return shown(value)


@dataclass(frozen=True)
class Doubt:
    """Something that is not known for sure, and the option that settles it; `asked` doubts stop a forecast."""

    words: str
    option: str = ""
    asked: bool = False


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
    doubts: tuple[Doubt, ...]


def read(source: Any, options: Options) -> Reading:
    """Returns what a source holds; what cannot be read is refused with the option that helps."""
    return read_table(open_source(source, options.encoding, options.sheet), options)


def read_table(table: Table, options: Options) -> Reading:
    """Returns what a table holds."""
    roles = find_roles(table, options.columns, time_format=options.time_format, decimal=options.decimal, add_up=options.sum,
                       raw=options.kind == "events")
    loaded = load(table, roles, options.where)
    if len(loaded.walls) < LEAST_ROWS:
        raise refuse(f"{table.where()}: {len(loaded.walls)} rows, expected at least {LEAST_ROWS}; export a longer time range")
    doubts = [Doubt(note) for note in (*table.notes, *loaded.notes)]
    stamps, zone = _instants(table, roles, loaded, options, doubts)
    if not options.sum and roles.events is not None:
        loaded, stamps = _without_copies(loaded, stamps, doubts)
    order = _order(stamps)
    if order != "oldest first":
        doubts.append(Doubt(f"rows are {order}; they are sorted"))
    told = options.kind or roles.kind
    raw = roles.events is None or told == "events" or (told is None and table.hints.kind == "events")
    series = _series(table, roles, loaded, stamps, options, raw)
    steps = [step_of(one.stamps) for one in series]
    kind = _kind(table, roles, series, steps, told, raw)
    return _on_grid(table, roles, loaded, series, steps, kind, options, doubts, zone=zone, order=order)


def _instants(
    table: Table, roles: Roles, loaded: Loaded, options: Options, doubts: list[Doubt]
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
        doubts.append(Doubt(f"{_place(table, at)}: `{roles.time}` is {_iso(int(loaded.walls[0]))[:-1]} without a time zone, so that its instant "
                            "is not known", option("time_zone", "UTC") + " or another IANA name", asked=True))
    if absent:
        doubts.append(Doubt(f"{absent} times do not exist in {told}, where clocks went forward", option("time_zone", "UTC")))
    return stamps, told


def _without_copies(loaded: Loaded, stamps: NDArray[np.int64], doubts: list[Doubt]) -> tuple[Loaded, NDArray[np.int64]]:
    """Returns the rows without copies of others, if only a few are there and no time has different ones."""
    order = np.lexsort((loaded.values[0], loaded.labels, stamps))
    same_time = (np.diff(stamps[order]) == 0) & (np.diff(loaded.labels[order]) == 0)
    if not 0 < same_time.sum() <= MOST_COPIES * len(stamps):
        return loaded, stamps
    if not all((np.diff(values[order])[same_time] == 0).all() for values in loaded.values):
        return loaded, stamps
    keep = np.ones(len(stamps), bool)
    keep[order[1:][same_time]] = False
    copies = int(same_time.sum())
    doubts.append(Doubt(f"{copies} row{'s are copies of others and are' if copies > 1 else ' is a copy of another and is'} passed over", option("sum")))
    return replace(
        loaded, walls=loaded.walls[keep], offsets=loaded.offsets[keep], values=tuple(values[keep] for values in loaded.values),
        service=None if loaded.service is None else loaded.service[keep], labels=loaded.labels[keep], rows=loaded.rows[keep]), stamps[keep]


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


def _sorted(name: str, stamps: NDArray[np.int64], values: NDArray[np.float64], service: NDArray[np.float64] | None) -> Series:
    if (np.diff(stamps) >= 0).all():
        return Series(name, stamps, values, service)
    order = np.argsort(stamps, kind="stable")
    return Series(name, stamps[order], values[order], None if service is None else service[order])


def _series(table: Table, roles: Roles, loaded: Loaded, stamps: NDArray[np.int64], options: Options, raw: bool) -> list[Series]:
    """Returns the series of a source; several are refused unless they are to be added up."""
    whole = [_sorted(name, stamps, values, loaded.service)
             for name, values in zip((roles.events or "", *roles.wide), loaded.values, strict=True)]
    if raw or roles.wide:
        return [replace(whole[0], values=np.ones(len(stamps)))] if raw else whole
    count = len(loaded.combinations)
    one = whole[0]
    repeated = bool((np.diff(one.stamps) == 0).any())
    if count > 1 and count <= MOST_SERIES and len(stamps) >= LEAST_ROWS * count and (repeated or _are_apart(loaded, stamps, one.stamps)):
        parts = []
        varying = [place for place in range(len(roles.labels)) if len({labels[place] for labels in loaded.combinations}) > 1]
        for code, labels in enumerate(loaded.combinations):
            mask = loaded.labels == code
            name = ",".join(f"{roles.labels[place]}={labels[place]}" for place in varying)
            parts.append(_sorted(name, stamps[mask], loaded.values[0][mask], None if loaded.service is None else loaded.service[mask]))
        if not options.sum:
            key, value = roles.labels[varying[0]], loaded.combinations[0][varying[0]]
            raise refuse(f"{table.where()}: {count} series ({listed(part.name for part in parts)}), expected one; {option('sum')} adds them "
                         f"up, {option('where', {key: value})} takes one, {option('by', key)} takes each on its own")
        return parts
    if repeated and not options.sum and options.interval_seconds is None and table.hints.kind != "sums":
        at = int(np.flatnonzero(np.diff(one.stamps) == 0)[0]) + 1
        row = int(loaded.rows[np.argsort(stamps, kind="stable")[at]])
        raise refuse(f"{table.where(row)}: duplicate time {_iso(int(one.stamps[at]))}, expected one row per interval; {option('sum')} adds rows "
                     f"of one time up, {option('kind', 'events')} counts rows")
    return whole


def _are_apart(loaded: Loaded, stamps: NDArray[np.int64], together: NDArray[np.int64]) -> bool:
    """Tells whether rows of different labels are series of their own: each keeps a longer distance than all of them together."""
    step = step_of(together)
    if step.even < EVEN_SHARE:
        return True
    alone = [np.sort(stamps[loaded.labels == code]) for code in range(len(loaded.combinations))]
    steps = [step_of(one) for one in alone]
    filled = [len(one) * each.ms / max(1, int(one[-1] - one[0]) + each.ms) for one, each in zip(alone, steps, strict=True)]
    return float(np.median([each.ms for each in steps])) > 1.3 * step.ms and float(np.median(filled)) > EVEN_SHARE


def _kind(table: Table, roles: Roles, series: Sequence[Series], steps: Sequence[Step], told: str | None, raw: bool) -> Guess:
    if raw:
        return Guess("events", "each row is one event")
    if told == "level":
        raise refuse(_level(table, roles, "as told"))
    if told is not None:
        return Guess(told, "as told")
    if roles.events == "logged_events_count":
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
    if found.doubtful:
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
    table: Table, roles: Roles, loaded: Loaded, series: list[Series], steps: list[Step], kind: Guess, options: Options, doubts: list[Doubt],
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
    stamp = options.stamp or ("end" if roles.events == "logged_events_count" else table.hints.stamp)
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
    events, gaps = _filled(events, gaps, options, doubts, start, history_ms)
    _remarks(roles, kind, native_ms, history_ms, steps, series, doubts, wanted)
    names = tuple(one.name for one in series) if len(series) > 1 else ()
    return Reading(table, roles, kind, wanted * 1000 if wanted else native_ms, history_ms, len(loaded.walls), names, total, first, last,
                   float(series[0].values[0]), float(series[0].values[-1]), zone, order, start, events, service, gaps, tuple(doubts))


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
    events: NDArray[np.float64], gaps: int, options: Options, doubts: list[Doubt], start: int, step_ms: int
) -> tuple[NDArray[np.float64], int]:
    if not gaps:
        return events, 0
    if options.gaps == "zero":
        doubts.append(Doubt(f"{gaps} intervals without a row are taken as intervals without events"))
        return np.where(np.isnan(events), 0.0, events), gaps
    asked = options.gaps == "raise"
    at = int(np.flatnonzero(np.isnan(events))[0])
    run = int(np.argmax(~np.isnan(events[at:]))) or 1
    doubts.append(Doubt(
        f"gap of {run} interval{'s' if run > 1 else ''} at {_iso(start + at * step_ms)} ({gaps} absent in all), expected a row every "
        f"{step_ms // 1000} s"
        if asked else f"{gaps} intervals without a row are unknown",
        f"{option('gaps', 'zero')} if no row means no events (CloudWatch, GROUP BY), or {option('gaps', 'interpolate')} if it was not measured"
        if asked else "", asked))
    return events, gaps


def _remarks(
    roles: Roles, kind: Guess, native_ms: int, history_ms: int, steps: Sequence[Step], series: Sequence[Series], doubts: list[Doubt],
    wanted: int | None
) -> None:
    if kind.kind == "count" and kind.why == "fractions":
        doubts.append(Doubt("counts have fractions, as averages and rates do", option("kind", "rate")))
    if kind.kind == "events" and wanted is None:
        doubts.append(Doubt(f"events are counted in intervals of {native_ms // 1000} s", option("interval_seconds", 60 if native_ms == 120_000 else 120)))
    elif history_ms != native_ms and wanted is None:
        doubts.append(Doubt(f"rows are {native_ms / 1000:g} s apart and are put together to {history_ms // 1000} s", option("interval_seconds", 60)))
    if steps[0].drift_ms > native_ms // 2 and kind.kind != "events":
        doubts.append(Doubt(f"the clock drifts: {steps[0].drift_ms / 1000:.0f} s from a grid of {native_ms / 1000:g} s in all"))
    if roles.style.unit and roles.style.unit != "K" and "K" not in roles.style.unit:
        doubts.append(Doubt("numbers are rounded to be read by people; switch formatting off and export again for exact ones"))
    service = series[0].service
    if roles.service is not None and service is not None and np.isfinite(service).any():
        middle = float(np.nanmedian(service))
        if roles.service[2] == 1.0 and 0 < middle < 5:
            doubts.append(Doubt(f"`{roles.service[0]}` has a median of {middle:g} ms; are these seconds? multiply by 1000 then"))


def _iso(ms: int) -> str:
    text = str(np.datetime64(ms, "ms"))
    return text.removesuffix(".000") + "Z"
