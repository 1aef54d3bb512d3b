"""Dask as an engine: tasks, and actors on the workers that hold the fewest of them.

    client = distributed.Client(...)
    many = backtest_many(histories, engine=evscale.distributed.Dask(client))
"""

from __future__ import annotations

import ctypes
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from distributed import Client, KilledWorker, as_completed

from .engine import ENDED, Lost, Q, reason

#: Time in which a worker must be there for an actor, seconds.
WAIT_SECONDS = 120.0
#: Time between two looks whether the worker of an actor is still there, seconds.
LOOK_SECONDS = 2.0
#: Parameters of glibc's `mallopt`, each with the value that its thresholds grow to by themselves where nobody sets one, bytes.
GROWN_THRESHOLDS = {"M_MMAP_THRESHOLD": (-3, 32 << 20), "M_TRIM_THRESHOLD": (-1, 64 << 20)}


class Dask:
    """The cluster of a client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._held: Counter[str] = Counter()

    def workers(self) -> int:
        """Returns the threads of all workers."""
        threads: Iterable[int] = self._client.nthreads().values()
        return max(1, sum(threads))

    def actor(self, make: Callable[..., Any], *arguments: Any) -> DaskActor:
        """Makes an actor on the worker that has the fewest."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                address = min(self._addresses(deadline), key=lambda address: (self._held[address], address))
                future = self._client.submit(_made_in_worker, make, *arguments, actor=True, pure=False, workers=[address])
                actor = future.result(timeout=WAIT_SECONDS / 4)
            except Exception as problem:  # noqa: BLE001 the worker may have ended meanwhile
                if time.monotonic() > deadline:
                    raise Lost(reason(problem)) from None
                continue
            self._held[address] += 1
            return DaskActor(self, address, future, actor)

    def answers(self, ask: Callable[[Q], Any], questions: Iterable[tuple[str, Q]]) -> Iterator[tuple[str, Q, Any]]:
        """A task for each question, two for every thread at once, so that no worker waits."""
        left, done = iter(questions), as_completed()
        running: dict[Any, tuple[str, Q]] = {}
        try:
            while True:
                while len(running) < 2 * self.workers() and (one := next(left, None)) is not None:
                    try:
                        # the scheduler would unpack what a task is given: whatever that does, a worker does it
                        future = self._client.submit(_in_worker, ask, pickle.dumps(one[1]), pure=False, retries=0)
                    except Exception as problem:  # noqa: BLE001 what cannot be pickled
                        yield (*one, reason(problem))
                        continue
                    running[future] = one
                    done.add(future)
                if not running:
                    return
                future = next(done)
                yield (*running.pop(future), _answer(future))
        finally:
            self._client.cancel(list(running))

    def _addresses(self, deadline: float) -> list[str]:
        while not (found := list(self._client.scheduler_info(n_workers=-1)["workers"])):
            if time.monotonic() > deadline:
                raise Lost(f"no worker of Dask came within {WAIT_SECONDS:.0f} s")
            time.sleep(0.1)
        return found

    def holds(self, address: str) -> bool:
        """Reports whether a worker is there."""
        return address in self._client.scheduler_info(n_workers=-1)["workers"]

    def ended(self, address: str) -> None:
        """Learns that an actor on a worker has ended."""
        self._held[address] -= 1


def _made_in_worker(make: Callable[..., Any], *arguments: Any) -> Any:
    _keep_memory()
    return make(*arguments)


def _keep_memory() -> None:
    """Lets this process keep the memory that networks give back and ask for again in every batch.

    Dask's nanny sets `MALLOC_TRIM_THRESHOLD_` to 64 KiB, with which glibc no longer adapts its thresholds: whatever is larger
    than 128 KiB is mapped anew each time. Whoever sets `MALLOC_MMAP_THRESHOLD_` in `distributed.nanny.pre-spawn-environ` decides.
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        for parameter, value in GROWN_THRESHOLDS.values() if mallopt is not None else ():
            mallopt(parameter, value)


def _in_worker(ask: Callable[[Any], Any], question: bytes) -> Any:
    _keep_memory()
    return ask(pickle.loads(question))


def _answer(future: Any) -> Any:
    try:
        return future.result()
    except KilledWorker:
        return ENDED
    except Exception as problem:  # noqa: BLE001 what the task raised
        return reason(problem)


class DaskActor:
    """An actor of Dask."""

    def __init__(self, engine: Dask, address: str, future: Any, actor: Any) -> None:
        self._engine, self._address, self._future, self._actor = engine, address, future, actor

    def ask(self, method: str, *arguments: Any) -> DaskAnswer:
        """Calls a method of the actor."""
        try:
            return DaskAnswer(getattr(self._actor, method)(*arguments), self._engine, self._address)
        except Exception as problem:  # noqa: BLE001 the actor is lost
            return DaskAnswer(problem, self._engine, self._address)

    def end(self) -> None:
        """Ends the actor; its worker stays."""
        self._engine.ended(self._address)
        self._future.release()


class DaskAnswer:
    """An answer of an actor of Dask."""

    def __init__(self, answer: Any, engine: Dask, address: str) -> None:
        self._answer, self._engine, self._address = answer, engine, address

    def wait(self) -> Any:
        """Waits for it as long as the worker is there."""
        if isinstance(self._answer, Exception):
            raise Lost(reason(self._answer)) from None
        while True:
            try:
                return self._answer.result(timeout=LOOK_SECONDS)
            except TimeoutError:
                if not self._engine.holds(self._address):
                    raise Lost(f"the worker {self._address} has ended") from None
            except (OSError, ValueError, RuntimeError) as problem:
                if "Actor" in str(problem) or isinstance(problem, OSError):
                    raise Lost(reason(problem)) from None
                raise
