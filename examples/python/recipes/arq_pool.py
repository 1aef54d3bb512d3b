"""arq: workers that do one job at a time, as many as evscale decides.     python arq_pool.py redis://localhost:6379"""

import asyncio
import os
import sys
import time
from datetime import datetime, timezone

from arq import create_pool
from arq.connections import RedisSettings
from counted import count, drive


async def work(ctx):
    await asyncio.sleep(0.3)


async def begin(ctx):
    ctx["begun"] = time.monotonic()
    ctx["waited"] = (datetime.now(timezone.utc) - ctx["enqueue_time"]).total_seconds()


async def end(ctx):
    await count(ctx["redis"].pipeline(), time.monotonic() - ctx["begun"], ctx["waited"]).execute()


class Settings:
    functions = (work,)
    on_job_start, on_job_end, max_jobs, poll_delay = begin, end, 1, 0.05
    redis_settings = RedisSettings.from_dsn(os.environ.get("BROKER", "redis://localhost:6379"))


if __name__ == "__main__":
    os.environ["BROKER"] = url = sys.argv[1]
    loop = asyncio.new_event_loop()
    pool = loop.run_until_complete(create_pool(RedisSettings.from_dsn(url)))
    # what a worker is at stands in the queue until it has ended
    drive(url, ["arq", "arq_pool.Settings"], lambda redis: max(0, redis.zcard("arq:queue") - len(redis.keys("arq:in-progress:*"))),
          lambda: loop.run_until_complete(pool.enqueue_job("work")))
