"""Celery: tasks come twice, eight times and twice a second; evscale decides on the number of processes of a worker, or with
`--workers` on the number of workers.

    redis-server --port 6400 &      BROKER=redis://localhost:6400/0 python celery_pool.py
"""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from evscale.adapters.celery import Workers
from tasks import SETTINGS, app, work

HERE = Path(__file__).parent
QUIET = ["--loglevel=WARNING", "--without-gossip", "--without-mingle"]


def load(size):
    for rate, seconds in ((2, 25), (8, 45), (2, 60)):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            work.delay()
            time.sleep(1 / rate)
        print(f"{rate} a second: {size()} {sys.argv[1:] and 'workers' or 'processes'}", flush=True)


def processes():
    """Processes of the worker, as it says itself."""
    told = app.control.inspect(timeout=2).stats() or {}
    return sum(len(one["pool"]["processes"]) for one in told.values())


def one_worker():
    worker = subprocess.Popen([sys.executable, "-m", "celery", "-A", "tasks", "worker", "--autoscale=6,1", *QUIET], cwd=HERE)
    try:
        load(processes)
    finally:
        worker.terminate()
        print("the worker has stopped with status", worker.wait(), flush=True)


def many_workers():
    arguments = ["-A", "tasks", "--workdir", str(HERE), "worker", "--concurrency=1", *QUIET]
    with Workers(app, {**SETTINGS, "job_startup_seconds": 5, "min_jobs": 1, "max_jobs": 5}, arguments=arguments,
                 state=os.environ.get("STATE")) as workers:
        load(lambda: workers.wanted)
    print("the workers have stopped", flush=True)


if __name__ == "__main__":
    logging.basicConfig(format="%(message).170s", level=logging.WARNING)
    logging.getLogger("evscale.adapters").setLevel(logging.INFO)
    many_workers() if "--workers" in sys.argv else one_worker()
