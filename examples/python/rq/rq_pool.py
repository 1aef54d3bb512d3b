"""RQ: jobs of 0.3 s come twice, eight times and twice a second; evscale decides on the number of workers.

    redis-server --port 6400 &      python rq_pool.py redis://localhost:6400
"""

import logging
import os
import signal
import sys
import threading
import time

from evscale.adapters.rq import WorkerPool
from redis import Redis
from rq import Queue

SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "max_jobs": 6, "min_jobs": 1, "job_startup_seconds": 2,
            "sla_wait_seconds": 2.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}


def load(url, pool):
    queue = Queue(connection=Redis.from_url(url))
    for rate, seconds in ((2, 25), (8, 45), (2, 60)):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            queue.enqueue("time.sleep", 0.3, result_ttl=0)
            time.sleep(1 / rate)
        print(f"{rate} a second: {pool.num_workers} workers", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def main(url, state=None):
    logging.basicConfig(format="%(message).170s", level=logging.WARNING)
    logging.getLogger("evscale.adapters").setLevel(logging.INFO)
    pool = WorkerPool(["default"], connection=Redis.from_url(url), settings=SETTINGS, options={"state": state})
    threading.Thread(target=load, args=(url, pool), daemon=True).start()
    pool.start(logging_level="WARNING")
    print("the pool has stopped", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
