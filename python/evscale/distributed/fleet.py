"""A fleet whose pools are spread over actors: one call for all of them, and the decisions of one process bit for bit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._evscale import Config, Fleet, budget_status, budget_total, divide_budget, fields
from .._refuse import refuse
from .engine import Actor, Answer, Engine, Lost
from .journal import Folder
from .shard import CALLS, CLASSES, QUESTIONS, Shard

MOST_LOSSES = 10
"""Times that an actor may be lost in one call before the call gives up."""

_NAMES = frozenset(known["name"] for known in fields()) - {"timestamp"}
_OF_CLASS = re.compile(rf"{re.escape(CLASSES)}.+\.(?:logged_events|processed_events|queued_events|sla_violations)_count")
_REQUIRED = ("logged_events_count", "current_job_count")


@dataclass(frozen=True)
class DistributedTick:
    """What became of the records of a tick, in the order of the fleet's keys."""

    keys: tuple[str, ...] = field(repr=False)
    recommended_jobs: NDArray[np.float64]
    """Jobs that each pool should have; NaN where nobody knows, or without a record."""
    current_jobs: NDArray[np.float64]
    """Jobs that it has."""
    emergency: NDArray[np.bool_]
    """Whether it was decided because of a predicted or real breach of the SLA."""
    rejected: dict[str, Any]
    """Why a record was rejected, by key."""
    failures: list[str]
    """Pools that failed inside, in words."""

    @property
    def jobs(self) -> dict[str, int]:
        """The recommended jobs by key, as far as there are some."""
        known = zip(self.keys, self.recommended_jobs.tolist(), strict=True)
        return {key: int(jobs) for key, jobs in known if not isnan(jobs)}


