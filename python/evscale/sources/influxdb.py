"""History from InfluxDB's query API: versions 1 and 2 (InfluxQL), and VictoriaMetrics."""

from __future__ import annotations

from datetime import datetime

from .._refuse import door
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
    intervals without events. Tested against answers of the documented shape.

    Raises
    ------
    ArgumentError
        InfluxDB refuses, or the answer is of another interval.
    """
    span = checked(start, end, interval_seconds)
    first = span.start_us // 1000
    condition = f"time >= {first}ms AND time < {first + span.length * interval_seconds * 1000}ms"
    headers = {"Authorization": f"Token {token}"} if token is not None else {}
    server = Server(url, timeout, user=user, headers=headers)
    answer = server.get("/query", db=database, q=query.replace("$range", condition), epoch="ms")
    return of_answer(answer, f"{server.place}, query {words(query)!r}", span, kind=kind, add_up=False, zero=zero)
