"""A child of `fork` answers at once: with a handle that works, or with a refusal that says why it cannot."""

import os
import signal
import subprocess
import sys
import threading
import time

import evscale
import pytest
import support

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
PATIENCE_SECONDS = 20
WORKED, REFUSED, OTHER = 0, 3, 4


def record(index):
    return support.record(index, logged_events_count=1000 + index % 50, current_job_count=8)


def pool():
    scaler = evscale.Autoscaler()
    return scaler, lambda index: (scaler.observe(record(index)), scaler.decide())


def fleet():
    pools = evscale.Fleet()
    for key in range(20):
        pools.add(str(key))
    return pools, lambda index: pools.tick({str(key): record(index) for key in range(20)})


def forecaster():
    made = evscale.Forecaster()
    return made, lambda index: (made.observe(1000 + index % 50), made.forecast())


def forked(work):
    """How a child ended that did `work`; None if it hung."""
    child = os.fork()
    if child == 0:
        code = OTHER
        try:
            signal.alarm(PATIENCE_SECONDS)
            work()
            code = WORKED
        except evscale.EvscaleError as problem:
            code = REFUSED if problem.kind == "busy" and "fork" in str(problem) else OTHER
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


@pytest.mark.parametrize("kind", [pool, fleet, forecaster])
def test_no_child_hangs_that_was_forked_while_a_thread_was_inside_a_call(kind):
    made, use = kind()
    fresh = type(made)
    stop = threading.Event()

    def busy():
        index = 0
        while not stop.is_set():
            use(index)
            index += 1

    def child():
        fresh()  # what is made in the child works whatever the parent was doing
        use(10_000)

    thread = threading.Thread(target=busy)
    thread.start()
    time.sleep(0.3)
    try:
        ends = [forked(child) for _ in range(20)]
    finally:
        stop.set()
        thread.join()
    assert set(ends) <= {WORKED, REFUSED}, ends
    assert REFUSED in ends, "no child was forked during a call"
    assert forked(child) == WORKED, "nobody was inside"
    use(20_000)


def test_parent_and_child_go_on_alike():
    _, use = pool()
    for index in range(30):
        use(index)
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, use(30)[1].to_json().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == use(30)[1].to_json()
    os.wait()


FIRST_LOAD = """
import os, signal, sys, threading, time, evscale
thread = threading.Thread(target=evscale.ModelBundle.bundled)
thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        evscale.Autoscaler().decide()
        os._exit(0)
    except evscale.EvscaleError as problem:
        os._exit(3 if problem.kind == "busy" else 4)
_, status = os.waitpid(child, 0)
thread.join()
evscale.Autoscaler().decide()
print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else "hung")
"""


def test_no_child_hangs_that_was_forked_during_the_first_load_of_the_models():
    ends = []
    for milliseconds in (0, 1, 2, 5, 10, 20, 40, 400):
        ran = subprocess.run([sys.executable, "-c", FIRST_LOAD, str(milliseconds / 1000)], check=True, capture_output=True,
                             text=True)
        ends.append(ran.stdout.strip())
    assert set(ends) <= {"0", "3"}, ends
    assert "3" in ends, "no child was forked during the load"
    assert ends[-1] == "0", "the load had ended"


def test_ctrl_c_ends_the_wait_for_another_threads_turn():
    entered, leave = threading.Event(), threading.Event()

    def slow(_):
        entered.set()
        leave.wait(30)
        return 5.0

    scaler = evscale.Autoscaler(policy=slow)

    def work():
        index = 0
        while not entered.is_set():
            scaler.observe(record(index))
            scaler.decide()
            index += 1

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(60)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            scaler.health()
    finally:
        leave.set()
        thread.join()
        timer.join()
    assert scaler.health()["status"]
