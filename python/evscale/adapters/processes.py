"""Processes of this machine as jobs: starts and ends them, and hears what they did."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from struct import Struct

from .driver import Driver

_DONE = Struct("dd?")
_MOST = 4096


class Processes:
    """As many processes of one command as are asked for; SIGTERM must end them after their work.

    >>> import sys
    >>> workers = Processes([sys.executable, "-c", "import time; time.sleep(60)"])
    >>> workers.scale(3)
    >>> len(workers)
    3
    >>> workers.end()
    >>> len(workers)
    0

    `command` is a list of arguments, or a function that returns one for the number of a process.
    """

    def __init__(self, command: Sequence[str] | Callable[[int], Sequence[str]]) -> None:
        self._command = command if callable(command) else lambda _: command
        self._running: list[subprocess.Popen[bytes]] = []
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._number = 0

    def __len__(self) -> int:
        """Processes that run and were not told to end."""
        self._running = [one for one in self._running if one.poll() is None]
        self._leaving = [one for one in self._leaving if one.poll() is None]
        return len(self._running)

    def scale(self, jobs: int) -> None:
        """Starts processes, or tells the newest ones to end."""
        for _ in range(jobs - len(self)):
            self._number += 1
            self._running.append(subprocess.Popen(self._command(self._number)))
        for one in self._running[jobs:]:
            one.terminate()
        self._running, more = self._running[:jobs], self._running[jobs:]
        self._leaving += more

    def end(self) -> None:
        """Tells every process to end, and waits."""
        self.scale(0)
        for one in self._leaving:
            one.wait()


class Done:
    """A pipe through which processes that are forked later tell the events that they have finished. A message is written as a
    whole, so that a process that is killed garbles nothing; what does not fit into a full pipe is lost."""

    def __init__(self) -> None:
        self._from, self._to = os.pipe()
        os.set_blocking(self._from, False)
        os.set_blocking(self._to, False)

    def tell(self, seconds: float, waited: float | None = None, failed: bool = False) -> None:
        """In a process: an event has ended, as by `Meter.finished`."""
        with suppress(BlockingIOError):
            os.write(self._to, _DONE.pack(seconds, float("nan") if waited is None else waited, failed))

    def read(self, driver: Driver) -> None:
        """In the process that decides: counts what was told since the last call."""
        with suppress(BlockingIOError):
            while told := os.read(self._from, _MOST * _DONE.size):
                for seconds, waited, failed in _DONE.iter_unpack(told):
                    driver.meter.finished(seconds, waited)
                    if failed:
                        driver.meter.failed()
