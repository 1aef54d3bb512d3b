"""History from the offsets of a Kafka topic: how many messages were produced in each interval. No message is read."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import door, refuse
from ..history import History
from .http import words
from .ranges import checked, history, within

MOST_PARTITIONS = 10_000


@door
def read_topic(
    consumer: Any, topic: str, *, start: datetime, end: datetime, interval_seconds: int = 120, timeout: float = 60.0
) -> History:
    """Reads the messages produced to a topic per interval, from the offsets at the intervals' bounds.

    A consumer group's lag is a level: it says how much waits, not how much comes. Offsets also count what compaction has
    removed and, for each transaction, its marker.

    Parameters
    ----------
    consumer
        ``confluent_kafka.Consumer({"bootstrap.servers": ..., "group.id": ...})`` (extra `kafka`). It is neither subscribed
        nor committed.
    start, end
        Aware times. Intervals before the oldest message that the topic keeps are unknown.
    timeout
        Seconds for all questions together.

    Raises
    ------
    ArgumentError
        The topic is not there, or Kafka refuses.
    ConnectionError, TimeoutError
        No broker can be reached, or they are too slow.
    """
    span = checked(start, end, interval_seconds)
    within("timeout", timeout, 3600)
    from confluent_kafka import KafkaException, TopicPartition

    until = time.monotonic() + timeout
    what = f"topic {words(topic)!r}"

    def left() -> float:
        seconds = until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError(f"Kafka, {what}: not all offsets within {timeout:g} s; give a longer timeout, or a shorter range")
        return seconds

    try:
        places = _partitions(consumer, topic, what, left())
        bounds = [consumer.get_watermark_offsets(TopicPartition(topic, one), timeout=left()) for one in places]
        oldest, newest = (np.array(column, np.int64) for column in zip(*bounds, strict=True))
        rows = []
        for place in range(span.length + 1):
            at = span.start_ms + place * interval_seconds * 1000
            found = consumer.offsets_for_times([TopicPartition(topic, one, at) for one in places], timeout=left())
            offsets = np.array([_offset(one) for one in sorted(found, key=lambda one: one.partition)], np.int64)
            rows.append(np.where(offsets < 0, newest, offsets))
    except KafkaException as problem:
        raise _told(problem, what, timeout) from None
    return history(span, _arrivals(np.array(rows), oldest), about=f"Kafka, {what}: messages by the offsets of {len(places)} partitions")


def _partitions(consumer: Any, topic: str, what: str, seconds: float) -> list[int]:
    found = consumer.list_topics(topic, timeout=seconds).topics.get(topic)
    if found is None or found.error is not None or not found.partitions:
        raise refuse(f"Kafka has no {what}, expected one with partitions; {'' if found is None else words(str(found.error))}")
    if len(found.partitions) > MOST_PARTITIONS:
        raise refuse(f"Kafka, {what}: {len(found.partitions)} partitions, expected at most {MOST_PARTITIONS}")
    return sorted(found.partitions)


def _offset(found: Any) -> int:
    """Returns the offset of the first message from a time on; negative if all messages are older."""
    if found.error is not None:
        raise refuse(f"Kafka, partition {found.partition}: {words(str(found.error))}")
    return int(found.offset)


def _arrivals(offsets: NDArray[np.int64], oldest: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns messages per interval; unknown where a partition has dropped what was before its oldest message."""
    dropped = ((offsets[:-1] <= oldest) & (oldest > 0)).any(axis=1)
    return np.where(dropped, np.nan, np.maximum(np.diff(offsets, axis=0), 0).sum(axis=1))


def _told(problem: Any, what: str, timeout: float) -> Exception:
    error = problem.args[0]
    text = f"Kafka, {what}: {words(error.str())}"
    if error.name() in ("_TIMED_OUT", "_TIMED_OUT_QUEUE", "REQUEST_TIMED_OUT"):
        return TimeoutError(f"{text}; no whole answer within {timeout:g} s: is a broker there, and does it advertise an address that can be reached?")
    if error.name() in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE"):
        return ConnectionError(text)
    return refuse(text)
