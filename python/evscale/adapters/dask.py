"""Dask: an `Adaptive` whose target is evscale's decision.

    cluster.adapt(Adaptive=evscale.adapters.dask.Adaptive, settings={"max_jobs": 40}, state="dask.state")

A job is a worker. The scheduler must run in this process, as with `LocalCluster` and most of the clusters that `SpecCluster`
makes: it has no counters of its own, so that a plugin counts its transitions.
"""

from __future__ import annotations

import math
import time
from typing import Any

from distributed import Adaptive as DaskAdaptive
from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.scheduler import Scheduler

from .driver import Driver

RUNNABLE = ("processing", "queued", "no-worker")


class Adaptive(DaskAdaptive):
    """`settings` and `options` are those of `Driver`, `interval` the time between two looks. `minimum` and `maximum` are Dask's own
    bounds; leave them to `min_jobs` and `max_jobs`."""

    state = "inactive"

    def __init__(
        self, cluster: Any, settings: Any = None, *, interval: str = "1s", minimum: int = 0, maximum: float = math.inf,
        **options: Any,
    ) -> None:
        self.driver = Driver(settings, **options)
        config = self.driver.config
        bounds = {"minimum": max(config.min_jobs, minimum), "maximum": int(min(config.max_jobs, maximum))}
        cluster.scheduler.add_plugin(Counter(self.driver, cluster.scheduler), name="evscale")
        # Dask's own hysteresis is off: evscale has its own
        super().__init__(cluster, interval=interval, wait_count=1, **bounds)

    async def target(self) -> int:
        """The number of workers that should be there."""
        scheduler, planned = self.cluster.scheduler, len(self.plan)
        busy = queued = 0.0
        for worker in scheduler.workers.values():
            running = min(len(worker.processing), worker.nthreads)
            busy += running / worker.nthreads
            queued += len(worker.processing) - running
        queued += len(scheduler.queued) + len(scheduler.unrunnable)
        jobs = self.driver.tick(planned, ready=len(self.observed), queued=queued, busy=busy)
        return planned if jobs is None else jobs

    def stop(self, reason: str = "unknown") -> None:
        """Ends the adaptation and saves the state."""
        running = self.state not in ("inactive", "stopped")
        super().stop(reason)
        if running:
            self.driver.stop()


class Counter(SchedulerPlugin):
    """Counts tasks: they arrive when what they depend on is there."""

    def __init__(self, driver: Driver, scheduler: Scheduler) -> None:
        self.driver, self.scheduler = driver, scheduler
        self.since: dict[Any, float] = {}

    def transition(self, key: Any, start: Any, finish: Any, *args: Any, **kwargs: Any) -> None:
        """Dask calls this for every change of a task's state."""
        if finish in RUNNABLE and key not in self.since:
            self.since[key] = time.time()
            self.driver.meter.arrived()
        elif start == "processing" and finish in ("memory", "erred"):
            self._finished(self.since.pop(key, None), finish == "erred", kwargs)
        elif finish == "forgotten":
            self.since.pop(key, None)

    def _finished(self, since: float | None, failed: bool, told: dict[str, Any]) -> None:
        computed = [one for one in told.get("startstops") or () if one["action"] == "compute"]
        worker = self.scheduler.workers.get(told.get("worker"))
        seconds = waited = None
        if computed:
            # a worker does as many tasks at once as it has threads
            seconds = sum(one["stop"] - one["start"] for one in computed) / (worker.nthreads if worker else 1)
            waited = max(0.0, computed[0]["start"] - since) if since is not None else None
        self.driver.meter.finished(seconds, waited)
        if failed:
            self.driver.meter.failed()
