"""What every source does with a range of time: checks it, puts samples on its grid, makes the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._refuse import option, refuse, shown
from ..history import History
from ..readers.kind import Evidence, Guess, guess, increases

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MOST_INTERVALS = 20_000_000


@dataclass(frozen=True)
class Range:
    """Intervals from `start` on; times are exact microseconds since 1970."""

    start_us: int
    interval_seconds: int
    length: int

    @property
    def start_ms(self) -> int:
        """Beginning of the first interval, epoch milliseconds."""
        return self.start_us // 1000


def microseconds(moment: datetime) -> int:
    """Returns microseconds since 1970, exactly."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def checked(start: Any, end: Any, interval_seconds: Any, least: int = 3) -> Range:
    """Returns the whole intervals from start to end."""
    if isinstance(interval_seconds, bool) or not isinstance(interval_seconds, int) or not 10 <= interval_seconds <= 3600:
        raise refuse(f"`interval_seconds` is {interval_seconds!r}, expected a whole number of 10 to 3600")
    for name, moment in (("start", start), ("end", end)):
        if not isinstance(moment, datetime) or moment.tzinfo is None or moment.utcoffset() is None:
            raise refuse(f"`{name}` is {shown(moment)}, without a time zone or no datetime, expected an aware datetime")
    if end <= start:
        raise refuse(f"`end` is {end.isoformat()}, expected a time after {start.isoformat()}")
    length = (microseconds(end) - microseconds(start)) // (interval_seconds * 1_000_000)
    if not least <= length <= MOST_INTERVALS:
        raise refuse(f"`start` to `end` is {length} intervals of {interval_seconds} s, expected at least {least} and at most {MOST_INTERVALS}")
    return Range(microseconds(start), interval_seconds, length)


def within(name: str, seconds: Any, most: int) -> None:
    """Refuses what is no time limit."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= most:
        raise refuse(f"`{name}` is {seconds!r}, expected seconds above 0 and up to {most}")


def number(value: Any, what: str) -> float:
    """Returns a sample's value; NaN and infinity are unknown."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise refuse(f"{what} is {shown(value)}, expected a number") from None
    if found < 0 and np.isfinite(found):
        raise refuse(f"{what} is {found:g}, expected 0 or more: a count of events or a rate")
    return found if np.isfinite(found) else np.nan


def check_kind(kind: str | None) -> None:
    """Refuses what is no kind of a server's numbers."""
    if kind not in (None, "count", "rate", "rate/min", "counter"):
        raise refuse(f"`kind` is {kind!r}, expected 'count', 'rate', 'rate/min' or 'counter'")


def decided(values: NDArray[np.float64], interval_seconds: int, said: Evidence, kind: str | None, what: str) -> Guess:
    """Returns the kind of number of a server's series, as told or by its query and shape."""
    found = Guess(kind, "as told") if kind is not None else guess([values], interval_seconds, said)
    if found.kind == "level":
        raise refuse(f"{what} is a level ({found.why}), such as a queue's length or CPU, expected arrivals; ask for the counter of incoming "
                     f"events, or {option('kind', 'count')} takes it as counts all the same")
    if found.ambiguous:
        raise refuse(f"{what} may be counts or a running total or a rate ({found.why}); {option('kind', 'count')}, {option('kind', 'counter')} "
                     f"or {option('kind', 'rate')} tells")
    return found


def events_of(values: NDArray[np.float64], kind: str, interval_seconds: int) -> NDArray[np.float64]:
    """Returns events per interval; a running total loses its first sample."""
    if kind == "counter":
        return increases(values)
    return values * {"rate": interval_seconds, "rate/min": interval_seconds / 60}.get(kind, 1)


def history(span: Range, events: NDArray[np.float64], *, service_ms: NDArray[np.float64] | None = None, about: str) -> History:
    """Returns the history of a range; refused if nothing in it is known."""
    if np.isnan(events).all():
        raise refuse(f"{about}: no samples in the range; ask for a range in which the metric has values")
    return History(span.start_ms, span.interval_seconds, events, service_ms, gaps=int(np.isnan(events).sum()), about=about)


def placed(samples: Iterable[tuple[Any, Any]], first_seconds: float, interval_seconds: int, length: int, what: str) -> NDArray[np.float64]:
    """Returns samples of (epoch seconds, value) on a grid of times; those outside it are refused."""
    out = np.full(length, np.nan)
    for sample in samples:
        try:
            stamp, value = sample
            place = round((float(stamp) - first_seconds) / interval_seconds)
        except (TypeError, ValueError, OverflowError):
            raise refuse(f"{what} has the sample {shown(sample)}, expected a pair of time and value") from None
        if not 0 <= place < length:
            raise refuse(f"{what} has a sample of {shown(stamp)}, which is outside the range that was asked for")
        out[place] = number(value, f"{what}, sample of {shown(stamp)}")
    return out
