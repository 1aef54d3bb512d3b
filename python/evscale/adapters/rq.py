"""RQ: a `WorkerPool` as large as evscale decides.

    from evscale.adapters.rq import WorkerPool
    WorkerPool(["default"], connection=Redis(), settings={"max_jobs": 20}, state="rq.state").start()

A job of evscale is a worker. RQ's workers count in Redis what they did and how long they worked.
"""

from __future__ import annotations

from typing import Any

from rq.worker import Worker
from rq.worker_pool import WorkerData
from rq.worker_pool import WorkerPool as RqWorkerPool

from .driver import Driver

WORKER = Worker.redis_worker_namespace_prefix


class WorkerPool(RqWorkerPool):
    """`settings` and `options` are those of `Driver`, the others those of RQ's `WorkerPool`; it begins with `min_jobs` workers, at
    least one."""

    def __init__(self, queues: Any, connection: Any, *, settings: Any = None, options: Any = None, **kwargs: Any) -> None:
        self.driver = Driver(settings, **(options or {}))
        super().__init__(queues, connection, max(1, self.driver.config.min_jobs), **kwargs)
        self._leaving: set[str] = set()

    def start_worker(self, *args: Any, **kwargs: Any) -> None:
        """Starts a worker; what it does is counted from 0."""
        before = set(self.worker_dict)
        super().start_worker(*args, **kwargs)
        for name in set(self.worker_dict) - before:
            self.driver.meter.totals(name, finished=0, failed=0, busy_seconds=0)

    def check_workers(self, respawn: bool = True) -> None:
        """RQ calls this every second."""
        if respawn and self.status != self.Status.STOPPED:
            self._decide()
        super().check_workers(respawn)
        self._leaving &= set(self.worker_dict)

    def _decide(self) -> None:
        told = {name: self._told(name) for name in self.worker_dict}
        staying = {name: one for name, one in told.items() if name not in self._leaving}
        busy = sum(one.get("state") == "busy" for one in staying.values())
        ready = sum("state" in one for one in staying.values())
        queued = sum(queue.count for queue in self.queues)
        jobs = self.driver.tick(self.num_workers, ready=ready, queued=queued, busy=busy)
        if jobs is not None:
            self.num_workers = jobs
            idle_first = sorted(staying, key=lambda name: staying[name].get("state") == "busy")
            for name in idle_first[: max(0, len(staying) - jobs)]:
                self._leave(self.worker_dict[name])

    def _told(self, name: str) -> dict[str, str]:
        """What a worker says of itself, and counts it."""
        raw = self.connection.hgetall(WORKER + name)
        told = {key.decode(): value.decode(errors="replace") for key, value in raw.items()}
        if told:
            succeeded, failed, seconds = (
                float(told.get(key, 0)) for key in ("successful_job_count", "failed_job_count", "total_working_time")
            )
            self.driver.meter.totals(name, finished=succeeded + failed, failed=failed, busy_seconds=seconds)
        return told

    def handle_dead_worker(self, worker_data: WorkerData) -> None:
        """Counts the last jobs of a worker that has left."""
        self._told(worker_data.name)
        super().handle_dead_worker(worker_data)

    def _leave(self, worker: WorkerData) -> None:
        """Asks a worker once to leave after its job; asked twice it would break the job off."""
        self._leaving.add(worker.name)
        self.stop_worker(worker)

    def request_stop(self, signum: Any = None, frame: Any = None) -> None:
        """Ends the pool, and saves the state."""
        for name in self._leaving:
            self.worker_dict.pop(name, None)
        super().request_stop(signum, frame)
        self.driver.stop()

