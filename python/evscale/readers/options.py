"""How a source is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from types import NoneType
from typing import Literal, TypedDict

from .._refuse import option, refuse, shown
from .kind import KINDS

Gaps = Literal["raise", "interpolate", "zero"]
Kind = Literal["count", "rate", "rate/min", "counter", "level", "events"]
Stamp = Literal["begin", "end"]
MOST_NAMES = 10_000
GAPS = ("raise", "interpolate", "zero")


class ReadOptions(TypedDict, total=False):
    """Options of `History.read` beside `columns`, `time_zone` and `gaps`, for type checkers."""

    kind: Kind | None
    where: Mapping[str, str] | None
    sum: bool
    interval_seconds: int | None
    time_format: str | None
    stamp: Stamp | None
    decimal: str | None
    encoding: str | None
    sheet: str | None


class SeriesOptions(ReadOptions, total=False):
    """All options of `History.read`, for type checkers."""

    columns: Mapping[str, str] | None
    time_zone: str | None
    gaps: Gaps


@dataclass(frozen=True)
class Options:
    """What the caller tells of a source; None is found out.

    Attributes
    ----------
    columns : mapping or None
        The source's names for `timestamp`, `events` and `service_ms`; `events` may begin with a kind, as in ``rate:requests``.
    time_zone : str or None
        IANA name of the zone of times that have none.
    time_format : str or None
        How times are written, as in `datetime.strptime`.
    gaps : str
        What absent rows are: refused, unknown, or intervals without events.
    kind : str or None
        Kind of number of the events.
    where : mapping or None
        Rows to keep: column to value.
    sum : bool
        Add up several series, or rows of one time.
    interval_seconds : int or None
        Length of an interval, if it is to be longer than the distance of rows.
    stamp : str or None
        Whether a time is the begin or the end of its interval.
    decimal : str or None
        Mark before the fraction of numbers: "." or ",".
    encoding, sheet : str or None
        Of a text file, and of a workbook.
    """

    columns: Mapping[str, str] | None = None
    time_zone: str | None = None
    time_format: str | None = None
    gaps: Gaps = "raise"
    kind: str | None = None
    where: Mapping[str, str] | None = None
    sum: bool = False
    interval_seconds: int | None = None
    stamp: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        for name in ("columns", "where"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, Mapping):
                raise refuse(f"`{name}` is {shown(given)}, expected a mapping such as {option(name, {'events': 'requests'})}")
            if given is not None:
                object.__setattr__(self, name, dict(islice(given.items(), MOST_NAMES)))
        for name in ("time_zone", "time_format", "encoding", "sheet"):
            if not isinstance(getattr(self, name), (str, NoneType)):
                raise refuse(f"`{name}` is {shown(getattr(self, name))}, expected text")
        for name, value, allowed in (("gaps", self.gaps, GAPS), ("kind", self.kind, (None, *KINDS)),
                                     ("stamp", self.stamp, (None, "begin", "end")), ("decimal", self.decimal, (None, ".", ","))):
            if value not in allowed:
                raise refuse(f"`{name}` is {shown(value)}, expected one of {[one for one in allowed if one is not None]}")
        seconds = self.interval_seconds
        if seconds is not None and not (isinstance(seconds, int) and 10 <= seconds <= 3600):
            raise refuse(f"`interval_seconds` is {shown(seconds)}, expected a whole number of 10 to 3600")
