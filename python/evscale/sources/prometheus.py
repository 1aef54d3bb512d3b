"""History from a Prometheus range query, over its HTTP API."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from .._refuse import refuse
from ..history import History

MOST_POINTS = 11_000
"""Most points of a series that Prometheus returns for one query."""


def read_range(
    url: str, query: str, *, start: datetime, end: datetime, interval_seconds: int = 120, timeout: float = 30.0
) -> History:
    """Arrivals per interval from a query such as ``sum(increase(events_total[2m]))``.

    Parameters
    ----------
    url
        Address of the server, such as ``http://prometheus:9090``.
    query
        An expression with one series whose value at a time is the events of the interval that ends there.
    start, end
        Aware times of the first and the last interval's end.

    Intervals without a sample are unknown (NaN). Long ranges are asked for in parts.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise refuse("`start` or `end` is without a time zone, expected aware datetimes")
    first, last = int(start.timestamp()), int(end.timestamp())
    if last <= first:
        raise refuse(f"`end` is {end.isoformat()}, expected a time after {start.isoformat()}")
    count = (last - first) // interval_seconds + 1
    events = np.full(count, np.nan)
    for part in range(0, count, MOST_POINTS):
        until = min(count, part + MOST_POINTS) - 1
        asked = {"query": query, "start": first + part * interval_seconds, "end": first + until * interval_seconds,
                 "step": interval_seconds}
        for stamp, value in _samples(f"{url.rstrip('/')}/api/v1/query_range?{urlencode(asked)}", query, timeout):
            events[round((stamp - first) / interval_seconds)] = float(value)
    events[~np.isfinite(events)] = np.nan
    if np.isnan(events).all():
        raise refuse(f"query {query!r} has no samples from {start.isoformat()} to {end.isoformat()}")
    return History(1000 * (first - interval_seconds), interval_seconds, events, gaps=int(np.isnan(events).sum()))


def _samples(address: str, query: str, timeout: float) -> list[list[Any]]:
    if not address.startswith(("http://", "https://")):
        raise refuse(f"`url` is {address.split('/api/')[0]!r}, expected http:// or https://")
    try:
        with urlopen(address, timeout=timeout) as reply:
            answer = json.load(reply)
    except HTTPError as problem:
        text = problem.read().decode(errors="replace")
        raise refuse(f"Prometheus refused query {query!r}: {_reason(text)}") from None
    except URLError as problem:
        raise ConnectionError(f"{address.split('/api/')[0]}: {problem.reason}") from problem
    result = answer["data"]["result"]
    if answer["data"]["resultType"] != "matrix" or len(result) > 1:
        raise refuse(f"query {query!r} has {len(result)} series, expected one; sum(...) adds them up")
    return list(result[0]["values"]) if result else []


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text[:200]
