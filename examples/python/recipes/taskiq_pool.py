"""Taskiq: workers that do one task at a time, as many as evscale decides.     python taskiq_pool.py redis://localhost:6379"""

import asyncio
import os
import sys

from counted import count, drive
from redis import Redis
from taskiq import TaskiqMiddleware
from taskiq_redis import ListQueueBroker

URL = os.environ.setdefault("BROKER", sys.argv[1] if sys.argv[1:] else "redis://localhost:6379")


class Count(TaskiqMiddleware):
    redis = Redis.from_url(URL)

    def post_execute(self, message, result):
        count(self.redis.pipeline(), result.execution_time, failed=result.is_err).execute()


broker = ListQueueBroker(URL).with_middlewares(Count())


@broker.task
async def work():
    await asyncio.sleep(0.3)


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(broker.startup())
    command = ["taskiq", "worker", "taskiq_pool:broker", "--workers", "1", "--max-async-tasks", "1", "--max-prefetch", "1"]
    drive(URL, command, lambda redis: redis.llen("taskiq"), lambda: loop.run_until_complete(work.kiq()))
