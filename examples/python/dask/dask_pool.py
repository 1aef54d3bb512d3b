"""Dask: tasks of 0.3 s come twice, nine times and twice a second; evscale decides on the number of workers."""

import asyncio
import logging
import sys
import time

import evscale.adapters.dask
from distributed import Client, LocalCluster

SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "max_jobs": 6, "min_jobs": 1, "job_startup_seconds": 2,
            "sla_wait_seconds": 2.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}


def work(number):
    time.sleep(0.3)
    return number


async def main(state):
    logging.basicConfig(format="%(message).170s", level=logging.WARNING)
    logging.getLogger("evscale.adapters").setLevel(logging.INFO)
    async with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, asynchronous=True, dashboard_address=None) as cluster:
        adaptive = cluster.adapt(Adaptive=evscale.adapters.dask.Adaptive, settings=SETTINGS, state=state)
        async with Client(cluster, asynchronous=True) as client:
            number, futures = 0, []
            for rate, seconds in ((2, 25), (9, 40), (2, 45)):
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    futures = [future for future in futures if not future.done()] + [client.submit(work, number)]
                    number += 1
                    await asyncio.sleep(1 / rate)
                print(f"{rate} a second: {len(cluster.workers)} workers", flush=True)
            adaptive.stop()


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
