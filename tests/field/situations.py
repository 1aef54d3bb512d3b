"""Situations in which autoscalers have failed others, in a simulated pool whose host carries out every decision unless it cannot.

Each situation is a function that changes a calm pool of two days; `raised` tells which alerts fired in it. RAISED says which must:
those that name what is wrong. Those of SILENT are harmless.

    PYTHONPATH=python python tests/field/situations.py
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import evscale

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
INTERVAL, STEP, SERVICE = 60, 5, 0.5
"""Seconds of a record and of a step of the queue, and that an event keeps a job busy."""
CALM_DAYS = 2.0


@dataclass
class Host:
    """A pool in a queue that is served in order: what came when, what waits, which jobs are ready."""

    config: evscale.Config
    rate: Callable[[float], float]
    #: Most jobs that the platform gives, and events per second that a dependency takes from all jobs together.
    platform: int = 10_000
    downstream: float = math.inf
    record_of: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda record: record
    refuses_more: bool = False
    now: float = 0.0
    jobs: int = 8
    raised: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.scaler, self.random = evscale.Autoscaler(self.config), random.Random(7)
        self.starting: list[tuple[float, int]] = []
        self.queue: list[tuple[float, float]] = []

    def at(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def interval(self) -> dict[str, Any]:
        """Passes one interval; returns its record."""
        arrived = done = waited = late = 0.0
        for _ in range(INTERVAL // STEP):
            mean = self.rate(self.now / 86_400) * STEP
            events = max(0.0, round(mean + math.sqrt(mean) * self.random.gauss(0, 1)))
            arrived += events
            self.queue.append((self.now, events))
            self.starting = [(ready, count) for ready, count in self.starting if ready > self.now]
            ready = max(0, self.jobs - sum(count for _, count in self.starting))
            room = min(ready / SERVICE, self.downstream) * STEP
            while self.queue and room > 0:
                came, count = self.queue[0]
                taken = min(count, room)
                room -= taken
                done += taken
                waited += taken * (self.now - came)
                late += taken * (self.now - came > self.config.sla_wait_seconds)
                self.queue[0] = (came, count - taken)
                if taken == count:
                    self.queue.pop(0)
            self.now += STEP
        return {"timestamp": self.at(), "logged_events_count": arrived, "processed_events_count": done, "current_job_count": self.jobs,
                "queued_events_count": sum(count for _, count in self.queue), "average_processing_duration_ms": 1000 * SERVICE,
                "cpu_utilization_percent": min(100.0, 100 * done * SERVICE / max(1, self.jobs) / INTERVAL),
                "average_queue_wait_time_ms": 1000 * waited / done if done else None, "sla_violations_count": late}

    def run(self, days: float) -> Host:
        for _ in range(round(days * 86_400 / INTERVAL)):
            record = self.record_of(self.interval())
            if record is not None:
                self.scaler.observe(record)
            decision = self.scaler.decide_at(self.at())
            wanted = decision.recommended_jobs
            if wanted is not None and not (self.refuses_more and wanted > self.platform):
                wanted = min(wanted, self.platform)
                if wanted > self.jobs:
                    self.starting.append((self.now + self.config.job_startup_seconds, wanted - self.jobs))
                self.jobs = wanted
            self.raised |= {alert["name"] for alert in self.scaler.alerts() if alert["state"] == "firing"}
        return self


def day(now: float) -> float:
    """Events per second of a day, which keep four to twelve jobs busy."""
    return 16 - 8 * math.cos(2 * math.pi * now)


def calm(rate: Callable[[float], float] = day, **settings: Any) -> Host:
    """A pool after two calm days, on which nothing may be raised."""
    config = evscale.Config(**{"interval_seconds": INTERVAL, "decision_interval_seconds": 120, "job_startup_seconds": 120, "max_jobs": 60,
                               "use_networks": False, **settings})
    host = Host(config, rate).run(CALM_DAYS)
    assert host.raised == set(), host.raised
    return host


def then(host: Host, days: float, **changes: Any) -> set[str]:
    """Changes the pool, and returns the alerts that fire in so many days."""
    for name, value in changes.items():
        setattr(host, name, value)
    return host.run(days).raised


def nothing() -> set[str]:
    return then(calm(), 1.0)


def at_the_maximum() -> set[str]:
    return then(calm(max_jobs=16), 0.7, rate=lambda now: 1.6 * day(now))


def refused_by_the_platform() -> set[str]:
    return then(calm(), 0.6, platform=12, refuses_more=True, rate=lambda now: 1.5 * day(now))


def no_records() -> set[str]:
    return then(calm(), 0.1, record_of=lambda record: None)


def flash_crowd() -> set[str]:
    host = calm()
    return then(host, 0.2, rate=lambda now: (8 if 0.05 < now - CALM_DAYS < 0.06 else 1) * day(now))


def counting(host: Host) -> Host:
    """Lets the records have the total since the start in the place of an interval's events."""
    total = 0.0

    def counted(record: dict[str, Any]) -> dict[str, Any]:
        nonlocal total
        total += record["logged_events_count"]
        return record | {"logged_events_count": 1e6 + total}

    host.record_of = counted
    return host


def running_totals() -> set[str]:
    return then(counting(calm()), 0.7)


def dependency_is_full() -> set[str]:
    return then(calm(), 0.6, downstream=17.0)


def twice_as_much_for_good() -> set[str]:
    host = calm()
    host.run(6.0)
    host.raised.clear()
    return then(host, 2.0, rate=lambda now: 2 * day(now))


def poison() -> set[str]:
    """Two thousand events that always fail stay in the queue."""
    return then(calm(), 0.5, record_of=lambda record: record | {"queued_events_count": record["queued_events_count"] + 2000})


def announced_sale() -> set[str]:
    host = calm()
    begin = START + timedelta(days=CALM_DAYS + 0.4)
    host.scaler.announce(begin, begin + timedelta(hours=2), multiplier=3)
    return then(host, 0.6, rate=lambda now: (3 if 0.4 <= now - CALM_DAYS < 0.4 + 2 / 24 else 1) * day(now))


def rollout() -> set[str]:
    """Old and new jobs both report for three minutes, and the host says so."""
    def double(record: dict[str, Any]) -> dict[str, Any]:
        deploys = 3600 <= (record["timestamp"] - START).total_seconds() % 43_200 < 3780
        more = {"logged_events_count": 2 * record["logged_events_count"], "processed_events_count": 2 * record["processed_events_count"]}
        return record | {"is_deploy_in_progress": deploys} | (more if deploys else {})

    return then(calm(), 1.0, record_of=double)


def lost_records() -> set[str]:
    chance = random.Random(3)
    return then(calm(), 1.0, record_of=lambda record: None if chance.random() < 0.05 else record)


#: What must fire, among others, and what must not fire anything.
RAISED = {
    at_the_maximum: {"late_at_maximum", "overflow", "sla_violation_risk", "error_budget_fast_burn"},
    refused_by_the_platform: {"host_does_not_act", "sla_violation_risk", "error_budget_fast_burn"},
    no_records: {"blind"},
    flash_crowd: {"anomaly_detected", "sla_violation_risk", "error_budget_fast_burn"},
    dependency_is_full: {"sla_violation_risk", "error_budget_slow_burn"},
    twice_as_much_for_good: {"drift_detected"},
    running_totals: {"records_repaired"},
}
SILENT = [nothing, poison, announced_sale, rollout, lost_records]

if __name__ == "__main__":
    for situation in (*RAISED, *SILENT):
        print(f"{situation.__name__}: {', '.join(sorted(situation())) or 'silent'}", flush=True)
