"""History from PostgreSQL 14 and later, counted by the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np

from .._refuse import door, refuse, shown
from ..history import History
from .http import words
from .ranges import checked, history, number, within

LONGEST_NAME = 63
STATEMENT = """
SELECT floor(extract(epoch FROM ({time} - %s::timestamptz)) / %s)::bigint, {events}::float8{service}
FROM {table} WHERE {time} >= %s AND {time} < %s{where} GROUP BY 1 ORDER BY 1
"""
Name = str | Sequence[str]


def quoted(what: str, name: Any) -> str:
    """Returns a name as SQL takes it; a dot parts schema and name, a sequence has the parts themselves.

    >>> quoted("table", "public.Orders"), quoted("table", ("public", "my.table"))
    ('"public"."Orders"', '"public"."my.table"')
    """
    parts = name.split(".") if isinstance(name, str) else list(name) if isinstance(name, Sequence) else []
    if not 1 <= len(parts) <= 3 or any(not isinstance(part, str) or not part or "\0" in part or len(part.encode()) > LONGEST_NAME
                                       for part in parts):
        raise refuse(f"`{what}` is {shown(name)}, expected the name of a table or column of 1 to {LONGEST_NAME} bytes, or a sequence of "
                     "schema and name")
    return ".".join('"' + part.replace('"', '""').replace("%", "%%") + '"' for part in parts)


def statement(
    table: Name, time: Name = "created_at", service_ms: Name | None = None, count: Name | None = None,
    where: Mapping[str, Any] | None = None
) -> str:
    """Returns the SQL that `read_table` runs, with placeholders for start, interval, start, end and the values of `where`."""
    service = "" if service_ms is None else f", avg({quoted('service_ms', service_ms)})::float8"
    events = "count(*)" if count is None else f"sum({quoted('count', count)})"
    conditions = "".join(f" AND {quoted('where', name)} {'IS NULL' if value is None else '= ANY(%s)' if isinstance(value, (list, tuple)) else '= %s'}"
                         for name, value in (where or {}).items())
    return STATEMENT.format(table=quoted("table", table), time=quoted("time", time), events=events, service=service, where=conditions)


@door
def read_table(
    connection: Any,
    table: Name,
    *,
    start: datetime,
    end: datetime,
    interval_seconds: int = 120,
    time: Name = "created_at",
    service_ms: Name | None = None,
    count: Name | None = None,
    where: Mapping[str, Any] | None = None,
    timeout: float = 300.0,
) -> History:
    """Reads events per interval, counted by the database.

    Parameters
    ----------
    connection
        A DB-API connection with ``%s`` placeholders, such as that of psycopg.
    table, time
        Table with a row per event, and its column of type `timestamptz`. Names are quoted, so capitals count; a dot parts
        schema and table.
    service_ms
        Column with the service time of an event in milliseconds, if there is one.
    count
        Column with a number of events, if a row stands for several.
    where
        Rows to count: column to value, to None for NULL, or to a list of values.
    start, end
        Aware times; intervals begin at `start`. An interval without rows has no events.
    timeout
        Seconds that the database may take.

    Raises
    ------
    ArgumentError
        The names, the range or the database's answer are not as expected.
    """
    span = checked(start, end, interval_seconds)
    values = [value for value in (where or {}).values() if value is not None]
    given = (start, interval_seconds, start, end, *(list(value) if isinstance(value, tuple) else value for value in values))
    events = np.zeros(span.length)
    durations = None if service_ms is None else np.full(span.length, np.nan)
    what = f"table {words(str(table))}"
    for place, total, *duration in _rows(connection, statement(table, time, service_ms, count, where), given, timeout, what):
        if place == span.length:
            continue
        if not isinstance(place, int) or not 0 <= place < span.length:
            raise refuse(f"{what}: the database answered interval {shown(place)}, expected 0 to {span.length - 1}")
        events[place] = 0.0 if total is None else number(total, f"{what}, events of interval {place}")
        if not np.isfinite(events[place]):
            raise refuse(f"{what}: events of interval {place} are {total}, expected a finite number")
        if durations is not None and duration[0] is not None:
            durations[place] = number(duration[0], f"{what}, service time of interval {place}")
    return history(span, events, service_ms=durations, about=f"PostgreSQL, {what}: rows counted")


def _rows(connection: Any, sql: str, given: Sequence[Any], timeout: float, what: str) -> list[Any]:
    try:
        with connection.cursor() as cursor, _limited(cursor, timeout):
            cursor.execute(sql, given)
            return list(cursor.fetchall())
    except Exception as problem:
        if type(problem).__module__.partition(".")[0] not in ("psycopg", "psycopg2", "pg8000"):
            raise
        raise refuse(f"{what}: PostgreSQL refused: {words(str(problem))}") from None


@contextmanager
def _limited(cursor: Any, timeout: float) -> Iterator[None]:
    """Sets the time that a statement may take, and the one before afterwards."""
    within("timeout", timeout, 86_400)
    cursor.execute("SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, false)", (str(max(1, round(1000 * timeout))),))
    before = cursor.fetchone()[0]
    yield
    cursor.execute("SELECT set_config('statement_timeout', %s, false)", (before,))
