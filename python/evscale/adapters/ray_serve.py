"""Ray Serve: an autoscaling policy that is evscale's decision, for one deployment or an application.

    AutoscalingConfig(min_replicas=1, max_replicas=20, upscale_delay_s=0, downscale_delay_s=0, policy=AutoscalingPolicy(
        policy_function="evscale.adapters.ray_serve:Policy", policy_kwargs={"state": "/var/lib/serve"}))

A job is a replica. Serve tells no arrivals and no service times, only averaged requests under way; a deployment that counts with
`Stats` tells them itself. Serve makes the policy in its controller, which calls it about ten times a second, so that nothing of it
is pickled but its arguments.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .driver import Driver


class Stats:
    """Counts requests in a replica: `with self.stats.work(): ...` around each, and
    `def record_autoscaling_stats(self): return self.stats.totals()` in the deployment's class."""

    def __init__(self) -> None:
        self._totals = {"evscale_arrived": 0.0, "evscale_finished": 0.0, "evscale_failed": 0.0, "evscale_busy_seconds": 0.0}

    @contextmanager
    def work(self) -> Iterator[None]:
        """Counts a request, and the time that it takes."""
        begin = time.monotonic()
        self._totals["evscale_arrived"] += 1
        try:
            yield
        except BaseException:
            self._totals["evscale_failed"] += 1
            raise
        finally:
            self._totals["evscale_finished"] += 1
            self._totals["evscale_busy_seconds"] += time.monotonic() - begin

    def totals(self) -> dict[str, float]:
        """What Serve is told."""
        return dict(self._totals)


class Policy:
    """What Serve makes of `policy_function`. `settings` are those of `Config`, but `min_jobs` and `max_jobs`, which are the bounds of
    the deployment.

    Parameters
    ----------
    state
        Folder on the controller's machine for a state file per deployment.
    advise
        Whether decisions are only logged.
    requests_per_replica
        Requests that a replica works on at once, `max_ongoing_requests`.
    """

    def __init__(
        self, *, state: str | None = None, advise: bool = False, requests_per_replica: float = 1, **settings: Any
    ) -> None:
        self._state, self._advise, self._at_once, self._settings = state, advise, requests_per_replica, settings
        self._pools: dict[str, _Deployment] = {}

    def __call__(self, context: Any) -> tuple[Any, dict[Any, Any]]:
        """The number of replicas of a deployment, or of each of an application's."""
        if isinstance(context, Mapping):
            return {one: self._jobs(its) for one, its in context.items()}, {}
        return self._jobs(context), {}

    def _jobs(self, context: Any) -> int:
        key = str(context.deployment_id)
        if key not in self._pools:
            bounds = {"min_jobs": context.capacity_adjusted_min_replicas, "max_jobs": context.capacity_adjusted_max_replicas}
            name = f"{context.app_name or 'app'}-{context.deployment_name}"
            path = Path(self._state) / f"{name}.state" if self._state else None
            driver = Driver({**self._settings, **bounds}, name=name, state=path, advise=self._advise)
            self._pools[key] = _Deployment(driver, self._at_once, {str(one) for one in context.running_replicas})
        return self._pools[key].jobs(context)

    def __reduce__(self) -> tuple[Any, ...]:
        """Whoever pickles a policy gets one that begins from the state files."""
        return _made, ({"state": self._state, "advise": self._advise, "requests_per_replica": self._at_once, **self._settings},)


def _made(options: dict[str, Any]) -> Policy:
    return Policy(**options)


class _Deployment:
    """The replicas of one deployment. `known` are those that were there before: their totals have no begin."""

    def __init__(self, driver: Driver, at_once: float, known: set[str]) -> None:
        self.driver, self.at_once, self.known = driver, at_once, known

    def jobs(self, context: Any) -> int:
        ready = len(context.running_replicas)
        self._count(context.raw_metrics or {})
        waiting, running = context.total_queued_requests or 0.0, context.total_running_requests
        wanted = context.target_num_replicas
        jobs = self.driver.tick(wanted, ready=ready, queued=waiting, busy=min(ready, running / self.at_once))
        return wanted if jobs is None else jobs

    def _count(self, raw: Mapping[str, Mapping[Any, Any]]) -> None:
        """Takes the newest totals of every replica. What it has begun and not finished is its own: it has arrived."""
        totals: dict[str, dict[str, float]] = {}
        for name, replicas in raw.items():
            for replica, series in replicas.items():
                if name.startswith("evscale_") and series:
                    totals.setdefault(str(replica), {})[name.removeprefix("evscale_")] = series[-1].value
        for replica, told in totals.items():
            if replica not in self.known:
                self.known.add(replica)
                self.driver.meter.totals(replica, **dict.fromkeys(told, 0.0))
            told.pop("arrived", None)
            if "busy_seconds" in told:
                told["busy_seconds"] /= self.at_once
            self.driver.meter.totals(replica, **told)
