"""Celery: a worker whose number of processes is evscale's decision, and a number of workers that is.

    from evscale.adapters.celery import install
    install(app, {"job_startup_seconds": 2}, state="/var/lib/app/celery.state")

in the module of the app, and the worker with `--autoscale=20,1`, which are `max_jobs` and `min_jobs`. A job is a process (or
thread) of the worker. A worker sees the whole queue of the broker but only its own tasks: where several workers share a queue, leave
their size alone and let `Workers` decide on their number.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from celery import Celery, signals
from celery.worker import state
from celery.worker.autoscale import Autoscaler as CeleryAutoscaler

from .driver import Driver, Look
from .processes import Done, Processes

if TYPE_CHECKING:
    from typing_extensions import Self

SENT = "evscale_sent"
"""Header with the time at which a task was sent."""
EVERY = 1.0
"""Seconds between two looks."""


def install(app: Celery, settings: Any = None, **options: Any) -> None:
    """Makes evscale the autoscaler of the app's workers. What sends tasks with this app stamps them, so that waits are known.
    `settings` and `options` are those of `Driver`."""
    app.conf.worker_autoscaler = "evscale.adapters.celery:Autoscaler"
    app.conf.evscale = {"config": dict(settings or {}), **options}
    signals.before_task_publish.connect(_stamp)


def _stamp(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers.setdefault(SENT, time.time())


def waiting(app: Celery, queues: Iterable[str] | None = None) -> int:
    """Returns the messages that wait at the broker, in the app's queues or those of these names."""
    found = 0
    with app.connection_for_read() as connection:
        for name in queues or app.amqp.queues.consume_from:
            try:
                with connection.channel() as channel:
                    found += channel.queue_declare(queue=name, passive=True).message_count
            except connection.channel_errors as problem:
                # Redis has no queue that is empty
                if str(getattr(problem, "reply_code", "")) != "404":
                    raise
    return found


class Autoscaler(CeleryAutoscaler):
    """What Celery makes of `worker_autoscaler`; `install` sets it."""

    def __init__(self, pool: Any, max_concurrency: int, min_concurrency: int = 0, worker: Any = None, **kwargs: Any) -> None:
        # Celery calls `maybe_scale` this often
        super().__init__(pool, max_concurrency, min_concurrency, worker=worker, **kwargs | {"keepalive": EVERY})
        options = dict(worker.app.conf.get("evscale") or {})
        bounds = {"min_jobs": max(1, min_concurrency), "max_jobs": max_concurrency}
        settings = {"job_startup_seconds": 1, **options.pop("config", {}), **bounds}
        self.driver = Driver(settings, **{"name": worker.hostname, **options})
        self.jobs: int | None = None
        self.done = Done()
        self._begun = Begun(self.done)
        signals.task_prerun.connect(self._begun.begin)
        signals.task_postrun.connect(self._begun.end)
        signals.worker_shutdown.connect(self._end)
        self.driver.start(self._look, self._scale, EVERY)

    def _look(self) -> Look:
        self.done.read(self.driver)
        active = len(state.active_requests)
        queued = waiting(self.worker.app) + max(0, len(state.reserved_requests) - active)
        # processes are forked, and ready when Celery counts them
        jobs = self.processes
        return Look(jobs, jobs, queued, min(active, jobs))

    def _scale(self, jobs: int) -> None:
        self.jobs = jobs

    def _maybe_scale(self, req: Any = None) -> bool | None:
        """Celery calls this about every second, and for every message."""
        jobs = self.processes if self.jobs is None else self.jobs
        self.jobs = None
        if jobs > self.processes:
            self._grow(jobs - self.processes)
        elif jobs < self.processes:
            self._shrink(self.processes - jobs)
        else:
            return None
        return True

    def _end(self, **_: Any) -> None:
        self.driver.stop()


class Begun:
    """Tasks that a process of the worker is at, for the times that it tells."""

    def __init__(self, done: Done) -> None:
        self._done = done
        self._begun: dict[str, tuple[float, float | None]] = {}

    def begin(self, task_id: str = "", task: Any = None, **_: Any) -> None:
        """Celery's signal `task_prerun`."""
        # a task with a time of its own does not wait in the queue
        sent = None if task.request.eta else (task.request.headers or {}).get(SENT) or task.request.get(SENT)
        self._begun[task_id] = (time.monotonic(), max(0.0, time.time() - sent) if sent else None)

    def end(self, task_id: str = "", state: str | None = None, **_: Any) -> None:
        """Celery's signal `task_postrun`."""
        if task_id in self._begun:
            begin, waited = self._begun.pop(task_id)
            self._done.tell(time.monotonic() - begin, waited, state == "FAILURE")


class Workers:
    """Decides on the number of workers of a broker's queues: `with Workers(app, {"max_jobs": 20}) as workers: workers.join()`.

    A job is a worker. What the workers have done, and do, they are asked over the broker (`inspect`); service times are estimated
    from the workers that are busy.

    Parameters
    ----------
    app
        The Celery app.
    settings, options
        Those of `Driver`.
    scale
        Called with the number of workers that should be there, such as a call of your platform; else they are started and ended as
        processes of this machine, with `arguments`.
    arguments
        Command line of a worker after `celery`; such as `["-A", "app", "worker", "--concurrency=1"]`.
    queues
        Names of the queues; those of the app without.
    """

    def __init__(
        self, app: Celery, settings: Any = None, *, scale: Callable[[int], object] | None = None,
        arguments: Iterable[str] = (), queues: Iterable[str] | None = None, every: float = 2.0, **options: Any,
    ) -> None:
        self.app, self.queues, self.every = app, queues, every
        self.driver = Driver(settings, **options)
        command = [sys.executable, "-m", "celery", *arguments]
        self.local = Processes(lambda number: [*command, "-n", f"evscale{number}.{os.getpid()}@%h"])
        self.scale = scale or self.local.scale
        self.wanted = 0

    def __enter__(self) -> Self:
        self.wanted = len(self._asked()) or self._scale(max(1, self.driver.config.min_jobs))
        self.driver.start(self._look, self._scale, self.every)
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.stop()
        self.local.end()

    def join(self) -> None:
        """Waits until Ctrl-C."""
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(self.every)

    def _scale(self, jobs: int) -> int:
        self.scale(jobs)
        self.wanted = jobs
        return jobs

    def _asked(self) -> dict[str, Any]:
        return self.app.control.inspect(timeout=min(1.0, self.every / 2)).stats() or {}

    def _look(self) -> Look:
        stats = self._asked()
        inspect = self.app.control.inspect(destination=list(stats), timeout=min(1.0, self.every / 2))
        active = {name: len(tasks) for name, tasks in (inspect.active() or {}).items()} if stats else {}
        busy = 0.0
        for name, told in stats.items():
            # what a worker has begun, less what it is doing
            self.driver.meter.totals(name, finished=max(0, sum(told["total"].values()) - active.get(name, 0)))
            busy += min(1.0, active.get(name, 0) / max(1, told["pool"].get("max-concurrency", 1)))
        return Look(self.wanted, len(stats), waiting(self.app, self.queues), busy)
