"""The processors of this machine as an engine: a process of its own for every question and actor that is at work."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from multiprocessing.connection import Connection
from os import cpu_count
from typing import Any

from .engine import ENDED, Lost, Q, reason


class Processes:
    """Processes of this machine; as many as there are processors without a number."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or cpu_count() or 1
        self._context = multiprocessing.get_context("spawn")

    def workers(self) -> int:
        """Returns the number of processes."""
        return self._processes

    def actor(self, make: Callable[..., Any], *arguments: Any) -> ProcessActor:
        """Starts a process with an object in it."""
        return ProcessActor(self._context, make, arguments)

    def answers(self, ask: Callable[[Q], Any], questions: Iterable[tuple[str, Q]]) -> Iterator[tuple[str, Q, Any]]:
        """Every process has an executor of its own: one that dies takes one question with it."""
        left = iter(questions)
        idle = [ProcessPoolExecutor(1, self._context) for _ in range(self._processes)]
        running: dict[Future[Any], tuple[str, Q, ProcessPoolExecutor]] = {}
        try:
            while True:
                while idle and (one := next(left, None)) is not None:
                    executor = idle.pop()
                    running[executor.submit(ask, one[1])] = (*one, executor)
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    key, question, executor = running.pop(future)
                    answer: Any
                    try:
                        answer = future.result()
                    except BrokenExecutor:
                        executor.shutdown()
                        executor, answer = ProcessPoolExecutor(1, self._context), ENDED
                    except Exception as problem:  # noqa: BLE001 what cannot be pickled, above all
                        answer = reason(problem)
                    idle.append(executor)
                    yield key, question, answer
        finally:
            for executor in [*idle, *(executor for _, _, executor in running.values())]:
                executor.shutdown(wait=True, cancel_futures=True)


class ProcessActor:
    """An object in a process of this machine."""

    def __init__(self, context: Any, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._asked = 0
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, make, arguments), daemon=True)
        self._process.start()
        other.close()

    @property
    def pid(self) -> int | None:
        """Number of the process."""
        return self._process.pid  # type: ignore[no-any-return]

    def ask(self, method: str, *arguments: Any) -> ProcessAnswer:
        """Sends a call."""
        self._asked += 1
        try:
            self._pipe.send((self._asked, method, arguments))
        except OSError:
            return ProcessAnswer(None, self._asked)
        return ProcessAnswer(self._pipe, self._asked)

    def end(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()


class ProcessAnswer:
    """An answer in a pipe."""

    def __init__(self, pipe: Connection | None, number: int) -> None:
        self._pipe, self._number = pipe, number

    def wait(self) -> Any:
        """Reads it."""
        number: int = -1
        answer: Any = None
        raised = False
        try:
            if self._pipe is None:
                raise EOFError
            while number != self._number:
                # one that nobody waited for, after Ctrl-C, is passed over
                number, answer, raised = self._pipe.recv()
        except (EOFError, OSError):
            raise Lost(ENDED) from None
        if raised:
            raise answer
        return answer


def _serve(pipe: Connection, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """In a process: an object that answers until nobody asks any more."""
    made = make(*arguments)
    while True:
        try:
            number, method, given = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer, raised = getattr(made, method)(*given), False
        except Exception as problem:  # noqa: BLE001 it is raised where it was asked for
            answer, raised = _sendable(problem), True
        pipe.send((number, answer, raised))


def _sendable(problem: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(problem))
    except Exception:  # noqa: BLE001 whatever its pickling raises
        return RuntimeError(reason(problem))
    return problem
