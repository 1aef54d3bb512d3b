"""History from InfluxDB's query API: versions 1 and 2 (InfluxQL), and VictoriaMetrics."""

from __future__ import annotations

import re
from datetime import datetime

from .._refuse import door, refuse
from ..history import History
from .answers import of_answer
from .http import Server, words
from .ranges import checked


@door
def read_query(
    url: str, query: str, *, database: str, start: datetime, end: datetime, interval_seconds: int = 120, kind: str | None = None,
    zero: bool = False, token: str | None = None, user: tuple[str, str] | None = None, timeout: float = 30.0
) -> History:
    """Reads arrivals per interval with InfluxQL such as ``SELECT sum("n") FROM orders WHERE $range GROUP BY time(2m)``.

    ``$range`` in the query becomes the condition on the time from start to end. `zero` takes intervals without a point as
    intervals without events. Tested against InfluxDB 1.6.

    Raises
    ------
    ArgumentError
        InfluxDB refuses, or the answer is of another interval.
    """
    span = checked(start, end, interval_seconds)
    if not re.match(r"\s*select\b", query, re.IGNORECASE) or ";" in query:
        raise refuse(f"`query` is {words(query)!r}, expected one SELECT, grouped by time")
    first = span.start_us // 1000
    condition = f"time >= {first}ms AND time < {first + span.length * interval_seconds * 1000}ms"
    headers = {"Authorization": f"Token {token}"} if token is not None else {}
    server = Server(url, timeout, user=user, headers=headers)
    answer = server.get("/query", db=database, q=query.replace("$range", condition), epoch="ms")
    results = answer.get("results") if isinstance(answer, dict) else None
    if isinstance(results, list) and results and not any(isinstance(one, dict) and ("series" in one or "error" in one) for one in results):
        raise refuse(f"{server.place}, query {words(query)!r} has no points from {start.isoformat()} to {end.isoformat()}; ask for another range, or "
                     "check the names of the measurement and the field")
    return of_answer(answer, f"{server.place}, query {words(query)!r}", span, kind=kind, zero=zero)
