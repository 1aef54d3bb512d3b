"""Dramatiq: workers of one thread, as many as evscale decides.     python dramatiq_pool.py redis://localhost:6379"""

import os
import sys
import time

import dramatiq
from counted import count, drive
from dramatiq.brokers.redis import RedisBroker

URL = os.environ.setdefault("BROKER", sys.argv[1] if sys.argv[1:] else "redis://localhost:6379")


class Count(dramatiq.Middleware):
    def before_process_message(self, broker, message):
        message.options["begun"] = time.monotonic()
        message.options["waited"] = time.time() - message.message_timestamp / 1000

    def after_process_message(self, broker, message, *, result=None, exception=None):
        seconds = time.monotonic() - message.options["begun"]
        count(broker.client.pipeline(), seconds, message.options["waited"], exception is not None).execute()


broker = RedisBroker(url=URL)
broker.add_middleware(Count())
dramatiq.set_broker(broker)


@dramatiq.actor
def work():
    time.sleep(0.3)


if __name__ == "__main__":
    # a worker fetches ahead: messages stand in the hash until they are done, so that one of each worker is being worked on
    drive(URL, ["dramatiq", "dramatiq_pool", "--processes", "1", "--threads", "1"], lambda redis: redis.hlen("dramatiq:default.msgs"),
          work.send)
