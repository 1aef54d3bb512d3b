"""Which way a column of times is written: epoch numbers by their size, ISO 8601, dates in words, compact digits.

Built on numpy, which reads plain ISO 8601 fast; everything else goes through `moments`. pandas' `to_datetime` takes times
without a zone for UTC and milliseconds for nanoseconds without a word, which is why it does not decide here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .moments import DAY_FIRST, MONTH_FIRST, NAIVE, moment, numeric_date
from .numbers import Unreadable, is_missing

EARLIEST_MS, LATEST_MS = -2_208_988_800_000, 7_258_118_400_000
"""The years 1900 to 2199, epoch milliseconds, up to but not with the second."""
UNITS = (("seconds", 1e8, 1e11, 1000.0), ("milliseconds", 1e11, 1e14, 1.0), ("microseconds", 1e14, 1e17, 1e-3),
         ("nanoseconds", 1e17, 1e20, 1e-6))
"""Epoch units with the sizes that tell them, 1973 to 5138 in seconds, and their milliseconds."""
EXCEL_DAYS = (20_000.0, 80_000.0)
COMPACT = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?P<zone>Z|\+00:00|\+0000|\+00| UTC)?")
DIGITS = re.compile(r"-?\d+(?:\.\d+)?")

DIGIT_CODES = (48, 57)
MOSTLY = 0.6
"""Share of a sample that tells the way of writing; the others are refused with their row."""

Read = tuple[NDArray[np.int64], NDArray[np.int32]]
"""Wall-clock milliseconds and offsets in minutes, of every row."""


class Instants:
    """Instants of a data frame's column, in UTC; reads as a sequence of aware times."""

    def __init__(self, instants: NDArray[np.datetime64]) -> None:
        self.instants = instants

    def __len__(self) -> int:
        return len(self.instants)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Instants(self.instants[place])
        return self.instants[place].astype("datetime64[us]").item().replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Clock:
    """How a column writes times: the words for it, and the function that reads a block of it."""

    name: str
    read: Callable[[Sequence[Any]], Read]
    open_order: bool = False


def clock_of(values: Sequence[Any], time_format: str | None = None) -> Clock | None:
    """Returns how a sample writes times; None if it holds none."""
    known = [value for value in values if not is_missing(value)]
    if not known:
        return None
    if time_format is not None:
        return _formatted(known, time_format)
    if all(isinstance(value, (datetime, date, np.datetime64)) for value in known):
        return Clock("timestamps", _stamps)
    texts = [value.strip() if isinstance(value, str) else value for value in known]
    digits = [str(value) for value in texts if _is_number(value)]
    if len(digits) > MOSTLY * len(texts):
        return _numeric(digits)
    if not all(isinstance(value, str) for value in texts):
        return None
    orders = [found for found in map(numeric_date, texts) if found is not None]
    if len(orders) > MOSTLY * len(texts):
        return _ordered(texts, orders)
    if sum(moment(text) is not None for text in texts) <= MOSTLY * len(texts):
        return None
    first = next(text for text in texts if moment(text) is not None)
    return Clock("ISO 8601" if ISO.fullmatch(first) else f"text such as {first!r}", _iso)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return DIGITS.fullmatch(value) is not None and len(value) <= 40
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _each(one: Callable[[Any], tuple[int, int] | None]) -> Callable[[Sequence[Any]], Read]:
    """Returns a reader of blocks from a reader of one value."""
    def read(values: Sequence[Any]) -> Read:
        walls, offsets = np.empty(len(values), np.int64), np.empty(len(values), np.int32)
        for place, value in enumerate(values):
            found = None if is_missing(value) else one(value)
            if found is None:
                raise Unreadable(place, value)
            walls[place], offsets[place] = found
        return walls, offsets

    return read


def _of_datetime(value: Any) -> tuple[int, int] | None:
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        return None
    offset = value.utcoffset()
    minutes = NAIVE if offset is None else round(offset.total_seconds() / 60)
    since = value.replace(tzinfo=None) - datetime(1970, 1, 1)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000, minutes


_datetimes = _each(_of_datetime)


def _stamps(values: Sequence[Any]) -> Read:
    """Reads columns of data frames as a whole, and other sequences of datetimes one by one."""
    aware = isinstance(values, Instants)
    array: Any = values.instants if isinstance(values, Instants) else values
    if not (isinstance(array, np.ndarray) and array.dtype.kind == "M") or np.isnat(array).any():
        return _datetimes(values)
    return array.astype("datetime64[ms]").astype(np.int64), np.full(len(array), 0 if aware else NAIVE, np.int32)


def _formatted(known: Sequence[Any], time_format: str) -> Clock:
    def one(value: Any) -> tuple[int, int] | None:
        try:
            return _of_datetime(datetime.strptime(str(value).strip(), time_format))
        except ValueError:
            return None

    return Clock(f"times as {time_format}", _each(one))


