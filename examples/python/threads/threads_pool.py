"""Threads: calls of 0.3 s come twice, ten times and twice a second; evscale decides on the number of threads."""

import logging
import sys
import time

from evscale.adapters.executors import ThreadPool

SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "min_jobs": 1, "max_jobs": 12, "job_startup_seconds": 1,
            "sla_wait_seconds": 2.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}


def main(state=None):
    logging.basicConfig(format="%(message).170s", level=logging.INFO)
    with ThreadPool(SETTINGS, state=state) as pool:
        for rate, seconds in ((2, 25), (10, 40), (2, 45)):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pool.submit(time.sleep, 0.3)
                time.sleep(1 / rate)
            print(f"{rate} a second: {pool.look().jobs} threads", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
