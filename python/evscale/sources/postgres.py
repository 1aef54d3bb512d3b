"""History from PostgreSQL 14 and later, with `date_bin`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np

from .._refuse import refuse
from ..history import History

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?")
STATEMENT = """
SELECT extract(epoch FROM date_bin(make_interval(secs => %s), {time}, %s::timestamptz))::bigint, {events}::float8{service}
FROM {table} WHERE {time} >= %s AND {time} < %s GROUP BY 1 ORDER BY 1
"""


def statement(table: str, time: str = "created_at", service_ms: str | None = None, count: str | None = None) -> str:
    """The SQL that `read_table` runs, with placeholders for interval, origin, start and end."""
    for what, name in (("table", table), ("time", time), ("service_ms", service_ms), ("count", count)):
        if name is not None and not NAME.fullmatch(name):
            raise refuse(f"`{what}` is {name!r}, expected the name of a table or column")
    service = "" if service_ms is None else f", avg({service_ms})::float8"
    events = "count(*)" if count is None else f"sum({count})"
    return STATEMENT.format(table=table, time=time, events=events, service=service)


def read_table(
    connection: Any, table: str, *, start: datetime, end: datetime, interval_seconds: int = 120, time: str = "created_at",
    service_ms: str | None = None, count: str | None = None
) -> History:
    """Events per interval, counted by the database.

    Parameters
    ----------
    connection
        A DB-API connection with ``%s`` placeholders, such as that of psycopg.
    table, time
        Table with a row per event, and its column of type `timestamptz`.
    service_ms
        Column with the service time of an event in milliseconds, if there is one.
    count
        Column with a number of events, if a row stands for several.
    start, end
        Aware times; intervals begin at `start`. An interval without rows has no events.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise refuse("`start` or `end` is without a time zone, expected aware datetimes")
    length = int((end - start).total_seconds()) // interval_seconds
    if length < 3:
        raise refuse(f"`start` to `end` is {length} intervals of {interval_seconds} s, expected at least 3")
    events, durations = np.zeros(length), np.full(length, np.nan)
    with connection.cursor() as cursor:
        cursor.execute(statement(table, time, service_ms, count), (interval_seconds, start, start, end))
        for stamp, number, *duration in cursor.fetchall():
            place = int((stamp - start.timestamp()) // interval_seconds)
            if place < length:
                events[place] = number
                if duration and duration[0] is not None:
                    durations[place] = duration[0]
    return History(round(start.timestamp() * 1000), interval_seconds, events, None if service_ms is None else durations)
