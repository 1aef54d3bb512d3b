"""History from a Prometheus range query, over its HTTP API: also Thanos, Mimir, Cortex, Grafana Cloud and VictoriaMetrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from os import PathLike
from typing import Any

import numpy as np

from .._refuse import door, option, refuse, shown
from ..history import History
from ..readers.kind import Evidence, evidence
from .http import Server, words
from .ranges import Range, check_kind, checked, decided, events_of, history, placed

MOST_POINTS = 11_000
"""Most points of a series that Prometheus returns for one query."""
WINDOW = re.compile(r"\b(increase|delta|sum_over_time|count_over_time)\s*\([^\[\]]*\[((?:\d+(?:ms|[smhdwy]))+)(?::[^\]]*)?\]")
FACTOR = re.compile(r"\*\s*(\d+(?:\.\d+)?)")
RATE = re.compile(r"\b(?:rate|irate|deriv)\s*\(")
UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


@door
def read_range(
    url: str,
    query: str,
    *,
    start: datetime,
    end: datetime,
    interval_seconds: int = 120,
    kind: str | None = None,
    timeout: float = 30.0,
    token: str | None = None,
    user: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    tenant: str | None = None,
    ca: str | PathLike[str] | None = None,
) -> History:
    """Reads arrivals per interval with a query such as ``sum(increase(events_total[2m]))``.

    Intervals without a sample are unknown (NaN). Long ranges are asked for in parts.

    Parameters
    ----------
    url
        Address of the server, such as ``http://prometheus:9090``; with its path for Grafana Cloud, Mimir or Thanos.
    query
        An expression with one series. Its value at a time is of the interval that ends there: the events of it
        (``increase``), their rate (``rate``), or a counter's running total, which is told from the query and the values.
    start, end
        Aware times of the first and the last interval's end.
    kind
        "count", "rate", "rate/min" or "counter", if the query does not tell.
    timeout
        Seconds for each request as a whole.
    token, user, headers, tenant, ca
        Bearer token; name and password; further headers; X-Scope-OrgID; certificates of the server's authority.

    Raises
    ------
    ArgumentError
        The query, or the server's answer, is not as expected.
    ConnectionError, TimeoutError
        The server cannot be reached, or is too slow.
    """
    span = checked(start, end, interval_seconds, least=2)
    check_kind(kind)
    if kind is None:
        _check_window(query, interval_seconds)
    server = Server(url, timeout, token, user, {**(headers or {}), **({"X-Scope-OrgID": tenant} if tenant else {})}, ca)
    what = f"query {words(query)!r}"
    values = _samples(server, query, what, span)
    if np.isnan(values).all():
        raise refuse(f"{what} has no samples from {start.isoformat()} to {end.isoformat()}; ask for another range, or try the query in the "
                     "server's own page")
    said = Evidence() if kind is not None else said_by(query, interval_seconds)
    found = decided(values, interval_seconds, said, kind, what)
    events = events_of(values, found.kind, interval_seconds)
    if found.kind != "counter":
        events = events[1:]
    first = Range(span.start_us - interval_seconds * 1_000_000, interval_seconds, len(events))
    return history(first, events, about=f"{server.place}, {what}: {found.kind} ({found.why})")


def said_by(query: str, interval_seconds: int = 120) -> Evidence:
    """Returns what a query says of the kind of its number.

    >>> said_by("sum(rate(events_total[5m]))").kind, said_by("sum(increase(events_total[2m]))").kind, said_by("events_total").kind
    ('rate', 'count', 'counter')
    >>> said_by("sum(rate(events_total[5m])) * 120", 120).kind
    'count'
    """
    factor = FACTOR.search(query)
    if RATE.search(query) and factor is not None:
        if float(factor[1]) == interval_seconds:
            return Evidence("count", f"rate times {interval_seconds} s")
        raise refuse(f"query {words(query)!r} multiplies a rate by {factor[1]} and interval_seconds is {interval_seconds}, expected the rate alone; "
                     f"leave the factor away, or {option('kind', 'count')} takes the values as events per interval")
    if WINDOW.search(query):
        return Evidence("count", "increase over the interval", says_count=False)
    if RATE.search(query):
        return Evidence("rate", "rate in the query")
    return evidence(re.sub(r"\{[^}]*\}|\b(?:by|without)\s*\([^)]*\)", "", query), "", "")


def _check_window(query: str, interval_seconds: int) -> None:
    found = WINDOW.search(query)
    if found is None:
        return
    seconds = sum(int(number) * UNIT_SECONDS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", found[2]))
    rest = query[found.end():]
    scaled = re.search(r"[*/]\s*\d", rest) is not None
    if seconds != interval_seconds and not scaled:
        raise refuse(f"query {words(query)!r} counts the events of {seconds:g} s ([{found[2]}]) and interval_seconds is {interval_seconds}, so that "
                     f"events would be counted {seconds / interval_seconds:.3g} times; write [{interval_seconds}s], or set interval_seconds")


def _samples(server: Server, query: str, what: str, span: Range) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Returns the samples of the range and of the interval before it, which a counter needs."""
    step = span.interval_seconds
    first, count = span.start_us // 1_000_000 - step, span.length + 2
    values = np.full(count, np.nan)
    for part in range(0, count, MOST_POINTS):
        length = min(count - part, MOST_POINTS)
        begin = first + part * step
        answer = server.get("/api/v1/query_range", query=query, start=begin, end=begin + (length - 1) * step, step=step)
        values[part:part + length] = placed(_series(answer, what), begin, step, length, what)
    return values


def _series(answer: Any, what: str) -> list[Any]:
    if not isinstance(answer, dict) or answer.get("status") != "success":
        reason = answer.get("error") if isinstance(answer, dict) else answer
        raise refuse(f"{what} was answered with {words(str(reason))!r}, expected status success; try the query in the server's own page")
    data = answer.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(result, list) or not isinstance(data, dict) or data.get("resultType") != "matrix":
        kind = data.get("resultType") if isinstance(data, dict) else None
        raise refuse(f"{what} was answered with a result of type {shown(kind)}, expected a matrix")
    if len(result) > 1:
        raise refuse(f"{what} has {len(result)} series, expected one; sum(...) adds them up")
    values = result[0].get("values") if result and isinstance(result[0], dict) else []
    if not isinstance(values, list):
        raise refuse(f"{what} was answered with a series without values, expected pairs of time and value")
    return values
