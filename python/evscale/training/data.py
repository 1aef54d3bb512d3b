"""Sample bank: what the network sees at many origins of many series, computed by the compiled core."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .augment import augment, gaps, truncate
from .traces import DAY_SECONDS, FINEST_SCORED_SECONDS, Segment, Series

Arrays = dict[str, np.ndarray]
INPUTS = ("fine", "coarse", "future", "statics")
FIELDS = (*INPUTS, "target", "target_known", "level_z", "scale")
INTERVALS = (60, 120, 300, 600, 900, 1800, 3600)
_HALF = ("fine", "coarse", "future", "statics")


class Core(Protocol):
    """The functions of `evscale._evscale` that training needs."""

    def forecaster_samples(self, events: NDArray[np.float64], start_ms: int, interval_seconds: int,
                           origins: NDArray[np.int64]) -> Mapping[str, np.ndarray]:
        """Arrays `FIELDS`, a row per origin. `events[origin]` is the last known count; NaN is unknown."""

    def random_workload(self, seed: int, days: float, interval_seconds: int) -> tuple[int, NDArray[np.float64]]:
        """Start (epoch milliseconds) and counts of a generated workload."""


def compiled_core() -> Core:
    """The extension module."""
    return importlib.import_module("evscale._evscale")


@dataclass
class SampleBank:
    """Rows of samples in memory; inputs as float16, the rest as float32.

    arrays: `FIELDS`, and `group`: int32, the trace a row comes from.
    """

    arrays: Arrays

    def __len__(self) -> int:
        return len(self.arrays["target"])

    @classmethod
    def from_parts(cls, parts: list[tuple[int, Mapping[str, np.ndarray]]]) -> SampleBank:
        """Join the samples of several series, each with its group. Rows without any known target and rows that
        are not finite are left out."""
        if not parts:
            raise ValueError("no samples")
        arrays = {name: np.concatenate([_compact(name, samples[name]) for _, samples in parts]) for name in FIELDS}
        arrays["group"] = np.concatenate([np.full(len(s["target"]), g, np.int32) for g, s in parts])
        known = arrays["target_known"] > 0
        arrays["target"] = np.where(known, arrays["target"], np.float32(0.0))
        keep = known.any(axis=1)
        for name in FIELDS:
            flat = arrays[name].reshape(len(keep), -1)
            keep &= np.isfinite(flat).all(axis=1)
        return cls({name: array[keep] for name, array in arrays.items()})

    @classmethod
    def join(cls, banks: list[SampleBank]) -> SampleBank:
        """All rows of several banks."""
        return cls({name: np.concatenate([bank.arrays[name] for bank in banks]) for name in banks[0].arrays})

    def save(self, path: Path) -> None:
        """Write as an uncompressed npz file."""
        np.savez(path, **self.arrays)

    @classmethod
    def load(cls, path: Path) -> SampleBank:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls({name: stored[name] for name in stored.files})

    def take(self, rows: NDArray[np.int64]) -> Arrays:
        """Some rows, as float32."""
        return {name: array[rows].astype(np.float32, copy=False) for name, array in self.arrays.items()
                if name != "group"}

    def batches(self, size: int, rng: Generator) -> Iterator[Arrays]:
        """Shuffled batches without end; each row once per round."""
        if not len(self):
            raise ValueError("the sample bank is empty")
        rows = np.empty(0, np.int64)
        while True:
            while len(rows) < size:
                rows = np.concatenate([rows, rng.permutation(len(self))])
            yield self.take(rows[:size])
            rows = rows[size:]


def mixed_batches(real: SampleBank | None, generated: SampleBank | None, size: int, generated_share: float,
                  rng: Generator) -> Iterator[Arrays]:
    """Batches with a fixed share of generated samples; of one kind only where the other is None or empty."""
    if not (real and len(real)) or not (generated and len(generated)):
        yield from (real if real and len(real) else generated or SampleBank({"target": np.empty(0)})
                    ).batches(size, rng)
        return
    number = round(generated_share * size)
    if number in (0, size):
        yield from (generated if number else real).batches(size, rng)
        return
    for one, two in zip(real.batches(size - number, rng), generated.batches(number, rng), strict=False):
        yield {name: np.concatenate([one[name], two[name]]) for name in one}


def real_samples(core: Core, segments: list[list[Segment]], rows: int, rng: Generator,
                 per_series: int = 48) -> SampleBank:
    """About `rows` augmented training samples; each trace (a list of its segments) has the same weight."""
    parts, count = [], 0
    while count < rows:
        group = int(rng.integers(0, len(segments)))
        series = _random_train_series(segments[group], rng)
        other = _random_train_series(segments[int(rng.integers(0, len(segments)))], rng, series.interval_seconds)
        series = augment(series, other, rng)
        if len(series.events) < 16:
            continue
        samples = _samples(core, series, _random_origins(series, per_series, rng))
        parts.append((group, samples))
        count += len(samples["target"])
    return SampleBank.from_parts(parts)


def generated_samples(core: Core, rows: int, rng: Generator, per_series: int = 96) -> SampleBank:
    """About `rows` samples of generated workloads of random length and interval; group -1."""
    parts, count = [], 0
    while count < rows:
        interval = int(rng.choice(INTERVALS, p=(0.1, 0.35, 0.2, 0.1, 0.1, 0.1, 0.05)))
        shortest = 200 * interval / DAY_SECONDS
        days = float(np.exp(rng.uniform(np.log(max(1.0, shortest)), np.log(max(24.0, 4.0 * shortest)))))
        start_ms, events = core.random_workload(int(rng.integers(0, 2**63)), days, interval)
        series = Series("generated", int(start_ms), interval, np.asarray(events, np.float64))
        if rng.random() < 0.2:
            series = Series(series.name, series.start_ms, interval, gaps(series.events, rng))
        if rng.random() < 0.3:
            series = truncate(series, rng)
        samples = _samples(core, series, _random_origins(series, per_series, rng))
        parts.append((-1, samples))
        count += len(samples["target"])
    return SampleBank.from_parts(parts)


def validation_samples(core: Core, segments: list[list[Segment]], per_trace: int = 400) -> SampleBank:
    """Samples of the validation parts as they are, at the interval that evaluation uses, evenly spaced."""
    parts = []
    for group, trace in enumerate(segments):
        for segment in trace:
            interval = segment.series.interval_seconds
            factor = max(1, -(-FINEST_SCORED_SECONDS // interval))
            series = segment.series.aggregate(interval * factor)
            first, last = segment.validation_from // factor, len(series.events) - 2
            number = min(per_trace // len(trace), last - first)
            if number > 0:
                origins = np.unique(np.linspace(first, last, number).astype(np.int64))
                parts.append((group, _samples(core, series, origins)))
    return SampleBank.from_parts(parts)


def _random_train_series(trace: list[Segment], rng: Generator, interval: int | None = None) -> Series:
    """A training part, longer ones more often, at a random interval or at `interval` (or its own if it cannot)."""
    sizes = np.array([segment.validation_from for segment in trace], float)
    series = trace[int(rng.choice(len(trace), p=sizes / sizes.sum()))].train
    own = series.interval_seconds
    if interval is not None:
        return series.aggregate(interval) if interval % own == 0 else series
    usual = own * max(1, -(-FINEST_SCORED_SECONDS // own))
    if rng.random() < 0.5:
        return series.aggregate(usual)
    coarser = [i for i in {own, *INTERVALS} if i % own == 0 and i >= own and len(series.events) * own // i >= 64]
    return series.aggregate(int(rng.choice(sorted(coarser)))) if coarser else series


def _random_origins(series: Series, number: int, rng: Generator) -> NDArray[np.int64]:
    """Random origins with at least one interval before and after."""
    last = max(2, len(series.events) - 1)
    number = min(number, last - 1)
    return np.sort(rng.choice(np.arange(1, last), size=number, replace=False)).astype(np.int64)


def _samples(core: Core, series: Series, origins: NDArray[np.int64]) -> Mapping[str, np.ndarray]:
    events = np.ascontiguousarray(series.events, np.float64)
    return core.forecaster_samples(events, series.start_ms, series.interval_seconds, origins)


def _compact(name: str, array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float16 if name in _HALF else np.float32)
