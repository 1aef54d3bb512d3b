"""What a fleet on actors costs: python benchmarks/actors.py [--engine processes|ray|dask] [--pools 20000] [--ticks 8].

Processor seconds of two actors over those of one process that ticks the same pools on the same records, whose dicts are made
beforehand; what the driver needs is told apart. Rounds of both take turns, as the machine is shared.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from typing import Any

import evscale
import numpy as np
from evscale.distributed import DistributedFleet, Processes

START = 1_767_571_200_000
WARM_UP = 3
CONFIG = evscale.Config(max_jobs=200)


def columns(step: int, pools: int) -> dict[str, Any]:
    """Records of a tick."""
    level = 300.0 + 17 * (np.arange(pools) % 97)
    events = np.round(level * (1 + 0.4 * np.sin((step + level) / 20)))
    return {"logged_events_count": events, "processed_events_count": events, "queued_events_count": np.zeros(pools),
            "current_job_count": np.full(pools, 9.0), "average_processing_duration_ms": np.full(pools, 400.0),
            "cpu_utilization_percent": np.full(pools, 60.0)}


class Alone:
    """A fleet in one process."""

    def __init__(self, pools: int) -> None:
        self._fleet = evscale.Fleet()
        self._keys = [f"pool-{number:06}" for number in range(pools)]
        for key in self._keys:
            self._fleet.add(key, CONFIG)

    def tick(self, step: int) -> tuple[float, float]:
        """Returns the processor seconds of a tick, and of making its dicts."""
        begin = time.process_time()
        given = columns(step, len(self._keys))
        rows = np.array(list(given.values())).T.tolist()
        at = START + 120_000 * step
        records = {key: dict(zip(given, row, strict=True)) | {"timestamp": at} for key, row in zip(self._keys, rows, strict=True)}
        made = time.process_time()
        self._jobs = [decision.recommended_jobs for decision in self._fleet.tick(records).decisions.values()]
        return time.process_time() - made, made - begin

    def jobs(self) -> list[int | None]:
        """Returns the jobs of the last tick."""
        return self._jobs


def engine(name: str) -> Any:
    """Returns an engine with two workers."""
    if name == "processes":
        return Processes(2)
    if name == "ray":
        import ray
        from evscale.distributed import Ray

        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False)
        return Ray()
    from distributed import Client, LocalCluster
    from evscale.distributed import Dask

    return Dask(Client(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)))


def main() -> None:
    """Prints what was measured, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["processes", "ray", "dask"], default="processes")
    parser.add_argument("--pools", type=int, default=20_000)
    parser.add_argument("--ticks", type=int, default=8)
    asked = parser.parse_args()
    alone = Processes(1).actor(Alone, asked.pools)
    with tempfile.TemporaryDirectory() as folder, DistributedFleet(engine(asked.engine), folder, actors=2) as fleet:
        fleet.add([f"pool-{number:06}" for number in range(asked.pools)], CONFIG)
        ticks, dicts, actors, driver, walls = [], [], [], [], []
        for step in range(WARM_UP + asked.ticks):
            one, made = alone.ask("tick", step).wait()
            before, own, wall = sum(fleet.cpu_seconds().values()), time.process_time(), time.monotonic()
            tick = fleet.tick(START + 120_000 * step, columns(step, asked.pools))
            wall, own = time.monotonic() - wall, time.process_time() - own
            if step >= WARM_UP:
                ticks.append(one)
                dicts.append(made)
                actors.append(sum(fleet.cpu_seconds().values()) - before)
                driver.append(own)
                walls.append(wall)
        assert [int(jobs) for jobs in tick.recommended_jobs] == alone.ask("jobs").wait(), "other decisions than alone"
        print(json.dumps({
            "engine": asked.engine, "pools": asked.pools, "ticks": asked.ticks, "processors": os.cpu_count(),
            "one_process_seconds": round(sum(ticks), 3), "its_dicts_seconds": round(sum(dicts), 3),
            "actors_seconds": round(sum(actors), 3), "driver_seconds": round(sum(driver), 3), "wall_seconds": round(sum(walls), 3),
            "actors_over_one_process": round(sum(actors) / sum(ticks), 3),
            "actors_over_one_process_with_dicts": round(sum(actors) / (sum(ticks) + sum(dicts)), 3)}))


if __name__ == "__main__":
    main()
