"""Consumers of an asyncio queue, as many as evscale decides.

    async with Consumers(handle, {"max_jobs": 40}) as pool:
        await pool.put(item)

calls `await handle(item)` for every item, in as many tasks at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .driver import Driver

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger("evscale.adapters")


class Consumers:
    """Tasks that take items from a queue. What `handle` raises is logged and counts as failed.

    Parameters
    ----------
    handle
        Called with every item, and awaited.
    settings, options
        Those of `Driver`; the pool begins with `min_jobs` tasks, at least one.
    maxsize
        Items that may wait until `put` does; 0 is no limit.
    every
        Seconds between two looks.
    """

    def __init__(
        self, handle: Callable[[Any], Awaitable[object]], settings: Any = None, *, maxsize: int = 0, every: float = 1.0,
        **options: Any,
    ) -> None:
        self.driver = Driver(settings, **options)
        self._handle, self._every = handle, every
        self._queue: asyncio.Queue[tuple[float, Any]] = asyncio.Queue(maxsize)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._wanted = 0
        self._loop: asyncio.Task[None] | None = None

    @property
    def jobs(self) -> int:
        """Tasks that the pool has."""
        return self._wanted

    async def put(self, item: Any) -> None:
        """Adds an item; waits while the queue is full."""
        self.driver.meter.arrived()
        await self._queue.put((self.driver.clock(), item))

    async def join(self) -> None:
        """Waits until every item is handled."""
        await self._queue.join()

    async def __aenter__(self) -> Self:
        self._resize(max(1, self.driver.config.min_jobs))
        self._loop = asyncio.create_task(self._drive())
        return self

    async def __aexit__(self, raised: type[BaseException] | None, *_: object) -> None:
        """Handles what waits unless the block raised; saves the state."""
        try:
            if raised is None:
                await self.join()
        finally:
            tasks = {*self._tasks, *([self._loop] if self._loop else [])}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.driver.stop()

    async def _drive(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            busy = len(self._tasks) - len(self._idle)
            jobs = self.driver.tick(self._wanted, ready=self._wanted, queued=self._queue.qsize(), busy=busy)
            if jobs is not None:
                self._resize(jobs)

    def _resize(self, jobs: int) -> None:
        """Busy tasks that are too many leave after their item, idle ones at once."""
        self._wanted = jobs
        for _ in range(jobs - len(self._tasks)):
            task = asyncio.create_task(self._consume())
            self._tasks.add(task)
            self._idle.add(task)
        for task in list(self._idle)[: max(0, len(self._tasks) - jobs)]:
            self._leave(task)
            task.cancel()

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._idle.discard(task)

    async def _consume(self) -> None:
        this = asyncio.current_task()
        assert this is not None
        while len(self._tasks) <= self._wanted:
            arrived, item = await self._queue.get()
            self._idle.discard(this)
            try:
                with self.driver.work(self.driver.clock() - arrived):
                    await self._handle(item)
            except Exception:
                log.exception("%s: an item failed", self.driver.name)
            finally:
                self._queue.task_done()
            self._idle.add(this)
        self._leave(this)
