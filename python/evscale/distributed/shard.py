"""An actor of a distributed fleet: an `evscale.Fleet` of some slots, whose operations are on the disk before they are carried out."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from math import isnan
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._evscale import Config, Decision, EvscaleError, Fleet, FleetTick, OpenTick, budget_holding, fields
from .._refuse import refuse
from .journal import Folder, Log, Operation, Pool

FLAGS = frozenset(known["name"] for known in fields() if known["name"].startswith("is_"))
"""Fields that are true or false."""

CALLS = frozenset({"acknowledge", "announce", "cancel_announcement", "observe", "set_due", "set_override", "set_pause", "silence"})
"""What may be done with one pool: it is written down like a tick."""

QUESTIONS = frozenset({"alerts", "announcements", "health", "learned", "report"})
"""What may be asked of one pool: it changes nothing."""

CLASSES = "classes."
"""What the name of a count of a class of events begins with, as in ``classes.alerts.logged_events_count``."""

Answers = dict[str, Any]
Demand = tuple[int, int, int]
Claim = tuple[str, int, int, list[tuple[int, float]]]


class Shard:
    """The pools of some slots. `name` is its own among the actors of the folder."""

    def __init__(self, folder: str | PathLike[str], name: str, snapshot_every: int) -> None:
        self._folder = Folder(folder)
        self._name, self._every = name, snapshot_every
        self._fleet = Fleet()
        self._slots: dict[int, dict[str, str]] = {}
        self._saved: dict[int, int] = {}
        self._decisions: dict[str, Decision] = {}
        self._seq = 0
        self._answer: Any = None
        self._ticks = 0
        # a tick that has begun, of these keys
        self._open: tuple[OpenTick, list[str]] | None = None
        self._log: Log | None = None
        self._written = self._folder.logs(name)

    def open(self, slots: Iterable[int]) -> dict[int, list[str]]:
        """Takes slots over: their states, and what was written since. Returns the keys of all slots here."""
        new = set(slots) - set(self._slots)
        if not new:
            return self.keys()
        for slot in new:
            self._saved[slot], pools = self._folder.read_slot(slot)
            self._seq = max(self._seq, self._saved[slot])
            self._slots[slot] = {}
            for pool in pools:
                self._slots[slot][pool.key] = pool.config
                if pool.state:
                    self._fleet.restore(pool.key, _config(pool.config), pool.state)
        for operation in self._folder.operations():
            self._repeat(operation, new)
        return self.keys()

    def _repeat(self, operation: Operation, new: set[int]) -> None:
        """Carries out again what slots were given after their states were kept."""
        wanted = {slot for slot, _ in operation.slots if slot in new and operation.seq > self._saved[slot]}
        if not wanted:
            return
        answer: Any
        try:
            answer = self._carry_out(operation, wanted)
        except (EvscaleError, TypeError, ValueError) as problem:
            answer = problem  # it was refused then, too
        if operation.seq >= self._seq:
            self._seq, self._answer = operation.seq, answer

    def keys(self) -> dict[int, list[str]]:
        """Returns the keys of each slot, in the order of its rows."""
        return {slot: list(pools) for slot, pools in self._slots.items()}

    def last_seq(self) -> int:
        """Returns the number of the last operation that is known here."""
        return self._seq

    def add(self, seq: int, configs: Mapping[int, Mapping[str, str]]) -> None:
        """Adds pools, with their configurations as JSON by slot and key. Those that are there already stay."""
        for slot, pools in configs.items():
            for key, text in pools.items():
                if key not in self._slots[slot]:
                    self._fleet.add(key, _config(text))
                    self._slots[slot][key] = text
        self._changed(seq, configs)

    def remove(self, seq: int, keys: Mapping[int, Iterable[str]]) -> None:
        """Removes pools."""
        for slot, gone in keys.items():
            for key in gone:
                self._fleet.remove(key)
                self._slots[slot].pop(key, None)
                self._decisions.pop(key, None)
        self._changed(seq, keys)

    def reconfigure(self, seq: int, slot: int, key: str, text: str) -> dict[str, Any]:
        """Goes on with a pool under another configuration."""
        changes = self._fleet.reconfigure(key, _config(text))
        self._slots[slot][key] = text
        self._changed(seq, [slot])
        return changes

    def _changed(self, seq: int, slots: Iterable[int]) -> None:
        self._seq = max(self._seq, seq)
        self.save(slots)

    def tick(self, seq: int, names: list[str], times: NDArray[np.int64], values: NDArray[np.float64]) -> Answers:
        """Takes a record for every pool here, in the order of `keys`, and decides. A time of 0 is no record; NaN is unknown."""
        answers: Answers = self._with_records("tick", seq, names, times, values, {})
        return answers

    def begin(self, seq: int, names: list[str], times: NDArray[np.int64], values: NDArray[np.float64], budget: str) -> Demand:
        """Takes the same, and begins to decide under a budget that the pools of all actors share. Returns what the pools here hold of it,
        what those that decide hold of that, and what these ask for."""
        demand: Demand = self._with_records("begin", seq, names, times, values, {"budget": budget})
        return demand

    def claims(self, seq: int) -> tuple[Demand, list[Claim]]:
        """Begins the decisions too that are not due, and returns what all ask for, and each."""
        asked: tuple[Demand, list[Claim]] = self._step("claims", seq, {})
        return asked

    def end_tick(self, seq: int, cuts: dict[str, int]) -> Answers:
        """Decides: pools of `cuts` have so many jobs at most."""
        answers: Answers = self._step("end", seq, {"cuts": cuts})
        return answers

    def holding(self, budget: str) -> tuple[int, int]:
        """Returns what the pools here hold of a budget, and how many of them gave way."""
        return budget_holding(self._fleet, budget)

    def _rows(self) -> list[list[int]]:
        return [[slot, len(pools)] for slot, pools in self._slots.items()]

    def _with_records(
        self, kind: str, seq: int, names: list[str], times: NDArray[np.int64], values: NDArray[np.float64], more: dict[str, Any],
    ) -> Any:
        if seq <= self._seq:
            return self._again(seq)
        rows = self._rows()
        if sum(count for _, count in rows) != len(times):
            raise refuse(f"{len(times)} records were given, expected one for each of {sum(count for _, count in rows)} pools")
        # states of before, so that the answer can be made again
        self._ticks += 1
        self.save(slot for slot in self._slots if (slot + self._ticks) % self._every == 0)
        header = {"seq": seq, "kind": kind, "slots": rows, "names": names} | more
        return self._do(header, np.ascontiguousarray(times, np.int64).tobytes() + np.ascontiguousarray(values, np.float64).tobytes())

    def _step(self, kind: str, seq: int, more: dict[str, Any]) -> Any:
        if seq <= self._seq:
            return self._again(seq)
        return self._do({"seq": seq, "kind": kind, "slots": self._rows()} | more, b"")

    def call(self, seq: int, slot: int, key: str, method: str, arguments: list[Any], options: dict[str, Any]) -> Any:
        """Does something with one pool."""
        if seq <= self._seq:
            return self._again(seq)
        header = {"seq": seq, "kind": "call", "slots": [[slot, 1]], "key": key, "method": method, "arguments": arguments,
                  "options": options}
        return self._do(header, b"")

    def _again(self, seq: int) -> Any:
        if seq < self._seq:
            raise refuse(f"operation {seq} was carried out before {self._seq}")
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def _do(self, header: dict[str, Any], body: bytes) -> Any:
        operation = Operation(header, body)
        self._log_of(operation.seq).write(header, body)
        self._seq, self._answer = operation.seq, None
        self._answer = self._carry_out(operation, {slot for slot, _ in operation.slots})
        return self._answer

    def _carry_out(self, operation: Operation, slots: set[int]) -> Any:
        header = operation.header
        if header["kind"] == "call":
            return getattr(self._fleet, header["method"])(header["key"], *header["arguments"], **header["options"])
        if header["kind"] in ("tick", "begin"):
            keys, records = self._records(operation, slots)
            if header["kind"] == "tick":
                return self._answers(keys, self._fleet.tick(records))
            self._open = OpenTick(self._fleet, records, header["budget"]), keys
            return self._open[0].demand()
        if self._open is None:
            raise refuse(f"no tick is open that operation {operation.seq} could go on with")
        tick, keys = self._open
        if header["kind"] == "claims":
            claims = tick.claims()
            return tick.demand(), claims
        self._open = None
        return self._answers(keys, tick.end(header["cuts"]))

    def _records(self, operation: Operation, slots: set[int]) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
        """Returns the keys of some slots of an operation, and the records of those that have one."""
        names, count = operation.header["names"], sum(rows for _, rows in operation.slots)
        times = np.frombuffer(operation.body, np.int64, count)
        values = np.frombuffer(operation.body, np.float64, offset=times.nbytes).reshape(len(names), count)
        keys: list[str] = []
        places: list[NDArray[np.int64]] = []
        at = 0
        for slot, rows in operation.slots:
            if slot in slots:
                keys += self._slots[slot]
                places.append(np.arange(at, at + rows))
            at += rows
        chosen = np.concatenate(places) if places else np.arange(0)
        records = []
        for key, at, row in zip(keys, times[chosen].tolist(), values[:, chosen].T.tolist(), strict=True):
            if at:
                known = [(name, value) for name, value in zip(names, row, strict=True) if not isnan(value)]
                record: dict[str, Any] = {
                    name: bool(value) if name in FLAGS else value for name, value in known if not name.startswith(CLASSES)}
                for name, value in known:
                    if name.startswith(CLASSES):
                        of_class, _, counted = name.removeprefix(CLASSES).rpartition(".")
                        record.setdefault("classes", {}).setdefault(of_class, {})[counted] = value
                record["timestamp"] = at
                records.append((key, record))
        return keys, records

    def _answers(self, keys: list[str], tick: FleetTick) -> Answers:
        self._decisions |= tick.decisions
        jobs = np.full((3, len(keys)), np.nan)
        rejected = {}
        for place, key in enumerate(keys):
            decision = tick.decisions.get(key)
            if decision is not None:
                jobs[0, place] = _or_nan(decision.recommended_jobs)
                jobs[1, place] = _or_nan(decision.current_jobs)
                jobs[2, place] = decision.emergency
                seen = tick.observations[key][-1]
                if seen.verdict == "rejected":
                    rejected[key] = seen.reason
        return {"jobs": jobs, "rejected": rejected, "failures": [str(problem) for problem in tick.errors]}

    def ask(self, key: str, method: str) -> Any:
        """Answers a question about one pool."""
        if method == "decision":
            decision = self._decisions.get(key)
            return decision and decision.to_dict()
        return getattr(self._fleet, method)(key)

    def decisions(self, keys: Iterable[str] | None = None) -> dict[str, str]:
        """Returns the last decisions of pools as JSON."""
        chosen = self._decisions if keys is None else keys
        return {key: self._decisions[key].to_json() for key in chosen if key in self._decisions}

    def release(self, slots: Iterable[int]) -> None:
        """Gives slots up: their states are kept, and whoever opens them goes on."""
        gone = list(slots)
        self.save(gone)
        for slot in gone:
            for key in self._slots.pop(slot):
                self._fleet.remove(key)
                self._decisions.pop(key, None)
            del self._saved[slot]

    def save(self, slots: Iterable[int] | None = None) -> None:
        """Keeps the states of slots, of all without, and removes what was written before all of them."""
        for slot in list(self._slots if slots is None else slots):
            pools = []
            for key, config in self._slots[slot].items():
                # a pool that failed has no state, and stays without
                pools.append(Pool(key, config, self._fleet.snapshot(key) or b""))
            self._folder.write_slot(slot, self._seq, pools)
            self._saved[slot] = self._seq
        kept = min(self._saved.values(), default=self._seq)
        for path, last in list(self._written.items()):
            if last <= kept:
                path.unlink(missing_ok=True)
                del self._written[path]

    def _log_of(self, seq: int) -> Log:
        if self._log is not None and self._log.length >= self._every:
            self._log.close()
            self._written[self._log.path] = self._log.last_seq
            self._log = None
        if self._log is None:
            self._log = self._folder.log(self._name, seq)
        return self._log

    def process(self) -> int:
        """Returns the number of this process."""
        return os.getpid()

    def cpu_seconds(self) -> float:
        """Returns the processor time of this process."""
        return time.process_time()


def _config(text: str) -> Config:
    return Config(**json.loads(text))


def _or_nan(jobs: int | None) -> float:
    return np.nan if jobs is None else float(jobs)
