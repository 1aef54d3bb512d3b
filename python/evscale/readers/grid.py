"""Rows on a regular grid: the interval, the order, gaps, drifting clocks, raw events, resampling, several series added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kind import increases

NICE_SECONDS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
SHORTEST, LONGEST = 10, 3600
RAW_INTERVALS = (120, 60, 30, 15, 10)
"""Intervals for single events, the longest first; the first with `RAW_LEAST` of them in the file is taken."""
RAW_LEAST = 10
EVEN_SHARE = 0.8


@dataclass(frozen=True)
class Step:
    """The distance of rows: its length, the share of rows that keep it, and how far it drifts from the grid in all."""

    ms: int
    even: float
    drift_ms: int = 0


@dataclass(frozen=True)
class Series:
    """One series in the order of time."""

    name: str
    stamps: NDArray[np.int64]
    values: NDArray[np.float64]
    service: NDArray[np.float64] | None = None


def step_of(stamps: NDArray[np.int64]) -> Step:
    """Returns the distance that most rows keep; 0 if there is none."""
    steps = np.diff(stamps)
    steps = steps[steps > 0]
    if not len(steps):
        return Step(0, 0.0)
    values, counts = np.unique(steps, return_counts=True)
    ms = int(values[np.argmax(counts)])
    if counts.max() < 0.5 * len(steps):
        ms = int(np.median(steps))
    ms = nice(ms)
    slots = np.rint(steps / ms)
    even = float(np.mean((slots >= 1) & (np.abs(steps / ms - slots) < 0.25)))
    drift = int(np.abs((stamps - stamps[0]) - np.concatenate(([0], np.cumsum(np.maximum(1, np.rint(np.diff(stamps) / ms))) * ms)))[-1])
    return Step(ms, even, drift)


def nice(ms: int) -> int:
    """Returns a usual interval within 1 % of the distance, or the nearest whole second of 10 s and more."""
    for seconds in NICE_SECONDS:
        if abs(ms - 1000 * seconds) <= 10 * seconds:
            return 1000 * seconds
    return round(ms / 1000) * 1000 if ms >= 10_000 else max(ms, 1)


def raw_interval(stamps: NDArray[np.int64]) -> int:
    """Returns the seconds in which single events are counted."""
    span = (int(stamps[-1]) - int(stamps[0])) / 1000
    return next((seconds for seconds in RAW_INTERVALS if span >= RAW_LEAST * seconds), RAW_INTERVALS[-1])


def amounts(series: Series, kind: str, step: Step) -> tuple[Series, NDArray[np.float64]]:
    """Returns events per row, and how many seconds each row stands for.

    A running total gives the growth since the row before, stamped at that row; a rate is multiplied by the distance of rows.
    """
    seconds = step.ms / 1000
    if kind == "counter":
        known = np.isfinite(series.values)
        stamps, values = series.stamps[known], series.values[known]
        service = None if series.service is None else series.service[known][1:]
        return Series(series.name, stamps[:-1], increases(values), service), np.diff(stamps) / 1000
    scale = {"rate": seconds, "rate/min": seconds / 60}.get(kind, 1.0)
    return Series(series.name, series.stamps, series.values * scale, series.service), np.full(len(series.values), seconds)


def slots_of(stamps: NDArray[np.int64], step_ms: int) -> NDArray[np.int64]:
    """Returns the interval of every row, each counted from the row before, so that a drifting clock keeps its rows apart."""
    return np.concatenate(([0], np.cumsum(np.maximum(1, np.rint(np.diff(stamps) / step_ms))))).astype(np.int64)


def regular(series: Series, lasts: NDArray[np.float64], step: Step) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Returns events and service times per interval of the rows' own distance; NaN where no row is.

    An amount that stands for several intervals, as that of a running total after a gap, is spread evenly over them.
    """
    slots = slots_of(series.stamps, step.ms)
    covers = np.maximum(1, np.rint(lasts * 1000 / step.ms)).astype(np.int64)
    length = int(slots[-1]) + int(covers[-1])
    events = np.full(length, np.nan)
    events[slots] = series.values
    for row in np.flatnonzero(covers > 1):
        events[slots[row]:slots[row] + covers[row]] = series.values[row] / covers[row]
    service = None
    if series.service is not None:
        service = np.full(length, np.nan)
        service[slots] = series.service
    return events, service


def binned(
    series: Sequence[Series], lasts: Sequence[NDArray[np.float64]], interval_ms: int, *, mean: bool, raw: bool = False
) -> tuple[int, NDArray[np.float64], NDArray[np.float64] | None]:
    """Returns start, events and service times of longer intervals, all series added up.

    Rates (`mean`) are averaged within an interval, so that a row that is not there does not lower them. An interval is NaN if
    no series has a known row in it; of single events (`raw`) it is then 0.
    """
    ordered = [one.stamps[0] for one in series if len(one.stamps)]
    if raw or interval_ms >= 60_000:
        start = int(min(ordered)) // interval_ms * interval_ms
    else:
        start = int(min(ordered))
    length = max((int(one.stamps[-1]) - start) // interval_ms for one in series if len(one.stamps)) + 1
    total, known = np.zeros(length), np.zeros(length, bool)
    busy, weight = np.zeros(length), np.zeros(length)
    for one, seconds in zip(series, lasts, strict=True):
        valid = np.isfinite(one.values)
        places = ((one.stamps - start) // interval_ms)[valid]
        sums = np.bincount(places, one.values[valid], length)
        if mean:
            covered = np.bincount(places, seconds[valid], length)
            sums = np.divide(sums * interval_ms / 1000, covered, out=np.zeros(length), where=covered > 0)
        total += sums
        known[places] = True
        if one.service is not None:
            timed = np.isfinite(one.service) & valid
            places = (one.stamps[timed] - start) // interval_ms
            busy += np.bincount(places, one.service[timed] * one.values[timed], length)
            weight += np.bincount(places, one.values[timed], length)
    events = total if raw else np.where(known, total, np.nan)
    has_service = any(one.service is not None for one in series)
    service = np.divide(busy, weight, out=np.full(length, np.nan), where=weight > 0) if has_service else None
    return start, events, service


def shortest_multiple(step_seconds: float) -> int:
    """Returns the shortest usual interval of 10 s and more that whole rows fill."""
    return next(seconds for seconds in NICE_SECONDS if seconds >= SHORTEST and seconds % step_seconds == 0) if step_seconds == int(
        step_seconds) else SHORTEST
