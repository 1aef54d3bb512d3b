"""What many histories gain from two workers: python benchmarks/histories.py [--engine processes|ray|dask] [--histories 500].

Two workers take turns with one process, a block of histories each, as the machine may be shared. Beside the time on the wall it tells what
does not depend on others: processor seconds of the workers while they have a question, with what their engine takes meanwhile, over those
of one process, and the share of its time that a worker waits for a question. Two workers without others are faster by `2 x (1 - idle) / overhead`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import evscale
import numpy as np
from actors import engine
from evscale.distributed import Processes, backtest_many

START, RECORDS, BLOCK = 1_767_571_200_000, 288, 250
TIMES = [START + 600_000 * step for step in range(RECORDS)]
CONFIG = evscale.Config(max_jobs=80)


class Span(NamedTuple):
    """Begin and end of a question, and the processor seconds of its process by then."""

    begin: float
    end: float
    own_before: float
    own_after: float


def history(seed: int) -> dict[str, Any]:
    """Two days of a generated pool."""
    draw = np.random.default_rng(seed)
    level, depth, phase = 10 ** draw.uniform(2, 4), draw.uniform(0.1, 0.8), draw.uniform(0, 144)
    events = draw.poisson(level * (1 + depth * np.sin((np.arange(RECORDS) + phase) / 144 * 2 * np.pi)))
    return {"timestamp": TIMES, "events": events.astype(float)}


def timed(ask: Callable[[Any], Any], question: Any) -> tuple[Any, int, Span]:
    """In a worker: an answer, the process, and when it was at work."""
    begin, own = time.monotonic(), time.process_time()
    answer = ask(question)
    return answer, os.getpid(), Span(begin, time.monotonic(), own, time.process_time())


class Timed:
    """An engine whose workers tell how long they take."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._spans: dict[int, list[Span]] = {}
        self.seconds, self.wall, self.idle = 0.0, 0.0, list[float]()

    def workers(self) -> int:
        """Returns the number of workers."""
        return int(self._inner.workers())

    def answers(self, ask: Callable[[Any], Any], questions: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
        """Yields the answers of the engine."""
        for key, question, (answer, process, span) in self._inner.answers(partial(timed, ask), questions):
            self._spans.setdefault(process, []).append(span)
            yield key, question, answer

    def run(self, histories: dict[str, Any]) -> None:
        """Runs a block of histories."""
        self._spans = {}
        begin = time.monotonic()
        many = backtest_many(histories, CONFIG, engine=self, baselines=False, jobs_at_peak=20)
        self.wall += time.monotonic() - begin
        assert len(many.results) == len(histories), many.failures
        for unsorted in self._spans.values():
            spans = sorted(unsorted)
            self.seconds += sum(span.own_after - span.own_before for span in spans)
            self.idle.append(1 - sum(span.end - span.begin for span in spans) / (spans[-1].end - spans[0].begin))


def main() -> None:
    """Prints what was measured, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["processes", "ray", "dask"], default="processes")
    parser.add_argument("--histories", type=int, default=500)
    asked = parser.parse_args()
    one, two = Timed(Processes(1)), Timed(engine(asked.engine))
    for begin in range(0, asked.histories, BLOCK):
        histories = {f"pool {seed}": history(seed) for seed in range(begin, min(begin + BLOCK, asked.histories))}
        one.run(histories)
        two.run(histories)
    overhead, idle = two.seconds / one.seconds, float(np.mean(two.idle))
    print(json.dumps({
        "engine": asked.engine, "histories": asked.histories, "processors": os.cpu_count(), "load": round(os.getloadavg()[1], 1),
        "one_process_seconds": round(one.seconds, 2), "workers_seconds": round(two.seconds, 2), "overhead": round(overhead, 3),
        "idle": round(idle, 4), "without_others": round(2 * (1 - idle) / overhead, 3),
        "one_process_wall_seconds": round(one.wall, 1), "workers_wall_seconds": round(two.wall, 1),
        "on_the_wall": round(one.wall / two.wall, 3)}))


if __name__ == "__main__":
    main()