def _text(value: Any) -> str:
    text = str(value).strip()
    return text.removesuffix(".0")


def _numeric(texts: Sequence[str]) -> Clock | None:
    lengths = {len(_text(text)) for text in texts}
    if len(lengths) == 1 and (form := COMPACT.get(lengths.pop())) is not None and all(
            _compact(text, form) is not None for text in texts):
        return Clock(f"digits as {form}", _each(lambda value: _compact(value, form)))
    middle = float(np.median([float(text) for text in texts]))
    if EXCEL_DAYS[0] <= middle < EXCEL_DAYS[1]:
        return Clock("days of Excel", _each(lambda value: (round((float(value) - 25_569) * 86_400) * 1000, NAIVE)))
    for unit, least, limit, millis in UNITS:
        if least <= middle < limit:
            return Clock(f"epoch {unit}", _epoch(millis))
    return Clock("epoch milliseconds", _epoch(1.0)) if abs(middle) >= UNITS[-1][2] else None


def _compact(value: Any, form: str) -> tuple[int, int] | None:
    text = _text(value)
    if not re.fullmatch(r"(?:19|20)\d{6,12}", text):
        return None
    try:
        return _of_datetime(datetime.strptime(text, form))
    except ValueError:
        return None


def _epoch(millis: float) -> Callable[[Sequence[Any]], Read]:
    def one(value: Any) -> tuple[int, int] | None:
        if not _is_number(value.strip() if isinstance(value, str) else value):
            return None
        exact = isinstance(value, (int, np.integer)) or (isinstance(value, str) and "." not in value)
        number = int(value) if exact else float(value)
        ms = int(number * millis) if millis >= 1 and exact else int(number // round(1 / millis)) if millis < 1 else round(number * millis)
        return min(max(ms, EARLIEST_MS - 1), LATEST_MS), 0

    slow = _each(one)

    def read(values: Sequence[Any]) -> Read:
        array = np.asarray(values)
        if array.dtype.kind in "iu" and len(array):
            ms = array.astype(np.int64) * int(millis) if millis >= 1 else array.astype(np.int64) // round(1 / millis)
            return ms, np.zeros(len(ms), np.int32)
        if array.dtype.kind == "U":
            try:
                return read(array.astype(np.int64))  # type: ignore[arg-type]
            except (ValueError, OverflowError):
                pass
        return slow(values)

    return read


def _ordered(texts: Sequence[str], orders: Sequence[tuple[int, int, str]]) -> Clock:
    """Chooses day first or month first: by the mark, by what is possible, then by what makes the steps even."""
    months = {DAY_FIRST: max(second for _, second, _ in orders), MONTH_FIRST: max(first for first, _, _ in orders)}
    possible = [order for order, largest in months.items() if largest <= 12]
    if all(mark == "." for _, _, mark in orders):
        possible = [DAY_FIRST]
    spans = {order: _unevenness(texts, order) for order in possible}
    order = min(possible, key=lambda one: spans[one], default=DAY_FIRST)
    is_open = len(possible) == 2 and spans[DAY_FIRST] == spans[MONTH_FIRST]
    if is_open and any(text[-1] in "Mm" for text in texts):
        order, is_open = MONTH_FIRST, False
    return Clock(f"dates with the {order} first", _each(lambda value: moment(str(value), order)), is_open)


def _unevenness(texts: Sequence[str], order: str) -> float:
    walls = [found[0] for found in (moment(text, order) for text in texts) if found is not None]
    steps = np.abs(np.diff(walls))
    return float(steps.max() - np.median(steps)) if len(steps) else 0.0


_texts = _each(lambda value: moment(value) if isinstance(value, str) else _of_datetime(value))


def _iso(values: Sequence[Any]) -> Read:
    """Reads blocks of one zone and ISO 8601 through numpy, others one by one."""
    if len(values) and isinstance(values[0], str) and values[0] != values[0].strip():
        values = [value.strip() if isinstance(value, str) else value for value in values]
    first = ISO.fullmatch(values[0]) if len(values) and isinstance(values[0], str) else None
    if first is None or set(map(type, values)) != {str} or set(map(len, values)) != {len(values[0])}:
        return _texts(values)
    zone = first["zone"] or ""
    array = np.array(values)
    cut = array.dtype.itemsize // 4 - len(zone)
    codes = array.view(np.uint32).reshape(len(array), -1)
    digits = (codes[0] >= DIGIT_CODES[0]) & (codes[0] <= DIGIT_CODES[1])
    if (codes[:, ~digits] != codes[0][~digits]).any() or (codes[:, digits] - DIGIT_CODES[0] > 9).any():
        return _texts(values)
    try:
        walls = array.astype(f"U{cut}").astype("datetime64[ms]").astype(np.int64)
    except ValueError:
        return _texts(values)
    return walls, np.full(len(walls), 0 if zone else NAIVE, np.int32)
