"""History from Datadog's metrics query."""

from __future__ import annotations

from datetime import datetime

from .._refuse import door
from ..history import History
from .answers import of_answer
from .http import Server, words
from .ranges import checked


@door
def read_query(
    query: str, *, start: datetime, end: datetime, api_key: str, app_key: str, interval_seconds: int = 300, kind: str | None = None,
    site: str = "https://api.datadoghq.com", timeout: float = 30.0
) -> History:
    """Reads arrivals per interval with a query such as ``sum:orders.count{*}.as_count().rollup(sum, 300)``.

    Intervals without a point have no events, as Datadog writes none for them. `site` is the address of your region. Tested
    against answers of the documented shape.

    Raises
    ------
    ArgumentError
        Datadog refuses, or the answer is of another interval.
    """
    span = checked(start, end, interval_seconds)
    server = Server(site, timeout, headers={"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key})
    first = span.start_us // 1_000_000
    answer = server.get("/api/v1/query", query=query, **{"from": first, "to": first + span.length * interval_seconds})
    return of_answer(answer, f"{server.place}, query {words(query)!r}", span, kind=kind, zero=True)
