"""The loop that all adapters share: count, decide, acknowledge, log, save."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import Autoscaler, Config, Decision, EvscaleError, Meter, ModelBundle, SnapshotError
from ..snapshot import load_snapshot, save_snapshot

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..decision_log import DecisionLog

log = logging.getLogger("evscale.adapters")


class Look(NamedTuple):
    """What a host sees of its pool at a moment; None is not known."""

    jobs: int | None
    """Jobs that are there, starting ones included."""
    ready: int | None = None
    """Of those, how many take events. It tells how long jobs take to start."""
    queued: float | None = None
    """Events that wait."""
    busy: float | None = None
    """Jobs that work."""


class Driver:
    """Meters a pool and says how many jobs it should have. Threads may share it; it starts none unless `start` is called.

    Parameters
    ----------
    config
        The pool's configuration, or its settings as a dict; the defaults without one.
    name
        What the log calls the pool.
    state
        Path of a file for the learned state: read at the begin if it is there, written after every record and at the end.
    advise
        Whether decisions are only logged, and `tick` returns None: as `mode="advise"` in the configuration.
    bundle
        Models; the bundled ones without.
    on_decision
        Called with every new decision. What it raises is logged.
    decision_log
        An `evscale.decision_log.DecisionLog` that gets a row for every record.
    clock
        Seconds since 1970.

    Examples
    --------
    >>> from evscale.adapters import Driver
    >>> now = 1767607200.0
    >>> driver = Driver({"max_jobs": 40}, clock=lambda: now)
    >>> driver.tick(jobs=3) is None
    True
    >>> for second in range(120):
    ...     now += 1
    ...     driver.meter.arrived(25)
    ...     driver.meter.finished(0.4, n=25)
    ...     target = driver.tick(jobs=3, queued=0)
    >>> target > 3
    True
    """

    def __init__(
        self,
        config: Config | Mapping[str, Any] | None = None,
        *,
        name: str = "pool",
        state: str | PathLike[str] | None = None,
        advise: bool = False,
        bundle: ModelBundle | None = None,
        on_decision: Callable[[Decision], object] | None = None,
        decision_log: DecisionLog | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        settings = config.to_dict() if isinstance(config, Config) else dict(config or {})
        self.config = Config(**{**settings, "mode": "advise"} if advise else settings)
        self.name, self.state, self.clock, self.on_decision = name, state, clock, on_decision
        self.decision_log, self._models = decision_log, None if bundle is None else f"{bundle.name} {bundle.version}"
        self.advise = self.config.mode == "advise"
        self.scaler = self._restored(bundle)
        self.meter = Meter(self.config, now=self._now())
        self.decision: Decision | None = None
        self._lock = Lock()
        self._before: Look | None = None
        self._estimates: dict[str, str] = {}
        self._wrong = ""
        self._thread: Thread | None = None
        self._stop = Event()

    def _restored(self, bundle: ModelBundle | None) -> Autoscaler:
        if self.state is not None:
            try:
                return load_snapshot(self.state, self.config, bundle)
            except FileNotFoundError:
                log.info("%s: no state at %s yet", self.name, self.state)
            except SnapshotError as problem:
                log.error("%s: %s cannot be used, beginning anew: %s", self.name, self.state, problem)
        return Autoscaler(self.config, bundle)

    def _now(self) -> int:
        return int(1000 * self.clock())

    @contextmanager
    def work(self, waited: float | None = None) -> Iterator[None]:
        """Counts one event as finished when the block ends, and as failed if the block raises; `waited` seconds in the queue."""
        begin = self.clock()
        try:
            yield
        except BaseException:
            self.meter.failed()
            raise
        finally:
            self.meter.finished(self.clock() - begin, waited)

    def tick(
        self, jobs: int | None, *, ready: int | None = None, queued: float | None = None, busy: float | None = None
    ) -> int | None:
        """Returns how many jobs the pool should have; None if it should stay as it is. Call it as often as you like, about every
        second. The parameters are those of `Look`. What fails inside is logged, and the pool stays as it is."""
        with self._lock:
            now = self._now()
            try:
                self._follow(Look(jobs, ready, queued, busy), now)
                records = self.meter.tick(jobs, queued, busy, now=now)
                for record in records:
                    self._take(record)
                if records:
                    self._tell_estimates()
                    outcome = self._acknowledge(now)
                    self._decide()
                    self._keep(records, outcome)
                    self._save()
            except EvscaleError:
                log.exception("%s: the pool stays as it is", self.name)
            if self.decision is None or self.advise:
                return None
            return self.decision.recommended_jobs

    def _follow(self, look: Look, now: int) -> None:
        """Notes jobs that came, became ready and left since the last look."""
        before, self._before = self._before or look, look
        if before.jobs is None or before.ready is None or look.jobs is None or look.ready is None:
            return
        self.meter.started(max(0, look.jobs - before.jobs), now=now)
        self.meter.ready(max(0, look.ready - before.ready), now=now)
        self.meter.drained(max(0, before.jobs - look.jobs))

    def _take(self, record: Mapping[str, Any]) -> None:
        seen = self.scaler.observe(record)
        told = seen.reason or "; ".join(seen.repairs)
        # without the time of the record: what stays wrong is told once
        wrong = told.partition(": ")[2]
        if wrong and wrong != self._wrong:
            log.warning("%s: record %s: %s", self.name, seen.verdict, told)
        self._wrong = wrong

    def _tell_estimates(self) -> None:
        fields = self.meter.estimates
        if fields.keys() != self._estimates.keys() and fields:
            log.info("%s: estimated %s", self.name, "; ".join(f"{field}: {of}" for field, of in fields.items()))
        self._estimates = fields

    def _acknowledge(self, now: int) -> Mapping[str, Any] | None:
        outcome = self.meter.outcome(now=now)
        if outcome is not None:
            self.scaler.acknowledge(outcome)
        return outcome

    def _keep(self, records: Sequence[Mapping[str, Any]], outcome: Mapping[str, Any] | None) -> None:
        """Writes a row for every record to the decision log; what the host did goes with the last one."""
        if self.decision_log is None or self.decision is None:
            return
        status = self.scaler.models.status()
        try:
            for place, record in enumerate(records, 1):
                self.decision_log.append(self.decision, record, pool=self.name, models=status["champion"] if status else self._models,
                                         outcome=outcome if place == len(records) else None)
        except (OSError, EvscaleError) as problem:
            log.error("%s: the decision log has no row: %s", self.name, problem)

    def _decide(self) -> None:
        decision = self.scaler.decide()
        if self.decision is not None and decision.decided_at == self.decision.decided_at:
            return
        self.decision = decision
        level = logging.DEBUG if decision.action == "hold" else logging.INFO
        log.log(level, "%s%s: %s", self.name, " (advice)" if self.advise else "", decision.explanation)
        if self.on_decision is not None:
            try:
                self.on_decision(decision)
            except Exception:
                log.exception("%s: on_decision failed", self.name)

    def _save(self) -> None:
        if self.state is not None:
            try:
                save_snapshot(self.scaler, self.state)
            except (OSError, EvscaleError) as problem:
                log.error("%s: the state was not saved: %s", self.name, problem)

    def start(self, look: Callable[[], Look], scale: Callable[[int], object], every: float = 1.0) -> None:
        """Ticks in a thread of its own until `stop`: asks `look` every so many seconds, and calls `scale` with the number of jobs
        where it is another one. What they raise is logged, and tried again at the next tick."""
        if self._thread is not None:
            raise RuntimeError("the driver runs already")

        def run() -> None:
            wrong = ""
            while not self._stop.wait(every):
                try:
                    seen = look()
                    jobs = self.tick(seen.jobs, ready=seen.ready, queued=seen.queued, busy=seen.busy)
                    if jobs is not None and jobs != seen.jobs:
                        scale(jobs)
                    wrong = ""
                except Exception as problem:
                    # once, however often it comes in a row
                    if wrong != repr(problem):
                        log.exception("%s: this tick is left out", self.name)
                    wrong = repr(problem)

        self._stop.clear()
        self._thread = Thread(target=run, name=f"evscale {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread of `start`, and saves the state."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._save()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
