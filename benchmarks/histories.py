"""What many histories gain from two workers: python benchmarks/histories.py [--engine processes|ray|dask] [--histories 500].

Two workers take turns with one process, a block of histories each, as the machine may be shared. Beside the time on the wall it tells what
does not depend on others: processor seconds of the workers over those of one process, and the share of its time that a
worker waits for a question. Two workers without others are faster by `2 x (1 - idle) / overhead`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import evscale
import numpy as np
from actors import engine
from evscale.distributed import Processes, backtest_many

START, RECORDS, BLOCK = 1_767_571_200_000, 288, 250
TIMES = [START + 600_000 * step for step in range(RECORDS)]
CONFIG = evscale.Config(max_jobs=80)


def history(seed: int) -> dict[str, Any]:
    """Two days of a generated pool."""
    draw = np.random.default_rng(seed)
    level, depth, phase = 10 ** draw.uniform(2, 4), draw.uniform(0.1, 0.8), draw.uniform(0, 144)
    events = draw.poisson(level * (1 + depth * np.sin((np.arange(RECORDS) + phase) / 144 * 2 * np.pi)))
    return {"timestamp": TIMES, "events": events.astype(float)}


def timed(ask: Callable[[Any], Any], question: Any) -> tuple[Any, int, float, float, float]:
    """In a worker: an answer, the process, when it began and ended, and the processor seconds of the process by then."""
    begin = time.monotonic()
    answer = ask(question)
    return answer, os.getpid(), begin, time.monotonic(), time.process_time()


@dataclass
class Timed:
    """An engine whose workers tell how long they take."""

    inner: Any
    spans: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)

    def workers(self) -> int:
        """Returns the number of workers."""
        return int(self.inner.workers())

    def answers(self, ask: Callable[[Any], Any], questions: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
        """Yields the answers of the engine."""
        for key, question, told in self.inner.answers(partial(timed, ask), questions):
            answer, process, *span = told
            self.spans.setdefault(process, []).append(tuple(span))
            yield key, question, answer

    def seconds(self) -> float:
        """Returns the processor seconds of all workers, from their start on."""
        return sum(max(own for _, _, own in spans) for spans in self.spans.values())

    def block(self, histories: dict[str, Any]) -> tuple[float, list[float]]:
        """Runs histories; returns the time on the wall, and the share of it in which each worker waited between its questions."""
        told = {process: len(spans) for process, spans in self.spans.items()}
        begin = time.monotonic()
        many = backtest_many(histories, CONFIG, engine=self, baselines=False, jobs_at_peak=20)
        wall = time.monotonic() - begin
        assert len(many.results) == len(histories), many.failures
        idle = []
        for process, all_spans in self.spans.items():
            if spans := sorted(all_spans[told.get(process, 0):]):
                idle.append(1 - sum(end - begin for begin, end, _ in spans) / (spans[-1][1] - spans[0][0]))
        return wall, idle


def main() -> None:
    """Prints what was measured, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["processes", "ray", "dask"], default="processes")
    parser.add_argument("--histories", type=int, default=500)
    asked = parser.parse_args()
    one, two = Timed(Processes(1)), Timed(engine(asked.engine))
    walls, idle = [0.0, 0.0], []
    for begin in range(0, asked.histories, BLOCK):
        histories = {f"pool {seed}": history(seed) for seed in range(begin, min(begin + BLOCK, asked.histories))}
        walls[0] += one.block(histories)[0]
        wall, waited = two.block(histories)
        walls[1] += wall
        idle += waited
    overhead = two.seconds() / one.seconds()
    print(json.dumps({
        "engine": asked.engine, "histories": asked.histories, "processors": os.cpu_count(), "load": round(os.getloadavg()[1], 1),
        "one_process_seconds": round(one.seconds(), 2), "workers_seconds": round(two.seconds(), 2), "overhead": round(overhead, 3),
        "idle": round(float(np.mean(idle)), 4), "without_others": round(2 * (1 - float(np.mean(idle))) / overhead, 3),
        "one_process_wall_seconds": round(walls[0], 1), "workers_wall_seconds": round(walls[1], 1),
        "on_the_wall": round(walls[0] / walls[1], 3)}))


if __name__ == "__main__":
    main()
