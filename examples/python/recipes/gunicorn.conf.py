"""gunicorn: as many workers as evscale decides.     gunicorn -c gunicorn.conf.py app:app

The hooks of the workers tell requests through a pipe that they inherit; the arbiter decides in a thread, and grows and shrinks
at its own signals. Requests that wait are those that the kernel has accepted and no worker has taken (Linux).
"""

import os
import signal
import socket
import struct
import time

from evscale.adapters import Driver, Look
from evscale.adapters.processes import Done

workers = 1
max_workers = 6
done = Done()


def when_ready(server):
    driver = Driver(
        {"interval_seconds": 10, "decision_interval_seconds": 10, "min_jobs": 1, "max_jobs": max_workers, "job_startup_seconds": 2,
         "sla_wait_seconds": 1.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10},
        name="gunicorn", state=os.environ.get("STATE"), on_decision=lambda decision: server.log.info(decision.explanation))

    def look():
        done.read(driver)
        return Look(server.num_workers, len(server.WORKERS), queued=sum(map(waiting, server.LISTENERS)))

    def scale(jobs):
        step = signal.SIGTTIN if jobs > server.num_workers else signal.SIGTTOU
        for _ in range(abs(jobs - server.num_workers)):
            os.kill(os.getpid(), step)
            time.sleep(0.2)

    server.evscale = driver
    driver.start(look, scale)


def waiting(listener):
    """Connections that no worker has accepted: tcpi_unacked of a listening socket."""
    return struct.unpack_from("I", listener.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]


def pre_request(worker, request):
    request.begun = time.monotonic()


def post_request(worker, request, environ, response):
    done.tell(time.monotonic() - request.begun, failed=response.status_code >= 500)


def on_exit(server):
    server.evscale.stop()
