"""What workers have done, in a hash of Redis that any framework's hooks can add to, and the loop that reads it."""

import logging
import sys
import time

from evscale.adapters import Driver, Look
from evscale.adapters.processes import Processes
from redis import Redis

DONE = "evscale:done"
SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "min_jobs": 1, "max_jobs": 6, "job_startup_seconds": 3,
            "sla_wait_seconds": 2.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}


def count(pipeline, seconds, waited=None, failed=False):
    """In a worker: adds a task that has ended to a pipeline of Redis; `execute` it."""
    pipeline.hincrby(DONE, "finished", 1)
    pipeline.hincrby(DONE, "failed", int(failed))
    pipeline.hincrbyfloat(DONE, "busy_seconds", seconds)
    if waited is not None:
        pipeline.hincrbyfloat(DONE, "waited_seconds", max(0.0, waited))
    return pipeline


def drive(url, command, depth, send):
    """In the process that decides: workers by `command`, `depth(redis)` tasks wait; `send` makes tasks of 0.3 s for the show."""
    logging.basicConfig(format="%(message).170s", level=logging.INFO)
    redis, workers = Redis.from_url(url), Processes(command)
    driver = Driver(SETTINGS, name=command[0], state=sys.argv[2] if len(sys.argv) > 2 else None)

    def look():
        totals = {name.decode(): float(total) for name, total in redis.hgetall(DONE).items()}
        driver.meter.totals(**totals)
        return Look(len(workers), queued=depth(redis))

    workers.scale(1)
    driver.start(look, workers.scale)
    for rate, seconds in ((2, 30), (8, 45), (2, 60)):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            send()
            time.sleep(1 / rate)
        print(f"{rate} a second: {len(workers)} workers", flush=True)
    driver.stop()
    workers.end()
