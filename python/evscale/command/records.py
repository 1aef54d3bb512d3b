"""Live metrics records as hosts write them: JSON lines or arrays, foreign names, numbers as text, epoch times of any unit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import evscale

from .._refuse import listed, meant, refuse, shown
from ..readers.clocks import clock_of
from ..readers.instants import instants, zone_of
from ..readers.moments import NAIVE
from ..readers.numbers import is_missing

FIELDS_HELP = "fields of a record, one per interval; the first three are required:\n" + "\n".join(
    f"  {name:32}{text}" for name, text in (
        ("timestamp", "end of the interval: RFC 3339 text, or epoch seconds or milliseconds"),
        ("logged_events_count", "events that came in the interval (not a running total)"),
        ("current_job_count", "jobs that run, starting ones included"),
        ("processed_events_count", "events that were finished in the interval"),
        ("queued_events_count", "events that wait at the end of the interval"),
        ("unprocessed_events_count", "events that came in the interval and wait at its end"),
        ("average_processing_duration_ms", "mean time that an event keeps a job busy, ms"),
        ("cpu_utilization_percent", "of the jobs' CPU, 0 to 100"),
        ("memory_utilization_percent", "of the jobs' memory, 0 to 100"),
        ("network_io_mbps", "megabits per second"),
        ("average_queue_wait_time_ms", "mean wait of the events, ms"),
        ("sla_violations_count", "events that waited longer than the limit"),
        ("error_rate_percent", "of the events, 0 to 100"),
        ("is_business_hours", "true or false"),
        ("is_peak_hours", "true or false"),
        ("is_maintenance_window", "true or false: the pool is not changed"),
        ("is_deploy_in_progress", "true or false: durations are not believed"),
        ("expected_traffic_multiplier", "expected load over the usual one, such as 3"),
        ("dropped_events_count", "lost because the queue was full"),
        ("queue_capacity", "events that the queue can hold"),
        ("oldest_event_age_ms", "of the oldest event that waits"),
        ("busy_jobs", "jobs that work on an event, on average"),
        ("draining_jobs", "jobs that exist but take no more events"),
        ("scheduled_events_count", "of those that wait, not due yet"),
        ("classes", "an object: by the name of each class of events its logged, processed and queued events and SLA violations"),
    ))
NESTED = ("classes",)
"""What a record has beside its fields."""
LARGEST_ARRAY = 64 << 20
"""Most characters of an array of records."""
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass
class Records:
    """Turns what a host writes into records of evscale.

    Attributes
    ----------
    columns : mapping
        The host's name for each field.
    ignore_extra : bool
        Passes over fields that evscale does not know, instead of refusing the record.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_zone: str | None = None
    ignore_extra: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.columns if name not in evscale.FIELDS]
        if unknown:
            raise refuse(f"--column names the field {unknown[0]!r}{meant(unknown[0], evscale.FIELDS)}, expected one of {listed(evscale.FIELDS, 20)}")
        self._ours = {theirs: ours for ours, theirs in self.columns.items()}
        self._zone = zone_of(self.time_zone)

    def record(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fields of a record with evscale's names and types."""
        names = {theirs: self._ours.get(theirs, theirs) for theirs in given}
        for theirs, name in names.items():
            if name not in (*evscale.FIELDS, *NESTED) and not self.ignore_extra:
                raise refuse(f"unknown field {shown(theirs)}{meant(str(theirs), evscale.FIELDS)}; --column FIELD={theirs} gives it a meaning, "
                             "--ignore-extra passes it over; `evscale decide --help` lists the fields")
        out = {name: self._time(given[theirs]) if name == "timestamp" else _plain(name, given[theirs])
               for theirs, name in names.items() if name in evscale.FIELDS}
        out |= {name: given[theirs] for theirs, name in names.items() if name in NESTED}
        absent = [name for name in evscale.FIELDS[:1] + ("logged_events_count", "current_job_count") if name not in out]
        if absent:
            raise refuse(f"no field `{absent[0]}` among {listed(given)}, which is required; --column {absent[0]}=NAME tells its name here")
        return out

    def _time(self, value: Any) -> Any:
        """Returns epoch milliseconds of a time in any way of writing that a file may have."""
        clock = clock_of([value])
        if clock is None:
            raise refuse(f"`timestamp` is {shown(value)}, expected RFC 3339 text such as 2026-01-05T10:02:00Z, or epoch seconds or milliseconds")
        walls, offsets = clock.read([value])
        if offsets[0] == NAIVE and self._zone is None:
            raise refuse(f"`timestamp` is {shown(value)} without a time zone; --time-zone UTC or another IANA name gives it one")
        return int(instants(walls, offsets, self._zone or zone_of("UTC"))[0][0])  # type: ignore[arg-type]


def _plain(name: str, value: Any) -> Any:
    if is_missing(value) and not isinstance(value, float):
        return None
    if name.startswith("is_") and isinstance(value, str) and value.strip().lower() in TRUTHS:
        return TRUTHS[value.strip().lower()]
    if isinstance(value, str):
        try:
            return float(value.strip())
        except ValueError:
            return value
    return value.item() if isinstance(value, np.generic) else value


def objects(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yields the place and the value of each record: of JSON lines as they come, or of one array."""
    source = iter(enumerate(lines, 1))
    for number, line in source:
        if not line.strip():
            continue
        if number == 1 and line.lstrip().startswith("[") and not _whole(line):
            yield from _array(_joined(line, (rest for _, rest in source)))
            return
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as problem:
            value = problem
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            yield from ((f"line {number}, record {place}", one) for place, one in enumerate(value, 1))
        else:
            yield f"line {number}", value


def _joined(first: str, rest: Iterable[str]) -> str:
    parts, left = [first], LARGEST_ARRAY - len(first)
    for part in rest:
        left -= len(part)
        if left < 0:
            raise refuse(f"an array of more than {LARGEST_ARRAY} characters, expected at most as many; JSON lines have no such limit")
        parts.append(part)
    return "".join(parts)


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _array(text: str) -> Iterator[tuple[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        yield "line 1", problem
        return
    yield from ((f"record {place}", one) for place, one in enumerate(value, 1))
