"""Executors of `concurrent.futures` whose number of threads or processes is evscale's decision.

>>> from evscale.adapters.executors import ThreadPool
>>> with ThreadPool({"max_jobs": 40}) as pool:
...     pool.submit(pow, 2, 10).result()
1024
"""

from __future__ import annotations

import logging
import multiprocessing
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing.context import BaseContext
from threading import Condition, Thread
from typing import Any

from .driver import Driver, Look

log = logging.getLogger("evscale.adapters")

_Run = Callable[..., Any]


class ThreadPool(Executor):
    """Threads. `settings` and `options` are those of `Driver`; the pool begins with `min_jobs` threads, at least one."""

    def __init__(self, settings: Any = None, *, every: float = 1.0, **options: Any) -> None:
        self.driver = Driver(settings, **options)
        self._waiting: deque[tuple[Future[Any], _Run, tuple[Any, ...], dict[str, Any], float]] = deque()
        self._changed = Condition()
        self._jobs = self._ready = self._busy = 0
        self._wanted = 0
        self._over = False
        self._resize(max(1, self.driver.config.min_jobs))
        self.driver.start(self.look, self._resize, every)

    def look(self) -> Look:
        """What the pool is doing now."""
        with self._changed:
            return Look(self._wanted, self._ready, len(self._waiting), self._busy)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Runs `fn` in a job of the pool, after those that were submitted before."""
        future: Future[Any] = Future()
        with self._changed:
            if self._over:
                raise RuntimeError("the pool is shut down")
            self._waiting.append((future, fn, args, kwargs, self.driver.clock()))
            self.driver.meter.arrived()
            self._changed.notify()
        return future

    def _resize(self, jobs: int) -> None:
        with self._changed:
            if self._over:
                return
            self._wanted = jobs
            more = max(0, jobs - self._jobs)
            self._jobs += more
            self._changed.notify_all()
        for started in range(more):
            try:
                Thread(target=self._job, name=f"evscale {self.driver.name} job", daemon=True).start()
            except RuntimeError:
                log.exception("%s: the machine has no more threads", self.driver.name)
                self._missing(more - started)
                return

    def _missing(self, jobs: int) -> None:
        """Goes on without jobs that could not be had."""
        self.driver.meter.refused(jobs)
        with self._changed:
            self._jobs -= jobs
            self._wanted = self._jobs

    def _job(self) -> None:
        run: _Run = call
        end: Callable[[], object] = nothing
        try:
            run, end = self._prepared()
            with self._changed:
                self._ready += 1
            while self._work(run):
                pass
            with self._changed:
                self._ready -= 1
        except Exception:
            log.exception("%s: a job did not start", self.driver.name)
            self._missing(1)
        finally:
            end()
            with self._changed:
                self._changed.notify_all()

    def _prepared(self) -> tuple[_Run, Callable[[], object]]:
        """What runs a call in a job, and what ends the job."""
        return call, nothing

    def _work(self, run: _Run) -> bool:
        """Runs one call; whether the job goes on."""
        with self._changed:
            while not self._waiting and not self._over and self._jobs <= self._wanted:
                self._changed.wait()
            if self._jobs > self._wanted or not self._waiting:
                self._jobs -= 1
                return False
            future, fn, args, kwargs, arrived = self._waiting.popleft()
            self._busy += 1
        try:
            if not future.set_running_or_notify_cancel():
                self.driver.meter.finished()
                return True
            try:
                with self.driver.work(self.driver.clock() - arrived):
                    result = run(fn, *args, **kwargs)
            except BaseException as problem:  # noqa: BLE001 it is the caller's, whatever it is
                future.set_exception(problem)
            else:
                future.set_result(result)
        finally:
            with self._changed:
                self._busy -= 1
        return True

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the pool after what was submitted, or without it if `cancel_futures`; saves the state."""
        self.driver.stop()
        with self._changed:
            self._over = True
            if cancel_futures:
                while self._waiting:
                    self._waiting.popleft()[0].cancel()
            self._changed.notify_all()
            if wait:
                self._changed.wait_for(lambda: self._jobs == 0)


class ProcessPool(ThreadPool):
    """Processes: every job is a process of its own, and what is submitted must be picklable. `context` is one of
    `multiprocessing`; processes are spawned without."""

    def __init__(self, settings: Any = None, *, context: BaseContext | None = None, **options: Any) -> None:
        self._context = context or multiprocessing.get_context("spawn")
        super().__init__(settings, **options)

    def _prepared(self) -> tuple[_Run, Callable[[], object]]:
        one = [self._process()]

        def run(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            try:
                return one[0].submit(fn, *args, **kwargs).result()
            except BrokenExecutor:
                one[0] = self._process()
                raise

        return run, lambda: one[0].shutdown()

    def _process(self) -> ProcessPoolExecutor:
        one = ProcessPoolExecutor(1, self._context)
        one.submit(nothing).result()
        return one


def call(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Runs a call here."""
    return fn(*args, **kwargs)


def nothing() -> None:
    """What a new process does first, to be ready."""
