"""Ray as an engine: tasks and actors of one processor each.

    ray.init(...)
    many = backtest_many(histories, engine=evscale.distributed.Ray())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from .engine import ENDED, Lost, Q, reason


class Ray:
    """The cluster that `ray.init` has joined. `options` are those of Ray for tasks and actors, such as `resources`. A task takes a
    processor; actors are spread over the nodes, and wait for none unless `num_cpus` says so."""

    def __init__(self, **options: Any) -> None:
        self._options = {"num_cpus": 1} | options
        self._of_actors = {"num_cpus": 0, "scheduling_strategy": "SPREAD"} | options

    def workers(self) -> int:
        """Returns the processors of the cluster over those that a task takes."""
        each = self._options["num_cpus"] or 1
        return max(1, int(ray.cluster_resources().get("CPU", 1) / each))

    def actor(self, make: Callable[..., Any], *arguments: Any) -> RayActor:
        """Makes an actor. It does not come back by itself: whoever made it knows what it must have then."""
        remote = ray.remote(make).options(max_restarts=0, max_task_retries=0, **self._of_actors)
        return RayActor(remote.remote(*arguments))

    def answers(self, ask: Callable[[Q], Any], questions: Iterable[tuple[str, Q]]) -> Iterator[tuple[str, Q, Any]]:
        """A task for each question, as many at once as there are processors."""
        left = iter(questions)
        running: dict[Any, tuple[str, Q]] = {}
        remote = ray.remote(_in_worker).options(max_retries=0, **self._options)
        try:
            while True:
                while len(running) < self.workers() and (one := next(left, None)) is not None:
                    try:
                        running[remote.remote(ask, one[1])] = one
                    except Exception as problem:  # noqa: BLE001 what cannot be pickled
                        yield (*one, reason(problem))
                if not running:
                    return
                for reference in ray.wait(list(running))[0]:
                    yield (*running.pop(reference), _answer(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _in_worker(ask: Callable[[Any], Any], question: Any) -> Any:
    return ask(question)


def _answer(reference: Any) -> Any:
    try:
        return ray.get(reference)
    except RayTaskError as problem:
        return reason(problem.cause)
    except RayError:
        return ENDED


class RayActor:
    """An actor of Ray."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def ask(self, method: str, *arguments: Any) -> RayAnswer:
        """Calls a method of the actor."""
        return RayAnswer(getattr(self._handle, method).remote(*arguments))

    def end(self) -> None:
        """Ends the actor."""
        ray.kill(self._handle)


class RayAnswer:
    """An answer in Ray's object store."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def wait(self) -> Any:
        """Gets it."""
        try:
            return ray.get(self._reference)
        except RayTaskError as problem:
            raise problem.cause from None
        except RayError as problem:
            raise Lost(reason(problem)) from None
