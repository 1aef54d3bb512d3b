"""History from a Redis stream, whose entries carry the time at which they came. Lists keep none: count arrivals in the producer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from .._refuse import door, refuse
from ..history import History
from .http import words
from .ranges import checked, history, within

PAGE = 1000
MOST_ENTRIES = 50_000_000


@door
def read_stream(
    client: Any, stream: str, *, start: datetime, end: datetime, interval_seconds: int = 120, timeout: float = 60.0
) -> History:
    """Reads the entries added to a stream per interval, told by their ids, which begin with the time in milliseconds.

    Redis sends the entries themselves as well: ask for a range that the network can carry.

    Parameters
    ----------
    client
        ``redis.Redis(...)`` (extra `redis`). Its `socket_timeout` limits each question.
    stream
        Key of the stream, with ids made by Redis (``XADD stream *``).
    start, end
        Aware times. Intervals before the oldest entry of a stream that was trimmed are unknown.
    timeout
        Seconds for all questions together.

    Raises
    ------
    ArgumentError
        The key is no stream, or Redis refuses.
    ConnectionError, TimeoutError
        Redis cannot be reached, or is too slow.
    """
    span = checked(start, end, interval_seconds)
    within("timeout", timeout, 3600)
    from redis import exceptions

    what = f"Redis, stream {words(str(stream))!r}"
    events = np.zeros(span.length)
    step = interval_seconds * 1000
    try:
        kept_from = _kept_from(client, stream)
        for ids in _pages(client, stream, span.start_ms, span.start_ms + span.length * step - 1, time.monotonic() + timeout, timeout, what):
            np.add.at(events, (np.array(ids, np.int64) - span.start_ms) // step, 1)
    except exceptions.TimeoutError:
        raise TimeoutError(f"{what}: no answer in time; give the client a longer socket_timeout") from None
    except exceptions.AuthenticationError:
        raise refuse(f"{what}: refused who asks; give the client a username and a password") from None
    except exceptions.ConnectionError as problem:
        raise ConnectionError(f"{what}: {words(str(problem))}") from None
    except exceptions.RedisError as problem:
        raise refuse(f"{what}: {words(str(problem))}") from None
    known_from = -(-(kept_from - span.start_ms) // step)
    events[:max(0, known_from)] = np.nan
    return history(span, events, about=f"{what}: entries counted by their ids")


def _kept_from(client: Any, stream: str) -> int:
    """Returns the time from which on the stream keeps every entry, epoch milliseconds; 0 if none was ever removed."""
    told = client.xinfo_stream(stream)
    length, first = told.get("length", 0), told.get("first-entry")
    if length >= told.get("entries-added", length):
        return 0
    return _milliseconds(told["last-generated-id"]) + 1 if first is None else _milliseconds(first[0])


def _pages(client: Any, stream: str, first: int, last: int, until: float, timeout: float, what: str) -> Iterator[list[int]]:
    """Yields the times of the entries, a page at a time."""
    lower, seen = str(first), 0
    while True:
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: {seen} entries within {timeout:g} s and not all; give a longer timeout, or a shorter range")
        page = client.xrange(stream, min=lower, max=str(last), count=PAGE)
        if not page:
            return
        yield [_milliseconds(one[0]) for one in page]
        seen += len(page)
        if seen > MOST_ENTRIES:
            raise refuse(f"{what}: more than {MOST_ENTRIES} entries in the range, expected at most as many; ask for a shorter one")
        newest = page[-1][0]
        lower = "(" + (newest.decode() if isinstance(newest, bytes) else str(newest))


def _milliseconds(entry: Any) -> int:
    text = entry.decode() if isinstance(entry, bytes) else str(entry)
    return int(text.partition("-")[0])
