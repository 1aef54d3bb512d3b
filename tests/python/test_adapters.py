"""The loop of the adapters, and those of them that need nothing else: threads, processes, asyncio.

Their pools are real; the clock runs many times faster than evscale believes, so that minutes pass in seconds.
"""

import asyncio
import logging
import os
import pickle
import sys
import time

import evscale
import pytest
from evscale.adapters import Driver, Look, executors
from evscale.adapters.consumers import Consumers
from evscale.adapters.executors import ProcessPool, ThreadPool
from evscale.adapters.processes import Processes

SPEED = 60
SETTINGS = {"interval_seconds": 10, "decision_interval_seconds": 10, "min_jobs": 1, "max_jobs": 8, "job_startup_seconds": 5,
            "sla_wait_seconds": 5.0, "scale_down_stabilization_seconds": 30, "cooldown_down_seconds": 10}
TASK = 0.02
"""Seconds of a task by the wall's clock."""


def fast(speed=SPEED):
    begin = time.monotonic()
    return lambda: 1_767_607_200 + speed * (time.monotonic() - begin)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 1_767_607_200.0

    def __call__(self):
        return self.now


def driven(driver, clock, seconds, jobs=3, rate=25, **look):
    for _ in range(seconds):
        clock.now += 1
        driver.meter.arrived(rate)
        driver.meter.finished(0.4, n=rate)
        target = driver.tick(jobs, **look)
    return target


def test_a_driver_says_nothing_before_the_first_record_and_then_the_same_until_the_next():
    clock = Hand()
    driver = Driver({"max_jobs": 40}, clock=clock)
    assert driven(driver, clock, 119) is None
    target = driven(driver, clock, 1)
    assert target > 3
    assert driven(driver, clock, 60) == target


def test_a_driver_decides_as_an_autoscaler_that_is_fed_by_hand():
    clock, config = Hand(), evscale.Config(max_jobs=40)
    driver, scaler = Driver(config, clock=clock), evscale.Autoscaler(config)
    for interval in range(1, 20):
        driven(driver, clock, 120, queued=5)
        scaler.observe(timestamp=1_767_607_200_000 + 120_000 * interval, logged_events_count=3000, processed_events_count=3000,
                       current_job_count=3, queued_events_count=5, average_processing_duration_ms=400)
        assert driver.decision == scaler.decide()


@pytest.mark.parametrize("settings, options", [({}, {"advise": True}), ({"mode": "advise"}, {})])
def test_advice_is_logged_and_not_carried_out(caplog, settings, options):
    clock, told = Hand(), []
    driver = Driver({"max_jobs": 40, **settings}, clock=clock, name="checkout", on_decision=told.append, **options)
    assert driver.config.mode == "advise"
    with caplog.at_level(logging.INFO, logger="evscale.adapters"):
        assert driven(driver, clock, 121) is None
    assert told[0].recommended_jobs > 3
    assert any("checkout (advice): " in line and told[0].explanation in line for line in caplog.messages)


def test_the_state_is_in_a_file(tmp_path, caplog):
    clock, path = Hand(), tmp_path / "pool.state"
    with Driver({"max_jobs": 40}, clock=clock, state=path) as driver:
        driven(driver, clock, 1200)
        saved = driver.scaler.snapshot()
    assert path.read_bytes() == saved
    again = Driver({"max_jobs": 40}, clock=clock, state=path)
    assert again.scaler.snapshot() == saved
    path.write_bytes(b"torn" + saved[4:])
    fresh = Driver({"max_jobs": 40}, clock=clock, state=path)
    assert fresh.scaler.snapshot() == evscale.Autoscaler(evscale.Config(max_jobs=40)).snapshot()
    assert any("cannot be used" in line for line in caplog.messages)
    lost = Driver({"max_jobs": 40}, clock=clock, state=tmp_path / "no" / "folder")
    assert driven(lost, clock, 121) > 3
    assert any("not saved" in line for line in caplog.messages)


