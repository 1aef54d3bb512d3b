"""Event traces: reading, the cut in time, aggregation to coarser intervals."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DAY_SECONDS = 86_400
FINEST_SCORED_SECONDS = 120
WARMUP_DAYS = 7.0
WARMUP_SHARE = 0.4
TEST_DAYS = 14.0
VALIDATION_SHARE = 0.15


@dataclass(frozen=True)
class Series:
    """Event counts on a regular grid.

    start_ms: start of the first interval, epoch milliseconds. events: float64, NaN where unknown.
    """

    name: str
    start_ms: int
    interval_seconds: int
    events: NDArray[np.float64]

    def slice(self, first: int, last: int) -> Series:
        """Intervals `first` up to but without `last`."""
        start = self.start_ms + first * self.interval_seconds * 1000
        return replace(self, start_ms=start, events=self.events[first:last])

    def filled(self) -> Series:
        """Unknown counts interpolated between their neighbours, whole."""
        known = np.flatnonzero(np.isfinite(self.events))
        return replace(self, events=np.rint(np.interp(np.arange(len(self.events)), known, self.events[known])))

    def aggregate(self, interval_seconds: int) -> Series:
        """Summed to a coarser interval, a multiple of this one; unknown where a part is unknown."""
        if interval_seconds % self.interval_seconds:
            raise ValueError(f"interval is {interval_seconds} s, expected a multiple of {self.interval_seconds} s")
        group = interval_seconds // self.interval_seconds
        whole = len(self.events) // group * group
        events = self.events[:whole].reshape(-1, group).sum(axis=1)
        return replace(self, interval_seconds=interval_seconds, events=events)


@dataclass(frozen=True)
class Segment:
    """A stretch of a trace that may be trained on; intervals from `validation_from` on are for validation."""

    series: Series
    validation_from: int

    @property
    def train(self) -> Series:
        """The part to train on."""
        return self.series.slice(0, self.validation_from)


def read_trace(path: Path) -> Series:
    """Read a CSV file with header `timestamp,events`: ISO 8601 UTC stamps of the starts of the intervals.

    The interval is the distance of the first two rows. Rows go to the nearest place on the grid (their mean
    where they collide); absent rows and counts that are no number or negative are unknown (NaN).
    """
    with path.open(newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if header[:2] != ["timestamp", "events"]:
            raise ValueError(f"{path.name}: header is {header}, expected timestamp,events")
        stamps, counts = [], []
        for row in rows:
            stamps.append(_epoch_seconds(row[0]))
            counts.append(_count(row[1]))
    if len(stamps) < 3 or stamps[1] <= stamps[0]:
        raise ValueError(f"{path.name}: expected at least 3 rows with increasing timestamps")
    interval = round(stamps[1] - stamps[0])
    place = np.rint((np.array(stamps) - stamps[0]) / interval).astype(np.int64)
    values = np.array(counts)
    valid = np.isfinite(values) & (place >= 0)
    size = int(place.max()) + 1
    number = np.bincount(place[valid], minlength=size)
    total = np.bincount(place[valid], weights=values[valid], minlength=size)
    events = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return Series(path.stem, round(stamps[0] * 1000), interval, events)


def read_traces(folder: Path) -> Iterator[Series]:
    """All traces of a folder in the order of their names; files with another header are skipped."""
    for path in sorted(Path(folder).glob("*.csv")):
        with path.open() as file:
            is_trace = file.readline().strip().startswith("timestamp,events")
        if is_trace:
            yield read_trace(path)


def segments(trace: Series) -> list[Segment]:
    """The parts of a trace outside its test part: the warm-up before it and everything after it.

    The test part is what the evaluation scores: on the grid of at least 120 s, it starts after the first
    7 days or 40 % of the rows, whichever is shorter, and lasts up to 14 days. The two parts are separate
    series: no history and no target crosses into the test part. The last 15 % of each is for validation.
    """
    group = max(1, -(-FINEST_SCORED_SECONDS // trace.interval_seconds))
    per_day = DAY_SECONDS / (trace.interval_seconds * group)
    rows = len(trace.events) // group
    warmup = int(min(WARMUP_DAYS * per_day, WARMUP_SHARE * rows))
    end = min(rows, warmup + int(np.ceil(TEST_DAYS * per_day))) + 1
    found = []
    for first, last in ((0, warmup * group), (end * group, len(trace.events))):
        part = trace.slice(first, last)
        if len(part.events) >= 48:
            found.append(Segment(part, int((1.0 - VALIDATION_SHARE) * len(part.events))))
    return found


def _epoch_seconds(text: str) -> float:
    stamp = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=timezone.utc)).timestamp()


def _count(text: str) -> float:
    try:
        count = float(text)
    except ValueError:
        return np.nan
    return count if count >= 0 and np.isfinite(count) else np.nan