class DistributedFleet:
    """Pools by key on actors of an engine.

    Every operation is on the disk before an actor carries it out, and the states of all pools are kept every `snapshot_every` ticks, a
    part in each. An actor that ends comes back with its pools, and answers what it was asked when it ended: nothing that was
    answered is lost, and nothing is done twice. A fleet that is made with a folder that is there goes on with its pools.

    Parameters
    ----------
    engine
        Where the actors are: `Processes()`, `Ray()` or `Dask(client)`.
    folder
        Where states and operations are kept. All actors must reach it, and one fleet at a time.
    actors
        How many; as many as the engine has processors without.
    snapshot_every
        Ticks in which the state of every pool is kept once.
    slots
        Groups of pools that move together, fixed for a folder: at least ten for each actor that there will be.

    Examples
    --------
    >>> from evscale.distributed import DistributedFleet, Processes
    >>> import evscale, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, DistributedFleet(Processes(), folder, actors=1) as fleet:
    ...     fleet.add(["eu-west", "us-east"], evscale.Config(min_jobs=5))
    ...     tick = fleet.tick("2026-01-05T10:02:00Z", {"logged_events_count": [3400, 900], "current_job_count": [12, 7],
    ...                                                "average_processing_duration_ms": 400.0})
    ...     sorted(tick.jobs)
    ['eu-west', 'us-east']
    """

    def __init__(
        self, engine: Engine, folder: str | PathLike[str], *, actors: int | None = None, snapshot_every: int = 30, slots: int = 256,
    ) -> None:
        count = engine.workers() if actors is None else actors
        if snapshot_every < 1 or slots < 1:
            raise refuse(f"`snapshot_every` is {snapshot_every} and `slots` {slots}, expected at least 1")
        self._engine, self._path, self._every = engine, fspath(folder), snapshot_every
        self._folder = Folder(folder)
        self._folder.make()
        self._slots = self._folder.settle(slots)
        self._actors: dict[int, Actor] = {}
        self._slots_of: dict[int, list[int]] = {}
        self._keys_in: dict[int, dict[int, list[str]]] = {}
        self._seq = 0
        self._order: dict[str, int] = {}
        self._rows: dict[int, NDArray[np.int64]] = {}
        self._owners: dict[int, int] = {}
        self._budget: str | None = None
        self._wanted = 0
        self.losses = 0
        """Actors that ended and were made again."""
        self._spread(_count(count, self._slots))
        self._seq = max(self._all("last_seq").values())
        self._all("save")
        self._folder.forget_operations()
        for keys in self._keys_in.values():
            for there in keys.values():
                for key in there:
                    self._order.setdefault(key, len(self._order))
        self._arrange()

    def __enter__(self) -> DistributedFleet:  # noqa: PYI034 typing has no Self before Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            # what was raised is not hidden by what follows from it; nothing is lost that is not saved
            self._end()

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, key: object) -> bool:
        return key in self._order

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the pools, in the order of the arrays of a tick: that in which they were added, after those of the folder."""
        return tuple(self._order)

    @property
    def actors(self) -> int:
        """Number of actors."""
        return len(self._actors)

    def add(self, keys: Iterable[str] | Mapping[str, Config], config: Config | None = None) -> None:
        """Adds pools: keys that share a configuration, or configurations by key. Of many at once, in one call."""
        configs = dict(keys) if isinstance(keys, Mapping) else {key: config or Config() for key in keys}
        for key in configs:
            if not isinstance(key, str) or key in self._order:
                raise refuse(f"pool {key!r} is in the fleet already, or its key is no text")
        parts: dict[int, dict[int, dict[str, str]]] = {}
        for key, settings in configs.items():
            slot = self._slot(key)
            parts.setdefault(self._actor_of(slot), {}).setdefault(slot, {})[key] = json.dumps(settings.to_dict())
        seq = self._next()
        self._asked({actor: ("add", (seq, part)) for actor, part in parts.items()})
        for actor, part in parts.items():
            for slot, pools in part.items():
                self._keys_in[actor].setdefault(slot, []).extend(pools)
        for key in configs:
            self._order[key] = len(self._order)
        self._arrange()

    def remove(self, keys: Iterable[str]) -> None:
        """Removes pools; those after them move up in the order of `keys`."""
        gone = list(keys)
        parts: dict[int, dict[int, list[str]]] = {}
        for key in gone:
            slot = self._known(key)
            parts.setdefault(self._actor_of(slot), {}).setdefault(slot, []).append(key)
        seq = self._next()
        self._asked({actor: ("remove", (seq, part)) for actor, part in parts.items()})
        for actor, part in parts.items():
            for slot, removed in part.items():
                self._keys_in[actor][slot] = [key for key in self._keys_in[actor][slot] if key not in removed]
        self._order = {key: place for place, key in enumerate(key for key in self._order if key not in set(gone))}
        self._arrange()

    def tick(self, timestamp: Any, columns: Mapping[str, ArrayLike]) -> DistributedTick:
        """Takes a record for every pool, and decides.

        Parameters
        ----------
        timestamp
            End of the interval: one for all (a text, a datetime, milliseconds since 1970), or an array of one for each pool
            (`datetime64`, or milliseconds), where NaT and 0 stand for a pool that has no record.
        columns
            Fields of the record: a number for all pools, or an array in the order of `keys`. NaN is unknown. Counts of a class of events
            are called ``classes.NAME.FIELD``, as in ``classes.alerts.logged_events_count``.
        """
        count = len(self._order)
        names = list(columns)
        for name in names:
            if name not in _NAMES and not _OF_CLASS.fullmatch(name):
                raise refuse(f"{name!r} is no field of a record, expected some of {sorted(_NAMES)}")
        for name in _REQUIRED:
            if name not in columns:
                raise refuse(f"`{name}` is missing, expected an array in the order of `keys`")
        times = _times(timestamp, count)
        values = np.empty((len(names), count))
        for place, name in enumerate(names):
            try:
                values[place] = np.asarray(columns[name], np.float64)
            except (TypeError, ValueError) as problem:
                raise refuse(f"`{name}` cannot be a number for each of {count} pools: {problem}") from None
        seq, begun = self._next(), "tick" if self._budget is None else "begin"
        more = () if self._budget is None else (self._budget,)
        answers = self._asked({
            actor: (begun, (seq, names, times[rows], values[:, rows], *more)) for actor, rows in self._rows.items() if len(rows)})
        if self._budget is not None:
            answers = self._divided(self._budget, answers)
        jobs = np.full((3, count), np.nan)
        rejected: dict[str, Any] = {}
        failures: list[str] = []
        for actor, answer in answers.items():
            jobs[:, self._rows[actor]] = answer["jobs"]
            rejected |= answer["rejected"]
            failures += answer["failures"]
        return DistributedTick(self.keys, jobs[0], jobs[1], jobs[2] == 1, rejected, failures)

    def _divided(self, budget: str, demands: dict[int, tuple[int, int, int]]) -> dict[int, Any]:
        """Ends a tick that all actors have begun: where their pools ask for more than there is, each tells what it asks for."""
        self._wanted, met = budget_total(budget, list(demands.values()))
        cuts: dict[int, dict[str, int]] = {actor: {} for actor in demands}
        if not met:
            seq = self._next()
            asked = self._asked({actor: ("claims", (seq,)) for actor in demands})
            demands = {actor: demand for actor, (demand, _) in asked.items()}
            self._wanted, _ = budget_total(budget, list(demands.values()))
            claims = [claim for _, of_actor in asked.values() for claim in of_actor]
            for key, jobs in divide_budget(budget, list(demands.values()), claims).items():
                cuts[self._actor_of(self._slot(key))][key] = jobs
        seq = self._next()
        return self._asked({actor: ("end_tick", (seq, of_actor)) for actor, of_actor in cuts.items()})

    def set_budget(self, *, jobs: int | None = None, cost_per_hour: float | None = None) -> None:
        """Sets what the pools of all actors may have together, as `Fleet.set_budget`; a setting of the host, to be set again when the
        folder is opened again. A tick asks every actor two or three times then."""
        one = Fleet()
        one.set_budget(jobs=jobs, cost_per_hour=cost_per_hour)
        told = one.budget()
        self._budget = None if told is None else json.dumps(told["budget"])
        self._wanted = sum(held for held, _ in self._holding())

    def budget(self) -> dict[str, Any] | None:
        """Returns what became of the budget in the last tick, as `Fleet.budget`; None without one."""
        if self._budget is None:
            return None
        held, gave_way = (sum(numbers) for numbers in zip(*self._holding(), strict=True))
        return budget_status(self._budget, held, self._wanted, gave_way)

    def _holding(self) -> list[tuple[int, int]]:
        if self._budget is None:
            return []
        return list(self._asked({actor: ("holding", (self._budget,)) for actor in self._actors}).values())

    def call(self, key: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Does with one pool what a method of `evscale.Fleet` does: acknowledge, announce, cancel_announcement, observe,
        set_due, set_override, set_pause or silence."""
        if method not in CALLS:
            raise refuse(f"{method!r} cannot be called, expected one of {sorted(CALLS)}")
        slot = self._known(key)
        given = json.loads(json.dumps([arguments, options], default=_as_text))
        actor = self._actor_of(slot)
        return self._asked({actor: ("call", (self._next(), slot, key, method, *given))})[actor]

    def reconfigure(self, key: str, config: Config) -> dict[str, Any]:
        """Goes on with a pool under another configuration, as `Fleet.reconfigure`."""
        slot = self._known(key)
        actor = self._actor_of(slot)
        changes: dict[str, Any] = self._asked({actor: ("reconfigure", (self._next(), slot, key, json.dumps(config.to_dict())))})[actor]
        return changes

    def ask(self, key: str, what: str = "decision") -> Any:
        """Returns the last `decision` of a pool as a dict, or its health, report, alerts or announcements, or what it has learned."""
        if what not in QUESTIONS | {"decision"}:
            raise refuse(f"{what!r} cannot be asked, expected one of {sorted(QUESTIONS | {'decision'})}")
        actor = self._actor_of(self._known(key))
        return self._asked({actor: ("ask", (key, what))})[actor]

    def decisions(self) -> dict[str, str]:
        """Returns the last decisions of all pools as JSON, by key."""
        found: dict[str, str] = {}
        for answer in self._all("decisions").values():
            found |= answer
        return {key: found[key] for key in self._order if key in found}

    def save(self) -> None:
        """Keeps the states of all pools now."""
        self._all("save")

    def resize(self, actors: int) -> None:
        """Spreads the pools over another number of actors, between two ticks: each moves with its state, and no more of them than
        must."""
        self._spread(_count(actors, self._slots))
        self._arrange()

    def cpu_seconds(self) -> dict[int, float]:
        """Returns the processor time of each actor's process."""
        return self._all("cpu_seconds")

    def processes(self) -> dict[int, int]:
        """Returns the number of each actor's process, on the machine that it is on."""
        return self._all("process")

    def close(self) -> None:
        """Keeps the states of all pools, and ends the actors."""
        if self._actors:
            self.save()
        self._end()

    def _end(self) -> None:
        for actor in self._actors.values():
            with suppress(Exception):
                actor.end()
        self._actors.clear()

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _slot(self, key: str) -> int:
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % self._slots

    def _known(self, key: str) -> int:
        if key not in self._order:
            raise refuse(f"the fleet has no pool {key!r}")
        return self._slot(key)

    def _actor_of(self, slot: int) -> int:
        return self._owners[slot]

    def _arrange(self) -> None:
        """Looks up where the rows of each actor are in the arrays."""
        self._rows = {
            actor: np.array([self._order[key] for keys in slots.values() for key in keys], np.int64)
            for actor, slots in self._keys_in.items()}

    def _spread(self, actors: int) -> None:
        """Moves slots until so many actors have as many each, but for one."""
        held = {actor: list(self._slots_of.get(actor, [])) for actor in range(actors)}
        free = [slot for actor, slots in self._slots_of.items() if actor >= actors for slot in slots]
        free += sorted(set(range(self._slots)) - {slot for slots in self._slots_of.values() for slot in slots})
        most = {actor: self._slots // actors + (actor < self._slots % actors) for actor in held}
        for actor, slots in held.items():
            free += slots[most[actor]:]
            del slots[most[actor]:]
        moved: dict[int, list[int]] = {}
        for actor, slots in held.items():
            moved[actor] = [free.pop() for _ in range(most[actor] - len(slots))]
        for actor, slots in list(self._slots_of.items()):
            leaving = [slot for slot in slots if slot not in held.get(actor, [])]
            if leaving:
                self._asked({actor: ("release", (leaving,))})
                self._slots_of[actor] = [slot for slot in slots if slot not in leaving]
                self._keys_in[actor] = {slot: keys for slot, keys in self._keys_in[actor].items() if slot not in leaving}
        for actor in [actor for actor in self._actors if actor >= actors]:
            self._actors.pop(actor).end()
            del self._slots_of[actor], self._keys_in[actor]
        for actor, slots in moved.items():
            if actor not in self._actors:
                self._make(actor)
            self._slots_of[actor] = self._slots_of.get(actor, []) + slots
        self._keys_in = self._asked({actor: ("open", (slots,)) for actor, slots in self._slots_of.items()})
        self._owners = {slot: actor for actor, slots in self._slots_of.items() for slot in slots}

    def _make(self, actor: int) -> None:
        self._actors[actor] = self._engine.actor(Shard, self._path, f"actor{actor}", self._every)

    def _all(self, method: str) -> dict[int, Any]:
        return self._asked({actor: (method, ()) for actor in self._actors})

    def _asked(self, calls: Mapping[int, tuple[str, tuple[Any, ...]]]) -> dict[int, Any]:
        """Asks actors at once, and those again that were lost. Where some refuse, all have answered before that is raised."""
        waiting: dict[int, Answer] = {actor: self._actors[actor].ask(method, *given) for actor, (method, given) in calls.items()}
        answers: dict[int, Any] = {}
        refused: Exception | None = None
        for actor, answer in waiting.items():
            try:
                answers[actor] = self._answered(actor, answer, *calls[actor])
            except Lost:
                raise
            except Exception as problem:  # noqa: BLE001 raised below
                refused = problem
        if refused is not None:
            raise refused
        return answers

    def _answered(self, actor: int, answer: Answer, method: str, given: tuple[Any, ...]) -> Any:
        """Waits for an answer, and asks again where the actor was lost."""
        for _ in range(MOST_LOSSES):
            try:
                return answer.wait()
            except Lost:
                self.losses += 1
            # nothing may be left of it to end
            with suppress(Exception):
                self._actors[actor].end()
            self._make(actor)
            # one that is lost again is found by the next question
            with suppress(Lost):
                self._actors[actor].ask("open", self._slots_of[actor]).wait()
            answer = self._actors[actor].ask(method, *given)
        return answer.wait()


def _count(actors: int, slots: int) -> int:
    if not 1 <= actors <= slots:
        raise refuse(f"`actors` is {actors}, expected 1 to `slots`, which is {slots}")
    return actors


def _times(timestamp: Any, count: int) -> NDArray[np.int64]:
    """Returns milliseconds since 1970 for each pool, 0 for none."""
    if isinstance(timestamp, str):
        # Python 3.10 does not know Z
        timestamp = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    if isinstance(timestamp, datetime):
        if timestamp.tzinfo is None:
            raise refuse(f"the timestamp {timestamp} has no zone, expected one such as 2026-01-05T10:02:00Z")
        timestamp = round(timestamp.timestamp() * 1000)
    times = np.asarray(timestamp)
    if times.dtype.kind == "M":
        times = np.where(np.isnat(times), 0, times.astype("datetime64[ms]").astype(np.int64))
    if times.dtype.kind not in "iu" or times.shape not in ((), (count,)):
        raise refuse(f"`timestamp` is an array of {times.dtype} and shape {times.shape}, expected one time, or one for each of {count} pools")
    return np.broadcast_to(times, (count,)).astype(np.int64)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise refuse(f"{value!r} cannot be written down, expected texts, numbers, and times")
