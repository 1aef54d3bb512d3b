"""A pool that carries out its decisions in a small simulated queue: the world of `tests/c/needs.c`, in Python."""

import math
from dataclasses import dataclass, field
from datetime import timedelta

import evscale
from support import START

DAY, SUBSTEPS, STARTUP = 720, 12, 18
"""Intervals of a day; substeps of ten seconds in an interval, and until a job is ready."""
SETTINGS = {"use_networks": False, "max_jobs": 120}


@dataclass
class Kind:
    """A kind of events: how many come in two minutes on average, seconds of a job for one, and how long one may wait, seconds."""

    events: float
    seconds: float
    wait: float
    name: str = ""


@dataclass
class World:
    """What the platform and the work are, whether the pool says it or not."""

    days: int = 6
    kinds: list[Kind] = field(default_factory=lambda: [Kind(2400, 0.5, 30)])
    step: int = 1
    places: int = 1
    limit: float = math.inf
    batch: float = 0.0
    told: bool = True
    told_by_class: bool = True


@dataclass
class Outcome:
    """Sums of the scored days."""

    late: list[float]
    taken: list[float]
    job_hours: float = 0.0
    changes: int = 0
    crowded: int = 0
    low: int = 0
    limited: set = field(default_factory=set)

    def late_percent(self, kind=0):
        return 100 * self.late[kind] / max(1.0, self.taken[kind])


class Draws:
    """Numbers from 0 to 1 that are the same in C."""

    def __init__(self):
        self.state = 12345

    def next(self):
        self.state = (self.state * 1103515245 + 12345) % (1 << 31)
        return self.state / (1 << 31)


class Jobs:
    """Ready jobs, and those that start."""

    def __init__(self, ready):
        self.ready, self.starting = ready, []

    def count(self):
        return self.ready + sum(jobs for _, jobs in self.starting)

    def ready_at(self, now):
        while self.starting and self.starting[0][0] <= now:
            self.ready += self.starting.pop(0)[1]
        return self.ready

    def scale_to(self, target, now):
        if target > self.count():
            self.starting.append((now + STARTUP, target - self.count()))
        surplus = self.count() - target
        while surplus > 0 and self.starting:
            since, jobs = self.starting.pop()
            left = max(0, jobs - surplus)
            surplus -= jobs - left
            if left:
                self.starting.append((since, left))
        self.ready -= max(0, surplus)


def run(world, **settings):
    """Lets a pool of these settings run through the world; scored from the third day on."""
    scaler = evscale.Autoscaler(evscale.Config(**SETTINGS, **settings))
    jobs, draws = Jobs(world.step * (12 // world.step)), Draws()
    queues = [[] for _ in world.kinds]
    out = Outcome([0.0] * len(world.kinds), [0.0] * len(world.kinds))
    for i in range(world.days * DAY):
        at = START + timedelta(minutes=2 * (i + 1))
        scored = i >= 2 * DAY
        arrived, taken, late, busy, ready_sum = [[0.0] * len(world.kinds) for _ in range(3)] + [0.0, 0]
        paid = jobs.count()
        wave = [1 + 0.6 * math.sin(2 * math.pi * (i / DAY + place / 2)) for place in range(len(world.kinds))]
        for part in range(SUBSTEPS):
            now = SUBSTEPS * i + part
            for place, kind in enumerate(world.kinds):
                came = round(kind.events / SUBSTEPS * wave[place] * (0.5 + draws.next()))
                if place == 0 and world.batch and i % 289 == 288 and part == SUBSTEPS // 2:
                    came += world.batch
                queues[place].append([now, came])
                arrived[place] += came
            ready = jobs.ready_at(now)
            ready_sum += ready
            room, most = 10.0 * ready * world.places, 10 * world.limit
            for place, kind in enumerate(world.kinds):
                while room > 1e-9 and most > 1e-9 and queues[place]:
                    since, waiting = queues[place][0]
                    part_taken = min(waiting, room / kind.seconds, most)
                    room -= part_taken * kind.seconds
                    most -= part_taken
                    busy += part_taken * kind.seconds
                    taken[place] += part_taken
                    if 10 * (now - since) > kind.wait:
                        late[place] += part_taken
                    queues[place][0][1] -= part_taken
                    if queues[place][0][1] > 1e-9:
                        break
                    queues[place].pop(0)
        waiting = [sum(events for _, events in queue) for queue in queues]
        record = {
            "timestamp": at, "logged_events_count": sum(arrived), "processed_events_count": round(sum(taken)),
            "queued_events_count": round(sum(waiting)), "sla_violations_count": round(sum(late)), "current_job_count": paid,
            "average_processing_duration_ms": 1000 * busy / sum(taken) if sum(taken) else None,
            "cpu_utilization_percent": 100 * busy / (10 * world.places * ready_sum) if ready_sum else 0.0}
        if len(world.kinds) > 1 and world.told_by_class:
            record["classes"] = {
                kind.name: {"logged_events_count": arrived[place], "processed_events_count": round(taken[place]),
                            "queued_events_count": round(waiting[place]), "sla_violations_count": round(late[place])}
                for place, kind in enumerate(world.kinds)}
        scaler.observe(record)
        if world.batch and world.told:
            scaler.set_due(at, [(START + timedelta(minutes=2 * then + 1), world.batch)
                                for then in range(i + 1, i + 61) if then % 289 == 288])
        decision = scaler.decide()
        out.limited.update(decision.limited_by)
        target = decision.recommended_jobs // world.step * world.step
        if scored:
            out.job_hours += paid / 30
            out.changes += target != jobs.count()
            out.crowded += ready_sum / SUBSTEPS - busy / (120 * world.places) < 6
            out.low += i % DAY in range(300, 540) and paid < 40
            for place in range(len(world.kinds)):
                out.late[place] += late[place]
                out.taken[place] += taken[place]
        jobs.scale_to(target, SUBSTEPS * (i + 1))
    return out
