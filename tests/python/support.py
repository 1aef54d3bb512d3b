"""What the tests share: records of a load that rises, pools that were fed with them, and processes that are killed."""

import os
import signal
import time
import traceback
from datetime import datetime, timedelta, timezone

import evscale

START = datetime(2026, 1, 5, 10, tzinfo=timezone.utc)
START_MS = 1_767_607_200_000


def record(i=0, **changes):
    """The record of interval `i`, with changes."""
    usual = {"timestamp": START + timedelta(minutes=2 * i), "logged_events_count": 1000 + 10 * i,
             "current_job_count": 6, "average_processing_duration_ms": 500}
    return usual | changes


def fed(count=60, **settings):
    """A pool with these settings after so many records."""
    scaler = evscale.Autoscaler(evscale.Config(**settings))
    for i in range(count):
        assert scaler.observe(record(i)).verdict == "accepted"
    return scaler



def kills(usual=40):
    """How many times a test of kills kills; `make kill-test` sets a thousand."""
    return int(os.environ.get("EVSCALE_KILLS", usual))


def killed_after(seconds, work, by_processor_time=False):
    """Lets another process work and kills it; returns the numbers that it told before by the function that `work` gets.

    By its processor time it comes as far on a busy machine as on a quiet one.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            if by_processor_time:
                signal.signal(signal.SIGPROF, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_PROF, max(seconds, 1e-6))
            work(lambda number: os.write(writer, number.to_bytes(4, "big")))
        except BaseException:  # noqa: BLE001 whatever it is, it is told
            traceback.print_exc()
        finally:
            os._exit(3)
    os.close(writer)
    if not by_processor_time:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the process ended by itself"
    return [int.from_bytes(said[place:place + 4], "big") for place in range(0, len(said) - 3, 4)]