def test_startup_times_are_measured_from_what_is_seen():
    clock = Hand()
    driver = Driver({"max_jobs": 40, "job_startup_seconds": 10}, clock=clock)
    told = []
    driver._acknowledge = lambda now: told.append(driver.meter.outcome(now=now))
    driver.tick(3, ready=3)
    driven(driver, clock, 20, jobs=3, ready=3)
    driven(driver, clock, 40, jobs=5, ready=3)
    driven(driver, clock, 20, jobs=5, ready=5)
    driven(driver, clock, 40, jobs=4, ready=4)
    assert {name: told[0][name] for name in ("started", "ready", "drained", "startup_seconds")} == {
        "started": 2, "ready": 2, "drained": 1, "startup_seconds": 40}


def test_a_failure_inside_leaves_the_pool_as_it_is(caplog):
    clock = Hand()
    driver = Driver({"max_jobs": 40}, clock=clock)
    target = driven(driver, clock, 120)
    assert driver.tick("three") == target
    assert any("`jobs` is 'three'" in record.exc_text for record in caplog.records if record.exc_text)


def test_what_the_host_does_with_a_decision_may_fail(caplog):
    def fail(decision):
        raise OSError("no pager today")

    clock = Hand()
    driver = Driver({"max_jobs": 40}, clock=clock, on_decision=fail)
    assert driven(driver, clock, 120) > 3
    assert any("no pager today" in record.exc_text for record in caplog.records if record.exc_text)


def test_a_record_that_is_wrong_is_told_once(caplog):
    clock = Hand()
    driver = Driver({"max_jobs": 40}, clock=clock)
    for _ in range(600):
        clock.now += 1
        driver.tick(3)
    wrong = [line for line in caplog.messages if "record repaired" in line]
    assert len(wrong) == 1 and "logged_events_count" in wrong[0]


def test_work_that_raises_has_failed():
    clock = Hand()
    driver = Driver({"max_jobs": 40}, clock=clock)
    for index in range(4):
        try:
            with driver.work(waited=2.0):
                clock.now += 5
                assert index != 3
        except AssertionError:
            pass
    clock.now += 100
    record, = driver.meter.tick(3, now=1000 * clock.now)
    assert (record["processed_events_count"], record["error_rate_percent"]) == (4, 25)
    assert (record["average_processing_duration_ms"], record["average_queue_wait_time_ms"]) == (5000, 2000)


def test_the_thread_goes_on_when_the_host_fails_and_ends_when_told(caplog):
    looks, scaled = [], []

    def look():
        looks.append(len(looks))
        if len(looks) % 3 == 0:
            raise ConnectionError("the broker is away")
        driver.meter.arrived(50)
        driver.meter.finished(0.4, n=50)
        return Look(3, queued=0)

    driver = Driver(SETTINGS | {"max_jobs": 40}, clock=fast())
    driver.start(look, scaled.append, every=0.02)
    with pytest.raises(RuntimeError, match="runs already"):
        driver.start(look, scaled.append)
    until(lambda: scaled and len(looks) > 10)
    driver.stop()
    count = len(looks)
    time.sleep(0.1)
    assert len(looks) == count
    assert any("left out" in line for line in caplog.messages)


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def nap(seconds):
    time.sleep(seconds)
    return os.getpid()


PARTS = ((200, lambda jobs, most: jobs >= 5), (10, lambda jobs, most: jobs < most))
"""Tasks per second, and what ends each part of the load: many jobs, and then fewer than the most."""
LONGEST = 40
"""Seconds after which a part has failed; a pool that is too slow takes longer."""


def test_threads_grow_and_shrink_with_the_load(tmp_path, caplog):
    state, futures = tmp_path / "state", []
    with caplog.at_level(logging.INFO, logger="evscale.adapters"), ThreadPool(
        SETTINGS, clock=fast(), state=state, every=0.02
    ) as pool:
        for rate, ends in PARTS:
            end, most = time.monotonic() + LONGEST, 0
            while not ends(pool.look().jobs, most):
                most = max(most, pool.look().jobs)
                assert time.monotonic() < end, f"{pool.look()} after {rate} tasks a second: {pool.driver.decision}"
                futures.append(pool.submit(nap, TASK))
                time.sleep(1 / rate)
        failing = pool.submit(nap, "no time")
        with pytest.raises(TypeError):
            failing.result()
        scaler = pool.driver.scaler
    assert {future.result() for future in futures} == {os.getpid()}
    assert state.read_bytes() == scaler.snapshot()
    assert any("pool: Scale up" in line for line in caplog.messages)
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(nap, 0)


