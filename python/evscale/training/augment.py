"""Random changes of a raw series, so that few traces teach many patterns. NaN (unknown) is kept everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .traces import DAY_SECONDS, Series

Counts = NDArray[np.float64]
_LARGEST_RATE = 1e15


def poisson(rate: Counts, rng: Generator) -> Counts:
    """Counts with the given expectation."""
    known = np.isfinite(rate)
    drawn = rng.poisson(np.clip(np.where(known, rate, 0.0), 0.0, _LARGEST_RATE)).astype(np.float64)
    return np.where(known, drawn, np.nan)


def resample(events: Counts, factor: float, rng: Generator) -> Counts:
    """`factor` times the events: thinned event by event below 1, Poisson above."""
    if factor >= 1.0:
        return poisson(events * factor, rng)
    known = np.isfinite(events)
    whole = np.rint(np.clip(np.where(known, events, 0.0), 0.0, _LARGEST_RATE)).astype(np.int64)
    return np.where(known, rng.binomial(whole, factor).astype(np.float64), np.nan)


def superpose(events: Counts, other: Counts, share: float, rng: Generator) -> Counts:
    """Add a random window of `other`, scaled so that its mean is `share` of that of `events`."""
    mean, mean_other = _mean(events), _mean(other)
    if mean <= 0.0 or mean_other <= 0.0:
        return events
    size = min(len(events), len(other))
    first = int(rng.integers(0, len(other) - size + 1))
    added = np.nan_to_num(other[first : first + size], nan=mean_other)
    return np.rint(events[-size:] + added * (share * mean / mean_other))


def smooth_trend(size: int, strength: float, rng: Generator) -> Counts:
    """A smooth positive factor: the exponential of a random walk through 3 to 8 knots."""
    knots = int(rng.integers(3, 9))
    walk = np.cumsum(rng.normal(0.0, strength, knots))
    return np.exp(np.interp(np.linspace(0.0, knots - 1.0, size), np.arange(knots), walk - walk.mean()))


def bursts(size: int, number: int, rng: Generator) -> Counts:
    """A factor of 1 with `number` sudden bursts that hold for a while or fade."""
    factor = np.ones(size)
    for _ in range(number):
        first = int(rng.integers(0, size))
        length = int(np.ceil(rng.lognormal(2.0, 1.0)))
        height = rng.lognormal(0.7, 0.7)
        reach = np.arange(min(4 * length, size - first))
        shape = np.exp(-reach / length) if rng.random() < 0.5 else (reach < length).astype(float)
        factor[first : first + len(reach)] += height * shape
    return factor


def level_shift(size: int, rng: Generator) -> Counts:
    """A factor that jumps once and stays."""
    factor = np.ones(size)
    factor[int(rng.integers(0, size)) :] = rng.lognormal(0.0, 0.7)
    return factor


def gaps(events: Counts, rng: Generator) -> Counts:
    """Make single records (up to 5 %) and up to three stretches (up to a tenth of the series) unknown."""
    events = events.copy()
    size = len(events)
    if rng.random() < 0.5:
        events[rng.random(size) < 0.05 * rng.random()] = np.nan
    for _ in range(int(rng.integers(0, 4))):
        first = int(rng.integers(0, size))
        events[first : first + int(rng.integers(1, max(2, size // 10)))] = np.nan
    return events


def truncate(series: Series, rng: Generator, shortest: int = 32) -> Series:
    """Start later, so that short histories occur: the length left is log-uniform from `shortest` rows."""
    size = len(series.events)
    if size <= shortest:
        return series
    left = int(np.exp(rng.uniform(np.log(shortest), np.log(size))))
    first = int(rng.integers(0, size - left + 1))
    return series.slice(first, first + left)


def shift_time(series: Series, rng: Generator) -> Series:
    """Move the series on the calendar by up to a week, in whole intervals."""
    most = max(1, 7 * DAY_SECONDS // series.interval_seconds)
    moved = int(rng.integers(0, most)) * series.interval_seconds * 1000
    return replace(series, start_ms=series.start_ms + moved)


def augment(series: Series, other: Series | None, rng: Generator) -> Series:
    """A random change of a series: each of the above with some probability; often none at all.

    `other`, if given, is a series of the same interval to be superposed at times.
    """
    if rng.random() < 0.3:
        return truncate(series, rng) if rng.random() < 0.4 else series
    events = series.events
    start_ms = series.start_ms
    if other is not None and rng.random() < 0.25:
        size = len(events)
        events = superpose(events, other.events, rng.lognormal(-0.7, 0.8), rng)
        start_ms += (size - len(events)) * series.interval_seconds * 1000
    size = len(events)
    factor = np.ones(size)
    if rng.random() < 0.3:
        factor *= smooth_trend(size, rng.uniform(0.05, 0.4), rng)
    if rng.random() < 0.2:
        factor *= bursts(size, int(rng.integers(1, 4)), rng)
    if rng.random() < 0.15:
        factor *= level_shift(size, rng)
    scaled = events * factor
    if rng.random() < 0.4:
        events = resample(scaled, float(np.exp(rng.uniform(np.log(0.02), np.log(20.0)))), rng)
    else:
        events = np.rint(scaled)
    if rng.random() < 0.3:
        events = gaps(events, rng)
    series = replace(series, start_ms=start_ms, events=events)
    if rng.random() < 0.25:
        series = shift_time(series, rng)
    return truncate(series, rng) if rng.random() < 0.3 else series


def _mean(events: Counts) -> float:
    known = events[np.isfinite(events)]
    return float(known.mean()) if len(known) else 0.0
