"""History from RabbitMQ's management plugin, which keeps the last hour of a queue, unless it is told otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from .._refuse import door, refuse
from ..history import History
from ..readers.monitoring import rabbitmq
from ..readers.options import Options
from ..readers.reading import read_table
from .http import Server, words
from .ranges import checked


@door
def read_queue(
    url: str, queue: str, *, virtual_host: str = "/", hours: float = 1.0, interval_seconds: int = 60,
    user: tuple[str, str] | None = None, timeout: float = 30.0
) -> History:
    """Reads the messages published to a queue per interval.

    RabbitMQ keeps samples by its `management.sample_retention_policies`: of a queue by default a minute every 5 s and an hour
    every 60 s. An hour is too little to judge by: Prometheus keeps longer. Tested against answers as RabbitMQ 3.10 gives them.

    Parameters
    ----------
    url
        Address of the management plugin, such as ``http://rabbitmq:15672``.
    hours, interval_seconds
        Age and distance of the samples asked for.

    Raises
    ------
    ArgumentError
        RabbitMQ refuses, or keeps no samples.
    """
    now = datetime.now(timezone.utc)
    checked(now - timedelta(hours=hours), now, interval_seconds)
    server = Server(url, timeout, user=user)
    what = f"{server.place}, queue {words(queue)!r}"
    age = round(hours * 3600)
    answer = server.get(f"/api/queues/{quote(virtual_host, safe='')}/{quote(queue, safe='')}", msg_rates_age=age, msg_rates_incr=interval_seconds,
                        lengths_age=age, lengths_incr=interval_seconds)
    table = rabbitmq(answer, what) if isinstance(answer, dict) else None
    if table is None:
        raise refuse(f"{what} has no message_stats, expected those of a queue to which something was published")
    return History.of_reading(read_table(table, Options(gaps="interpolate")))