def test_processes_come_and_go_as_decided():
    clock = fast(20)

    def order(jobs):
        pool.driver.scaler.set_override(fixed=jobs, until=1000 * (clock() + 3600))
        until(lambda: (pool.look().jobs, pool.look().ready) == (jobs, jobs), LONGEST)

    with ProcessPool(SETTINGS, clock=clock, every=0.02) as pool:
        order(3)
        several = {future.result() for future in [pool.submit(nap, 0.2) for _ in range(9)]}
        order(1)
        one = {future.result() for future in [pool.submit(nap, 0.01) for _ in range(9)]}
    assert len(several) == 3 and len(one) == 1 and one < several and os.getpid() not in several


def die():
    os._exit(3)


def test_a_process_that_dies_takes_one_task_with_it():
    with ProcessPool(SETTINGS) as pool:
        lost, kept = pool.submit(die), pool.submit(nap, 0)
        with pytest.raises(Exception, match="terminated abruptly"):
            lost.result()
        assert kept.result() != os.getpid()


def test_processes_that_do_not_end_are_killed(caplog):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    workers = Processes([sys.executable, "-c", stubborn])
    workers.scale(1)
    time.sleep(1)  # it must have begun to ignore the signal
    begin = time.monotonic()
    workers.end(patience=0.5)
    assert len(workers) == 0 and time.monotonic() - begin < 30
    assert any("is killed" in line for line in caplog.messages)


def test_threads_that_the_machine_does_not_have_are_not_counted(monkeypatch, caplog):
    class Full(executors.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    with ThreadPool({"min_jobs": 2, "max_jobs": 8}, every=3600) as pool:
        monkeypatch.setattr(executors, "Thread", Full)
        pool._resize(6)
        assert pool.look().jobs == 2 and "no more threads" in caplog.text
        assert pool.driver.meter.outcome()["refused"] == 4
        assert pool.submit(pow, 2, 10).result(10) == 1024
        monkeypatch.undo()
        pool._resize(5)
        assert pool.look().jobs == 5
    assert pool._jobs == 0


def test_what_waits_is_cancelled_if_asked_for():
    pool = ThreadPool(SETTINGS)
    futures = [pool.submit(nap, 0.05) for _ in range(20)]
    pool.shutdown(cancel_futures=True)
    assert any(future.cancelled() for future in futures) and all(future.done() for future in futures)


def test_consumers_grow_and_shrink_with_the_load(tmp_path):
    handled, state = [], tmp_path / "state"

    async def handle(item):
        await asyncio.sleep(TASK)
        if item == 7:
            raise ValueError("seven")
        handled.append(item)

    async def run():
        item = 0
        async with Consumers(handle, SETTINGS, clock=fast(), state=state, every=0.02) as pool:
            for rate, ends in PARTS:
                end, most = time.monotonic() + LONGEST, 0
                while not ends(pool.jobs, most):
                    most = max(most, pool.jobs)
                    assert time.monotonic() < end, f"{pool.jobs} jobs after {rate} items a second"
                    await pool.put(item)
                    item += 1
                    await asyncio.sleep(1 / rate)
        return item

    items = asyncio.run(run())
    assert sorted(handled) == [item for item in range(items) if item != 7]
    assert state.exists()


def test_consumers_that_are_left_by_an_exception_stop():
    async def handle(_):
        await asyncio.sleep(60)

    async def run():
        async with Consumers(handle, SETTINGS) as pool:
            await pool.put(1)
            raise KeyError("enough")

    with pytest.raises(KeyError):
        asyncio.run(run())


def test_a_meter_is_shared_by_threads():
    meter = evscale.Meter(now=1_767_607_200_000)
    with ThreadPool(SETTINGS | {"min_jobs": 4}) as pool:
        def count():
            for _ in range(5000):
                meter.arrived()
                meter.finished(0.5)

        for future in [pool.submit(count) for _ in range(4)]:
            future.result()
    record, = meter.tick(3, now=1_767_607_200_000 + 120_000)
    assert (record["logged_events_count"], record["processed_events_count"]) == (20_000, 20_000)
    assert record["average_processing_duration_ms"] == 500
    with pytest.raises(TypeError):
        pickle.dumps(meter)
